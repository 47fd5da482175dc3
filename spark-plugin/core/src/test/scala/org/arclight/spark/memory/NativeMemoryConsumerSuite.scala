package org.arclight.spark.memory

import org.apache.spark.SparkConf
import org.apache.spark.memory.{MemoryMode, TaskMemoryManager, UnifiedMemoryManager}
import org.scalatest.funsuite.AnyFunSuite

class NativeMemoryConsumerSuite extends AnyFunSuite {

  private def manager(bytes: Long): TaskMemoryManager = {
    val conf = new SparkConf(false)
      .set("spark.memory.offHeap.enabled", "true")
      .set("spark.memory.offHeap.size", bytes.toString)
      .set("spark.testing.memory", (64L << 20).toString)
      .set("spark.testing.reservedMemory", "0")
    new TaskMemoryManager(UnifiedMemoryManager(conf, 1), 0)
  }

  test("what is acquired is released, and never more") {
    val tasks = manager(1000000)
    val consumer = new NativeMemoryConsumer(tasks, _ => 0L)
    assert(consumer.acquire(600000) == 600000)
    assert(tasks.getMemoryConsumptionForThisTask == 600000)
    consumer.release(100000)
    assert(tasks.getMemoryConsumptionForThisTask == 500000)
    consumer.release(900000)
    assert(tasks.getMemoryConsumptionForThisTask == 0)
  }

  test("a request beyond what there is spills the task itself first") {
    val tasks = manager(1000000)
    var asked = 0L
    lazy val consumer: NativeMemoryConsumer = new NativeMemoryConsumer(tasks, { bytes =>
      asked += bytes
      consumer.release(500000)
      500000
    })
    assert(consumer.acquire(900000) == 900000)
    assert(consumer.acquire(400000) == 400000)
    assert(asked > 0)
    assert(tasks.getMemoryConsumptionForThisTask == 800000)
  }

  test("nothing is granted after the end") {
    val tasks = manager(1000000)
    val consumer = new NativeMemoryConsumer(tasks, _ => fail("a closed task was to spill"))
    assert(consumer.acquire(0) == 0)
    consumer.acquire(1000)
    consumer.release(400)
    assert(consumer.close() == 600)
    assert(consumer.close() == 0)
    assert(tasks.getMemoryConsumptionForThisTask == 0)
    assert(consumer.acquire(1000) == 0)
    assert(consumer.spill(1000, consumer) == 0)
    assert(consumer.getMode == MemoryMode.OFF_HEAP)
  }
}
