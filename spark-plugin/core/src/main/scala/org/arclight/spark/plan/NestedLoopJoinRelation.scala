package org.arclight.spark.plan

import io.substrait.proto.{AdvancedExtension, NestedLoopJoinRel, Rel}
import org.apache.spark.sql.catalyst.expressions.{Attribute, Expression}
import org.apache.spark.sql.catalyst.optimizer.{BuildLeft, BuildSide}
import org.apache.spark.sql.catalyst.plans._
import org.arclight.proto.NestedLoopJoinInfo

/** NestedLoopJoinRel: every row of one relation meets every row of another. */
private[plan] trait NestedLoopJoinRelation { this: StageBuilder =>

  /**
   * The join of two relations.
   *
   * @param heldSide the side that is held while the other one streams past it
   * @param condition over the columns of both sides; without one all pairs match
   * @param output what Spark calls its columns: those of the left side, then those of the right
   *   side; only the left side's for semi and anti joins; the left side's and whether there is a
   *   match for existence joins
   */
  def nestedLoopJoin(
      left: Relation,
      right: Relation,
      heldSide: BuildSide,
      joinType: JoinType,
      condition: Option[Expression],
      output: Seq[Attribute],
      operator: String): Relation = {
    val (id, common) = this.common(operator)
    val info = NestedLoopJoinInfo.newBuilder().setHoldLeft(heldSide == BuildLeft).build()
    val rel = NestedLoopJoinRel.newBuilder()
      .setCommon(common)
      .setLeft(left.rel)
      .setRight(right.rel)
      .setType(NestedLoopJoinRelation.joinType(joinType))
      .setAdvancedExtension(AdvancedExtension.newBuilder().setEnhancement(any(info)))
    condition.foreach { tree =>
      rel.setExpression(expressions(left.output ++ right.output).root(tree))
    }
    Relation(Rel.newBuilder().setNestedLoopJoin(rel).build(), output, id)
  }
}

private[plan] object NestedLoopJoinRelation {
  import NestedLoopJoinRel.JoinType._

  def joinType(joinType: JoinType): NestedLoopJoinRel.JoinType = joinType match {
    case _: InnerLike => JOIN_TYPE_INNER
    case LeftOuter => JOIN_TYPE_LEFT
    case RightOuter => JOIN_TYPE_RIGHT
    case LeftSemi => JOIN_TYPE_LEFT_SEMI
    case LeftAnti => JOIN_TYPE_LEFT_ANTI
    case _: ExistenceJoin => JOIN_TYPE_LEFT_MARK
    case other => throw new PlanException(s"a nested-loop join of type $other")
  }
}
