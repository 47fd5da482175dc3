package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types._
import org.scalatest.funsuite.AnyFunSuite

import org.arclight.spark.plan.{PlanChecker, StageBuilder}

class ExpressionSupportSuite extends AnyFunSuite {
  private val a = AttributeReference("a", IntegerType)()
  private val sure = AttributeReference("sure", IntegerType, nullable = false)()
  private val text = AttributeReference("text", StringType)()
  private val when = AttributeReference("when", TimestampType)()
  private val collated = AttributeReference("collated", StringType("UNICODE_CI"))()
  private val inputs = Seq(a, sure, text, when, collated)

  private def conf(settings: (String, String)*): SQLConf = {
    val conf = new SQLConf
    settings.foreach { case (key, value) => conf.setConfString(key, value) }
    conf
  }

  private def check(expression: Expression, settings: (String, String)*): SupportLevel =
    ExpressionSupport.check(expression, inputs, conf(settings: _*))

  private def udf(inputs: Expression*): Expression =
    ScalaUDF((x: Int) => x, IntegerType, inputs, udfName = Some("f"))

  /** What a filter over the inputs has: Spark's expressions, and the functions that it calls. */
  private def written(condition: Expression): (Seq[Expression], Set[String]) = {
    val builder = new StageBuilder(conf())
    val columns = inputs.filterNot(_ == collated)
    val input = builder.rowsInput(builder.newInput(), columns)
    val stage = builder.build(builder.project(input, Seq(Alias(condition, "c")())))
    PlanChecker.check(stage)
    import scala.jdk.CollectionConverters._
    val functions = io.substrait.proto.Plan.parseFrom(stage.bytes).getExtensionsList.asScala
      .filter(_.hasExtensionFunction).map(_.getExtensionFunction.getName).toSet
    (stage.jvmExpressions.map(_.expression), functions)
  }

  test("kernels") {
    assert(check(Add(a, Literal(1))) == Native)
    assert(check(Alias(And(GreaterThan(a, Literal(1)), IsNotNull(text)), "x")()) == Native)
  }

  test("Spark's own code") {
    assert(check(udf(a)) == ThroughJvm("Scala function f has no native kernel"))
    assert(check(Add(udf(a), Literal(1))).isInstanceOf[ThroughJvm])
    assert(check(ArrayDistinct(CreateArray(Seq(a)))).isInstanceOf[ThroughJvm])
  }

  test("not at all") {
    assert(check(new Rand(Literal(1L))) == Unsupported("Rand is not deterministic"))
    assert(check(collated).isInstanceOf[Unsupported])
    assert(check(EqualTo(collated, collated)).isInstanceOf[Unsupported])
    assert(check(AttributeReference("b", IntegerType)()).isInstanceOf[Unsupported])
    assert(check(Literal.create(null, CalendarIntervalType)).isInstanceOf[Unsupported])
    assert(check(PythonUDF("f", null, IntegerType, Seq(a), 0, true)) ==
      Unsupported("Python function f is not native"))
  }

  test("switches") {
    assert(check(Add(a, Literal(1)), "spark.arclight.expression.Add.enabled" -> "false") ==
      ThroughJvm("spark.arclight.expression.Add.enabled is false"))
    assert(check(udf(a), "spark.arclight.bridge.enabled" -> "false").isInstanceOf[Unsupported])
    assert(check(Add(a, a), "spark.arclight.bridge.enabled" -> "false") == Native)
  }

  test("the odd subtree alone goes to the JVM where Spark evaluates it for every row") {
    val (alone, functions) = written(GreaterThan(udf(a), Literal(1)))
    assert(alone.length == 1 && alone.head.isInstanceOf[ScalaUDF])
    assert(functions == Set("greater_than", "jvm_expression"))
    // The right side is evaluated where the left is not NULL: for every row, if it never is.
    assert(written(GreaterThan(sure, udf(a)))._1.head.isInstanceOf[ScalaUDF])
    assert(written(GreaterThan(a, udf(a)))._1.head.isInstanceOf[GreaterThan])
    // A division evaluates its right side first.
    assert(written(IntegralDivide(udf(a), sure))._1.exists(_.isInstanceOf[IntegralDivide]))
  }

  test("the whole goes to the JVM where a branch decides") {
    assert(written(And(IsNull(a), GreaterThan(udf(a), Literal(1))))._1.head.isInstanceOf[And])
    assert(written(If(IsNull(a), udf(a), Literal(1)))._1.head.isInstanceOf[If])
    assert(written(Coalesce(Seq(a, udf(a))))._1.head.isInstanceOf[Coalesce])
    assert(written(Add(udf(sure), udf(sure)))._1.length == 1, "two subtrees: one upcall")
  }

  test("guards stand around what may fail") {
    def ansi(mode: EvalMode.Value): Expression = Add(a, Literal(1), NumericEvalContext(mode))
    assert(written(ansi(EvalMode.ANSI))._2 == Set("add", "jvm_fallback"))
    assert(written(ansi(EvalMode.LEGACY))._2 == Set("add"))
    assert(written(GreaterThan(ansi(EvalMode.ANSI), Literal(1)))._1.head.isInstanceOf[GreaterThan])
    assert(written(GreaterThan(a, Literal(1)))._2 == Set("greater_than"))
  }

  test("types and switches of every entry are asked before its converter") {
    val map = CreateMap(Seq(a, a))
    assert(check(EqualTo(map, map)).isInstanceOf[ThroughJvm])
    assert(check(In(a, Seq(Literal(1), sure))) == Native)
    assert(check(In(a, Seq(Literal(1), Literal(null, IntegerType)))) == Native)
  }
}
