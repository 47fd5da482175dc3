package org.arclight.spark.execution

import java.io.ByteArrayOutputStream

import scala.collection.mutable.ArrayBuilder

import org.apache.spark.SparkException
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.types._

/** A set of keys as the engine writes and reads them: the steps between ascending 64-bit integers. */
object KeySet {

  /** The set of the values, without NULL, of one column of rows. */
  def of(rows: Iterator[InternalRow], position: Int, dataType: DataType): Array[Byte] = {
    val value: InternalRow => Long = dataType match {
      case ByteType => _.getByte(position)
      case ShortType => _.getShort(position)
      case IntegerType | DateType => _.getInt(position)
      case LongType | TimestampType | TimestampNTZType => _.getLong(position)
      case decimal: DecimalType =>
        _.getDecimal(position, decimal.precision, decimal.scale).toUnscaledLong
      case other => throw SparkException.internalError(s"There are no keys of ${other.sql}.")
    }
    val values = new ArrayBuilder.ofLong
    rows.foreach(row => if (!row.isNullAt(position)) values += value(row))
    of(values.result())
  }

  /** The set of some keys, in any order. */
  def of(keys: Array[Long]): Array[Byte] = {
    val bytes = new ByteArrayOutputStream
    var before = Long.MinValue
    keys.sorted.distinct.foreach { key =>
      // Without a sign, in groups of 7 bits, the lowest first.
      var step = key - before
      while ((step & ~0x7fL) != 0) {
        bytes.write((step & 0x7f | 0x80).toInt)
        step >>>= 7
      }
      bytes.write(step.toInt)
      before = key
    }
    bytes.toByteArray
  }
}
