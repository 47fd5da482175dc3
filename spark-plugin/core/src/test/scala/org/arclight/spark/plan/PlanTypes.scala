package org.arclight.spark.plan

import scala.jdk.CollectionConverters._

import io.substrait.proto.Type
import io.substrait.proto.Type.{KindCase, Nullability}

/** What the types of a plan say. */
object PlanTypes {

  private val nullability: Map[KindCase, Type => Nullability] = Map(
    KindCase.BOOL -> (_.getBool.getNullability),
    KindCase.I8 -> (_.getI8.getNullability),
    KindCase.I16 -> (_.getI16.getNullability),
    KindCase.I32 -> (_.getI32.getNullability),
    KindCase.I64 -> (_.getI64.getNullability),
    KindCase.FP32 -> (_.getFp32.getNullability),
    KindCase.FP64 -> (_.getFp64.getNullability),
    KindCase.STRING -> (_.getString.getNullability),
    KindCase.BINARY -> (_.getBinary.getNullability),
    KindCase.DATE -> (_.getDate.getNullability),
    KindCase.PRECISION_TIMESTAMP -> (_.getPrecisionTimestamp.getNullability),
    KindCase.PRECISION_TIMESTAMP_TZ -> (_.getPrecisionTimestampTz.getNullability),
    KindCase.USER_DEFINED -> (_.getUserDefined.getNullability),
    KindCase.DECIMAL -> (_.getDecimal.getNullability),
    KindCase.LIST -> (_.getList.getNullability),
    KindCase.MAP -> (_.getMap.getNullability),
    KindCase.STRUCT -> (_.getStruct.getNullability))

  private def parts(kind: Type): Seq[Type] = kind.getKindCase match {
    case KindCase.LIST => Seq(kind.getList.getType)
    case KindCase.MAP => Seq(kind.getMap.getKey, kind.getMap.getValue)
    case KindCase.STRUCT => kind.getStruct.getTypesList.asScala.toSeq
    case _ => Nil
  }

  /** Whether a type and its parts say of themselves whether they may be NULL. */
  def saysNullability(kind: Type): Boolean =
    nullability(kind.getKindCase)(kind) != Nullability.NULLABILITY_UNSPECIFIED &&
      parts(kind).forall(saysNullability)
}
