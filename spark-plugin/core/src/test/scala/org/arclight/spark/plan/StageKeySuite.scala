package org.arclight.spark.plan

import java.util.concurrent.atomic.AtomicLong

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.expressions.aggregate.{Skewness, Sum}
import org.apache.spark.sql.catalyst.optimizer.{BuildLeft, BuildRight}
import org.apache.spark.sql.catalyst.plans.physical.HashPartitioning
import org.apache.spark.sql.catalyst.trees.{CurrentOrigin, Origin}
import org.apache.spark.sql.catalyst.util.GenericArrayData
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types._
import org.apache.spark.unsafe.types.UTF8String
import org.scalatest.funsuite.AnyFunSuite

class StageKeySuite extends AnyFunSuite {

  private val conf = new SQLConf

  private def key(parts: Any*): Option[StageKey] = StageKey.of(conf, parts)

  private def column(
      name: String = "a",
      dataType: DataType = IntegerType,
      nullable: Boolean = true): AttributeReference =
    AttributeReference(name, dataType, nullable)()

  /** Both have keys, which are equal. */
  private def checkSame(one: => Any, other: => Any): Unit = {
    assert(key(one).isDefined && key(one) == key(other))
    assert(key(one).map(_.hashCode) == key(other).map(_.hashCode))
  }

  /** Both have keys, which are not. */
  private def checkOther(one: Any, other: Any): Unit =
    assert(
      key(one).isDefined && key(other).isDefined && key(one) != key(other), s"$one and $other")

  test("expressions that are made again have the key they had") {
    def tree: Any = {
      val (a, b) = (column("a"), column("b", LongType))
      Seq(
        Seq(a, b), And(GreaterThan(Cast(a, LongType), b), In(a, Seq(Literal(1), Literal(2)))),
        Alias(Sum(b), "total")(), SortOrder(a, Descending), HashPartitioning(Seq(b, a), 7),
        Some(InSet(a, Set(1, null, 3))), BuildRight, Literal("x"), Literal(Decimal("1.50")),
        Literal(Array[Byte](1, 2)))
    }
    checkSame(tree, tree)
  }

  test("what differs anywhere has another key") {
    val parts = Seq[Any](
      column(), column(dataType = LongType), column(nullable = false),
      Literal(1), Literal(2), Literal(1L), Literal(null, IntegerType), Literal("1"),
      Literal(0.0), Literal(-0.0), Literal(Decimal("1.5"), DecimalType(10, 2)),
      Literal(Decimal("1.50"), DecimalType(10, 2)), Literal(Decimal("1.5"), DecimalType(10, 3)),
      Literal(Array[Byte](1)), Literal(Array[Byte](2)), Literal(UTF8String.fromBytes(Array(-1))),
      Not(IsNull(column())), IsNull(Not(column())), IsNull(column()),
      Alias(Literal(1), "x")(), Alias(Literal(2), "x")(),
      InSet(column(), Set(1)), InSet(column(), Set(1, 2)), InSet(column(), Set[Any](1, null)),
      Add(Literal(1), Literal(2), EvalMode.ANSI), Add(Literal(1), Literal(2), EvalMode.LEGACY),
      Cast(Literal(1), StringType, Some("UTC")), Cast(Literal(1), StringType, Some("CET")),
      SortOrder(column(), Ascending), SortOrder(column(), Descending),
      Like(Literal("a"), Literal("b"), '!'), Like(Literal("a"), Literal("b"), '?'),
      StructField("a", IntegerType), StructField("a", IntegerType, nullable = false),
      BuildLeft, BuildRight, Nil, Seq(Nil), None, Some(1), Some(2), true, false, "", null,
      Seq[Any](Seq(1), 2), Seq[Any](1, Seq(2)), Seq(Seq(1, 2)), Seq(1, 2))
    parts.combinations(2).foreach { case Seq(one, other) => checkOther(one, other) }
  }

  test("which column is meant counts, not its number or name") {
    val (a, b) = (column("a"), column("b"))
    checkSame(Seq(a, b, a), Seq(b, a, b))
    checkOther(Seq(a, b, a), Seq(a, b, b))
    checkSame(Seq(a, b, Alias(a, "y")(b.exprId)), Seq(b, a, Alias(b, "y")(a.exprId)))
    checkOther(Seq(a, b, Alias(a, "y")(b.exprId)), Seq(a, b, Alias(a, "y")()))
  }

  test("columns that are spelt in another way are other expressions") {
    val a = column("a")
    val spelt = Seq(a.withName("A"), a.withQualifier(Seq("t")))
    checkSame(Seq(a, a), Seq(spelt.head, spelt.head))
    spelt.foreach(other => checkOther(Seq(a, a), Seq(a, other)))
  }

  test("errors name the place in the query") {
    def at(start: Int, text: String)(expression: => Expression): Expression =
      CurrentOrigin.withOrigin(Origin(
        line = Some(1), startPosition = Some(start), startIndex = Some(start), stopIndex = Some(11),
        sqlText = Some(text)))(expression)
    val expressions = Seq[() => Expression](
      () => Divide(Literal(1.0), Literal(2.0), EvalMode.ANSI),
      () => Sum(Literal(1L)),
      // It divides, which names its own place.
      () => Skewness(Literal(1.0)))
    expressions.foreach { expression =>
      def placed(start: Int, text: String = "select 1 / 2") = at(start, text)(expression())
      checkSame(placed(7), placed(7))
      checkOther(placed(7), placed(8))
      checkOther(placed(7), placed(7, "select 1 / 3"))
    }
  }

  test("settings and the machine's time zone count") {
    def settings(some: (String, String)*): SQLConf = {
      val conf = new SQLConf
      some.foreach { case (key, value) => conf.setConfString(key, value) }
      conf
    }
    val keys = Seq(
      settings(), settings("x" -> "1"), settings("x" -> "2"), settings("x" -> "1", "y" -> "1"))
      .map(StageKey.of(_, Seq(1)))
    assert(keys.distinct.length == keys.length)
    assert(StageKey.of(settings("x" -> "1"), Seq(1)) == StageKey.of(settings("x" -> "1"), Seq(1)))
    val before = java.util.TimeZone.getDefault
    try {
      val zones = Seq("UTC", "Asia/Tokyo").map { zone =>
        java.util.TimeZone.setDefault(java.util.TimeZone.getTimeZone(zone))
        StageKey.of(settings(), Seq(1))
      }
      assert(zones.distinct.length == 2)
    } finally {
      java.util.TimeZone.setDefault(before)
    }
  }

  test("a key doesn't change with what it was made of") {
    val bytes = Array[Byte](1, 2)
    val text = "text".getBytes
    val literals = Seq(Literal(bytes), Literal(UTF8String.fromBytes(text)))
    val before = key(literals)
    bytes(0) = 7
    text(0) = 'n'
    assert(before != key(literals))
    assert(before == key(Seq(Literal(Array[Byte](1, 2)), Literal("text"))))
  }

  test("what can't be told from others has no key") {
    val unknown = Seq[Any](
      ScalaUDF((x: Int) => x, IntegerType, Seq(Literal(1))),
      Literal(new GenericArrayData(Array(1)), ArrayType(IntegerType)),
      Literal(InternalRow(1), StructType(Seq(StructField("a", IntegerType)))),
      InSet(column(), Set(Decimal(1))),
      new AtomicLong(1), new Object, Map(1 -> 2), () => 1,
      Hidden(1)(2), Seq.fill(1 << 15)(1), Literal(new Array[Byte](1 << 17)), "a" * (1 << 16),
      Literal(UTF8String.fromString("a" * (1 << 17))), (1 to 2000).toSet[Any],
      (1 to 900).map(n => UTF8String.fromString(n.toString * 50)).toSet[Any])
    unknown.foreach { part =>
      assert(key(part).isEmpty, part)
      assert(key(1, Seq(part)).isEmpty, part)
    }
  }
}

/** An expression with more than its product shows. */
private final case class Hidden(shown: Int)(hidden: Int) extends LeafExpression with Unevaluable {
  override def nullable: Boolean = false
  override def dataType: DataType = IntegerType
  override protected def otherCopyArgs: Seq[AnyRef] = Seq(Int.box(hidden))
}
