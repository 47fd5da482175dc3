package org.apache.spark.arclight

import scala.collection.mutable
import scala.collection.mutable.ArrayBuffer

import org.apache.spark.{SparkEnv, TaskContext}
import org.apache.spark.memory.MemoryMode
import org.apache.spark.storage.{BlockId, BroadcastBlockId, StorageLevel}
import org.apache.spark.util.KnownSizeEstimation

import org.arclight.spark.jni.NativeLibrary

/**
 * A table that the engine built of a broadcast, in a block of the broadcast: Spark closes it when it
 * removes the broadcast, evicts the block, or stops. Tasks that use it then keep it until they end.
 */
final class NativeTable(block: BlockId, number: Long, override val estimatedSize: Long)
  extends KnownSizeEstimation with AutoCloseable {

  override def close(): Unit = {
    NativeTables.forget(block)
    NativeLibrary.dropTable(number)
  }
}

/**
 * What one task has to do with the tables that the executor's tasks share: they are charged to
 * Spark's storage memory, which never waits for other tasks.
 */
final class NativeTables(context: TaskContext) {
  import NativeTables._

  private var building = 0L
  private val pinned = ArrayBuffer.empty[BlockId]

  /** Takes memory for a table of a broadcast that this task builds. */
  def acquire(broadcast: Long, bytes: Long): Boolean = {
    makeRoom(bytes)
    val granted = SparkEnv.get.memoryManager.acquireStorageMemory(
      BroadcastBlockId(broadcast, BUILDING), bytes, MemoryMode.OFF_HEAP)
    if (granted) building += bytes
    granted
  }

  /** Gives back what was acquired. */
  def release(bytes: Long): Unit = {
    val released = math.min(bytes, building)
    building -= released
    if (released > 0) SparkEnv.get.memoryManager.releaseStorageMemory(released, MemoryMode.OFF_HEAP)
  }

  /** Makes a table that was built a block of its broadcast, and pins it; false without memory. */
  def publish(broadcast: Long, table: Long, bytes: Long): Boolean = {
    release(building)
    val id = block(broadcast, table)
    remember(id)
    val stored = SparkEnv.get.blockManager.putSingle(
      id, new NativeTable(id, table, bytes), LEVEL, tellMaster = false)
    val kept = stored && pin(broadcast, table)
    if (stored) leave(id) else forget(id)
    kept
  }

  /** Keeps a table from eviction until the task ends; false if it is gone. */
  def pin(broadcast: Long, table: Long): Boolean = asTask {
    val id = block(broadcast, table)
    val found = use(id) && {
      val there = SparkEnv.get.blockManager.getLocalValues(id).isDefined
      if (!there) leave(id)
      there
    }
    if (found) pinned += id
    found
  }

  /** Lets all go. */
  def close(): Unit = {
    release(building)
    pinned.foreach { id =>
      SparkEnv.get.blockManager.releaseLock(id, Some(context))
      leave(id)
    }
    pinned.clear()
  }

  // Locks belong to the task of the calling thread.
  private def asTask[T](body: => T): T =
    if (TaskContext.get() eq context) {
      body
    } else {
      val before = TaskContext.get()
      TaskContext.setTaskContext(context)
      try body
      finally if (before == null) TaskContext.unset() else TaskContext.setTaskContext(before)
    }
}

object NativeTables {
  private val BUILDING = "nativeBuilding"

  private val LEVEL = StorageLevel(
    useDisk = false, useMemory = true, useOffHeap = true, deserialized = true, replication = 1)

  /** How many tasks use each table of the process; the longest unused come first. */
  private val users = mutable.LinkedHashMap.empty[BlockId, Int]

  private def block(broadcast: Long, table: Long): BlockId =
    BroadcastBlockId(broadcast, s"native$table")

  /** Enters a table, which who made it uses. */
  private def remember(id: BlockId): Unit = users.synchronized(users(id) = 1)

  private[arclight] def forget(id: BlockId): Unit = users.synchronized(users -= id)

  /** One task more uses a table, if it is known. */
  private def use(id: BlockId): Boolean = users.synchronized {
    val before = users.remove(id)
    before.foreach(count => users(id) = count + 1)
    before.isDefined
  }

  private def leave(id: BlockId): Unit = users.synchronized {
    users.get(id).foreach(count => users(id) = count - 1)
  }

  /** Forgets a table that nobody uses, so that nobody will. */
  private def takeIdle(): Option[BlockId] = users.synchronized {
    val idle = users.collectFirst { case (id, 0) => id }
    idle.foreach(users -= _)
    idle
  }

  /**
   * Gives up tables that no task uses, until so many bytes are free or none is left. Storage keeps
   * its share from execution, but a table that may never be used again is worth no spill.
   */
  def makeRoom(bytes: Long): Unit = if (users.synchronized(users.nonEmpty)) {
    val memory = SparkEnv.get.memoryManager
    def lacking = memory.maxOffHeapStorageMemory - memory.offHeapStorageMemoryUsed < bytes
    var idle: Option[BlockId] = None
    while (lacking && { idle = takeIdle(); idle.isDefined }) {
      idle.foreach(SparkEnv.get.blockManager.removeBlock(_, tellMaster = false))
    }
  }
}
