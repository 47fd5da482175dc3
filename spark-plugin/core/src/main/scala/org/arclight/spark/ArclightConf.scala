package org.arclight.spark

import scala.collection.concurrent.TrieMap
import scala.collection.mutable.ArrayBuffer

import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.ConfigurationScope.{Application, Session}

/** Every setting of Arclight. `docs/configuration.md` is generated from this object. */
object ArclightConf {
  private val registered = ArrayBuffer.empty[ConfigurationEntry[_]]

  private def register[T](entry: ConfigurationEntry[T]): ConfigurationEntry[T] = {
    require(!registered.exists(_.key == entry.key), s"${entry.key} is declared twice")
    registered += entry
    entry
  }

  val ENABLED: ConfigurationEntry[Boolean] = register(ConfigurationEntry.boolean(
    "spark.arclight.enabled", default = true, Session, "0.1.0",
    "Whether queries run natively. May be set at any time and holds for the queries planned " +
      "from then on. What the plugin set when the application started (memory, shuffle manager) " +
      "stays."))

  val EXPLAIN: ConfigurationEntry[String] = register(ConfigurationEntry.choice(
    "spark.arclight.explain", "none", Seq("none", "fallback", "all"), Session, "0.1.0",
    "What is logged of every executed plan: nothing, the operators that are not native with their " +
      "reasons, or the whole tree with a mark on each operator."))

  val BATCH_SIZE: ConfigurationEntry[Int] = register(ConfigurationEntry.integer(
    "spark.arclight.batchSize", 8192, 1, 1 << 20, Session, "0.1.0",
    "How many rows a batch has at most."))

  val SCAN_ENABLED: ConfigurationEntry[Boolean] = register(ConfigurationEntry.boolean(
    "spark.arclight.scan.enabled", default = true, Session, "0.1.0",
    "Whether Parquet files are read natively."))

  val SHUFFLE_ENABLED: ConfigurationEntry[Boolean] = register(ConfigurationEntry.boolean(
    "spark.arclight.shuffle.enabled", default = true, Session, "0.1.0",
    "Whether exchanges are native. They stay Spark's in any case if `spark.shuffle.manager` names " +
      "another class than `org.arclight.spark.shuffle.ArclightShuffleManager`."))

  val BRIDGE_ENABLED: ConfigurationEntry[Boolean] = register(ConfigurationEntry.boolean(
    "spark.arclight.bridge.enabled", default = true, Session, "0.1.0",
    "Whether a native operator may have an expression that has no native kernel evaluated by " +
      "Spark's own code, a batch at a time. If not, the operator runs in the JVM."))

  val REPLACE_MERGE_JOIN: ConfigurationEntry[Boolean] = register(ConfigurationEntry.boolean(
    "spark.arclight.join.replaceSortMerge", default = true, Session, "0.1.0",
    "Whether a native hash join takes the place of each sort-merge join and of the sorts it needs. " +
      "Its table is built of the smaller side, and spills when it does not fit in memory. If not, " +
      "sort-merge joins run in the JVM."))

  val STAGE_FILTERS: ConfigurationEntry[Boolean] = register(ConfigurationEntry.boolean(
    "spark.arclight.stageFilters.enabled", default = true, Session, "0.1.0",
    "Whether the stage of a scan on one side of a join waits for the stage of the other side, if " +
      "that is filtered, and then leaves out the rows whose keys the other side does not have. " +
      "Needs adaptive execution."))

  val STAGE_FILTERS_MINIMUM: ConfigurationEntry[Long] = register(ConfigurationEntry.bytes(
    "spark.arclight.stageFilters.minimumScanSize", 16L << 20, Session, "0.1.0",
    "A scan that is shuffled waits for the keys of a join's other side if what it reads is at least " +
      "that large, by Spark's estimate of its table and by its columns. Queries without such a scan " +
      "have no filters across stages."))

  val PLAN_CACHE_ENTRIES: ConfigurationEntry[Int] = register(ConfigurationEntry.integer(
    "spark.arclight.planCache.maxEntries", 256, 0, 1 << 16, Application, "0.1.0",
    "How many stages' plans the driver remembers, those that ran last: a query that is run again, " +
      "over tables whose files may have changed, need not be written again for the engine. One " +
      "takes some tens of KiB, and no more than about 300 KiB; 0 remembers none."))

  val TRANSITION_COST: ConfigurationEntry[Double] = register(ConfigurationEntry.nonNegative(
    "spark.arclight.transition.cost", 1.0, Session, "0.1.0",
    "What carrying rows from the JVM into a native stage costs, in units of what one cheap operator " +
      "(a filter, a projection) saves by being native. A native stage that saves less than its " +
      "transitions cost stays in the JVM; 0 makes everything native that can be."))

  val CAPTURE_DIRECTORY: ConfigurationEntry[Option[String]] = register(ConfigurationEntry.optionalText(
    "spark.arclight.capture.directory", Session, "0.1.0",
    "A folder on the driver's machine into which every native stage that runs is written with its " +
      "tasks, as `stage-<digest>.arclight`. `arclight explain FILE` prints its plan, and `arclight " +
      "run FILE` executes it outside Spark if it reads local files or ranges alone and no " +
      "expression of it is evaluated by Spark. For developers."))

  val NATIVE_LIBRARY: ConfigurationEntry[Option[String]] = register(ConfigurationEntry.optionalText(
    "spark.arclight.native.library", Application, "0.1.0",
    "A file to load the native library from, instead of the one inside the jar. It must be there " +
      "on every machine. For developers."))

  val TEST_REFUSE_RESERVATIONS: ConfigurationEntry[Boolean] = register(ConfigurationEntry.boolean(
    "spark.arclight.test.refuseReservations", default = false, Session, "0.1.0",
    "Refuses every operator's reservation of memory once, so that whatever can spill does. For " +
      "tests."))

  val TEST_EQUAL_HASHES: ConfigurationEntry[Boolean] = register(ConfigurationEntry.boolean(
    "spark.arclight.test.equalHashes", default = false, Session, "0.1.0",
    "Makes all hash values of hash tables equal. For tests."))

  val TEST_DECLINE_KERNELS: ConfigurationEntry[Boolean] = register(ConfigurationEntry.boolean(
    "spark.arclight.test.declineKernels", default = false, Session, "0.1.0",
    "Makes every expression's kernel decline, so that Spark's own code evaluates each through the " +
      "bridge. For tests."))

  val TEST_WRITE_AGAIN: ConfigurationEntry[Boolean] = register(ConfigurationEntry.boolean(
    "spark.arclight.test.writeAgain", default = false, Session, "0.1.0",
    "Writes plans that are remembered again, and fails the query if they differ. For tests."))

  val TEST_FAIL_ON_DISAGREEMENT: ConfigurationEntry[Boolean] = register(ConfigurationEntry.boolean(
    "spark.arclight.test.failOnDisagreement", default = false, Session, "0.1.0",
    "Fails a task in which a kernel failed where Spark's own expression gives a value. For tests."))

  val TEST_FAIL_ON_LEAK: ConfigurationEntry[Boolean] = register(ConfigurationEntry.boolean(
    "spark.arclight.test.failOnLeak", default = false, Session, "0.1.0",
    "Fails a task that ends with native memory still reserved. For tests."))

  val TEST_FAIL_ON_DEFECT: ConfigurationEntry[Boolean] = register(ConfigurationEntry.boolean(
    "spark.arclight.test.failOnDefect", default = false, Session, "0.1.0",
    "Fails a query that a rule of Arclight failed on, instead of leaving its plan as Spark has " +
      "it. For tests."))

  /** All entries, in the order of their declaration. */
  def entries: Seq[ConfigurationEntry[_]] = registered.toSeq

  /** The switch of an expression, by the name that the function catalogue and Spark's class have. */
  def expressionKey(name: String): String = s"spark.arclight.expression.$name.enabled"

  /** The switch of an operator, by the name of Spark's class without `Exec`. */
  def operatorKey(name: String): String = s"spark.arclight.operator.$name.enabled"

  /** Whether queries of the session are planned natively: the user's word, and the engine's state. */
  def isEnabled(conf: SQLConf): Boolean = ENABLED.get(conf) && EngineState.unavailable.isEmpty

  /** Whether the session allows an expression to be native. */
  def isExpressionEnabled(name: String, conf: SQLConf): Boolean =
    expressionSwitches.getOrElseUpdate(name, switch(expressionKey(name))).get(conf)

  /** Whether the session allows an operator to be native. */
  def isOperatorEnabled(name: String, conf: SQLConf): Boolean =
    operatorSwitches.getOrElseUpdate(name, switch(operatorKey(name))).get(conf)

  // Read for every node of every plan.
  private val expressionSwitches = TrieMap.empty[String, ConfigurationEntry[Boolean]]
  private val operatorSwitches = TrieMap.empty[String, ConfigurationEntry[Boolean]]

  private def switch(key: String): ConfigurationEntry[Boolean] =
    ConfigurationEntry.boolean(key, default = true, Session, "0.1.0", "")

  // Each line but the first begins with the margin that the page below is stripped of.
  private val TABLE_HEAD =
    "| setting | type | default | scope | what it does | since |\n||---|---|---|---|---|---|\n|"

  /** The page `docs/configuration.md`. */
  def page: String = {
    val (tests, users) = entries.partition(_.key.startsWith("spark.arclight.test."))
    def table(rows: Seq[ConfigurationEntry[_]]): String = rows.map { entry =>
      val default = if (entry.defaultText.isEmpty) "(none)" else s"`${entry.defaultText}`"
      s"| `${entry.key}` | ${entry.kind} | $default | ${entry.scope.description} | " +
        s"${entry.documentation} | ${entry.since} |"
    }.mkString(TABLE_HEAD, "\n|", "")
    s"""# Configuration
       |
       |This page is generated; `ci/generate-docs` writes it anew.
       |
       |Only `spark.plugins=org.arclight.spark.ArclightPlugin` is needed. A setting with the scope
       |*application* is read when the application starts; one with the scope *session* may also be
       |set at any time, by `SET` or `spark.conf.set`, and holds for queries planned from then on.
       |
       |## Settings
       |
       |${table(users)}
       |
       |Each expression and each operator has a switch of its own, `true` by default, of scope session:
       |
       || setting | what it does |
       ||---|---|
       || `${expressionKey("<Name>")}` | Whether the expression may be native. `<Name>` is the name of Spark's class: `Add`, `Substring`. |
       || `${operatorKey("<Name>")}` | Whether the operator may be native. `<Name>` is the name of Spark's class without `Exec`: `Filter`, `HashAggregate`. |
       |
       |## What the plugin sets in Spark
       |
       |When the application starts, the plugin sets the following where you have not, and logs what
       |it set in one line. What you set yourself always stays.
       |
       || setting of Spark | what it becomes |
       ||---|---|
       || `spark.sql.extensions` | your list, with `${classOf[ArclightExtensions].getName}` added at its end |
       || `spark.sql.queryExecutionListeners` | your list, with `${StartSettings.LISTENER_CLASS}`, which logs what `${EXPLAIN.key}` asks for |
       || `spark.sql.extendedExplainProviders` | your list, with `${StartSettings.EXPLAIN_CLASS}`, which adds to EXPLAIN what is native |
       || `spark.shuffle.manager` | `org.arclight.spark.shuffle.ArclightShuffleManager` |
       || `${StartSettings.REMOVE_REDUNDANT_SORTS}` | `false`: Arclight itself removes sorts of rows that are in order, when it knows which joins still give them in order |
       || `spark.memory.offHeap.enabled` | `true`. If you set `false`, Arclight warns and stays off. |
       || `spark.memory.offHeap.size` | In local mode: half of what the machine or container has beyond the heap and 1 GiB, at most 8 GiB. On executors: 65 % of `spark.executor.memory`, which is split; if you set `spark.executor.memory`, the heap stays as you set it, half as much is added off-heap, and what Spark asks of YARN or Kubernetes for a container grows by that; set both to decide yourself. |
       || `spark.executor.memory` | 35 % of Spark's default, at least 512 MiB: the rest becomes off-heap memory |
       || `spark.executor.memoryOverhead` | what it would have been before `spark.executor.memory` was split |
       |
       |## Settings for tests
       |
       |${table(tests)}
       |""".stripMargin
  }
}
