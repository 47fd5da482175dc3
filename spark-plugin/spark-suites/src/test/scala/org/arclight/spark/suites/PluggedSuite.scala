package org.arclight.spark.suites

import scala.collection.mutable

import org.apache.spark.SparkConf
import org.apache.spark.arclight.QueryEvents
import org.apache.spark.sql.test.SharedSparkSession
import org.scalactic.source.Position
import org.scalatest.Tag

import org.arclight.spark.{ArclightConf, ArclightExtensions, ArclightPlugin, EngineState, StartSettings}

/**
 * Runs a suite that Spark publishes with the plugin on: everything native that can be, and an error
 * where a rule fails or a kernel disagrees with Spark. Tests that [[Exclusions]] names are reported
 * as ignored, with the reason.
 *
 * The published suite's constructor calls `test` before this trait is initialised: what that needs
 * is lazy.
 */
trait PluggedSuite extends SharedSparkSession {

  /** How many queries must have a native operator at least, when the whole suite runs. */
  protected def leastNativeQueries: Int = 1

  /** Whether the plugin is on; off only to compare. */
  private def isPlugged: Boolean = !sys.env.get("ARCLIGHT_SUITES_PLUGIN").contains("false")

  /** What the names of the tests to run have in them, if not all are to run. */
  private lazy val wanted =
    sys.env.get("ARCLIGHT_SUITES_TESTS").filter(_.nonEmpty).map(_.r)

  private lazy val exclusions: Map[String, Exclusion] =
    Exclusions.of(publishedSuite).filter { case (_, exclusion) =>
      isPlugged || exclusion.kind == Exclusion.ENVIRONMENT
    }

  private lazy val unused: mutable.Set[String] = exclusions.keySet.to(mutable.Set)

  /** The name of Spark's suite, which a class with this trait has too. */
  private def publishedSuite: String = getClass.getSimpleName

  override def suiteName: String =
    if (isPlugged) s"$publishedSuite with Arclight" else s"$publishedSuite without Arclight"

  override def sparkConf: SparkConf =
    if (isPlugged) {
      super.sparkConf
        .set("spark.plugins", classOf[ArclightPlugin].getName)
        .set(StartSettings.EXTENSIONS, extensions)
        .set(StartSettings.LISTENERS, classOf[NativeQueryListener].getName)
        .set(StartSettings.SHUFFLE_MANAGER, StartSettings.SHUFFLE_MANAGER_CLASS)
        .set(StartSettings.OFF_HEAP_ENABLED, "true")
        .set(StartSettings.OFF_HEAP_SIZE, "1g")
        .set(ArclightConf.TRANSITION_COST.key, "0")
        .set(ArclightConf.STAGE_FILTERS_MINIMUM.key, "0")
        .set(ArclightConf.TEST_FAIL_ON_DEFECT.key, "true")
        .set(ArclightConf.TEST_FAIL_ON_DISAGREEMENT.key, "true")
    } else {
      super.sparkConf
    }

  /** The suite's own extensions, and ours. */
  private def extensions: String =
    (super.sparkConf.getOption(StartSettings.EXTENSIONS).toSeq :+ classOf[ArclightExtensions].getName)
      .mkString(",")

  override def beforeAll(): Unit = {
    super.beforeAll()
    NativeQueries.reset()
    if (isPlugged) {
      assert(EngineState.unavailable.isEmpty)
    }
  }

  override protected def test(name: String, tags: Tag*)(body: => Any)(
      implicit position: Position): Unit =
    if (wanted.forall(_.findFirstIn(name).nonEmpty)) {
      unused -= name
      exclusions.get(name) match {
        case Some(exclusion) => super.ignore(s"$name ($exclusion)", tags: _*)(body)
        case None => super.test(name, tags: _*)(body)
      }
    }

  override protected def ignore(name: String, tags: Tag*)(body: => Any)(
      implicit position: Position): Unit =
    if (wanted.forall(_.findFirstIn(name).nonEmpty)) {
      super.ignore(name, tags: _*)(body)
    }

  if (isPlugged) {
    super.test("Arclight ran") {
      QueryEvents.drain(spark.sparkContext)
      val least = if (wanted.isEmpty) leastNativeQueries else 1
      info(s"${NativeQueries.nativeCount} of ${NativeQueries.count} queries had a native operator")
      assert(NativeQueries.nativeCount >= least)
    }
  }

  if (wanted.isEmpty) {
    super.test("every excluded test exists") {
      assert(unused.isEmpty)
    }
  }
}
