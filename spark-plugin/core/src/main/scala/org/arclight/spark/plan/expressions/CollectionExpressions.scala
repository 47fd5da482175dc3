package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.types._

import org.arclight.spark.plan.SparkTypes
import org.arclight.spark.plan.expressions.ArithmeticExpressions.evalMode
import org.arclight.spark.plan.expressions.ComparisonExpressions.comparable
import org.arclight.spark.plan.expressions.ExpressionEntry.{form, function, never, noKernel}

/** Structs, arrays and maps: making them, and reaching into them. */
private[expressions] object CollectionExpressions {

  private def hasFloat(dataType: DataType): Boolean = SparkTypes.exists(dataType) {
    case FloatType | DoubleType => true
    case _ => false
  }

  private def comparableElements(expression: Expression, array: Expression): Option[String] =
    array.dataType match {
      case ArrayType(element, _) => comparable(expression, element)
      case other => Some(noKernel(expression, other))
    }

  private def keys(expression: Expression, map: Expression): Option[String] = map.dataType match {
    case MapType(key, _, _) => comparable(expression, key)
    case other => Some(noKernel(expression, other))
  }

  private def sameTypes(expression: Expression, parts: Seq[Expression]): Option[String] =
    if (parts.nonEmpty && parts.forall(part => SparkTypes.areAlike(part.dataType, parts.head.dataType))) {
      None
    } else {
      Some(s"${Analysis.name(expression)} of nothing or of other types has no native kernel")
    }

  private def elementAt(expression: ElementAt): Option[String] =
    if (expression.defaultValueOutOfBound.nonEmpty) {
      Some("ElementAt with a default value has no native kernel")
    } else {
      expression.left.dataType match {
        case MapType(key, _, _) => comparable(expression, key)
        case _ => None
      }
    }

  /** A map of more entries is Spark's: it looks for equal keys with a hash table. */
  private val MAXIMUM_ENTRIES = 32

  private def createMap(expression: CreateMap): Option[String] =
    if (expression.keys.length > MAXIMUM_ENTRIES) {
      Some(s"CreateMap of more than $MAXIMUM_ENTRIES entries has no native kernel")
    } else if (hasFloat(expression.dataType.keyType)) {
      Some("CreateMap with floating-point keys has no native kernel")
    } else {
      sameTypes(expression, expression.keys).orElse(sameTypes(expression, expression.values))
        .orElse(comparable(expression, expression.dataType.keyType))
    }

  private def sortArray(expression: SortArray): Option[String] =
    comparableElements(expression, expression.base).orElse {
      if (hasFloat(expression.dataType)) Some(noKernel(expression, expression.dataType)) else None
    }

  /** Spark's size of NULL where it is not NULL. */
  private val LEGACY_SIZE = -1

  val entries: Seq[ExpressionEntry] = Seq(
    form[GetStructField]("FieldReference") { (expression, operands, calls) =>
      calls.field(operands.head, expression.ordinal)
    },
    function[GetArrayItem](
      "array_item", mayFail = _.failOnError, options = e => evalMode(e.failOnError)),
    function[GetMapValue](
      "map_value", e => keys(e, e.child), never, note = "not of keys with maps"),
    function[GetArrayStructFields](
      "array_struct_field", mayFail = never,
      arguments = (e, calls) => Seq(calls.literal(e.ordinal, IntegerType))),
    function[ElementAt]("element_at", elementAt, options = e => evalMode(e.failOnError)),
    function[Size](
      "size", mayFail = never, evaluation = Evaluation.Every,
      arguments = (e, calls) =>
        if (e.legacySizeOfNull) Seq(calls.literal(LEGACY_SIZE, IntegerType)) else Nil),
    function[ArrayContains](
      "array_contains", e => comparableElements(e, e.left), never, note = "not of maps"),
    function[ArrayPosition](
      "array_position", e => comparableElements(e, e.left), never, note = "not of maps"),
    function[ArrayMin]("array_min", e => comparableElements(e, e.child), never, note = "not of maps"),
    function[ArrayMax]("array_max", e => comparableElements(e, e.child), never, note = "not of maps"),
    function[SortArray]("sort_array", sortArray, never, note = "not of floating-point numbers"),
    function[MapKeys]("map_keys", mayFail = never),
    function[MapValues]("map_values", mayFail = never),
    function[MapEntries]("map_entries", mayFail = never),
    function[CreateArray](
      "array", e => sameTypes(e, e.children), never, evaluation = Evaluation.Every),
    function[CreateMap](
      "map", createMap, evaluation = Evaluation.Every,
      note = s"at most $MAXIMUM_ENTRIES entries; not of floating-point keys"),
    function[CreateNamedStruct](
      "named_struct",
      e => if (e.valExprs.isEmpty) Some("CreateNamedStruct of nothing has no native kernel") else None,
      never, operands = e => e.valExprs, evaluation = Evaluation.Every))
}
