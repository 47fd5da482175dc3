package org.arclight.spark.plan

import java.math.BigInteger

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.util.{ArrayBasedMapData, GenericArrayData}
import org.apache.spark.sql.types._
import org.apache.spark.unsafe.types.UTF8String
import org.scalatest.funsuite.AnyFunSuite

class LiteralsSuite extends AnyFunSuite {
  private def decimalBytes(text: String, dataType: DecimalType): Array[Byte] =
    Literals.toSubstrait(Decimal(BigDecimal(text), dataType.precision, dataType.scale), dataType)
      .getDecimal.getValue.toByteArray

  test("decimals are 16 bytes, little endian, two's complement") {
    Seq("0", "1", "-1", "255", "-256", "99999999999999999999999999999999999999",
      "-99999999999999999999999999999999999999").foreach { text =>
      val bytes = decimalBytes(text, DecimalType(38, 0))
      assert(bytes.length == 16)
      assert(new BigInteger(bytes.reverse) == new BigInteger(text), text)
    }
    assert(new BigInteger(decimalBytes("1.5", DecimalType(10, 3)).reverse).intValue == 1500)
  }

  test("values keep their bits") {
    assert(Literals.toSubstrait(-0.0d, DoubleType).getFp64.equals(-0.0d))
    assert(Literals.toSubstrait(Float.NaN, FloatType).getFp32.isNaN)
    assert(Literals.toSubstrait((-3).toByte, ByteType).getI8 == -3)
    assert(Literals.toSubstrait(Long.MinValue, TimestampType)
      .getPrecisionTimestampTz.getValue == Long.MinValue)
    assert(Literals.toSubstrait(UTF8String.fromString("é"), StringType).getString == "é")
  }

  test("NULL has a type") {
    val literal = Literals.toSubstrait(null, DecimalType(7, 2))
    assert(literal.getNull.getDecimal.getPrecision == 7)
    assert(Literals.toSubstrait(null, NullType).getNull.getUserDefined.getTypeReference ==
      SparkTypes.VOID_ANCHOR)
  }

  test("nested values") {
    val array = Literals.toSubstrait(
      new GenericArrayData(Array[Any](1, null)), ArrayType(IntegerType))
    assert(array.getList.getValues(0).getI32 == 1 && array.getList.getValues(1).hasNull)
    assert(Literals.toSubstrait(new GenericArrayData(Array.empty[Any]), ArrayType(LongType))
      .getEmptyList.getType.hasI64)
    val map = Literals.toSubstrait(
      ArrayBasedMapData(Array[Any](1), Array[Any](null)), MapType(IntegerType, LongType))
    assert(map.getMap.getKeyValues(0).getValue.getNull.hasI64)
    val struct = Literals.toSubstrait(
      InternalRow(1, null), StructType.fromDDL("a int, b string"))
    assert(struct.getStruct.getFields(1).getNull.hasString)
  }

  test("a string that is no UTF-8 has no literal") {
    val broken = UTF8String.fromBytes(Array[Byte](-1))
    assert(!Literals.isExpressible(broken, StringType))
    assert(!Literals.isExpressible(
      new GenericArrayData(Array[Any](broken)), ArrayType(StringType)))
    assert(Literals.isExpressible(null, StringType))
    intercept[PlanException](Literals.toSubstrait(broken, StringType))
  }
}
