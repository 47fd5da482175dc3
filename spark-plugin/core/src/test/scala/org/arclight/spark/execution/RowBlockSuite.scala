package org.arclight.spark.execution

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection
import org.apache.spark.sql.types.{DataType, LongType, StringType}
import org.apache.spark.unsafe.types.UTF8String
import org.scalatest.funsuite.AnyFunSuite

class RowBlockSuite extends AnyFunSuite {
  private val types = Array[DataType](LongType, StringType)
  private val projection = UnsafeProjection.create(types)

  private def row(number: Long, text: String) =
    projection(InternalRow(number, UTF8String.fromString(text))).copy()

  test("rows come out as they went in, however the buffers grow") {
    val block = new RowBlock
    try {
      (0 until 2).foreach { _ =>
        block.clear()
        val rows = (0 until 5000).map(i => row(i, "x" * (i % 100)))
        rows.foreach(block.append)
        assert(block.count == rows.length)
        assert(block.bytes == rows.map(_.getSizeInBytes).sum)
        val addresses = new Array[Long](2)
        block.describe(addresses)
        val reader = new RowReader(2)
        reader.begin(block.count, addresses(0), addresses(1))
        rows.foreach { expected =>
          assert(reader.hasNext)
          assert(reader.next().copy() == expected)
        }
        assert(!reader.hasNext)
      }
    } finally {
      block.close()
    }
  }

  test("a row larger than the first buffer fits") {
    val block = new RowBlock
    try {
      val large = row(1, "y" * 1000000)
      block.append(large)
      val addresses = new Array[Long](2)
      block.describe(addresses)
      val reader = new RowReader(2)
      reader.begin(1, addresses(0), addresses(1))
      assert(reader.next().copy() == large)
    } finally {
      block.close()
    }
  }

  test("a closed block is empty and may be used again") {
    val block = new RowBlock
    block.append(row(1, "a"))
    block.close()
    assert(block.count == 0 && block.bytes == 0)
    block.append(row(2, "b"))
    assert(block.count == 1)
    block.close()
  }
}
