package org.arclight.spark.differential

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.FilesSuite
import org.arclight.spark.execution.NativeStageExec

/** Files that Spark wrote in order: their page index tells which rows a filter may let pass. */
class SortedFilesSuite extends FilesSuite with AdaptiveSparkPlanHelper {

  private val rows = 20000

  override def beforeAll(): Unit = {
    super.beforeAll()
    // The default has no statistics.
    withSQLConf(SQLConf.PARQUET_OUTPUT_TIMESTAMP_TYPE.key -> "TIMESTAMP_MICROS")(ofSpark {
      spark.range(0, rows, 1, 1).selectExpr(
        "id", "CAST(id AS INT) AS number", "CAST(id AS DECIMAL(30, 3)) AS wide",
        "CAST(id AS DECIMAL(9, 2)) AS narrow", "lpad(id, 8, '0') AS text",
        "IF(id % 3 = 0, NULL, concat('a text of this row alone: ', id)) AS payload",
        "CAST(id AS DOUBLE) AS real", "DATE'1990-01-01' + CAST(id AS INT) AS day",
        "timestamp_seconds(id * 1000) AS time",
        "IF(id BETWEEN 5000 AND 9000, NULL, id) AS hole",
        "array(id, id + 1) AS list", "named_struct('a', id, 'b', CAST(id AS STRING)) AS pair")
        .write.option("parquet.page.row.count.limit", "250")
        .parquet(s"$folder/sorted")
    })
    spark.read.parquet(s"$folder/sorted").createOrReplaceTempView("sorted")
  }

  private def prunedRows(frame: DataFrame): Long =
    collect(frame.queryExecution.executedPlan) { case stage: NativeStageExec => stage }
      .flatMap(_.metrics.get("rowsPruned")).map(_.value).sum

  test("rows of pages that a filter lets nothing pass of are left out") {
    Seq(
      "id < 300", "id >= 19990", "id BETWEEN 7000 AND 7100", "id IN (1, 9999, 19999)",
      "number = 12345", "wide > 19900", "narrow < 12.5", "text = '00004321'", "real <= 17",
      "day < DATE'1991-01-01'", "time >= TIMESTAMP'1970-08-19 00:00:00Z'",
      "hole IS NULL", "hole = 4999", "id < 500 AND number >= 400 AND text > '00000420'")
      .foreach { condition =>
        val frame = checkNative(s"SELECT * FROM sorted WHERE $condition ORDER BY id")
        assert(prunedRows(frame) > rows / 2, condition)
      }
    // Nothing is certain of these.
    Seq("id % 7 = 3", "payload LIKE '%99%'", "id < 300 OR text = '00004321'").foreach { condition =>
      val frame = checkNative(s"SELECT * FROM sorted WHERE $condition ORDER BY id")
      assert(prunedRows(frame) == 0, condition)
    }
  }

  test("a subquery's value leaves out rows too, and NULL all") {
    val frame = checkNative(
      "SELECT * FROM sorted WHERE id > (SELECT max(s.id) - 300 FROM sorted s) ORDER BY id")
    assert(prunedRows(frame) > rows / 2)
    checkNative("SELECT * FROM sorted WHERE id > (SELECT max(s.id) FROM sorted s WHERE s.hole < 0)")
  }

  test("positions of rows are those in the file") {
    val frame = checkNative(
      s"SELECT id, _metadata.row_index FROM parquet.`$folder/sorted` " +
        "WHERE id BETWEEN 12000 AND 12100 ORDER BY id")
    assert(prunedRows(frame) > rows / 2)
  }

  test("a join's keys leave out pages too") {
    val frame = checkNative(
      "SELECT /*+ BROADCAST(few) */ s.* FROM sorted s JOIN " +
        "(SELECT id * 4999 AS key FROM range(4)) few ON s.id = few.key ORDER BY s.id")
    assert(prunedRows(frame) > rows / 2)
  }

  test("statistics of pages, or of all, may be refused") {
    val query = "SELECT * FROM sorted WHERE id < 300 ORDER BY id"
    Seq(SQLConf.PARQUET_FILTER_PUSHDOWN_ENABLED.key, "parquet.filter.columnindex.enabled")
      .foreach { key =>
        withSQLConf(key -> "false") {
          assert(prunedRows(checkNative(query)) == 0, key)
        }
      }
  }
}
