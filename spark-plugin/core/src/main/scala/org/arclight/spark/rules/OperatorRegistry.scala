package org.arclight.spark.rules

import org.apache.spark.sql.execution._
import org.apache.spark.sql.execution.aggregate.{BaseAggregateExec, HashAggregateExec, ObjectHashAggregateExec, SortAggregateExec}
import org.apache.spark.sql.execution.window.{WindowExec, WindowGroupLimitExec}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.ArclightConf
import org.arclight.spark.execution.{CollectKeysExec, FilterByKeysExec, LocalTopNExec, PlacedSplit, StageSource}
import org.arclight.spark.plan.{AggregateRelation, FilterTerms, Generators, Relation, SparkTypes, StageBuilder}
import org.arclight.spark.plan.expressions.{ConditionalExpressions, ExpressionSupport, Native, SupportLevel, ThroughJvm, Unsupported, WindowFunctions}
import org.arclight.spark.rules.OperatorVerdict.{JvmOperator, NativeOperator}

/** One of Spark's operators that can be native. */
sealed trait OperatorEntry {
  /** The exact class: a subclass may do something else. */
  def operatorClass: Class[_ <: SparkPlan]

  /** What being native saves, in units of a cheap operator (see [[OffloadNativeStages]]). */
  def saving: Double

  /** Whether an operator of the class can be native. */
  def check(plan: SparkPlan, conf: SQLConf): SupportLevel

  /** The name in the operator's switch: Spark's class without `Exec`. */
  lazy val name: String = operatorClass.getSimpleName.stripSuffix("Exec")
}

/**
 * An operator over the rows of its children.
 *
 * @param write writes its relations over those of its children
 * @param moreParts what `write` makes them of, beside the operator's fields and its children's
 *     columns
 */
final case class StreamingOperator(
    operatorClass: Class[_ <: SparkPlan],
    saving: Double,
    checkOperator: (SparkPlan, SQLConf) => SupportLevel,
    write: (SparkPlan, Seq[Relation], StageBuilder) => Relation,
    moreParts: SparkPlan => Seq[Any] = _ => Nil)
  extends OperatorEntry {
  override def check(plan: SparkPlan, conf: SQLConf): SupportLevel = checkOperator(plan, conf)
}

/** An operator whose native counterpart frames stages; it is never inside one. */
final case class FramingOperator(
    operatorClass: Class[_ <: SparkPlan],
    saving: Double,
    checkOperator: (SparkPlan, SQLConf) => SupportLevel)
  extends OperatorEntry {
  override def check(plan: SparkPlan, conf: SQLConf): SupportLevel = checkOperator(plan, conf)
}

/**
 * An operator for which another one stands in native stages.
 *
 * @param replace gives what stands for it, over the same inputs as the operator or over inputs
 *   below them; that operator has an entry of its own
 */
final case class ReplacedOperator(
    operatorClass: Class[_ <: SparkPlan],
    checkOperator: (SparkPlan, SQLConf) => SupportLevel,
    replace: SparkPlan => SparkPlan)
  extends OperatorEntry {
  // What stands for it saves.
  override def saving: Double = 0.0

  override def check(plan: SparkPlan, conf: SQLConf): SupportLevel = checkOperator(plan, conf)
}

/** An operator that makes rows of something that isn't a plan. */
trait LeafOperator extends OperatorEntry {

  /** What each task reads. Called when the stage executes. */
  def open(plan: SparkPlan, conf: SQLConf): OpenedLeaf
}

final case class OpenedLeaf(source: StageSource, splits: Seq[PlacedSplit])

/** All operators that can be native. */
object OperatorRegistry {

  /** A filter, a projection: the unit. */
  private val CHEAP = 1.0

  /** An operator whose work per row is several times that. */
  private[rules] val COSTLY = 4.0

  private def streaming[T <: SparkPlan](operatorClass: Class[T], saving: Double)(
      check: (T, SQLConf) => SupportLevel)(
      write: (T, Seq[Relation], StageBuilder) => Relation): StreamingOperator =
    StreamingOperator(
      operatorClass,
      saving,
      (plan, conf) => check(operatorClass.cast(plan), conf),
      (plan, inputs, builder) => write(operatorClass.cast(plan), inputs, builder))

  private def aggregation[T <: BaseAggregateExec](operatorClass: Class[T])(
      write: (T, Seq[Relation], StageBuilder) => Relation): OperatorEntry =
    streaming(operatorClass, COSTLY)(checkAggregate)(write)
      .copy(moreParts = node => Seq(AggregateRelation.isByPartition(operatorClass.cast(node))))

  val entries: Seq[OperatorEntry] = Seq(
    FileScanOperator,
    RangeOperator,

    streaming(classOf[FilterExec], CHEAP) { (filter, conf) =>
      ExpressionSupport.check(filter.condition, filter.child.output, conf)
    } { (filter, inputs, builder) =>
      val terms =
        if (GeneratedCode.covers(filter, builder.conf)) FilterTerms.inOrder(filter.condition)
        else ConditionalExpressions.conjuncts(filter.condition)
      builder.filter(inputs.head, terms, filter.output)
    },

    streaming(classOf[ProjectExec], CHEAP) { (project, conf) =>
      ExpressionSupport.checkAll(project.projectList, project.child.output, conf)
    } { (project, inputs, builder) =>
      builder.project(inputs.head, project.projectList)
    },

    aggregation(classOf[HashAggregateExec]) { (node, inputs, builder) =>
      builder.aggregate(inputs.head, node)
    },

    aggregation(classOf[ObjectHashAggregateExec]) { (node, inputs, builder) =>
      builder.aggregate(inputs.head, node)
    },

    // It promises its output in the order of its groups.
    aggregation(classOf[SortAggregateExec]) { (node, inputs, builder) =>
      val aggregated = builder.aggregate(inputs.head, node)
      if (node.outputOrdering.isEmpty) {
        aggregated
      } else {
        builder.sort(aggregated, node.outputOrdering, node.nodeName)
          .copy(operator = aggregated.operator)
      }
    },

    streaming(classOf[SortExec], COSTLY) { (sort, conf) =>
      ExpressionSupport.checkAll(sort.sortOrder.map(_.child), sort.child.output, conf)
    } { (sort, inputs, builder) =>
      builder.sort(inputs.head, sort.sortOrder)
    },

    streaming(classOf[LocalTopNExec], CHEAP) { (top, conf) =>
      ExpressionSupport.checkAll(top.sortOrder.map(_.child), top.child.output, conf)
    } { (top, inputs, builder) =>
      builder.topN(inputs.head, top.sortOrder, 0, top.limit)
    },

    FramingOperator(
      classOf[TakeOrderedAndProjectExec],
      CHEAP,
      (plan, conf) => {
        val take = classOf[TakeOrderedAndProjectExec].cast(plan)
        ExpressionSupport.checkAll(
          take.sortOrder.map(_.child) ++ take.projectList, take.child.output, conf)
      }),

    streaming(classOf[LocalLimitExec], CHEAP)((_, _) => Native) { (limit, inputs, builder) =>
      builder.limit(inputs.head, 0, Some(limit.limit.toLong))
    },

    streaming(classOf[GlobalLimitExec], CHEAP)((_, _) => Native) { (limit, inputs, builder) =>
      // Spark's limit counts the rows that the offset skips; a negative one is none.
      val count = if (limit.limit < 0) None else Some(math.max(limit.limit - limit.offset, 0).toLong)
      builder.limit(inputs.head, limit.offset.toLong, count)
    },

    streaming(classOf[UnionExec], CHEAP) { (union, _) =>
      val types = union.output.map(_.dataType)
      def fits(input: SparkPlan): Boolean =
        input.output.length == types.length &&
          input.output.zip(types).forall { case (column, wanted) =>
            SparkTypes.areAlike(column.dataType, wanted)
          }
      if (union.children.forall(fits)) Native else Unsupported("its inputs' types differ")
    } { (union, inputs, builder) =>
      builder.union(inputs, union.output)
    },

    streaming(classOf[ExpandExec], CHEAP) { (expand, conf) =>
      SupportLevel.all(expand.projections.iterator.map(
        ExpressionSupport.checkAll(_, expand.child.output, conf)))
    } { (expand, inputs, builder) =>
      builder.expand(inputs.head, expand.projections, expand.output)
    },

    // The exchange above has the keys collected.
    streaming(classOf[CollectKeysExec], 0.0)((_, _) => Native)((_, inputs, _) => inputs.head),

    // The keys are there when the stage executes, or never.
    streaming(classOf[FilterByKeysExec], 0.0)((_, _) => Native) { (filter, inputs, builder) =>
      val filters = filter.filters
      if (filters.isEmpty) inputs.head else builder.filterByKeys(inputs.head, filters)
    },

    streaming(classOf[GenerateExec], COSTLY) { (generate, conf) =>
      Generators.check(generate.generator, generate.child.output, conf)
    } { (generate, inputs, builder) =>
      builder.generate(inputs.head, generate)
    },

    streaming(classOf[WindowExec], COSTLY) { (window, conf) =>
      WindowFunctions.check(
        window.windowExpression, window.partitionSpec, window.orderSpec, window.child.output, conf)
    } { (window, inputs, builder) =>
      builder.window(inputs.head, window)
    },

    streaming(classOf[WindowGroupLimitExec], CHEAP) { (limit, conf) =>
      WindowFunctions.checkKeys(limit.partitionSpec, limit.orderSpec, limit.child.output, conf)
    } { (limit, inputs, builder) =>
      builder.windowGroupLimit(inputs.head, limit)
    }) ++ JoinOperators.entries ++ BroadcastOperators.entries

  private val byClass: Map[Class[_], OperatorEntry] =
    entries.map(entry => (entry.operatorClass: Class[_]) -> entry).toMap

  def entry(plan: SparkPlan): Option[OperatorEntry] = byClass.get(plan.getClass)

  /** Whether a native operator can be inside a stage. */
  def isFusible(plan: SparkPlan): Boolean = entry(plan).exists {
    case _: FramingOperator => false
    case _ => true
  }

  /** Why operators stay Spark's that a native one would gain nothing over. */
  private val reasons: Map[Class[_], String] = Map(
    classOf[CollectLimitExec] ->
      "it computes nothing: Spark takes the first rows of its child from a few tasks at a time",
    classOf[CollectTailExec] ->
      "it computes nothing: Spark takes the last rows of each task of its child",
    classOf[CoalesceExec] -> "it computes nothing: Spark runs several of its child's tasks as one",
    classOf[SampleExec] -> "the rows of a sample are those that Spark's random numbers choose")

  /** Whether an operator can be native in a session. */
  def verdict(plan: SparkPlan, conf: SQLConf): OperatorVerdict = entry(plan) match {
    case None => JvmOperator(
      reasons.getOrElse(plan.getClass, s"there is no native ${plan.nodeName}"))
    case Some(known) if !ArclightConf.isOperatorEnabled(known.name, conf) =>
      JvmOperator(s"${ArclightConf.operatorKey(known.name)} is false")
    case Some(known) =>
      ExpressionSupport.checkColumns(plan.output)
        .and(SupportLevel.all(
          plan.children.iterator.map(child => ExpressionSupport.checkColumns(child.output))))
        .and(known.check(plan, conf)) match {
          case Native => NativeOperator(None)
          case ThroughJvm(reason) => NativeOperator(Some(reason))
          case Unsupported(reason) => JvmOperator(reason)
        }
  }

  private def checkAggregate(node: BaseAggregateExec, conf: SQLConf): SupportLevel =
    if (node.isStreaming) {
      Unsupported("streaming aggregations are not native")
    } else {
      ExpressionSupport.checkAggregate(
        node.groupingExpressions,
        node.aggregateExpressions,
        node.aggregateAttributes,
        node.resultExpressions,
        node.child.output,
        conf)
    }
}
