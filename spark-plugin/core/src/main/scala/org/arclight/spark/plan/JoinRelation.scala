package org.arclight.spark.plan

import scala.jdk.CollectionConverters._

import io.substrait.proto.{AdvancedExtension, ComparisonJoinKey, HashJoinRel, Rel, RelCommon}
import io.substrait.proto.ComparisonJoinKey.{ComparisonType, SimpleComparisonType}
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.optimizer.{BuildLeft, BuildRight, BuildSide, NormalizeNaNAndZero}
import org.apache.spark.sql.catalyst.plans._
import org.arclight.proto.JoinInfo

/**
 * What joins two relations.
 *
 * @param leftKeys over the left side's columns, as many and of the same types as `rightKeys`; rows
 *   with a NULL key have no partner
 * @param rightKeys over the right side's columns
 * @param buildSide the side that the table is built of, whatever the type of the join
 * @param condition over the columns of both sides; evaluated only where the keys are equal
 * @param nullAware whether an anti join is that of NOT IN: it has one key, the right side is built,
 *   and there is no condition
 * @param keepsOrder whether operators above rely on the order of the side that is not built
 */
final case class JoinTerms(
    leftKeys: Seq[Expression],
    rightKeys: Seq[Expression],
    joinType: JoinType,
    buildSide: BuildSide,
    condition: Option[Expression],
    nullAware: Boolean = false,
    keepsOrder: Boolean = false)

/** HashJoinRel: rows of two relations that have equal keys. */
private[plan] trait JoinRelation { this: StageBuilder =>

  /**
   * The join of two relations.
   *
   * @param output what Spark calls its columns: those of the left side, then those of the right
   *   side; only the left side's for semi and anti joins; the left side's and whether there is a
   *   partner for existence joins
   */
  def hashJoin(
      left: Relation,
      right: Relation,
      terms: JoinTerms,
      output: Seq[Attribute],
      operator: String): Relation = {
    if (terms.leftKeys.isEmpty || terms.leftKeys.length != terms.rightKeys.length) {
      throw new PlanException(
        s"a hash join by ${terms.leftKeys.length} and ${terms.rightKeys.length} keys")
    }
    val leftSide = withKeys(left, terms.leftKeys)
    val rightSide = withKeys(right, terms.rightKeys)
    val pairs = leftSide.relation.output ++ rightSide.relation.output
    val (id, common) = this.common(operator)
    val rel = HashJoinRel.newBuilder()
      .setLeft(leftSide.relation.rel)
      .setRight(rightSide.relation.rel)
      .addAllKeys(leftSide.keys.zip(rightSide.keys).map { case (one, other) =>
        equalKeys(one, other)
      }.asJava)
      .setType(JoinRelation.joinType(terms.joinType))
      .setBuildInput(terms.buildSide match {
        case BuildLeft => HashJoinRel.BuildInput.BUILD_INPUT_LEFT
        case BuildRight => HashJoinRel.BuildInput.BUILD_INPUT_RIGHT
      })
      .setAdvancedExtension(AdvancedExtension.newBuilder()
        .setEnhancement(any(JoinInfo.newBuilder()
          .setNullAwareAnti(terms.nullAware)
          .setKeepsOrder(terms.keepsOrder)
          .build())))
    terms.condition.foreach(tree => rel.setResidualExpression(expressions(pairs).root(tree)))

    // The columns of keys that were computed for the join alone end here.
    val leftColumns = left.output.indices
    val rightColumns = right.output.indices.map(leftSide.relation.output.length + _)
    val columns = terms.joinType match {
      case LeftSemi | LeftAnti => leftColumns
      case _: ExistenceJoin => leftColumns :+ leftSide.relation.output.length
      case _ => leftColumns ++ rightColumns
    }
    if (columns.length != output.length) {
      throw new PlanException(s"a join of ${columns.length} columns is to have ${output.length}")
    }
    if (leftSide.isWidened || rightSide.isWidened) {
      common.setEmit(
        RelCommon.Emit.newBuilder().addAllOutputMapping(columns.map(Int.box).asJava))
    }
    Relation(Rel.newBuilder().setHashJoin(rel.setCommon(common)).build(), output, id)
  }

  /** A relation with its keys as columns: those that aren't columns yet are computed behind them. */
  private def withKeys(input: Relation, keys: Seq[Expression]): JoinRelation.Side = {
    val writer = expressions(input.output)
    val bare = keys.map(JoinRelation.withoutNormalization)
    val computed = bare.filterNot(_.isInstanceOf[Attribute])
    val relation =
      if (computed.isEmpty) {
        input
      } else {
        projectWritten(
          input,
          input.output.indices.map(writer.column) ++ computed.map(writer.root),
          input.output ++ computed.map(key =>
            AttributeReference("key", key.dataType, key.nullable)()),
          "Project")
      }
    val behind = Iterator.from(input.output.length)
    val positions = bare.map {
      case column: Attribute => writer.position(column)
      case _ => behind.next()
    }
    JoinRelation.Side(relation, positions, computed.nonEmpty)
  }

  private def equalKeys(left: Int, right: Int): ComparisonJoinKey =
    ComparisonJoinKey.newBuilder()
      .setLeft(ExpressionWriter.reference(left))
      .setRight(ExpressionWriter.reference(right))
      .setComparison(ComparisonType.newBuilder()
        .setSimple(SimpleComparisonType.SIMPLE_COMPARISON_TYPE_EQ))
      .build()
}

private[plan] object JoinRelation {

  /**
   * A side of a join.
   *
   * @param keys positions of the keys among its columns
   * @param isWidened whether there are columns of keys behind the side's own
   */
  private final case class Side(relation: Relation, keys: Seq[Int], isWidened: Boolean)

  /** Spark makes one value of each zero and each NaN before it compares keys; so does the engine. */
  private def withoutNormalization(key: Expression): Expression = key match {
    case KnownFloatingPointNormalized(NormalizeNaNAndZero(column: Attribute)) => column
    case other => other
  }

  /** Substrait's name of a type of join. */
  def joinType(joinType: JoinType): HashJoinRel.JoinType = joinType match {
    case _: InnerLike => HashJoinRel.JoinType.JOIN_TYPE_INNER
    case LeftOuter => HashJoinRel.JoinType.JOIN_TYPE_LEFT
    case RightOuter => HashJoinRel.JoinType.JOIN_TYPE_RIGHT
    case FullOuter => HashJoinRel.JoinType.JOIN_TYPE_OUTER
    case LeftSemi => HashJoinRel.JoinType.JOIN_TYPE_LEFT_SEMI
    case LeftAnti => HashJoinRel.JoinType.JOIN_TYPE_LEFT_ANTI
    case _: ExistenceJoin => HashJoinRel.JoinType.JOIN_TYPE_LEFT_MARK
    case other => throw new PlanException(s"a join of type $other")
  }
}
