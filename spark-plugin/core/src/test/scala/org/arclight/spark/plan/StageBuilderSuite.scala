package org.arclight.spark.plan

import io.substrait.proto.{Plan, Rel}
import org.apache.spark.SparkConf
import org.apache.spark.sql.{DataFrame, QueryTest}
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.test.SharedSparkSession
import org.apache.spark.sql.types._
import org.arclight.proto.{BlockCompression, CollectKeys, FilterByKeys}

/** Plans of queries hold what their anchors, types and references say. */
class StageBuilderSuite extends QueryTest with SharedSparkSession {
  private def stages(query: DataFrame): Seq[StagePlan] = {
    val plan = query.queryExecution.executedPlan
    plan.foreach(node => node.expressions.foreach(_.foreach {
      case subquery: org.apache.spark.sql.execution.ScalarSubquery => subquery.updateResult()
      case _ =>
    }))
    new PhysicalPlans(query.sparkSession.asInstanceOf[
      org.apache.spark.sql.classic.SparkSession].sessionState.conf).stages(plan)
  }

  private def checked(text: String): Seq[StagePlan] = {
    val found = stages(sql(text))
    found.foreach(PlanChecker.check)
    found
  }

  private def root(stage: StagePlan): Rel = Plan.parseFrom(stage.bytes).getRelations(0).getRoot.getInput

  private def functions(stage: StagePlan): Set[String] = {
    import scala.jdk.CollectionConverters._
    Plan.parseFrom(stage.bytes).getExtensionsList.asScala.filter(_.hasExtensionFunction)
      .map(_.getExtensionFunction.getName).toSet
  }

  override def sparkConf: SparkConf =
    super.sparkConf.set(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key, "false")

  override def beforeAll(): Unit = {
    super.beforeAll()
    val path = java.nio.file.Files.createTempDirectory("lineitem").toFile
    spark.range(20).selectExpr(
      "cast(id % 3 as decimal(15,2)) l_quantity",
      "cast(id * 100.5 as decimal(15,2)) l_extendedprice",
      "cast(id % 10 / 100 as decimal(15,2)) l_discount",
      "cast(id % 8 / 100 as decimal(15,2)) l_tax",
      "if(id % 2 = 0, 'A', 'N') l_returnflag",
      "if(id % 4 < 2, 'F', 'O') l_linestatus",
      "date_add(date'1994-01-01', cast(id * 30 as int)) l_shipdate",
      "cast(id as double) d", "cast(id as int) i", "id l",
      "timestamp_micros(id) t", "array(id) a", "struct(id x, 'y' y) s")
      .write.mode("overwrite").parquet(path.getAbsolutePath)
    spark.read.parquet(path.getAbsolutePath).createOrReplaceTempView("lineitem")
  }

  test("TPC-H 1") {
    val found = checked("""
      select l_returnflag, l_linestatus, sum(l_quantity) sum_qty, sum(l_extendedprice) sum_base_price,
        sum(l_extendedprice * (1 - l_discount)) sum_disc_price,
        sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) sum_charge, avg(l_quantity) avg_qty,
        avg(l_extendedprice) avg_price, avg(l_discount) avg_disc, count(*) count_order
      from lineitem where l_shipdate <= date '1998-12-01' - interval '90' day
      group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus""")
    assert(root(found.head).hasExtensionSingle)
    assert(!functions(found.head)(ExpressionWriter.JVM))
    assert(found.flatMap(functions(_)).toSet.intersect(FunctionCatalogue.aggregate) ==
      Set("sum", "avg", "count"))
  }

  test("TPC-H 6") {
    val found = checked("""
      select sum(l_extendedprice * l_discount) revenue from lineitem
      where l_shipdate >= date '1994-01-01' and l_shipdate < date '1995-01-01'
        and l_discount between 0.05 and 0.07 and l_quantity < 24""")
    assert(found.length == 2)
    assert(!functions(found.head)(ExpressionWriter.JVM))
    var rel = root(found.head)
    while (!rel.hasRead) {
      rel =
        if (rel.hasExtensionSingle) rel.getExtensionSingle.getInput
        else if (rel.hasAggregate) rel.getAggregate.getInput
        else if (rel.hasProject) rel.getProject.getInput
        else rel.getFilter.getInput
    }
    assert(rel.getRead.hasBestEffortFilter)
  }

  test("queries of many shapes") {
    Seq(
      "select i + 1, l * 2, d / 3, -i, abs(l), i % 3, pmod(i, 5), l div 3 from lineitem",
      "select distinct l_returnflag from lineitem",
      "select count(distinct i), sum(l), min(d), max(l_shipdate) from lineitem group by l_linestatus",
      "select count(distinct i), count(distinct l) from lineitem",
      "select sum(i), sum(d), avg(i), avg(d), first(i), last(s, true) from lineitem",
      "select stddev(d), var_pop(d), corr(d, i), covar_samp(d, i), skewness(d), kurtosis(d) from lineitem",
      "select collect_list(i), collect_set(l_returnflag), max_by(i, d), min_by(a, l) from lineitem",
      "select bit_and(i), bit_or(l), bit_xor(i), bool_and(i > 1), try_sum(i) from lineitem",
      "select sum(i) filter (where l > 3), count(i) filter (where d is null) from lineitem",
      "select l_returnflag, i, sum(d) from lineitem group by cube(l_returnflag, i)",
      "select case when i > 3 then 'a' when i > 2 then 'b' end, if(l > 1, d, null), coalesce(i, 1), nullif(i, 3) from lineitem",
      "select * from lineitem where i in (1, 2, 3) or l_returnflag in ('A', 'B') or l in (1,2,3,4,5,6,7,8,9,10,11,12)",
      "select i from lineitem union all select i + 1 from lineitem",
      "select * from lineitem order by d desc nulls last, i limit 5",
      "select i from lineitem limit 3",
      "select hash(i, l, d), xxhash64(l_returnflag), i & 3, l | 4, i ^ 1, ~i, i << 2, l >> 1, l >>> 3 from lineitem",
      "select cast(i as bigint), cast(l as tinyint), cast(d as decimal(10, 2)), cast(l_quantity as double), try_cast(l as int) from lineitem",
      "select upper(l_returnflag), sort_array(a), s.x + a[0], transform(a, x -> x + i) from lineitem",
      "select round(d, 1), bround(l_quantity, 1), floor(d), ceil(l_quantity), sqrt(d), signum(d), greatest(i, 2), least(l, 3) from lineitem",
      "select d from lineitem where isnan(d) or nanvl(d, 1) = 1 or d <=> null or not (i > 2)",
      "select i, count(*) from lineitem group by i having count(*) > (select min(i) from lineitem)",
      "select id, null v from range(10) where id > 3",
      "select count(*) from lineitem").foreach { text =>
      withClue(text)(checked(text))
    }
  }

  test("joins of every type, by columns and by expressions") {
    withSQLConf(SQLConf.AUTO_BROADCASTJOIN_THRESHOLD.key -> "-1") {
      Seq(
        "select * from lineitem x join lineitem r on x.i = r.i",
        "select * from lineitem x left join lineitem r on x.i = r.i and x.d < r.d",
        "select * from lineitem x right join lineitem r on x.i + 1 = r.i and x.l_tax = r.l_tax",
        "select * from lineitem x full join lineitem r on x.i = r.l and x.d = r.d",
        "select * from lineitem x left semi join lineitem r on x.i = r.i and x.d / r.d > 1",
        "select * from lineitem x left anti join lineitem r on x.l_shipdate = r.l_shipdate",
        "select * from lineitem x where i > 3 or exists (select 1 from lineitem r where r.l = x.i)",
        "select x.i from lineitem x join lineitem r on x.s = r.s and x.a <=> r.a",
        "select * from lineitem x join lineitem r on x.l_tax = r.l_quantity * 2").foreach { text =>
        withClue(text) {
          val joins = checked(text).map(stage => joinsOf(root(stage)))
          assert(joins.sum == 1)
        }
      }
    }
  }

  private def joinsOf(rel: Rel): Int =
    if (rel.hasHashJoin) 1
    else if (rel.hasExtensionSingle) joinsOf(rel.getExtensionSingle.getInput)
    else if (rel.hasProject) joinsOf(rel.getProject.getInput)
    else if (rel.hasFilter) joinsOf(rel.getFilter.getInput)
    else 0

  test("a key that floats are normalised for is the column itself") {
    withSQLConf(SQLConf.AUTO_BROADCASTJOIN_THRESHOLD.key -> "-1") {
      val join = checked("select l.d from lineitem l join lineitem r on l.d = r.d").map(root)
        .flatMap(top => Iterator.iterate(top)(_.getProject.getInput).take(3).find(_.hasHashJoin))
        .head.getHashJoin
      assert(!join.getLeft.hasProject && !join.getCommon.hasEmit)
    }
  }

  test("in both modes of arithmetic") {
    val text = "select i + 1, l * 2, cast(l as int), sum(l), sum(l_quantity) from lineitem group by 1, 2, 3"
    Seq("true", "false").foreach { ansi =>
      withSQLConf(SQLConf.ANSI_ENABLED.key -> ansi) {
        val found = checked(text)
        val guarded = functions(found.head)(ExpressionWriter.FALLBACK)
        assert(guarded)
        val expressions = found.head.jvmExpressions.length
        assert(if (ansi == "true") expressions >= 4 else expressions <= 2, s"ANSI $ansi")
      }
    }
  }

  test("equal queries have equal plans, and constants tell plans apart") {
    def last(text: String): StagePlan = checked(text).head
    val one = last("select i + 1 from lineitem where i in (3, 1, 2)")
    assert(one.digest.sameElements(last("select i + 1 from lineitem where i in (3, 1, 2)").digest))
    assert(!one.digest.sameElements(last("select i + 2 from lineitem where i in (3, 1, 2)").digest))
    withSQLConf(SQLConf.SESSION_LOCAL_TIMEZONE.key -> "Europe/Berlin") {
      assert(!one.digest.sameElements(
        last("select i + 1 from lineitem where i in (3, 1, 2)").digest))
    }
  }

  test("a thousand terms") {
    val terms = (1 to 1000).map(n => s"i = $n or l = ${n + 1}")
    checked(s"select * from lineitem where ${terms.mkString(" or ")}")
    checked(s"select * from lineitem where ${(1 to 1000).map(n => s"i > -$n").mkString(" and ")}")
    val branches = (1 to 1000).map(n => s"when i = $n then $n")
    checked(s"select case ${branches.mkString(" ")} else 0 end from lineitem")
  }

  test("a thousand terms of Spark's own can be sent to executors") {
    val terms = (1 to 1000).map(n => s"1 / (i - $n) > 0.5")
    val stage = withSQLConf(SQLConf.ANSI_ENABLED.key -> "true") {
      checked(s"select ${terms.mkString(" or ")} from lineitem").head
    }
    assert(stage.jvmExpressions.length == 1)
    var failure: Option[Throwable] = None
    val narrow = new Thread(null, () => {
      try {
        val bytes = new java.io.ByteArrayOutputStream
        new java.io.ObjectOutputStream(bytes).writeObject(stage.jvmExpressions.head.expression)
      } catch {
        case thrown: Throwable => failure = Some(thrown)
      }
    }, "narrow stack", 512L * 1024)
    narrow.start()
    narrow.join()
    assert(failure.isEmpty)
  }

  test("declining kernels: every expression goes through the JVM") {
    withSQLConf("spark.arclight.test.declineKernels" -> "true") {
      val found = checked("select i + 1, i, i > 2 from lineitem where l is not null")
      assert(found.head.jvmExpressions.length == 3)
      assert(functions(found.head) - "is_not_null" == Set(ExpressionWriter.JVM))
    }
  }

  test("keys from one stage to another") {
    val builder = new StageBuilder(new SQLConf)
    val (first, second) = (AttributeReference("a", StringType)(), AttributeReference("b", IntegerType)())
    val input = builder.rowsInput(builder.newInput(), Seq(first, second))
    val filtered = builder.filterByKeys(input, Seq(second -> Seq(Array[Byte](0), Array.empty[Byte])))
    val collected = builder.collectKeys(filtered, Seq(second), 100)
    val stage = builder.build(
      builder.shuffleWrite(collected, ShufflePartitioning.Single, 1, BlockCompression.BLOCK_COMPRESSION_NONE))
    PlanChecker.check(stage)
    val below = root(stage).getExtensionSingle.getInput.getExtensionSingle
    assert(below.getDetail.unpack(classOf[CollectKeys]).getColumnsList.get(0) == 1)
    assert(below.getInput.getExtensionSingle.getDetail.unpack(classOf[FilterByKeys])
      .getFilters(0).getKeySetsCount == 2)
  }

  test("a column may have no name") {
    val builder = new StageBuilder(new SQLConf)
    val nameless = AttributeReference(null, IntegerType)()
    val input = builder.rowsInput(builder.newInput(), Seq(nameless))
    val root = Plan.parseFrom(builder.build(input).bytes).getRelations(0).getRoot
    assert(root.getNamesCount == 1 && root.getNames(0).isEmpty)
  }

  test("a column that is not there is a defect") {
    val builder = new StageBuilder(new SQLConf)
    val here = AttributeReference("a", IntegerType)()
    val elsewhere = AttributeReference("b", IntegerType)()
    val input = builder.rowsInput(builder.newInput(), Seq(here))
    intercept[PlanException](builder.filter(input, Seq(GreaterThan(elsewhere, Literal(1)))))
  }
}
