package org.arclight.spark.plan

import io.substrait.proto.{FetchRel, Rel}
import org.apache.spark.sql.types.LongType

/** FetchRel: a task's first rows. */
private[plan] trait LimitRelation { this: StageBuilder =>

  /** At most `count` rows of `input` (all, if None) behind its first `offset`, within the task. */
  def limit(
      input: Relation,
      offset: Long,
      count: Option[Long],
      operator: String = "Limit"): Relation = {
    val writer = expressions(input.output)
    val (id, common) = this.common(operator)
    val rel = FetchRel.newBuilder().setCommon(common).setInput(input.rel)
    if (offset > 0) rel.setOffsetExpr(writer.literal(offset, LongType))
    count.foreach(rows => rel.setCountExpr(writer.literal(rows, LongType)))
    Relation(Rel.newBuilder().setFetch(rel).build(), input.output, id)
  }
}
