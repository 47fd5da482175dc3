package org.arclight.spark

import org.apache.spark.SparkConf
import org.apache.spark.sql.internal.SQLConf
import org.scalatest.funsuite.AnyFunSuite

class ArclightConfSuite extends AnyFunSuite {
  private def session(settings: (String, String)*): SQLConf = {
    val conf = new SQLConf
    settings.foreach { case (key, value) => conf.setConfString(key, value) }
    conf
  }

  test("the page of settings is up to date") {
    GeneratedPage.check("docs/configuration.md", ArclightConf.page)
  }

  test("defaults") {
    assert(ArclightConf.ENABLED.get(session()))
    assert(ArclightConf.EXPLAIN.get(session()) == "none")
    assert(ArclightConf.BATCH_SIZE.get(session()) == 8192)
    assert(ArclightConf.NATIVE_LIBRARY.get(new SparkConf(false)).isEmpty)
  }

  test("values are typed") {
    assert(!ArclightConf.ENABLED.get(session("spark.arclight.enabled" -> "FALSE")))
    assert(ArclightConf.EXPLAIN.get(session("spark.arclight.explain" -> "All")) == "all")
    assert(ArclightConf.BATCH_SIZE.get(session("spark.arclight.batchSize" -> " 3 ")) == 3)
    assert(ArclightConf.NATIVE_LIBRARY.get(
      new SparkConf(false).set("spark.arclight.native.library", "/a/b.so")).contains("/a/b.so"))
  }

  test("a wrong value names its key and what it should be") {
    def message(read: => Any): String = intercept[IllegalArgumentException](read).getMessage
    assert(message(ArclightConf.ENABLED.get(session("spark.arclight.enabled" -> "ja"))) ==
      "spark.arclight.enabled should be true or false, but was 'ja'")
    assert(message(ArclightConf.BATCH_SIZE.get(session("spark.arclight.batchSize" -> "0"))) ==
      "spark.arclight.batchSize should be a whole number from 1 to 1048576, but was '0'")
    assert(message(ArclightConf.EXPLAIN.get(session("spark.arclight.explain" -> "x"))) ==
      "spark.arclight.explain should be one of none, fallback, all, but was 'x'")
    assert(message(ArclightConf.TRANSITION_COST.get(
      session("spark.arclight.transition.cost" -> "-1"))) ==
      "spark.arclight.transition.cost should be a number that is at least 0, but was '-1'")
  }

  test("expressions and operators have switches") {
    val conf = session(
      "spark.arclight.expression.Add.enabled" -> "false",
      "spark.arclight.operator.Filter.enabled" -> "false")
    assert(!ArclightConf.isExpressionEnabled("Add", conf))
    assert(ArclightConf.isExpressionEnabled("Subtract", conf))
    assert(!ArclightConf.isOperatorEnabled("Filter", conf))
    assert(ArclightConf.isOperatorEnabled("Project", conf))
  }

  test("the engine's state overrides the session") {
    try {
      EngineState.becomeUnavailable("test")
      assert(!ArclightConf.isEnabled(session()))
      EngineState.becomeAvailable()
      assert(ArclightConf.isEnabled(session()))
      assert(!ArclightConf.isEnabled(session("spark.arclight.enabled" -> "false")))
    } finally {
      EngineState.becomeAvailable()
    }
  }
}
