package org.arclight.spark

import scala.jdk.CollectionConverters._

import io.substrait.proto.Plan
import org.apache.spark.SparkContext
import org.apache.spark.sql.internal.SQLConf
import org.scalatest.funsuite.AnyFunSuite

import org.arclight.spark.plan.PlanChecker

class PlanningWarmUpSuite extends AnyFunSuite {

  test("the plans are such as queries have") {
    val plans = PlanningWarmUp.plans(new SQLConf)
    plans.foreach(PlanChecker.check)
    assert(plans.forall(_.bridged.isEmpty))
    val functions = plans.map(plan => Plan.parseFrom(plan.bytes).getExtensionsList.asScala
      .filter(_.hasExtensionFunction).map(_.getExtensionFunction.getName).toSet)
    assert(functions.forall(_.contains("sum")), functions)
    assert(plans.map(_.operatorCount) == Seq(7, 3))
  }

  test("the inputs are such as queries have") {
    val plan = PlanningWarmUp.inputs(new SQLConf)
    PlanChecker.check(plan)
    assert(plan.operatorCount == 5)
  }

  test("the inputs ask for no settings, which are locked while Spark makes a context") {
    val lock = SparkContext.getClass.getDeclaredFields
      .find(_.getName.endsWith("SPARK_CONTEXT_CONSTRUCTOR_LOCK")).get
    lock.setAccessible(true)

    def endsIn(milliseconds: Long)(work: => Unit): Boolean = {
      val thread = new Thread(() => work)
      val ended = lock.get(SparkContext).synchronized {
        thread.start()
        thread.join(milliseconds)
        !thread.isAlive
      }
      thread.join()
      ended
    }
    assert(endsIn(60000)(PlanningWarmUp.inputs(new SQLConf)))
    assert(!endsIn(500)(SQLConf.get))
  }
}
