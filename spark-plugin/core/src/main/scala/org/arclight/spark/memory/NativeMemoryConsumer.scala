package org.arclight.spark.memory

import java.util.concurrent.atomic.AtomicLong

import org.apache.spark.arclight.NativeTables
import org.apache.spark.memory.{MemoryConsumer, MemoryMode, TaskMemoryManager}

/**
 * The memory of one native task, as Spark accounts for it. Spark may ask it to spill from within
 * its own request, or for another consumer of the task.
 *
 * @param spillTask spills so many bytes of the native task, and gives the bytes given back
 */
final class NativeMemoryConsumer(manager: TaskMemoryManager, spillTask: Long => Long)
  extends MemoryConsumer(manager, manager.pageSizeBytes, MemoryMode.OFF_HEAP) {

  private val held = new AtomicLong
  @volatile private var closed = false

  /** Asks for memory; gives the bytes granted, which may be fewer. */
  def acquire(bytes: Long): Long =
    // A request of a task that has ended would shrink the shares of those that run.
    if (bytes <= 0 || closed) {
      0L
    } else {
      NativeTables.makeRoom(bytes)
      val granted = acquireMemory(bytes)
      held.addAndGet(granted)
      granted
    }

  /** Gives memory back; never more than is held. */
  def release(bytes: Long): Unit = {
    val before = held.getAndUpdate(now => now - math.min(now, bytes))
    val released = math.min(before, bytes)
    if (released > 0) freeMemory(released)
  }

  override def spill(size: Long, trigger: MemoryConsumer): Long =
    if (closed) 0L else spillTask(size)

  /**
   * Gives back whatever is still held, and says how much that was; nothing is granted from then on.
   */
  def close(): Long = {
    closed = true
    val left = held.get
    release(left)
    left
  }
}
