package org.arclight.spark.plan

import scala.jdk.CollectionConverters._

import com.google.protobuf.{Any => ProtobufAny, Message}
import io.substrait.proto._
import org.apache.spark.sql.catalyst.expressions.BoundReference
import org.arclight.proto.{AggregateFallbacks, BroadcastInput, CollectKeys, FilterByKeys, Generate, JoinInfo, NestedLoopJoinInfo, OperatorInfo, ParquetScan, RangeInput, RowsInput, ShuffleReadInput, ShuffleWrite, StageInfo}
import org.scalatest.Assertions

import org.arclight.spark.plan.PlanTypes.saysNullability

/**
 * Refuses a stage's plan whose anchors, types or references don't hold. It derives the columns of
 * every relation from the plan alone, and compares types apart from nullability.
 */
final class PlanChecker(stage: StagePlan) extends Assertions {
  private val plan = Plan.parseFrom(stage.bytes)
  private val info = plan.getAdvancedExtensions.getEnhancement.unpack(classOf[StageInfo])

  private val functions: Map[Int, String] = {
    val declared = plan.getExtensionsList.asScala.filter(_.hasExtensionFunction)
      .map(_.getExtensionFunction)
    declared.foreach(f => assertUrn(f.getExtensionUrnReference))
    assert(declared.map(_.getFunctionAnchor).distinct.length == declared.length, "anchor twice")
    assert(declared.map(_.getName).distinct.length == declared.length, "function twice")
    declared.map(f => f.getFunctionAnchor -> f.getName).toMap
  }

  private val types: Map[Int, String] =
    plan.getExtensionsList.asScala.filter(_.hasExtensionType).map(_.getExtensionType)
      .map(t => t.getTypeAnchor -> t.getName).toMap

  private var operators = Set.empty[Int]

  private def assertUrn(reference: Int): Unit =
    assert(plan.getExtensionUrnsList.asScala.exists { urn =>
      urn.getExtensionUrnAnchor == reference && urn.getUrn == StageBuilder.URN
    }, s"URN $reference is not declared")

  /** Checks the plan; gives the types of the root's columns. */
  def check(): Seq[Type] = {
    assert(plan.getRelationsCount == 1 && plan.getRelations(0).hasRoot, "one root")
    assert(types.values.toSeq == Seq(SparkTypes.VOID_NAME))
    val known = FunctionCatalogue.scalar ++ FunctionCatalogue.aggregate
    functions.values.foreach(name => assert(known(name), s"$name is not in the catalogue"))
    assert(info.getJvmExpressions == stage.jvmExpressions.length)
    assert(info.getTimeZone.getOffsetsCount == info.getTimeZone.getTransitionsCount + 1)
    assert(StagePlan.digest(stage.bytes).sameElements(stage.digest) && stage.digest.length == 16)
    stage.jvmExpressions.foreach(checkBound)
    val root = plan.getRelations(0).getRoot
    val output = relation(root.getInput, atRoot = true)
    assert(root.getNamesCount == output.length, "names of the root")
    assert(operators == (0 until stage.operatorCount).toSet, "operators are numbered from 0")
    assert(info.getOperators == stage.operatorCount)
    output
  }

  private def checkBound(jvm: JvmExpression): Unit = {
    assert(jvm.expression.references.isEmpty, s"${jvm.expression} has unbound columns")
    jvm.expression.foreach {
      case BoundReference(ordinal, dataType, _) =>
        assert(jvm.inputTypes(ordinal) == dataType, s"input $ordinal of ${jvm.expression}")
      case _ =>
    }
    assert(jvm.expression.dataType == jvm.outputType)
  }

  private def relation(rel: Rel, atRoot: Boolean = false): Seq[Type] = rel.getRelTypeCase match {
    case Rel.RelTypeCase.READ =>
      val read = rel.getRead
      val output = named(read.getBaseSchema)
      val scan = detail(read.getExtensionTable.getDetail, classOf[ParquetScan])
      assert(scan.getFileColumns <= output.length)
      if (read.hasBestEffortFilter) assertBoolean(expression(read.getBestEffortFilter, output))
      direct(read.getCommon, output)
    case Rel.RelTypeCase.EXTENSION_LEAF =>
      val leaf = rel.getExtensionLeaf
      direct(leaf.getCommon, leafColumns(leaf.getDetail))
    case Rel.RelTypeCase.FILTER =>
      val input = relation(rel.getFilter.getInput)
      assertBoolean(expression(rel.getFilter.getCondition, input))
      direct(rel.getFilter.getCommon, input)
    case Rel.RelTypeCase.PROJECT =>
      val project = rel.getProject
      val input = relation(project.getInput)
      val columns = input ++ project.getExpressionsList.asScala.map(expression(_, input))
      operator(project.getCommon)
      project.getCommon.getEmit.getOutputMappingList.asScala.toSeq.map(i => columns(i))
    case Rel.RelTypeCase.AGGREGATE => aggregate(rel.getAggregate)
    case Rel.RelTypeCase.SORT =>
      val input = relation(rel.getSort.getInput)
      sorts(rel.getSort.getSortsList.asScala.toSeq, input)
      direct(rel.getSort.getCommon, input)
    case Rel.RelTypeCase.TOP_N =>
      val input = relation(rel.getTopN.getInput)
      sorts(rel.getTopN.getSortsList.asScala.toSeq, input)
      direct(rel.getTopN.getCommon, input)
    case Rel.RelTypeCase.FETCH =>
      direct(rel.getFetch.getCommon, relation(rel.getFetch.getInput))
    case Rel.RelTypeCase.EXPAND =>
      val expand = rel.getExpand
      val input = relation(expand.getInput)
      direct(expand.getCommon, expand.getFieldsList.asScala.toSeq.map { field =>
        val found = field.getSwitchingField.getDuplicatesList.asScala.map(expression(_, input))
        found.foreach(t => assertSame(t, found.head, "a column of Expand"))
        found.head
      })
    case Rel.RelTypeCase.SET =>
      val inputs = rel.getSet.getInputsList.asScala.toSeq.map(relation(_))
      inputs.foreach { columns =>
        assert(columns.length == inputs.head.length)
        columns.zip(inputs.head).foreach { case (a, b) => assertSame(a, b, "a column of a union") }
      }
      direct(rel.getSet.getCommon, inputs.head)
    case Rel.RelTypeCase.HASH_JOIN => hashJoin(rel.getHashJoin)
    case Rel.RelTypeCase.NESTED_LOOP_JOIN =>
      val join = rel.getNestedLoopJoin
      val (left, right) = (relation(join.getLeft), relation(join.getRight))
      if (join.hasExpression) assertBoolean(expression(join.getExpression, left ++ right))
      detail(join.getAdvancedExtension.getEnhancement, classOf[NestedLoopJoinInfo])
      direct(join.getCommon, join.getType match {
        case NestedLoopJoinRel.JoinType.JOIN_TYPE_LEFT_SEMI |
            NestedLoopJoinRel.JoinType.JOIN_TYPE_LEFT_ANTI => left
        case NestedLoopJoinRel.JoinType.JOIN_TYPE_LEFT_MARK =>
          left :+ SparkTypes.toSubstrait(org.apache.spark.sql.types.BooleanType, nullable = false)
        case _ => left ++ right
      })
    case Rel.RelTypeCase.EXTENSION_SINGLE
        if rel.getExtensionSingle.getDetail.is(classOf[Generate]) =>
      val input = relation(rel.getExtensionSingle.getInput)
      val generate = rel.getExtensionSingle.getDetail.unpack(classOf[Generate])
      val kept = generate.getKeptList.asScala.toSeq.map(position => input(position))
      direct(rel.getExtensionSingle.getCommon, kept ++ generated(generate, input))
    case Rel.RelTypeCase.EXTENSION_SINGLE
        if rel.getExtensionSingle.getDetail.is(classOf[CollectKeys]) =>
      val input = relation(rel.getExtensionSingle.getInput)
      val collect = rel.getExtensionSingle.getDetail.unpack(classOf[CollectKeys])
      collect.getColumnsList.asScala.foreach(column => assert(column < input.length))
      direct(rel.getExtensionSingle.getCommon, input)
    case Rel.RelTypeCase.EXTENSION_SINGLE
        if rel.getExtensionSingle.getDetail.is(classOf[FilterByKeys]) =>
      val input = relation(rel.getExtensionSingle.getInput)
      val byKeys = rel.getExtensionSingle.getDetail.unpack(classOf[FilterByKeys])
      byKeys.getFiltersList.asScala.foreach(filter => assert(filter.getColumn < input.length))
      direct(rel.getExtensionSingle.getCommon, input)
    case Rel.RelTypeCase.EXTENSION_SINGLE =>
      assert(atRoot, "ShuffleWrite is at the root only")
      val input = relation(rel.getExtensionSingle.getInput)
      val write = detail(rel.getExtensionSingle.getDetail, classOf[ShuffleWrite])
      write.getHash.getExpressionsList.asScala.foreach(expression(_, input))
      sorts(write.getRange.getSortsList.asScala.toSeq, input)
      direct(rel.getExtensionSingle.getCommon, input)
    case other => fail(s"relation $other")
  }

  private def generated(generate: Generate, input: Seq[Type]): Seq[Type] = {
    def of(dataType: org.apache.spark.sql.types.DataType): Type =
      SparkTypes.toSubstrait(dataType, nullable = true)
    generate.getGeneratorCase match {
      case Generate.GeneratorCase.EXPLODE =>
        val collection = expression(generate.getExplode.getCollection, input)
        val position =
          if (generate.getExplode.getPosition) Seq(of(org.apache.spark.sql.types.IntegerType)) else Nil
        assert(collection.hasList || collection.hasMap, s"explode of $collection")
        position ++ (
          if (collection.hasList) Seq(collection.getList.getType)
          else Seq(collection.getMap.getKey, collection.getMap.getValue))
      case Generate.GeneratorCase.INLINE =>
        val structs = expression(generate.getInline.getStructs, input)
        assert(structs.hasList && structs.getList.getType.hasStruct, s"inline of $structs")
        structs.getList.getType.getStruct.getTypesList.asScala.toSeq
      case Generate.GeneratorCase.STACK =>
        val rows = generate.getStack.getRows
        val values = generate.getStack.getValuesList.asScala.toSeq.map(expression(_, input))
        val width = (values.length + rows - 1) / rows
        values.zipWithIndex.foreach { case (value, index) =>
          assertSame(value, values(index % width), "a column of a stack")
        }
        values.take(width)
      case Generate.GeneratorCase.REPLICATE_ROWS =>
        assert(expression(generate.getReplicateRows.getCount, input).hasI64)
        generate.getReplicateRows.getValuesList.asScala.toSeq.map(expression(_, input))
      case other => fail(s"generator $other")
    }
  }

  private def leafColumns(any: ProtobufAny): Seq[Type] =
    if (any.is(classOf[RowsInput])) named(any.unpack(classOf[RowsInput]).getSchema)
    else if (any.is(classOf[BroadcastInput])) named(any.unpack(classOf[BroadcastInput]).getSchema)
    else if (any.is(classOf[ShuffleReadInput])) {
      named(any.unpack(classOf[ShuffleReadInput]).getSchema)
    } else {
      detail(any, classOf[RangeInput])
      Seq(SparkTypes.toSubstrait(org.apache.spark.sql.types.LongType, nullable = false))
    }

  private def hashJoin(join: HashJoinRel): Seq[Type] = {
    import HashJoinRel.JoinType._
    val left = relation(join.getLeft)
    val right = relation(join.getRight)
    assert(join.getKeysCount > 0, "a hash join has keys")
    join.getKeysList.asScala.foreach { key =>
      val one = column(key.getLeft, left)
      val other = column(key.getRight, right)
      assertSame(one, other, "a key of a join")
      assert(key.getComparison.getSimple ==
        ComparisonJoinKey.SimpleComparisonType.SIMPLE_COMPARISON_TYPE_EQ)
    }
    assert(join.getBuildInput != HashJoinRel.BuildInput.BUILD_INPUT_UNSPECIFIED)
    if (join.hasResidualExpression) {
      assertBoolean(expression(join.getResidualExpression, left ++ right))
    }
    assert(!join.hasPostJoinFilter, "a filter after the join is a relation of its own")
    val info = detail(join.getAdvancedExtension.getEnhancement, classOf[JoinInfo])
    if (info.getNullAwareAnti) {
      assert(join.getType == JOIN_TYPE_LEFT_ANTI && join.getKeysCount == 1)
      assert(join.getBuildInput == HashJoinRel.BuildInput.BUILD_INPUT_RIGHT)
      assert(!join.hasResidualExpression)
    }
    val all = join.getType match {
      case JOIN_TYPE_INNER | JOIN_TYPE_LEFT | JOIN_TYPE_RIGHT | JOIN_TYPE_OUTER => left ++ right
      case JOIN_TYPE_LEFT_SEMI | JOIN_TYPE_LEFT_ANTI => left
      case JOIN_TYPE_LEFT_MARK =>
        left :+ SparkTypes.toSubstrait(org.apache.spark.sql.types.BooleanType, nullable = false)
      case other => fail(s"join of type $other")
    }
    if (join.getCommon.hasEmit) {
      operator(join.getCommon)
      join.getCommon.getEmit.getOutputMappingList.asScala.toSeq.map(i => all(i))
    } else {
      direct(join.getCommon, all)
    }
  }

  private def column(reference: Expression.FieldReference, input: Seq[Type]): Type = {
    assert(reference.hasRootReference)
    val field = reference.getDirectReference.getStructField.getField
    assert(field < input.length, s"column $field of ${input.length}")
    input(field)
  }

  private def aggregate(rel: AggregateRel): Seq[Type] = {
    val input = relation(rel.getInput)
    val keys = rel.getGroupingExpressionsList.asScala.toSeq.map(expression(_, input))
    assert(rel.getGroupingsCount == 1)
    assert(rel.getGroupings(0).getExpressionReferencesList.asScala.map(_.toInt) == keys.indices)
    val fallbacks = detail(rel.getAdvancedExtension.getEnhancement, classOf[AggregateFallbacks])
    assert(fallbacks.getMeasuresCount == rel.getMeasuresCount)
    fallbacks.getMeasuresList.asScala.foreach { measure =>
      if (measure.hasUpdate) assert(measure.getUpdate < stage.jvmExpressions.length)
      if (measure.hasEvaluate) assert(measure.getEvaluate < stage.jvmExpressions.length)
    }
    val measures = rel.getMeasuresList.asScala.toSeq.flatMap { measure =>
      val call = measure.getMeasure
      val name = functions(call.getFunctionReference)
      assert(FunctionCatalogue.aggregate(name), s"$name is no aggregate function")
      val arguments = call.getArgumentsList.asScala.toSeq.map(a => expression(a.getValue, input))
      if (measure.hasFilter) assertBoolean(expression(measure.getFilter, input))
      assertType(call.getOutputType)
      call.getPhase match {
        case AggregationPhase.AGGREGATION_PHASE_INITIAL_TO_RESULT |
            AggregationPhase.AGGREGATION_PHASE_INTERMEDIATE_TO_RESULT =>
          Seq(call.getOutputType)
        case AggregationPhase.AGGREGATION_PHASE_INTERMEDIATE_TO_INTERMEDIATE => arguments
        case _ => buffers(name, arguments, call)
      }
    }
    direct(rel.getCommon, keys ++ measures)
  }

  /** The buffer of a function that takes in rows: how many columns and, where simple, their types. */
  private def buffers(
      name: String,
      arguments: Seq[Type],
      call: AggregateFunction): Seq[Type] = {
    val result = call.getOutputType
    val isTry = call.getOptionsList.asScala.exists(_.getPreferenceList.contains("TRY"))
    import org.apache.spark.sql.types._
    def of(dataType: DataType): Type = SparkTypes.toSubstrait(dataType, nullable = true)
    name match {
      case "sum" if result.hasDecimal || (isTry && result.hasI64) => Seq(result, of(BooleanType))
      case "avg" =>
        val sum =
          if (arguments.head.hasDecimal) {
            val decimal = arguments.head.getDecimal
            of(DecimalType(math.min(decimal.getPrecision + 10, 38), decimal.getScale))
          } else {
            of(DoubleType)
          }
        Seq(sum, of(LongType))
      case "first" | "last" => Seq(result, of(BooleanType))
      case "max_by" | "min_by" => arguments
      case "collect_list" | "collect_set" => Seq(of(BinaryType))
      case "stddev_samp" | "stddev_pop" | "var_samp" | "var_pop" => Seq.fill(3)(of(DoubleType))
      case "skewness" | "covar_samp" | "covar_pop" => Seq.fill(4)(of(DoubleType))
      case "kurtosis" => Seq.fill(5)(of(DoubleType))
      case "corr" => Seq.fill(6)(of(DoubleType))
      case _ => Seq(result)
    }
  }

  private def sorts(fields: Seq[SortField], input: Seq[Type]): Unit = fields.foreach { field =>
    expression(field.getExpr, input)
    assert(field.getDirection != SortField.SortDirection.SORT_DIRECTION_UNSPECIFIED)
  }

  private def expression(tree: Expression, input: Seq[Type]): Type = tree.getRexTypeCase match {
    case Expression.RexTypeCase.LITERAL => literal(tree.getLiteral)
    case Expression.RexTypeCase.SELECTION =>
      val field = tree.getSelection.getDirectReference.getStructField.getField
      if (tree.getSelection.hasExpression) {
        val struct = expression(tree.getSelection.getExpression, input)
        assert(struct.hasStruct && field < struct.getStruct.getTypesCount, s"field $field of $struct")
        struct.getStruct.getTypes(field)
      } else {
        column(tree.getSelection, input)
      }
    case Expression.RexTypeCase.SCALAR_FUNCTION => call(tree.getScalarFunction, input)
    case Expression.RexTypeCase.IF_THEN =>
      val branches = tree.getIfThen.getIfsList.asScala
      branches.foreach(branch => assertBoolean(expression(branch.getIf, input)))
      val values = branches.map(branch => expression(branch.getThen, input)) :+
        expression(tree.getIfThen.getElse, input)
      values.foreach(t => assertSame(t, values.head, "a branch"))
      values.head
    case Expression.RexTypeCase.SINGULAR_OR_LIST =>
      val value = expression(tree.getSingularOrList.getValue, input)
      assert(tree.getSingularOrList.getOptionsCount > 0)
      tree.getSingularOrList.getOptionsList.asScala.foreach { option =>
        assertSame(expression(option, input), value, "an option of IN")
      }
      SparkTypes.toSubstrait(org.apache.spark.sql.types.BooleanType, nullable = true)
    case Expression.RexTypeCase.CAST =>
      expression(tree.getCast.getInput, input)
      assertType(tree.getCast.getType)
      tree.getCast.getType
    case other => fail(s"expression $other")
  }

  private def call(call: Expression.ScalarFunction, input: Seq[Type]): Type = {
    val name = functions.getOrElse(call.getFunctionReference, fail("anchor not declared"))
    assert(FunctionCatalogue.scalar(name), s"$name is no scalar function")
    val arguments = call.getArgumentsList.asScala.toSeq.map(a => expression(a.getValue, input))
    def index: Int = call.getArguments(0).getValue.getLiteral.getI32
    def inputs(actual: Seq[Type]): Unit = {
      val expected = stage.jvmExpressions(index).inputTypes
      assert(actual.length == expected.length, s"inputs of JVM expression $index")
      actual.zip(expected).foreach { case (a, b) =>
        assertSame(a, SparkTypes.toSubstrait(b, nullable = true), s"an input of $index")
      }
      assertSame(
        call.getOutputType,
        SparkTypes.toSubstrait(stage.jvmExpressions(index).outputType, nullable = true),
        s"result of JVM expression $index")
    }
    name match {
      case ExpressionWriter.FALLBACK =>
        assertSame(arguments(1), call.getOutputType, "a guarded kernel")
        inputs(arguments.drop(2))
      case ExpressionWriter.JVM => inputs(arguments.drop(1))
      case "and" | "or" | "not" => arguments.foreach(assertBoolean)
      case "equal" | "less_than" | "less_than_or_equal" | "greater_than" |
          "greater_than_or_equal" | "equal_null_safe" =>
        assertSame(arguments.head, arguments(1), s"sides of $name")
      case "coalesce" | "greatest" | "least" =>
        arguments.foreach(assertSame(_, call.getOutputType, s"an argument of $name"))
      case _ =>
    }
    assertType(call.getOutputType)
    call.getOutputType
  }

  private def literal(value: Expression.Literal): Type = {
    import org.apache.spark.sql.types._
    import Expression.Literal.LiteralTypeCase._
    def of(dataType: DataType): Type = SparkTypes.toSubstrait(dataType, nullable = value.getNullable)
    value.getLiteralTypeCase match {
      case NULL => value.getNull
      case EMPTY_LIST => Type.newBuilder().setList(value.getEmptyList).build()
      case BOOLEAN => of(BooleanType)
      case I8 => of(ByteType)
      case I16 => of(ShortType)
      case I32 => of(IntegerType)
      case I64 => of(LongType)
      case FP32 => of(FloatType)
      case FP64 => of(DoubleType)
      case STRING => of(StringType)
      case BINARY => of(BinaryType)
      case DATE => of(DateType)
      case PRECISION_TIMESTAMP => of(TimestampNTZType)
      case PRECISION_TIMESTAMP_TZ => of(TimestampType)
      case DECIMAL =>
        assert(value.getDecimal.getValue.size == 16)
        of(DecimalType(value.getDecimal.getPrecision, value.getDecimal.getScale))
      case other => fail(s"literal $other")
    }
  }

  private def named(schema: NamedStruct): Seq[Type] = {
    val columns = schema.getStruct.getTypesList.asScala.toSeq
    columns.foreach(assertType)
    assert(schema.getNamesCount == columns.map(nameCount).sum, "names of a leaf")
    columns
  }

  private def nameCount(column: Type): Int = 1 + innerNames(column)

  private def innerNames(column: Type): Int =
    if (column.hasStruct) column.getStruct.getTypesList.asScala.map(nameCount).sum
    else if (column.hasList) innerNames(column.getList.getType)
    else if (column.hasMap) innerNames(column.getMap.getKey) + innerNames(column.getMap.getValue)
    else 0

  private def direct(common: RelCommon, output: Seq[Type]): Seq[Type] = {
    assert(common.hasDirect)
    operator(common)
    output
  }

  private def operator(common: RelCommon): Unit = {
    val found = detail(common.getAdvancedExtension.getOptimization(0), classOf[OperatorInfo])
    assert(!operators(found.getId), s"operator ${found.getId} twice")
    assert(found.getName.nonEmpty)
    operators += found.getId
  }

  private def detail[M <: Message](any: ProtobufAny, kind: Class[M]): M = {
    assert(any.is(kind), s"${any.getTypeUrl} is not ${kind.getSimpleName}")
    any.unpack(kind)
  }

  /** A type's kind and nullability are said, and its anchor is declared. */
  private def assertType(kind: Type): Unit = {
    if (kind.hasUserDefined) assert(types.contains(kind.getUserDefined.getTypeReference))
    assert(kind.getKindCase != Type.KindCase.KIND_NOT_SET)
    assert(saysNullability(kind), s"$kind does not say whether it may be NULL")
  }

  private def assertBoolean(kind: Type): Unit = assert(kind.hasBool, s"$kind is not boolean")

  private def assertSame(one: Type, other: Type, what: String): Unit =
    assert(plain(one) == plain(other), s"$what")

  private def plain(kind: Type): String =
    kind.toString.linesIterator.filterNot(_.contains("nullability:")).mkString("\n")
}

object PlanChecker {

  /** Checks a stage's plan; gives the types of its columns. */
  def check(stage: StagePlan): Seq[Type] = new PlanChecker(stage).check()
}
