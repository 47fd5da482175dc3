package org.arclight.spark.execution

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.types._
import org.scalatest.funsuite.AnyFunSuite

/** Sets of keys as the engine reads them (`key_set.rs` has the same form). */
class KeySetSuite extends AnyFunSuite {

  private def bytes(values: Int*): Seq[Byte] = values.map(_.toByte)

  test("steps from the smallest integer, in groups of 7 bits") {
    assert(KeySet.of(Array.empty[Long]).isEmpty)
    val least = Long.MinValue
    assert(KeySet.of(Array(least + 128, least, least + 1, least)).toSeq == bytes(0, 1, 127))
    assert(KeySet.of(Array(least + 128)).toSeq == bytes(0x80, 1))
    assert(KeySet.of(Array(0L)).toSeq == bytes(Seq.fill(9)(0x80) :+ 1: _*))
    assert(KeySet.of(Array(Long.MaxValue)).toSeq == bytes(Seq.fill(9)(0xff) :+ 1: _*))
  }

  test("the values of a column, without NULL") {
    val rows = Seq(InternalRow(null, 7), InternalRow(null, null), InternalRow(null, -2))
    assert(KeySet.of(rows.iterator, 1, IntegerType).toSeq == KeySet.of(Array(-2L, 7L)).toSeq)
    val prices = Seq(InternalRow(Decimal("1.25")), InternalRow(Decimal("-3.00")))
    assert(KeySet.of(prices.iterator, 0, DecimalType(5, 2)).toSeq ==
      KeySet.of(Array(125L, -300L)).toSeq)
  }
}
