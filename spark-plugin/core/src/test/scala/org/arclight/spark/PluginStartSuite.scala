package org.arclight.spark

import org.apache.spark.SparkConf
import org.apache.spark.sql.QueryTest
import org.apache.spark.sql.test.SharedSparkSession

class PluginStartSuite extends QueryTest with SharedSparkSession {
  override def sparkConf: SparkConf =
    super.sparkConf.set("spark.plugins", classOf[ArclightPlugin].getName)

  test("a query runs with the plugin") {
    assert(spark.range(10).count() == 10)
  }
}
