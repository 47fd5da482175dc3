package org.arclight.spark.execution

import java.nio.charset.StandardCharsets.UTF_8

import org.apache.spark.sql.TPCDSSchema
import org.apache.spark.sql.catalyst.util.CharVarcharUtils
import org.apache.spark.sql.execution.window.{WindowExec, WindowGroupLimitExec}
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types._

import org.arclight.spark.FilesSuite
import org.arclight.spark.explain.NativePlans

/** The queries of TPC-DS that have windows, over a few rows of their tables. */
class TpcdsWindowsSuite extends FilesSuite with TPCDSSchema {

  private val queries =
    Seq(12, 20, 36, 44, 47, 49, 51, 53, 57, 63, 67, 70, 86, 89, 98).map(number => s"q$number")

  /** Values that the queries ask for. */
  private val wanted: Map[String, String] = Map(
    "d_year" -> "1998 + h % 4",
    "d_month_seq" -> "1195 + h % 20",
    "d_moy" -> "1 + h % 12",
    "d_qoy" -> "1 + h % 4",
    "d_date" -> "date_add(DATE '1998-12-01', CAST(id * 3 % 400 AS INT))",
    "i_category" -> oneOf("Books", "Children", "Electronics", "Women", "Music", "Men", "Sports", "Home"),
    "i_class" -> oneOf(
      "personal", "portable", "reference", "self-help", "accessories", "classical", "fragrances", "pants",
      "computers", "stereo", "football", "shirts", "dresses"),
    "i_brand" -> oneOf(
      "scholaramalgamalg #14", "scholaramalgamalg #7", "amalgimporto #1", "edu packscholar #1"),
    "s_state" -> oneOf("TN", "OH", "TX"),
    "wr_return_amt" -> "9990 + h % 100",
    "cr_return_amount" -> "9990 + h % 100",
    "sr_return_amt" -> "9990 + h % 100",
    "ss_quantity" -> "1 + h % 50")

  private def oneOf(texts: String*): String =
    s"element_at(array(${texts.map(text => s"'$text'").mkString(", ")}), CAST(1 + h % ${texts.length} AS INT))"

  private def column(field: StructField, position: Int): String = {
    val hash = s"CAST(pmod(hash(id, $position), 1000003) AS BIGINT)"
    val value = wanted.getOrElse(field.name, field.dataType match {
      // A key of the table itself; others are keys of other tables, now and then none.
      case _: IntegerType | _: LongType if position == 0 => "id"
      case _: IntegerType | _: LongType => "CASE WHEN h % 41 = 0 THEN NULL ELSE h % 60 END"
      case decimal: DecimalType => s"CAST(h % 6000 / 7 AS ${decimal.sql})"
      case _: StringType => s"concat('v', h % 6)"
      case _: DateType => "date_add(DATE '1999-01-01', CAST(h % 300 AS INT))"
      case other => s"CAST(NULL AS ${other.sql})"
    })
    s"CAST(${value.replaceAll("\\bh\\b", hash)} AS ${field.dataType.sql}) AS ${field.name}"
  }

  override def beforeAll(): Unit = {
    super.beforeAll()
    ofSpark {
      tableColumns.foreach { case (table, columns) =>
        val schema = CharVarcharUtils.replaceCharVarcharWithStringInSchema(StructType.fromDDL(columns))
        val isFact = Seq("sales", "returns", "inventory").exists(table.endsWith)
        val path = s"${folder.getPath}/$table"
        spark.range(0, if (isFact) 3000 else 60, 1, 2)
          .selectExpr(schema.zipWithIndex.map { case (field, i) => column(field, if (isFact) i + 1 else i) }: _*)
          .write.parquet(path)
        spark.read.parquet(path).createOrReplaceTempView(table)
      }
    }
  }

  private def text(query: String): String = {
    val stream = getClass.getClassLoader.getResourceAsStream(s"tpcds/$query.sql")
    // Which of equal rows come first is open.
    try new String(stream.readAllBytes(), UTF_8).replaceAll("(?i)LIMIT\\s+100", "") finally stream.close()
  }

  queries.foreach { query =>
    test(s"$query has its windows natively") {
      checkNative(text(query), inJvm = Set("EmptyRelation", "Project", "Sort", "Union", "Exchange"))
      withSQLConf(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> "false") {
        val frame = checkNative(text(query))
        val windows = NativePlans.natives(frame.queryExecution.executedPlan).collect {
          case window @ (_: WindowExec | _: WindowGroupLimitExec) => window
        }
        assert(windows.nonEmpty)
        assert(frame.collect().nonEmpty)
      }
    }
  }
}
