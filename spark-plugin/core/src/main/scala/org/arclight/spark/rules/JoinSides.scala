package org.arclight.spark.rules

import scala.annotation.tailrec

import org.apache.spark.sql.catalyst.expressions.Attribute
import org.apache.spark.sql.catalyst.optimizer.{BuildLeft, BuildRight}
import org.apache.spark.sql.catalyst.plans._
import org.apache.spark.sql.catalyst.plans.logical.{LogicalPlan, UnaryNode}
import org.apache.spark.sql.catalyst.trees.TreeNodeTag
import org.apache.spark.sql.execution._
import org.apache.spark.sql.execution.adaptive.{AQEShuffleReadExec, QueryStageExec}
import org.apache.spark.sql.execution.aggregate.BaseAggregateExec
import org.apache.spark.sql.execution.datasources.LogicalRelation
import org.apache.spark.sql.execution.exchange.{BroadcastExchangeExec, Exchange, ReusedExchangeExec, ShuffleExchangeExec}
import org.apache.spark.sql.execution.joins.{BaseJoinExec, BroadcastHashJoinExec, ShuffledJoin}
import org.apache.spark.sql.sources.BaseRelation
import org.apache.spark.sql.types._

import org.arclight.spark.execution.{CollectedKeys, KeyExchange, SinglePartitionReadExec}
import org.arclight.spark.plan.expressions.ErrorFreedom

/** The exchange below one side of a join, whose stage knows or wants keys. */
private[rules] sealed trait JoinSide {
  def exchange: SparkPlan

  /** The keys that its stage waits for. */
  def awaits: Seq[CollectedKeys]

  /** What the largest scan below reads, in bytes. */
  final lazy val largestScan: BigInt = JoinSides.largestScan(exchange)
}

/** It is no stage yet. */
private[rules] final case class OpenSide(exchange: Exchange) extends JoinSide {
  override def awaits: Seq[CollectedKeys] = Nil
}

/** Its stage has begun, or has ended. */
private[rules] final case class StartedSide(exchange: KeyExchange) extends JoinSide {
  override def awaits: Seq[CollectedKeys] = exchange.awaits
}

private[rules] object StartedSide {
  def of(stage: QueryStageExec): Option[StartedSide] = stage.plan match {
    case exchange: KeyExchange => Some(StartedSide(exchange))
    case _ => None
  }
}

/**
 * A way for keys of a join from one side to the other, whose rows without them are of no use.
 *
 * @param sourceKeys columns of the source's exchange
 * @param targetKeys columns of the target's exchange, those that must equal the source's
 * @param pays whether the target has a scan that is worth filtering for its own sake
 */
private[rules] final case class KeyLink(
    source: JoinSide,
    sourceKeys: Seq[Attribute],
    target: JoinSide,
    targetKeys: Seq[Attribute],
    pays: Boolean)

/** The ways of a join's keys to the left, or those to the right. */
private[rules] final case class KeyLinks(join: BaseJoinExec, toLeft: Boolean, ways: Seq[KeyLink])

private[rules] object KeyLinks {

  /** The ways in both directions; to shuffled scans they pay from `minimum` bytes on. */
  def of(join: BaseJoinExec, minimum: Long): Seq[KeyLinks] = {
    val keys = join.leftKeys.zip(join.rightKeys).collect {
      case (left: Attribute, right: Attribute)
          if left.dataType == right.dataType && JoinSides.isKeyType(left.dataType) =>
        (left, right)
    }
    // In the stage of a broadcast's join its keys filter anyway.
    val (fromLeft, fromRight) = join match {
      case broadcast: BroadcastHashJoinExec =>
        (broadcast.buildSide == BuildLeft, broadcast.buildSide == BuildRight)
      case _: ShuffledJoin => (true, true)
      case _ => (false, false)
    }
    val toRight = Option.when(fromLeft && JoinSides.dropsUnmatchedRight(join.joinType)) {
      KeyLinks(join, toLeft = false, ways(join.left, join.right, keys, minimum))
    }
    val toLeft = Option.when(fromRight && JoinSides.dropsUnmatchedLeft(join.joinType)) {
      KeyLinks(join, toLeft = true, ways(join.right, join.left, keys.map(_.swap), minimum))
    }
    toRight.toSeq ++ toLeft
  }

  private def ways(
      source: SparkPlan,
      target: SparkPlan,
      keys: Seq[(Attribute, Attribute)],
      minimum: Long): Seq[KeyLink] = {
    val single = keys.flatMap { case (sourceKey, targetKey) =>
      for {
        from <- JoinSides.source(source, sourceKey)
        (to, shuffled) <- JoinSides.target(target, targetKey)
      } yield KeyLink(from, Seq(sourceKey), to, Seq(targetKey), shuffled.forall(_ >= minimum))
    }
    single.foldLeft(Seq.empty[KeyLink]) { (links, link) =>
      val (alike, others) = links.partition { other =>
        (other.source.exchange eq link.source.exchange) &&
          (other.target.exchange eq link.target.exchange)
      }
      others :+ alike.headOption.fold(link) { other =>
        other.copy(
          sourceKeys = other.sourceKeys ++ link.sourceKeys,
          targetKeys = other.targetKeys ++ link.targetKeys,
          pays = other.pays || link.pays)
      }
    }
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
    case exchange @ (_: ShuffleExchangeExec | _: BroadcastExchangeExec) =>
      openSide(exchange)
    case stage: QueryStageExec => StartedSide.of(stage)
    case _: SortExec | _: FilterExec | _: ProjectExec | _: AQEShuffleReadExec |
        _: SinglePartitionReadExec | _: BaseJoinExec =>
      below(plan, column).flatMap(source(_, column))
    case aggregate: BaseAggregateExec if groupsBy(aggregate, column) =>
      source(aggregate.child, column)
    case _ => None
  }

  /**
   * The exchange whose rows with some value of a column of `plan` have no effect but on the plan's
   * rows with that value, if in its stage a scan has the column; or an exchange whose stage waits
   * for keys. What is between raises for no row: Spark would have raised for those that are left
   * out, too. Of a shuffle it says what that scan reads, in bytes.
   */
  def target(plan: SparkPlan, column: Attribute): Option[(JoinSide, Option[BigInt])] = plan match {
    case exchange @ (_: ShuffleExchangeExec | _: BroadcastExchangeExec) =>
      val child = exchange.children.head
      val here = for {
        bytes <- scanBytes(child, column)
        side <- openSide(exchange)
      } yield (side, Option.when(exchange.isInstanceOf[ShuffleExchangeExec])(bytes))
      here.orElse(target(child, column))
    case stage: QueryStageExec if !stage.isMaterialized => StartedSide.of(stage).map((_, None))
    case _ => throughOperator(plan, column).flatMap(target(_, column))
  }

  private def openSide(exchange: SparkPlan): Option[JoinSide] = exchange match {
    case open: Exchange if OperatorVerdict.isNative(open.child) &&
        OperatorRegistry.isFusible(open.child) => Some(OpenSide(open))
    case _ => None
  }

  /** Whether a plan gives a column. */
  def has(plan: SparkPlan, column: Attribute): Boolean =
    plan.output.exists(_.exprId == column.exprId)

  /** The child that a column comes from as it is. */
  def below(plan: SparkPlan, column: Attribute): Option[SparkPlan] =
    plan.children.find(has(_, column))

  private def groupsBy(aggregate: BaseAggregateExec, column: Attribute): Boolean =
    has(aggregate.child, column) && aggregate.groupingExpressions.exists {
      case key: Attribute => key.exprId == column.exprId
      case _ => false
    }

  /**
   * The child whose rows with some value of a column have no effect but on a plan's rows with that
   * value, errors included.
   */
  private def throughOperator(plan: SparkPlan, column: Attribute): Option[SparkPlan] = plan match {
    case _: AQEShuffleReadExec | _: SinglePartitionReadExec => plan.children.headOption
    case sort: SortExec if sort.sortOrder.forall(order => ErrorFreedom.of(order.child)) =>
      below(plan, column)
    case _: FilterExec | _: ProjectExec if plan.expressions.forall(ErrorFreedom.of(_)) =>
      below(plan, column)
    case join: BaseJoinExec if plan.expressions.forall(ErrorFreedom.of(_)) =>
      below(plan, column).filter(keepsRows(join, _))
    case aggregate: BaseAggregateExec
        if groupsBy(aggregate, column) && ErrorFreedom.ofAggregation(aggregate) =>
      Some(aggregate.child)
    case _ => None
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
    case other => throughOperator(other, column).flatMap(scanBytes(_, column))
  }

  /** What the largest scan below a plan reads, in its stage or one below. */
  def largestScan(plan: SparkPlan): BigInt = plan match {
    case scan: FileSourceScanExec => scanSize(scan)
    case stage: QueryStageExec => largestScan(stage.plan)
    case ReusedExchangeExec(_, exchange) => largestScan(exchange)
    case other => other.children.map(largestScan).maxOption.getOrElse(0)
  }

  /** About how many bytes a scan reads: of its table, those of its columns as far as types tell. */
  def scanSize(scan: FileSourceScanExec): BigInt = {
    val all = scan.relation.schema.fields.map(_.dataType.defaultSize.toLong).sum
    val read = scan.output.map(_.dataType.defaultSize.toLong).sum
    tableBytes(scan) * read / math.max(all, read).max(1)
  }

  /** Whether a scan reads at least so many bytes. */
  def reads(scan: FileSourceScanExec, minimum: Long): Boolean =
    tableBytes(scan) >= minimum && scanSize(scan) >= minimum

  /**
   * Bytes of a scan's table as Spark estimates them. A file index looks its file system up each time,
   * and Spark forgets its estimates after each adaptive stage.
   */
  private def tableBytes(scan: FileSourceScanExec): BigInt =
    scan.logicalLink.flatMap(table).filter(_.relation eq scan.relation) match {
      case Some(table) =>
        // Copies have the tags of what they are copies of.
        table.getTagValue(ESTIMATE) match {
          case Some((relation, bytes)) if relation eq table.relation => bytes
          case _ =>
            val bytes = table.stats.sizeInBytes
            table.setTagValue(ESTIMATE, (table.relation, bytes))
            bytes
        }
      case None => scan.relation.location.sizeInBytes
    }

  /** The table that a scan and what is planned with it read. */
  @tailrec
  private def table(plan: LogicalPlan): Option[LogicalRelation] = plan match {
    case table: LogicalRelation => Some(table)
    case unary: UnaryNode => table(unary.child)
    case _ => None
  }

  private val ESTIMATE = TreeNodeTag[(BaseRelation, BigInt)]("arclight.tableBytes")
}
