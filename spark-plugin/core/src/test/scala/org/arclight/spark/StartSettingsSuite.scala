package org.arclight.spark

import org.apache.spark.SparkConf
import org.scalatest.funsuite.AnyFunSuite

class StartSettingsSuite extends AnyFunSuite {
  private val gibibyte = 1L << 30

  private def changes(
      isLocal: Boolean,
      machineGibibytes: Long,
      heapGibibytes: Long,
      settings: (String, String)*): Map[String, String] = {
    val conf = new SparkConf(false).setAll(settings)
    StartSettings(conf, isLocal, machineGibibytes * gibibyte, heapGibibytes * gibibyte)
      .changes.toMap
  }

  test("an untouched local application gets everything") {
    assert(changes(isLocal = true, 16, 1) == Map(
      "spark.sql.extensions" -> "org.arclight.spark.ArclightExtensions",
      "spark.sql.queryExecutionListeners" -> "org.arclight.spark.explain.ExplainListener",
      "spark.sql.extendedExplainProviders" -> "org.arclight.spark.explain.ArclightExplain",
      "spark.shuffle.manager" -> "org.arclight.spark.shuffle.ArclightShuffleManager",
      "spark.sql.execution.removeRedundantSorts" -> "false",
      "spark.memory.offHeap.enabled" -> "true",
      "spark.memory.offHeap.size" -> "7168m"))
  }

  test("local off-heap memory is at most 8 GiB and at least 256 MiB") {
    assert(changes(isLocal = true, 256, 1)("spark.memory.offHeap.size") == "8192m")
    assert(changes(isLocal = true, 2, 2)("spark.memory.offHeap.size") == "256m")
  }

  test("ours is appended to the user's extensions, once") {
    assert(changes(isLocal = true, 16, 1, "spark.sql.extensions" -> "a.B, c.D")(
      "spark.sql.extensions") == "a.B,c.D,org.arclight.spark.ArclightExtensions")
    assert(!changes(isLocal = true, 16, 1,
      "spark.sql.extensions" -> "org.arclight.spark.ArclightExtensions,a.B")
      .contains("spark.sql.extensions"))
  }

  test("what the user set stays") {
    val user = Map(
      "spark.shuffle.manager" -> "sort",
      "spark.sql.execution.removeRedundantSorts" -> "true",
      "spark.memory.offHeap.enabled" -> "true",
      "spark.memory.offHeap.size" -> "2g",
      "spark.executor.memory" -> "4g",
      "spark.executor.memoryOverhead" -> "1g")
    val lists = Set(
      "spark.sql.extensions",
      "spark.sql.queryExecutionListeners",
      "spark.sql.extendedExplainProviders")
    assert(changes(isLocal = true, 16, 1, user.toSeq: _*).keySet == lists)
    assert(changes(isLocal = false, 16, 1, user.toSeq: _*).keySet == lists)
  }

  test("an off-heap size of 0 is no size") {
    assert(changes(isLocal = true, 16, 1, "spark.memory.offHeap.size" -> "0")(
      "spark.memory.offHeap.size") == "7168m")
  }

  test("executors: Spark's default heap is split, and the container keeps its size") {
    val set = changes(isLocal = false, 16, 1)
    assert(set("spark.executor.memory") == "512m")
    assert(set("spark.memory.offHeap.size") == "512m")
    assert(set("spark.executor.memoryOverhead") == "384m")
    assert(changes(isLocal = false, 16, 1, "spark.executor.memoryOverheadFactor" -> "0.5")(
      "spark.executor.memoryOverhead") == "512m")
  }

  test("executors: the user's heap stays, and off-heap memory is added") {
    val set = changes(isLocal = false, 16, 1, "spark.executor.memory" -> "8g")
    assert(set("spark.memory.offHeap.size") == "4096m")
    assert(!set.contains("spark.executor.memory"))
    assert(!set.contains("spark.executor.memoryOverhead"))
  }

  test("off-heap memory is forbidden only by an explicit false") {
    def forbidden(settings: (String, String)*): Boolean =
      StartSettings(new SparkConf(false).setAll(settings), isLocal = true, 0, 0).offHeapForbidden
    assert(!forbidden())
    assert(!forbidden("spark.memory.offHeap.enabled" -> "true"))
    assert(forbidden("spark.memory.offHeap.enabled" -> "false"))
  }
}
