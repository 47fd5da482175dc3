package org.arclight.spark.plan

import java.math.BigInteger

import scala.jdk.CollectionConverters._

import com.google.protobuf.ByteString
import io.substrait.proto.Expression.Literal
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.util.{ArrayData, MapData}
import org.apache.spark.sql.types._
import org.apache.spark.unsafe.types.UTF8String

/** Values of Spark's internal form as Substrait's literals. */
object Literals {

  /** Bytes of a decimal's unscaled value: little endian, two's complement. */
  private val DECIMAL_BYTES = 16

  /** A value of a type (NULL is the null reference). */
  def toSubstrait(value: Any, dataType: DataType): Literal = {
    val builder = Literal.newBuilder()
    if (value == null) {
      return builder.setNull(SparkTypes.toSubstrait(dataType, nullable = true))
        .setNullable(true).build()
    }
    dataType match {
      case BooleanType => builder.setBoolean(value.asInstanceOf[Boolean])
      case ByteType => builder.setI8(value.asInstanceOf[Byte].toInt)
      case ShortType => builder.setI16(value.asInstanceOf[Short].toInt)
      case IntegerType => builder.setI32(value.asInstanceOf[Int])
      case LongType => builder.setI64(value.asInstanceOf[Long])
      case FloatType => builder.setFp32(value.asInstanceOf[Float])
      case DoubleType => builder.setFp64(value.asInstanceOf[Double])
      case DateType => builder.setDate(value.asInstanceOf[Int])
      case TimestampType => builder.setPrecisionTimestampTz(timestamp(value))
      case TimestampNTZType => builder.setPrecisionTimestamp(timestamp(value))
      case BinaryType =>
        builder.setBinary(ByteString.copyFrom(value.asInstanceOf[Array[Byte]]))
      case _: StringType =>
        // Spark's strings may hold invalid UTF-8, Protobuf's may not.
        val text = value.asInstanceOf[UTF8String]
        if (!text.isValid) {
          throw new PlanException("a string literal is not valid UTF-8")
        }
        builder.setString(text.toString)
      case decimal: DecimalType => builder.setDecimal(decimalOf(value.asInstanceOf[Decimal], decimal))
      case array: ArrayType =>
        val data = value.asInstanceOf[ArrayData]
        if (data.numElements() == 0) {
          builder.setEmptyList(SparkTypes.toSubstrait(array, nullable = false).getList)
        } else {
          builder.setList(Literal.List.newBuilder()
            .addAllValues(elements(data, array.elementType).asJava))
        }
      case map: MapType =>
        val data = value.asInstanceOf[MapData]
        if (data.numElements() == 0) {
          builder.setEmptyMap(SparkTypes.toSubstrait(map, nullable = false).getMap)
        } else {
          val pairs = elements(data.keyArray(), map.keyType)
            .zip(elements(data.valueArray(), map.valueType))
            .map { case (key, item) =>
              Literal.Map.KeyValue.newBuilder().setKey(key).setValue(item).build()
            }
          builder.setMap(Literal.Map.newBuilder().addAllKeyValues(pairs.asJava))
        }
      case struct: StructType =>
        val row = value.asInstanceOf[InternalRow]
        val fields = struct.fields.toSeq.zipWithIndex.map { case (field, index) =>
          toSubstrait(row.get(index, field.dataType), field.dataType)
        }
        builder.setStruct(Literal.Struct.newBuilder().addAllFields(fields.asJava))
      case other => throw new PlanException(s"${other.sql} has no literals")
    }
    builder.build()
  }

  /**
   * Whether a value has a literal: a string of bytes that are no UTF-8 has none. The value's type
   * must be supported.
   */
  def isExpressible(value: Any, dataType: DataType): Boolean = (value, dataType) match {
    case (null, _) => true
    case (text: UTF8String, _) => text.isValid
    case (data: ArrayData, array: ArrayType) =>
      (0 until data.numElements()).forall { index =>
        isExpressible(data.get(index, array.elementType), array.elementType)
      }
    case (data: MapData, map: MapType) =>
      isExpressible(data.keyArray(), ArrayType(map.keyType)) &&
        isExpressible(data.valueArray(), ArrayType(map.valueType))
    case (row: InternalRow, struct: StructType) =>
      struct.fields.indices.forall { index =>
        isExpressible(row.get(index, struct(index).dataType), struct(index).dataType)
      }
    case _ => true
  }

  private def timestamp(value: Any): Literal.PrecisionTimestamp =
    Literal.PrecisionTimestamp.newBuilder()
      .setPrecision(SparkTypes.TIMESTAMP_PRECISION)
      .setValue(value.asInstanceOf[Long])
      .build()

  private def elements(data: ArrayData, elementType: DataType): Seq[Literal] =
    (0 until data.numElements()).map { index =>
      val element = if (data.isNullAt(index)) null else data.get(index, elementType)
      toSubstrait(element, elementType)
    }

  private def decimalOf(value: Decimal, dataType: DecimalType): Literal.Decimal = {
    val unscaled = value.toJavaBigDecimal.setScale(dataType.scale).unscaledValue()
    Literal.Decimal.newBuilder()
      .setPrecision(dataType.precision)
      .setScale(dataType.scale)
      .setValue(ByteString.copyFrom(littleEndian(unscaled)))
      .build()
  }

  private def littleEndian(value: BigInteger): Array[Byte] = {
    val bigEndian = value.toByteArray
    val sign: Byte = if (value.signum < 0) -1 else 0
    Array.tabulate(DECIMAL_BYTES) { index =>
      val position = bigEndian.length - 1 - index
      if (position >= 0) bigEndian(position) else sign
    }
  }
}
