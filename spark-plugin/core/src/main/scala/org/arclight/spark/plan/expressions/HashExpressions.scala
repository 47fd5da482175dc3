package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.optimizer.NormalizeNaNAndZero

import org.arclight.spark.plan.SparkTypes
import org.arclight.spark.plan.expressions.ExpressionEntry.function

/** Hashes of values, and what Spark does to keys before it hashes them. */
private[expressions] object HashExpressions {
  private val SEED = 42

  private def notNative(children: Seq[Expression], seed: Long, name: String): Option[String] =
    if (seed != SEED) {
      Some(s"$name has a native kernel only for seed $SEED")
    } else {
      children.map(_.dataType).find(SparkTypes.hasMap)
        .map(map => s"$name of ${map.sql} has no native kernel")
    }

  val entries: Seq[ExpressionEntry] = Seq(
    function[Murmur3Hash](
      "hash", e => notNative(e.children, e.seed.toLong, "Murmur3Hash"), _ => false,
      evaluation = Evaluation.Every, note = "not of maps"),
    function[XxHash64](
      "xxhash64", e => notNative(e.children, e.seed, "XxHash64"), _ => false,
      evaluation = Evaluation.Every, note = "not of maps"),
    function[Md5]("md5", mayFail = _ => false),
    function[Sha1]("sha1", mayFail = _ => false),
    function[Sha2]("sha2", mayFail = _ => false),
    function[Crc32]("crc32", mayFail = _ => false),
    function[NormalizeNaNAndZero]("normalize_nan_and_zero", mayFail = _ => false))
}
