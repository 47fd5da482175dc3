package org.arclight.spark.plan

import scala.jdk.CollectionConverters._

import io.substrait.proto.Type
import io.substrait.proto.Type.{KindCase, Nullability}
import org.apache.spark.sql.types._

/** What the types of a plan say. */
object PlanTypes {

  private final case class Kind(
      nullability: Type => Nullability,
      parts: Type => Seq[Type],
      dataType: Type => DataType)

  private def flat(nullability: Type => Nullability, dataType: DataType): Kind =
    Kind(nullability, _ => Nil, _ => dataType)

  private def fields(kind: Type): Seq[Type] = kind.getStruct.getTypesList.asScala.toSeq

  private val kinds: Map[KindCase, Kind] = Map(
    KindCase.BOOL -> flat(_.getBool.getNullability, BooleanType),
    KindCase.I8 -> flat(_.getI8.getNullability, ByteType),
    KindCase.I16 -> flat(_.getI16.getNullability, ShortType),
    KindCase.I32 -> flat(_.getI32.getNullability, IntegerType),
    KindCase.I64 -> flat(_.getI64.getNullability, LongType),
    KindCase.FP32 -> flat(_.getFp32.getNullability, FloatType),
    KindCase.FP64 -> flat(_.getFp64.getNullability, DoubleType),
    KindCase.STRING -> flat(_.getString.getNullability, StringType),
    KindCase.BINARY -> flat(_.getBinary.getNullability, BinaryType),
    KindCase.DATE -> flat(_.getDate.getNullability, DateType),
    KindCase.PRECISION_TIMESTAMP ->
      flat(_.getPrecisionTimestamp.getNullability, TimestampNTZType),
    KindCase.PRECISION_TIMESTAMP_TZ ->
      flat(_.getPrecisionTimestampTz.getNullability, TimestampType),
    KindCase.USER_DEFINED -> flat(_.getUserDefined.getNullability, NullType),
    KindCase.DECIMAL -> Kind(
      _.getDecimal.getNullability,
      _ => Nil,
      kind => DecimalType(kind.getDecimal.getPrecision, kind.getDecimal.getScale)),
    KindCase.LIST -> Kind(
      _.getList.getNullability,
      kind => Seq(kind.getList.getType),
      kind => ArrayType(toSpark(kind.getList.getType))),
    KindCase.MAP -> Kind(
      _.getMap.getNullability,
      kind => Seq(kind.getMap.getKey, kind.getMap.getValue),
      kind => MapType(toSpark(kind.getMap.getKey), toSpark(kind.getMap.getValue))),
    KindCase.STRUCT -> Kind(
      _.getStruct.getNullability,
      fields,
      kind => StructType(fields(kind).zipWithIndex.map {
        case (field, index) => StructField(s"_$index", toSpark(field))
      })))

  /** Whether a type and its parts say of themselves whether they may be NULL. */
  def saysNullability(kind: Type): Boolean = {
    val known = kinds(kind.getKindCase)
    known.nullability(kind) != Nullability.NULLABILITY_UNSPECIFIED &&
      known.parts(kind).forall(saysNullability)
  }

  /** Spark's type, whose parts may all be NULL and whose fields have no names. */
  def toSpark(kind: Type): DataType = kinds(kind.getKindCase).dataType(kind)
}
