package org.arclight.spark.plan

import java.nio.ByteBuffer
import java.util.{ArrayList, Arrays, HashMap}

import org.apache.spark.QueryContext
import org.apache.spark.arclight.SessionSettings
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.expressions.aggregate.DeclarativeAggregate
import org.apache.spark.sql.catalyst.trees.TreeNode
import org.apache.spark.sql.execution.{ScalarSubquery => ScalarSubqueryExec, SparkPlan}
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types.{DataType, Decimal, Metadata, StructField}
import org.apache.spark.unsafe.types.UTF8String

/**
 * All that a stage's plan is made of. Stages with equal keys have equal plans. Columns go by the
 * order in which they first come, not by their ids or names, which may have ids in them, so that a
 * query that is planned again has the keys it had; names that are in the plan are parts of their own.
 */
final class StageKey private (private val parts: Array[AnyRef]) {

  override val hashCode: Int = Arrays.hashCode(parts)

  override def equals(other: Any): Boolean = other match {
    case key: StageKey => key.hashCode == hashCode && Arrays.equals(parts, key.parts)
    case _ => false
  }
}

object StageKey {

  /**
   * The key of what is made of some parts in a session with its settings. None if one of the parts
   * can't be told from others like it.
   */
  def of(conf: SQLConf, parts: IterableOnce[Any]): Option[StageKey] = {
    val flat = new Parts
    flat.addSession(conf)
    parts.iterator.foreach(flat.add)
    flat.key
  }

  /** The fields of an operator, without those that are operators themselves. */
  final case class Fields(operator: SparkPlan)

  private val USUAL_PARTS = 256

  /** More parts are not worth remembering. */
  private val MAXIMUM_PARTS = 1 << 14

  /** Nor are more bytes of what parts consist of. */
  private val MAXIMUM_SIZE = 1 << 16

  /** What an element of a set takes, roughly. */
  private val BYTES_OF_ELEMENT = 64L

  /**
   * Takes parts apart down to values that are compared as they are. What is of a class that isn't
   * named here has no key: it might change, or differ in what can't be seen.
   */
  private final class Parts {
    private val values = new ArrayList[AnyRef](USUAL_PARTS)
    private val columns = new HashMap[ExprId, Integer]
    private val spellings = new HashMap[ExprId, AttributeReference]
    private var hasKey = true

    /** Bytes of texts, binaries and sets. */
    private var size = 0L

    def key: Option[StageKey] = if (hasKey) Some(new StageKey(values.toArray)) else None

    def addSession(conf: SQLConf): Unit = {
      put(SessionSettings.of(conf))
      // Without a setting it is the machine's.
      put(conf.sessionLocalTimeZone)
    }

    def add(part: Any): Unit = if (hasKey) {
      part match {
        case expression: Expression => addExpression(expression)
        case Fields(operator) => addFields(operator)
        // A stage's operators are parts of their own.
        case _: SparkPlan => put(OPERATOR)
        case _: TreeNode[_] => giveUp()
        // Classes before traits: whether something is of a class is sooner known.
        case several: List[_] => addSeveral(several)
        case None => put(NONE)
        case Some(value) =>
          put(SOME)
          add(value)
        case value @ (_: DataType | _: StructField | _: Metadata | _: Boolean | _: Byte | _: Short |
            _: Int | _: Long | _: Float | _: Double | _: Char | _: BigInt | _: Enumeration#Value |
            _: Enum[_]) =>
          put(value.asInstanceOf[AnyRef])
        case text: String => if (holds(2L * text.length)) put(text)
        case some: Class[_] =>
          put(CLASS)
          put(some)
        case text: UTF8String => if (holds(text.numBytes)) put(text.copy())
        case decimal: Decimal => put(decimal.toJavaBigDecimal)
        case bytes: Array[Byte] => if (holds(bytes.length)) put(ByteBuffer.wrap(bytes.clone()))
        case id: ExprId =>
          put(COLUMN)
          addColumn(id)
        case null => put(NULL)
        case several: Seq[_] => addSeveral(several)
        case several: Set[_] => addSet(several)
        case product: Product if Plain.get(product.getClass) => addProduct(product)
        case _ => giveUp()
      }
    }

    private def addSeveral(several: Seq[_]): Unit = {
      put(SEVERAL)
      put(Int.box(several.length))
      several.foreach(add)
    }

    private def put(value: AnyRef): Unit =
      if (values.size < MAXIMUM_PARTS) values.add(value) else giveUp()

    private def giveUp(): Unit = hasKey = false

    /** Whether there is room for some more bytes. */
    private def holds(bytes: Long): Boolean = {
      size += bytes
      if (size > MAXIMUM_SIZE) giveUp()
      hasKey
    }

    private def addProduct(product: Product): Unit = {
      put(product.getClass)
      addFields(product)
    }

    private def addFields(product: Product): Unit = {
      val arity = product.productArity
      var index = 0
      while (index < arity) {
        add(product.productElement(index))
        index += 1
      }
    }

    private def addColumn(id: ExprId): Unit = {
      val known = columns.get(id)
      if (known != null) {
        put(known)
      } else {
        val number = Int.box(columns.size)
        columns.put(id, number)
        put(number)
      }
    }

    /** To Spark, columns that are spelt in other ways are other expressions. */
    private def addSpelling(column: AttributeReference): Unit = {
      val first = spellings.putIfAbsent(column.exprId, column)
      val isFirst = first == null || (first eq column) || first.name == column.name &&
        first.qualifier == column.qualifier && first.metadata == column.metadata
      if (isFirst) {
        put(SPELT_ALIKE)
      } else {
        add(column.name)
        add(column.qualifier)
        add(column.metadata)
      }
    }

    private def addExpression(expression: Expression): Unit = expression match {
      case column: AttributeReference =>
        put(classOf[AttributeReference])
        addColumn(column.exprId)
        addSpelling(column)
        add(column.dataType)
        add(column.nullable)
      case alias: Alias =>
        put(classOf[Alias])
        addColumn(alias.exprId)
        add(alias.child)
      case subquery: ScalarSubqueryExec =>
        // Plans have its value.
        put(classOf[ScalarSubqueryExec])
        add(subquery.dataType)
        add(subquery.eval())
      case other if Plain.get(other.getClass) =>
        put(other.getClass)
        addContext(other)
        addFields(other.asInstanceOf[Product])
      case _ => giveUp()
    }

    /** The place in a query that errors name; an aggregate function gives its own to its parts. */
    private def addContext(expression: Expression): Unit = {
      expression match {
        case raising: SupportQueryContext => addContext(raising.getContextOrNull())
        case _ =>
      }
      expression match {
        case function: DeclarativeAggregate => addContext(function.origin.context)
        case _ =>
      }
    }

    private def addContext(context: QueryContext): Unit = put(if (context == null) NULL else context)

    private def addSet(several: Set[_]): Unit = if (holds(BYTES_OF_ELEMENT * several.size)) {
      val values = several.map {
        case text: UTF8String if holds(text.numBytes) => text.copy()
        case value @ (null | _: Boolean | _: Byte | _: Short | _: Int | _: Long | _: Float |
            _: Double) => value
        case _ => UNKNOWN
      }
      if (values.contains(UNKNOWN)) giveUp() else put(values)
    }
  }

  // What no value is: without them a number might be a length.
  private object NULL
  private object SEVERAL
  private object SOME
  private object NONE
  private object CLASS
  private object COLUMN
  private object OPERATOR
  private object SPELT_ALIKE
  private object UNKNOWN

  /** Classes of which nothing counts but what their products show. */
  private object Plain extends ClassValue[Boolean] {
    private val PACKAGES =
      Seq("org.apache.spark.sql.catalyst.", "org.apache.spark.sql.execution.", "org.arclight.", "scala.")

    override protected def computeValue(some: Class[_]): Boolean =
      classOf[Product].isAssignableFrom(some) && PACKAGES.exists(some.getName.startsWith) &&
        !classOf[PlanExpression[_]].isAssignableFrom(some) &&
        (!classOf[TreeNode[_]].isAssignableFrom(some) || showsAll(some))

    /** Whether a tree's class has no second list of parameters. */
    private def showsAll(some: Class[_]): Boolean =
      some.getMethod("otherCopyArgs").getDeclaringClass == classOf[TreeNode[_]]
  }
}
