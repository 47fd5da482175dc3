package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.optimizer.NormalizeNaNAndZero
import org.apache.spark.sql.types._

import org.arclight.spark.plan.expressions.ExpressionEntry.function

/** Hashes of values, and what Spark does to keys before it hashes them. */
private[expressions] object HashExpressions {
  private val SEED = 42

  private def notNative(children: Seq[Expression], seed: Long, name: String): Option[String] =
    if (seed != SEED) {
      Some(s"$name has a native kernel only for seed $SEED")
    } else {
      children.map(_.dataType).find(isNested)
        .map(nested => s"$name of ${nested.sql} has no native kernel")
    }

  private def isNested(dataType: DataType): Boolean = dataType match {
    case _: ArrayType | _: MapType | _: StructType => true
    case _ => false
  }

  val entries: Seq[ExpressionEntry] = Seq(
    function[Murmur3Hash](
      "hash", e => notNative(e.children, e.seed.toLong, "Murmur3Hash"), _ => false,
      evaluation = Evaluation.Every, note = "not of nested types"),
    function[XxHash64](
      "xxhash64", e => notNative(e.children, e.seed, "XxHash64"), _ => false,
      evaluation = Evaluation.Every, note = "not of nested types"),
    function[NormalizeNaNAndZero]("normalize_nan_and_zero", mayFail = _ => false))
}
