package org.arclight.spark.execution

import org.apache.spark.SparkConf
import org.apache.spark.serializer.KryoSerializer
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.NativeSuite

/** With Kryo, and no class but those that Spark itself registers, as Spark runs queries. */
class KryoSuite extends NativeSuite {

  override def sparkConf: SparkConf = super.sparkConf
    .set("spark.serializer", classOf[KryoSerializer].getName)
    .set("spark.kryo.registrationRequired", "true")
    .set(SQLConf.SHUFFLE_PARTITIONS.key, "3")

  override def beforeAll(): Unit = {
    super.beforeAll()
    spark.range(0, 1000, 1, 3).selectExpr("id AS k", "concat('text ', id % 10) AS text")
      .createOrReplaceTempView("numbers")
  }

  test("the rows of a query") {
    checkNative("SELECT k, text FROM numbers WHERE k % 7 = 0")
  }

  test("no rows, and rows without a column") {
    checkNative("SELECT k FROM numbers WHERE k < 0")
    assert(spark.table("numbers").select().collect().length == 1000)
  }

  test("groups through a shuffle") {
    checkNative("SELECT text, count(*), sum(k) FROM numbers GROUP BY text")
  }

  test("the first rows in order") {
    checkNative("SELECT k, upper(text) FROM numbers ORDER BY text, k DESC LIMIT 20 OFFSET 3")
  }

  test("all rows in order") {
    checkNative("SELECT k, text FROM numbers ORDER BY text DESC, k")
  }

  test("a join with a broadcast") {
    checkNative(
      "SELECT /*+ BROADCAST(b) */ a.k, b.text FROM numbers a JOIN numbers b ON a.k = b.k + 10")
  }

  test("a join that filters the other side's scan") {
    withTempPath { folder =>
      spark.table("numbers").write.parquet(folder.getPath)
      val stored = s"parquet.`${folder.getPath}`"
      checkNative(
        s"SELECT /*+ SHUFFLE_HASH(b) */ a.k, b.text FROM $stored a JOIN $stored b ON a.k = b.k " +
          "WHERE b.text = 'text 3'")
    }
  }
}
