package org.arclight.spark

import org.apache.spark.SparkConf

import org.arclight.spark.explain.{ArclightExplain, ExplainListener}

/**
 * What the plugin sets in an application's configuration when it starts, where the user has not.
 *
 * @param conf the configuration as the user left it; not changed here
 * @param isLocal whether the driver runs the tasks itself, in its own process
 * @param machineBytes the memory of the machine or container that the driver runs in
 * @param heapBytes the driver's heap at most
 */
final case class StartSettings(
    conf: SparkConf,
    isLocal: Boolean,
    machineBytes: Long,
    heapBytes: Long) {
  import StartSettings._

  /** Keys and values to set, in the order in which they are logged. */
  def changes: Seq[(String, String)] =
    Seq(EXTENSIONS -> EXTENSIONS_CLASS, LISTENERS -> LISTENER_CLASS, EXPLAIN_PROVIDERS -> EXPLAIN_CLASS)
      .flatMap { case (key, ours) => appended(key, ours) } ++
      shuffleManager ++ redundantSorts ++ (if (isLocal) localMemory else executorMemory)

  /** Whether the user forbade off-heap memory, without which the engine has none. */
  def offHeapForbidden: Boolean =
    conf.contains(OFF_HEAP_ENABLED) && !conf.getBoolean(OFF_HEAP_ENABLED, defaultValue = true)

  /** The user's list with a class of ours at its end; None if the user named it. */
  private def appended(key: String, ours: String): Option[(String, String)] = {
    val users = conf.get(key, "").split(",").map(_.trim).filter(_.nonEmpty).toSeq
    if (users.contains(ours)) None else Some(key -> (users :+ ours).mkString(","))
  }

  private def shuffleManager: Option[(String, String)] =
    if (conf.contains(SHUFFLE_MANAGER)) None else Some(SHUFFLE_MANAGER -> SHUFFLE_MANAGER_CLASS)

  private def redundantSorts: Option[(String, String)] =
    if (conf.contains(REMOVE_REDUNDANT_SORTS)) None else Some(REMOVE_REDUNDANT_SORTS -> "false")

  private def offHeapEnabled: Option[(String, String)] =
    if (conf.contains(OFF_HEAP_ENABLED)) None else Some(OFF_HEAP_ENABLED -> "true")

  private def offHeapSizeIsSet: Boolean = conf.getSizeAsBytes(OFF_HEAP_SIZE, 0) > 0

  private def localMemory: Seq[(String, String)] = {
    val size =
      if (offHeapSizeIsSet) {
        None
      } else {
        val free = machineBytes - heapBytes - LOCAL_RESERVE
        val bytes = (free / 2).min(LOCAL_OFF_HEAP_MAXIMUM).max(LOCAL_OFF_HEAP_MINIMUM)
        Some(OFF_HEAP_SIZE -> mebibytes(bytes))
      }
    offHeapEnabled.toSeq ++ size
  }

  /**
   * Splits the heap that executors would have had by Spark's default, so that the container stays
   * as it was. A heap that the user chose stays, and off-heap memory is added to it.
   */
  private def executorMemory: Seq[(String, String)] =
    if (offHeapSizeIsSet) {
      offHeapEnabled.toSeq
    } else if (conf.contains(EXECUTOR_MEMORY) || sys.env.contains("SPARK_EXECUTOR_MEMORY")) {
      val heap = conf.getSizeAsBytes(EXECUTOR_MEMORY, sys.env.getOrElse("SPARK_EXECUTOR_MEMORY", "1g"))
      val bytes = (heap * ADDED_OFF_HEAP_SHARE).toLong
      offHeapEnabled.toSeq :+ (OFF_HEAP_SIZE -> mebibytes(bytes))
    } else {
      val heap = (EXECUTOR_MEMORY_DEFAULT * HEAP_SHARE).toLong.max(EXECUTOR_HEAP_MINIMUM)
      (offHeapEnabled.toSeq :+ (OFF_HEAP_SIZE -> mebibytes(EXECUTOR_MEMORY_DEFAULT - heap))) ++
        Seq(EXECUTOR_MEMORY -> mebibytes(heap)) ++ executorOverhead
    }

  private def executorOverhead: Option[(String, String)] =
    if (conf.contains(EXECUTOR_OVERHEAD)) {
      None
    } else {
      val factor = conf.getOption("spark.executor.memoryOverheadFactor")
        .orElse(conf.getOption("spark.kubernetes.memoryOverheadFactor"))
        .map(_.toDouble)
        .getOrElse(OVERHEAD_FACTOR_DEFAULT)
      val minimum = conf.getSizeAsBytes("spark.executor.minMemoryOverhead", "384m")
      val bytes = (EXECUTOR_MEMORY_DEFAULT * factor).toLong.max(minimum)
      Some(EXECUTOR_OVERHEAD -> mebibytes(bytes))
    }
}

object StartSettings {
  val EXTENSIONS = "spark.sql.extensions"
  val EXTENSIONS_CLASS: String = classOf[ArclightExtensions].getName
  val LISTENERS = "spark.sql.queryExecutionListeners"
  val LISTENER_CLASS: String = classOf[ExplainListener].getName
  val EXPLAIN_PROVIDERS = "spark.sql.extendedExplainProviders"
  val EXPLAIN_CLASS: String = classOf[ArclightExplain].getName
  val SHUFFLE_MANAGER = "spark.shuffle.manager"
  val SHUFFLE_MANAGER_CLASS = "org.arclight.spark.shuffle.ArclightShuffleManager"
  val REMOVE_REDUNDANT_SORTS = "spark.sql.execution.removeRedundantSorts"
  val OFF_HEAP_ENABLED = "spark.memory.offHeap.enabled"
  val OFF_HEAP_SIZE = "spark.memory.offHeap.size"
  val EXECUTOR_MEMORY = "spark.executor.memory"
  val EXECUTOR_OVERHEAD = "spark.executor.memoryOverhead"

  private val MEBIBYTE = 1L << 20
  private val GIBIBYTE = 1L << 30

  /** What the operating system, Python workers and the like are left in local mode. */
  private val LOCAL_RESERVE = GIBIBYTE
  private val LOCAL_OFF_HEAP_MAXIMUM = 8 * GIBIBYTE
  private val LOCAL_OFF_HEAP_MINIMUM = 256 * MEBIBYTE

  /** Spark's own defaults. */
  private val EXECUTOR_MEMORY_DEFAULT = GIBIBYTE
  private val OVERHEAD_FACTOR_DEFAULT = 0.1

  private val HEAP_SHARE = 0.35
  private val ADDED_OFF_HEAP_SHARE = 0.5

  /** Spark refuses a heap below 450 MiB. */
  private val EXECUTOR_HEAP_MINIMUM = 512 * MEBIBYTE

  private def mebibytes(bytes: Long): String = s"${bytes / MEBIBYTE}m"
}
