package org.arclight.spark.execution

import org.apache.spark.sql.catalyst.expressions.UnsafeRow
import org.apache.spark.unsafe.Platform

/** Walks over a row block with one reused row. */
final class RowReader(fields: Int) {
  private val row = new UnsafeRow(fields)
  private var address = 0L
  private var lengthAddress = 0L
  private var remaining = 0

  /** Begins a block of so many rows. */
  def begin(count: Int, rows: Long, lengths: Long): Unit = {
    remaining = count
    address = rows
    lengthAddress = lengths
  }

  /** Copies the row that was given last, because the block goes. */
  def detach(): Unit = if (row.getSizeInBytes > 0) {
    val copy = row.copy()
    row.pointTo(copy.getBaseObject, copy.getBaseOffset, copy.getSizeInBytes)
  }

  def hasNext: Boolean = remaining > 0

  /** The next row, valid until the next call. */
  def next(): UnsafeRow = {
    val length = Platform.getInt(null, lengthAddress)
    row.pointTo(null, address, length)
    address += length
    lengthAddress += 4
    remaining -= 1
    row
  }
}
