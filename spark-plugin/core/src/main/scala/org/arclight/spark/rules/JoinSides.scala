package org.arclight.spark.rules

import org.apache.spark.sql.catalyst.expressions.{And, Attribute, Expression, IsNotNull}
import org.apache.spark.sql.catalyst.plans._
import org.apache.spark.sql.execution._
import org.apache.spark.sql.execution.adaptive.{AQEShuffleReadExec, QueryStageExec, ShuffleQueryStageExec}
import org.apache.spark.sql.execution.aggregate.BaseAggregateExec
import org.apache.spark.sql.execution.exchange.{Exchange, ReusedExchangeExec, ShuffleExchangeExec}
import org.apache.spark.sql.execution.joins.{BaseJoinExec, ShuffledJoin}
import org.apache.spark.sql.types._

import org.arclight.spark.execution.{CollectedKeys, FilterByKeysExec, NativeShuffleExchangeExec}

/** The exchange below one side of a join, whose map stage knows or wants keys. */
private[rules] sealed trait JoinSide {
  def exchange: SparkPlan

  /** What the scan reads that keys may filter; 0 where none is looked for. */
  def scanBytes: BigInt

  /** The keys that its stage waits for. */
  def awaits: Option[CollectedKeys]
}

/** It is no stage yet. */
private[rules] final case class OpenSide(exchange: ShuffleExchangeExec, scanBytes: BigInt)
  extends JoinSide {
  override def awaits: Option[CollectedKeys] = None
}

/** Its stage has begun, or has ended. */
private[rules] final case class StartedSide(exchange: NativeShuffleExchangeExec) extends JoinSide {
  override def scanBytes: BigInt = 0

  override def awaits: Option[CollectedKeys] = exchange.awaits
}

private[rules] object StartedSide {
  def of(stage: ShuffleQueryStageExec): Option[StartedSide] = stage.plan match {
    case exchange: NativeShuffleExchangeExec => Some(StartedSide(exchange))
    case _ => None
  }
}

/**
 * A way for the keys of a join from one side to the other, whose rows without them are of no use.
 *
 * @param sourceKeys columns of the source's exchange
 * @param targetKeys columns of the target's exchange, those that must equal the source's
 */
private[rules] final case class KeyLink(
    source: JoinSide,
    sourceKeys: Seq[Attribute],
    target: JoinSide,
    targetKeys: Seq[Attribute])

private[rules] object KeyLink {

  /** The ways between a join's sides; to a scan of at least `minimum` bytes or a waiting stage. */
  def of(join: ShuffledJoin, minimum: Long): Seq[KeyLink] = {
    def way(
        source: SparkPlan,
        target: SparkPlan,
        keys: Seq[(Attribute, Attribute)]): Option[KeyLink] = {
      val ways = keys.flatMap { case (sourceKey, targetKey) =>
        for {
          from <- JoinSides.source(source, sourceKey)
          to <- JoinSides.target(target, targetKey, minimum)
        } yield KeyLink(from, Seq(sourceKey), to, Seq(targetKey))
      }
      ways.headOption.map { first =>
        val alike = ways.filter { other =>
          (other.source.exchange eq first.source.exchange) &&
            (other.target.exchange eq first.target.exchange)
        }
        first.copy(
          sourceKeys = alike.flatMap(_.sourceKeys), targetKeys = alike.flatMap(_.targetKeys))
      }
    }
    val keys = join.leftKeys.zip(join.rightKeys).collect {
      case (left: Attribute, right: Attribute)
          if left.dataType == right.dataType && JoinSides.isKeyType(left.dataType) =>
        (left, right)
    }
    val toRight =
      if (JoinSides.dropsUnmatchedRight(join.joinType)) way(join.left, join.right, keys) else None
    val toLeft =
      if (JoinSides.dropsUnmatchedLeft(join.joinType)) {
        way(join.right, join.left, keys.map(_.swap))
      } else {
        None
      }
    toRight.toSeq ++ toLeft
  }
}

/** Finds the exchanges between which the keys of a join may go. */
private[rules] object JoinSides {

  /** Whether a join has no use for rows of its left side that match nothing. */
  def dropsUnmatchedLeft(joinType: JoinType): Boolean = joinType match {
    case _: InnerLike | LeftSemi | RightOuter => true
    case _ => false
  }

  /** Whether a join has no use for rows of its right side that match nothing. */
  def dropsUnmatchedRight(joinType: JoinType): Boolean = joinType match {
    case _: InnerLike | LeftSemi | LeftAnti | LeftOuter | _: ExistenceJoin => true
    case _ => false
  }

  /** Whether the engine filters by keys of a type. */
  def isKeyType(dataType: DataType): Boolean = dataType match {
    case ByteType | ShortType | IntegerType | LongType | DateType | TimestampType |
        TimestampNTZType => true
    case decimal: DecimalType => decimal.precision <= Decimal.MAX_LONG_DIGITS
    case _ => false
  }

  /**
   * The exchange that has all values of a column of `plan` but NULL: what is between gives no
   * others.
   */
  def source(plan: SparkPlan, column: Attribute): Option[JoinSide] = plan match {
    case exchange: ShuffleExchangeExec if isNative(exchange) => Some(OpenSide(exchange, 0))
    case stage: ShuffleQueryStageExec => StartedSide.of(stage)
    case _: SortExec | _: FilterExec | _: ProjectExec | _: AQEShuffleReadExec | _: BaseJoinExec =>
      below(plan, column).flatMap(source(_, column))
    case aggregate: BaseAggregateExec if groupsBy(aggregate, column) =>
      source(aggregate.child, column)
    case _ => None
  }

  /**
   * The exchange whose rows with some value of a column of `plan` have no effect but on the plan's
   * rows with that value, if a scan of at least `minimum` bytes below it has the column; or whose
   * stage waits for keys.
   */
  def target(plan: SparkPlan, column: Attribute, minimum: Long): Option[JoinSide] = plan match {
    case exchange: ShuffleExchangeExec if isNative(exchange) =>
      scanBytes(exchange.child, column).filter(_ >= minimum).map(OpenSide(exchange, _))
    case stage: ShuffleQueryStageExec if !stage.isMaterialized => StartedSide.of(stage)
    case _: SortExec | _: AQEShuffleReadExec =>
      below(plan, column).flatMap(target(_, column, minimum))
    case _: FilterExec | _: ProjectExec if plan.expressions.forall(_.deterministic) =>
      below(plan, column).flatMap(target(_, column, minimum))
    case join: BaseJoinExec =>
      below(plan, column).filter(keepsRows(join, _)).flatMap(target(_, column, minimum))
    case aggregate: BaseAggregateExec if groupsBy(aggregate, column) =>
      target(aggregate.child, column, minimum)
    case _ => None
  }

  private def isNative(exchange: ShuffleExchangeExec): Boolean =
    OperatorVerdict.isNative(exchange.child) && OperatorRegistry.isFusible(exchange.child)

  /** The child that a column comes from as it is. */
  private def below(plan: SparkPlan, column: Attribute): Option[SparkPlan] =
    plan.children.find(_.outputSet.contains(column))

  private def groupsBy(aggregate: BaseAggregateExec, column: Attribute): Boolean =
    aggregate.child.outputSet.contains(column) && aggregate.groupingExpressions.exists {
      case key: Attribute => key.exprId == column.exprId
      case _ => false
    }

  /** Whether the rows that a join gives for a row of a side have its columns as they are. */
  private def keepsRows(join: BaseJoinExec, side: SparkPlan): Boolean = join.joinType match {
    case _: InnerLike => true
    case LeftOuter | LeftSemi | LeftAnti | _: ExistenceJoin => side eq join.left
    case RightOuter => side eq join.right
    case _ => false
  }

  /** What the native scan of a stage reads that a column comes from. */
  private def scanBytes(plan: SparkPlan, column: Attribute): Option[BigInt] = plan match {
    case scan: FileSourceScanExec if OperatorVerdict.isNative(scan) => Some(scanSize(scan))
    case _: Exchange | _: QueryStageExec => None
    case other => below(other, column).flatMap(scanBytes(_, column))
  }

  /** Bytes of a scan's files, of its columns alone as far as types tell. */
  def scanSize(scan: FileSourceScanExec): BigInt = {
    val all = scan.relation.schema.fields.map(_.dataType.defaultSize.toLong).sum
    val read = scan.output.map(_.dataType.defaultSize.toLong).sum
    BigInt(scan.relation.location.sizeInBytes) * read / math.max(all, read).max(1)
  }

  /** Whether what a plan gives is less than what its tables have, as far as conditions tell. */
  def isSelective(plan: SparkPlan): Boolean = plan.exists {
    case filter: FilterExec => conjuncts(filter.condition).exists(!_.isInstanceOf[IsNotNull])
    case _: FilterByKeysExec => true
    case stage: QueryStageExec => isSelective(stage.plan)
    case ReusedExchangeExec(_, exchange) => isSelective(exchange)
    case _ => false
  }

  private def conjuncts(condition: Expression): Seq[Expression] = condition match {
    case And(left, right) => conjuncts(left) ++ conjuncts(right)
    case other => Seq(other)
  }
}
