package org.arclight.spark.plan

import scala.collection.concurrent.TrieMap
import scala.jdk.CollectionConverters._

import io.substrait.proto.{NamedStruct, Type}
import io.substrait.proto.Type.Nullability
import org.apache.spark.sql.catalyst.expressions.Attribute
import org.apache.spark.sql.types._

/** Spark's types as Substrait's. Exact classes only: what is not named here is not native. */
object SparkTypes {

  /** The anchor of the user-defined type `void` (NullType), which every plan declares. */
  val VOID_ANCHOR: Int = 1

  /** The catalogue's name of NullType. */
  val VOID_NAME: String = "void"

  /** Digits of a second's fraction that Spark's timestamps hold. */
  val TIMESTAMP_PRECISION: Int = 6

  /** Why the engine has no columns of a type, or None where it has. */
  def unsupportedReason(dataType: DataType): Option[String] = dataType match {
    case BooleanType | ByteType | ShortType | IntegerType | LongType | FloatType | DoubleType |
        BinaryType | DateType | TimestampType | TimestampNTZType | NullType =>
      None
    case _: DecimalType => None
    case text: StringType if isPlainString(text) => None
    case text: StringType => Some(s"strings of type ${text.sql} are not native")
    case array: ArrayType => unsupportedReason(array.elementType)
    case map: MapType => unsupportedReason(map.keyType).orElse(unsupportedReason(map.valueType))
    case struct: StructType =>
      struct.fields.iterator.flatMap(field => unsupportedReason(field.dataType)).nextOption()
    case other => Some(s"type ${other.sql} is not native")
  }

  /** Whether a string type compares by bytes and has no length (not char, varchar, collated). */
  private def isPlainString(text: StringType): Boolean =
    (text.eq(StringType) || text.getClass == classOf[StringType]) &&
      text.collationId == StringType.collationId && text.constraint == StringType.constraint

  /** Whether a type is one of the whole numbers of fixed width. */
  def isInteger(dataType: DataType): Boolean = dataType match {
    case ByteType | ShortType | IntegerType | LongType => true
    case _ => false
  }

  /** Whether a type is a map or has one inside: such values have no order and no equality. */
  def hasMap(dataType: DataType): Boolean = exists(dataType)(_.isInstanceOf[MapType])

  /** Whether a type has others inside. */
  def isNested(dataType: DataType): Boolean = dataType match {
    case _: ArrayType | _: MapType | _: StructType | _: UserDefinedType[_] => true
    case _ => false
  }

  /** Whether a type, or a part of it, meets a condition. */
  def exists(dataType: DataType)(condition: DataType => Boolean): Boolean =
    condition(dataType) || (dataType match {
      case array: ArrayType => exists(array.elementType)(condition)
      case map: MapType => exists(map.keyType)(condition) || exists(map.valueType)(condition)
      case struct: StructType => struct.fields.exists(field => exists(field.dataType)(condition))
      case _ => false
    })

  /** Whether two types are the same apart from the names of fields and what may be NULL within. */
  def areAlike(one: DataType, other: DataType): Boolean = (one, other) match {
    case (a: ArrayType, b: ArrayType) => areAlike(a.elementType, b.elementType)
    case (a: MapType, b: MapType) =>
      areAlike(a.keyType, b.keyType) && areAlike(a.valueType, b.valueType)
    case (a: StructType, b: StructType) =>
      a.length == b.length &&
        a.fields.zip(b.fields).forall { case (x, y) => areAlike(x.dataType, y.dataType) }
    case _ => one == other
  }

  /** A type; only for types without an [[unsupportedReason]]. */
  def toSubstrait(dataType: DataType, nullable: Boolean): Type =
    if (isNested(dataType)) newType(dataType, nullable)
    else flatTypes.getOrElseUpdate((dataType, nullable), newType(dataType, nullable))

  /** The types that are not nested, which every expression and column of every plan has. */
  private val flatTypes = TrieMap.empty[(DataType, Boolean), Type]

  private def newType(dataType: DataType, nullable: Boolean): Type = {
    val nullability =
      if (nullable) Nullability.NULLABILITY_NULLABLE else Nullability.NULLABILITY_REQUIRED
    val builder = Type.newBuilder()
    dataType match {
      case BooleanType =>
        builder.setBool(Type.Boolean.newBuilder().setNullability(nullability))
      case ByteType => builder.setI8(Type.I8.newBuilder().setNullability(nullability))
      case ShortType => builder.setI16(Type.I16.newBuilder().setNullability(nullability))
      case IntegerType => builder.setI32(Type.I32.newBuilder().setNullability(nullability))
      case LongType => builder.setI64(Type.I64.newBuilder().setNullability(nullability))
      case FloatType => builder.setFp32(Type.FP32.newBuilder().setNullability(nullability))
      case DoubleType => builder.setFp64(Type.FP64.newBuilder().setNullability(nullability))
      case BinaryType => builder.setBinary(Type.Binary.newBuilder().setNullability(nullability))
      case DateType => builder.setDate(Type.Date.newBuilder().setNullability(nullability))
      case TimestampType =>
        builder.setPrecisionTimestampTz(Type.PrecisionTimestampTZ.newBuilder()
          .setPrecision(TIMESTAMP_PRECISION).setNullability(nullability))
      case TimestampNTZType =>
        builder.setPrecisionTimestamp(Type.PrecisionTimestamp.newBuilder()
          .setPrecision(TIMESTAMP_PRECISION).setNullability(nullability))
      case NullType =>
        builder.setUserDefined(Type.UserDefined.newBuilder()
          .setTypeReference(VOID_ANCHOR).setNullability(nullability))
      case decimal: DecimalType =>
        builder.setDecimal(Type.Decimal.newBuilder()
          .setPrecision(decimal.precision).setScale(decimal.scale).setNullability(nullability))
      case text: StringType if isPlainString(text) =>
        builder.setString(Type.String.newBuilder().setNullability(nullability))
      case array: ArrayType =>
        builder.setList(Type.List.newBuilder()
          .setType(toSubstrait(array.elementType, array.containsNull)).setNullability(nullability))
      case map: MapType =>
        builder.setMap(Type.Map.newBuilder()
          .setKey(toSubstrait(map.keyType, nullable = false))
          .setValue(toSubstrait(map.valueType, map.valueContainsNull))
          .setNullability(nullability))
      case struct: StructType => builder.setStruct(structOf(struct, nullability))
      case other => throw new PlanException(s"${other.sql} has no place in a plan")
    }
    builder.build()
  }

  private def structOf(struct: StructType, nullability: Nullability): Type.Struct =
    Type.Struct.newBuilder()
      .addAllTypes(struct.fields.map(f => toSubstrait(f.dataType, f.nullable)).toSeq.asJava)
      .setNullability(nullability)
      .build()

  /** The columns of a leaf, with the names of all fields, depth first. */
  def namedStruct(output: Seq[Attribute]): NamedStruct = {
    val schema = StructType(output.map(a => StructField(name(a), a.dataType, a.nullable)))
    NamedStruct.newBuilder()
      .addAllNames(fieldNames(schema).asJava)
      .setStruct(structOf(schema, Nullability.NULLABILITY_REQUIRED))
      .build()
  }

  /** What a plan calls a column, which may have no name in what a user makes of rows. */
  def name(column: Attribute): String = Option(column.name).getOrElse("")

  private def fieldNames(dataType: DataType): Seq[String] = dataType match {
    case struct: StructType =>
      struct.fields.toSeq.flatMap(field => field.name +: fieldNames(field.dataType))
    case array: ArrayType => fieldNames(array.elementType)
    case map: MapType => fieldNames(map.keyType) ++ fieldNames(map.valueType)
    case _ => Nil
  }
}
