package org.arclight.spark.execution

import org.apache.spark.sql.catalyst.expressions.UnsafeRow
import org.apache.spark.unsafe.Platform

/**
 * UnsafeRows laid one after the other outside the heap, and their 32-bit lengths: how rows cross to
 * the engine. Its buffers are reused from block to block; [[close]] frees them.
 */
final class RowBlock {
  import RowBlock._

  private var rows = 0L
  private var rowCapacity = 0L
  private var lengths = 0L
  private var lengthCapacity = 0

  private var byteCount = 0L
  private var rowCount = 0

  /** How many rows the block has. */
  def count: Int = rowCount

  /** How many bytes the rows take. */
  def bytes: Long = byteCount

  /** Empties the block. */
  def clear(): Unit = {
    byteCount = 0
    rowCount = 0
  }

  /** Copies a row to the block's end. */
  def append(row: UnsafeRow): Unit = {
    val length = row.getSizeInBytes
    reserve(length, 1)
    Platform.copyMemory(row.getBaseObject, row.getBaseOffset, null, rows + byteCount, length.toLong)
    Platform.putInt(null, lengths + rowCount * LENGTH_BYTES, length)
    byteCount += length
    rowCount += 1
  }

  /** Says where the rows and their lengths are. */
  def describe(block: Array[Long]): Unit = {
    block(0) = rows
    block(1) = lengths
  }

  /** Frees the buffers; the block is then empty, and may be used again. */
  def close(): Unit = {
    clear()
    if (rows != 0) Platform.freeMemory(rows)
    if (lengths != 0) Platform.freeMemory(lengths)
    rows = 0
    rowCapacity = 0
    lengths = 0
    lengthCapacity = 0
  }

  /** Makes room for so many bytes in so many rows more. */
  private def reserve(bytes: Long, count: Int): Unit = {
    if (byteCount + bytes > rowCapacity || rowCapacity == 0) {
      val capacity = math.max(math.max(rowCapacity * 2, byteCount + bytes), INITIAL_BYTES)
      rows = if (rows == 0) {
        Platform.allocateMemory(capacity)
      } else {
        Platform.reallocateMemory(rows, byteCount, capacity)
      }
      rowCapacity = capacity
    }
    if (rowCount + count > lengthCapacity) {
      val capacity = math.max(math.max(lengthCapacity * 2, rowCount + count), INITIAL_ROWS)
      lengths = if (lengths == 0) {
        Platform.allocateMemory(capacity * LENGTH_BYTES)
      } else {
        Platform.reallocateMemory(lengths, rowCount * LENGTH_BYTES, capacity * LENGTH_BYTES)
      }
      lengthCapacity = capacity
    }
  }
}

object RowBlock {
  private val LENGTH_BYTES = 4L
  private val INITIAL_BYTES = 64L << 10
  private val INITIAL_ROWS = 1024
}
