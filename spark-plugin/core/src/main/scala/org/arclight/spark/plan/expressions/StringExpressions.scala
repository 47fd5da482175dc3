package org.arclight.spark.plan.expressions

import scala.util.Try

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.util.StringUtils
import org.apache.spark.sql.types.{BinaryType, StringType}
import org.apache.spark.unsafe.types.UTF8String

import org.arclight.spark.plan.expressions.ExpressionEntry.{function, never, noKernel}

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
    case Literal(pattern: UTF8String, _)
        if Try(StringUtils.escapeLikeRegex(pattern.toString, like.escapeChar)).isFailure =>
      Some("the pattern of Like is not valid")
    case _ => None
  }

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
    function[Substring]("substring", e => stringOnly(e, e.str), note = "not of binaries"),
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
    function[Reverse]("reverse", e => stringOnly(e, e.child), note = "not of arrays"))
}
