package org.arclight.spark.execution

import org.apache.spark.SparkConf
import org.apache.spark.arclight.ExecutorState
import org.apache.spark.memory.SparkOutOfMemoryError
import org.apache.spark.sql.Row
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.NativeSuite

/** Less memory than the rows take: operators spill, give the same rows, and leave nothing. */
class TightMemorySuite extends NativeSuite with AdaptiveSparkPlanHelper {

  override def sparkConf: SparkConf = super.sparkConf
    .set("spark.memory.offHeap.size", "64m")
    .set(SQLConf.SHUFFLE_PARTITIONS.key, "2")

  private val ROWS = 1000000

  override def beforeAll(): Unit = {
    super.beforeAll()
    // About 120 bytes a row.
    spark.range(0, ROWS, 1, 2).selectExpr(
      "id * 7919 % 1000003 AS k",
      "concat('a text of a row that takes some room, number ', id) AS text",
      "id").createOrReplaceTempView("rows")
  }

  /** Runs a query natively and by Spark, and says how much the native one spilled. */
  private def check(query: String, inJvm: Set[String] = Set.empty): Long = {
    val expected = ofSpark(spark.sql(query).collect().toSeq)
    val before = ExecutorState.localFiles
    val native = spark.sql(query)
    checkAnswer(native, expected)
    val left = fallbacks(native).filterNot { case (name, _) => inJvm.exists(name.startsWith) }
    assert(left.isEmpty)
    assert(ExecutorState.executionMemoryUsed == 0)
    val spillFiles = (ExecutorState.localFiles -- before)
      .filterNot(name => name.endsWith(".data") || name.endsWith(".index"))
    assert(spillFiles.isEmpty)
    collect(native.queryExecution.executedPlan) {
      case stage: NativeStageExec => stage.metrics("spillSize").value
    }.sum
  }

  /** A few numbers that depend on all rows. */
  private val digest = "count(*), sum(hash(text)), sum(k), min(id), max(id)"

  test("an aggregation with more groups than memory") {
    val spilled = check(
      s"SELECT count(*), sum(n), sum(hash(m)) FROM " +
        "(SELECT k, count(*) AS n, max(text) AS m FROM rows GROUP BY k)")
    assert(spilled > 0)
  }

  test("a DISTINCT with more rows than memory") {
    assert(check("SELECT count(*), sum(hash(text)) FROM (SELECT DISTINCT text FROM rows)") > 0)
  }

  test("a sort of more rows than memory") {
    val spilled = check(
      s"SELECT count(*), sum(hash(text) * (position % 1000)) FROM " +
        "(SELECT text, monotonically_increasing_id() AS position FROM " +
        "(SELECT text FROM rows SORT BY k, text))",
      inJvm = Set("Project", "HashAggregate", "Exchange"))
    assert(spilled > 0)
  }

  test("an exchange of more rows than memory") {
    check(s"SELECT $digest FROM (SELECT /*+ REPARTITION(50, k) */ * FROM rows)")
  }

  test("an aggregation below a sort in one task") {
    val spilled = check(
      "SELECT k, n, m FROM (SELECT k, count(*) AS n, max(text) AS m FROM rows GROUP BY k) " +
        "WHERE k % 50000 = 7 OR n > 1 OR m LIKE '%99999' ORDER BY m DESC LIMIT 30",
      inJvm = Set("TakeOrderedAndProject"))
    assert(spilled > 0)
    assert(check(
      "SELECT first(m), count(*) FROM (SELECT k, max(text) AS m FROM rows GROUP BY k SORT BY m)",
      inJvm = Set("SortAggregate", "HashAggregate")) > 0)
  }

  private val wide = "SELECT k, text, id, concat(text, text) AS twice FROM rows"

  test("a broadcast of more rows than memory") {
    Seq("JOIN", "LEFT JOIN", "LEFT SEMI JOIN", "LEFT ANTI JOIN").foreach { join =>
      withClue(join) {
        assert(check(
          s"SELECT $digest FROM (SELECT /*+ BROADCAST(b) */ a.* FROM rows a $join ($wide) b " +
            "ON a.k = b.k AND a.text < b.twice)") > 0)
      }
    }
  }

  test("a broadcast of more rows than memory, in a stage that ends in an order of its own") {
    assert(check(
      "SELECT k, c FROM (SELECT /*+ BROADCAST(b) */ a.k, count(*) AS c, max(hash(b.text)) AS t " +
        "FROM (SELECT k, max(id) AS id FROM rows WHERE id % 100 = 0 GROUP BY k) a " +
        s"JOIN ($wide) b ON a.k = b.k AND a.id < b.id + length(b.twice) GROUP BY a.k) " +
        "ORDER BY t DESC, k LIMIT 10") > 0)
  }

  test("a broadcast of more rows than memory, below what needs the order of the other side") {
    val numbered = "SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY id) AS n FROM rows"
    def query(broadcast: String): String =
      "SELECT sum(m), sum(n), count(*) FROM (SELECT /*+ BROADCAST(b) */ n, length(b.twice), " +
        "row_number() OVER (PARTITION BY a.k ORDER BY a.id) AS m " +
        s"FROM ($numbered) a JOIN ($broadcast) b ON a.id = b.id)"
    assert(check(query(s"$wide WHERE id < 1000")) >= 0)
    val error = intercept[Exception](spark.sql(query(wide)).collect())
    assert(causes(error).exists(_.isInstanceOf[SparkOutOfMemoryError]) ||
      causes(error).exists(_.getMessage.contains("UNABLE_TO_ACQUIRE_MEMORY")))
    checkIdle()
  }

  Seq("", "PARTITION BY id % 3").foreach { by =>
    test(s"a window's partition larger than memory, '$by'") {
      val over = s"OVER ($by ORDER BY k, id)"
      val spilled = check(
        "SELECT count(*), sum(hash(text) * CAST(t AS BIGINT)), sum(s % 1009), sum(hash(before)), " +
          s"sum(hash(after)), sum(hash(m)) FROM (SELECT text, ntile(1000) $over AS t, " +
          s"sum(k) $over AS s, lag(text, 2) $over AS before, lead(text, 3) $over AS after, " +
          s"max(text) OVER ($by ORDER BY k, id ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING) AS m " +
          "FROM rows)")
      assert(spilled > 0)
    }
  }

  test("a window of whole partitions larger than memory") {
    val spilled = check(
      "SELECT count(*), sum(hash(text)), sum(s % 1009), max(m) FROM (SELECT text, " +
        "sum(k) OVER (PARTITION BY id % 3) AS s, max(text) OVER (PARTITION BY id % 3) AS m FROM rows)")
    assert(spilled > 0)
  }

  test("what can't be had, can't be spilled and is needed fails as in Spark") {
    // One group's list of all texts.
    val query = "SELECT size(collect_list(concat(text, text, text))) FROM rows"
    val error = intercept[Exception](spark.sql(query).collect())
    val chain = causes(error)
    val outOfMemory = chain.collectFirst { case known: SparkOutOfMemoryError => known }
    assert(outOfMemory.isDefined || chain.exists(_.getMessage.contains("UNABLE_TO_ACQUIRE_MEMORY")))
    outOfMemory.foreach { known =>
      assert(known.getCondition == "UNABLE_TO_ACQUIRE_MEMORY")
      val parameters = known.getMessageParameters
      assert(parameters.keySet == java.util.Set.of("requestedBytes", "receivedBytes"))
      assert(parameters.get("requestedBytes").toLong > parameters.get("receivedBytes").toLong)
    }
    checkIdle()
    checkAnswer(spark.sql("SELECT count(*) FROM rows"), Row(ROWS))
  }
}
