package org.arclight.spark.plan.expressions

import scala.reflect.ClassTag
import scala.util.Try

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.util.StringUtils
import org.apache.spark.sql.types.{BinaryType, StringType}
import org.apache.spark.unsafe.types.UTF8String

import org.arclight.spark.plan.expressions.ArithmeticExpressions.evalMode
import org.arclight.spark.plan.expressions.ExpressionEntry.{form, function, never, noKernel}

/** Strings in binary collation. Kernels leave to Spark what depends on the JVM's decoding of bytes. */
private[expressions] object StringExpressions {

  private def stringOnly(expression: Expression, child: Expression): Option[String] =
    child.dataType match {
      case _: StringType => None
      case other => Some(noKernel(expression, other))
    }

  private def stringOrBinary(expression: Expression): Option[String] =
    expression.dataType match {
      case _: StringType | BinaryType => None
      case other => Some(noKernel(expression, other))
    }

  /** A bad pattern is Spark's to raise when it compiles, which it does for no rows, too. */
  private def badPattern(like: Like): Option[String] = like.right match {
    case _ if Character.isSurrogate(like.escapeChar) =>
      Some("Like with half a character as its escape has no native kernel")
    case Literal(pattern: UTF8String, _) if !isPattern(pattern, like.escapeChar) =>
      Some("the pattern of Like is not valid")
    case _ => None
  }

  private def isPattern(pattern: UTF8String, escape: Char): Boolean =
    Try(StringUtils.escapeLikeRegex(pattern.toString, escape)).isSuccess

  private def badPatterns(patterns: Seq[UTF8String], name: String): Option[String] =
    if (patterns.isEmpty || patterns.exists(p => p != null && !(p.isValid && isPattern(p, '\\')))) {
      Some(s"$name of these patterns has no native kernel")
    } else {
      None
    }

  /** One Like a pattern, negated or not, joined by `and` or `or`. */
  private def likes[E <: Expression](patterns: E => Seq[UTF8String], join: String, negated: Boolean)(
      implicit tag: ClassTag[E]): ExpressionEntry =
    form[E](
      s"`$join` of `like`",
      e => badPatterns(patterns(e), Analysis.name(e)),
      mayFail = _ => true,
      operands = e => e.children.take(1),
      note = "not an invalid pattern") { (e, operands, calls) =>
      val escape = calls.literal(UTF8String.fromString("\\"), StringType)
      val tests = patterns(e).map { pattern =>
        val like = calls.call("like", e, Seq(operands.head, calls.literal(pattern, StringType), escape))
        if (negated) calls.call("not", e, Seq(like)) else like
      }
      if (tests.length == 1) tests.head else calls.call(join, e, tests)
    }

  private def stringsOnly(expression: Expression): Option[String] =
    expression.children.iterator.flatMap(stringOnly(expression, _)).nextOption()

  private def startIsLiteral(locate: StringLocate): Option[String] = locate.start match {
    case Literal(start, _) if start != null => None
    case _ => Some("StringLocate has a native kernel only for a literal start")
  }

  val entries: Seq[ExpressionEntry] = Seq(
    function[Length]("length", mayFail = never),
    function[OctetLength]("octet_length", mayFail = never),
    function[BitLength]("bit_length", mayFail = never),
    function[Ascii]("ascii"),
    function[StartsWith]("starts_with", mayFail = never),
    function[EndsWith]("ends_with", mayFail = never),
    function[Contains]("contains", mayFail = never),
    function[Like](
      "like", badPattern, note = "not an invalid pattern",
      arguments = (like, calls) =>
        Seq(calls.literal(UTF8String.fromString(like.escapeChar.toString), StringType))),
    function[StringInstr]("instr", mayFail = never),
    function[StringLocate](
      "locate", startIsLiteral, mayFail = never, note = "from a literal start"),
    likes[LikeAll](_.patterns, "and", negated = false),
    likes[NotLikeAll](_.patterns, "and", negated = true),
    likes[LikeAny](_.patterns, "or", negated = false),
    likes[NotLikeAny](_.patterns, "or", negated = true),
    function[Substring]("substring"),
    function[SubstringIndex]("substring_index"),
    function[StringTrim]("trim"),
    function[StringTrimLeft]("ltrim"),
    function[StringTrimRight]("rtrim"),
    function[Upper]("upper", note = "batches of ASCII"),
    function[Lower]("lower", note = "batches of ASCII"),
    function[Concat]("concat", stringOrBinary, mayFail = never, note = "not of arrays"),
    function[StringReplace]("replace"),
    function[StringTranslate]("translate"),
    function[StringLPad]("lpad"),
    function[StringRPad]("rpad"),
    function[StringRepeat]("repeat"),
    function[ConcatWs](
      "concat_ws", stringsOnly, mayFail = never, evaluation = Evaluation.Every,
      note = "not of arrays"),
    function[InitCap]("initcap", note = "batches of ASCII"),
    function[StringSpace]("space"),
    function[Empty2Null]("empty_to_null", mayFail = never),
    function[Overlay]("overlay", e => stringOnly(e, e.input), note = "not of binaries"),
    function[Elt](
      "elt", mayFail = _.failOnError, evaluation = Evaluation.FirstThenLazy,
      options = e => evalMode(e.failOnError)),
    function[Hex]("hex", mayFail = never),
    function[Unhex]("unhex", mayFail = _.failOnError, options = e => evalMode(e.failOnError)),
    function[Bin]("bin", mayFail = never),
    function[Chr]("chr", mayFail = never),
    function[FindInSet]("find_in_set", mayFail = never),
    function[Levenshtein](
      "levenshtein",
      e => e.threshold.map(_ => "Levenshtein with a threshold has no native kernel"),
      note = "without a threshold"),
    function[Reverse]("reverse", e => stringOnly(e, e.child), note = "not of arrays"))
}
