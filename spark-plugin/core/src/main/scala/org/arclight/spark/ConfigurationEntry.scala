package org.arclight.spark

import scala.util.Try

import org.apache.spark.SparkConf
import org.apache.spark.network.util.JavaUtils
import org.apache.spark.sql.internal.SQLConf

/**
 * A typed setting: where its value comes from, what it may be, and what the documentation says.
 *
 * @param key what the user sets
 * @param default the value where the user sets none
 * @param kind the type's name in the documentation
 * @param scope when a change takes effect
 * @param since the first version that reads it
 * @param documentation one paragraph of Markdown
 * @param parse reads a value, or says what is expected instead
 * @param show writes a value as the user would
 */
final class ConfigurationEntry[T] private (
    val key: String,
    val default: T,
    val kind: String,
    val scope: ConfigurationScope,
    val since: String,
    val documentation: String,
    parse: String => Either[String, T],
    show: T => String) {

  /** The value in a session. A value that is none of the type's raises an error that names the key. */
  def get(conf: SQLConf): T =
    if (conf.contains(key)) parsed(conf.getConfString(key)) else default

  /** The value in the session of the calling thread. */
  def get: T = get(SQLConf.get)

  /** The value in an application's configuration. */
  def get(conf: SparkConf): T = conf.getOption(key).map(parsed).getOrElse(default)

  /** The default as the user would write it; empty where there is none. */
  def defaultText: String = show(default)

  private def parsed(text: String): T = parse(text.trim) match {
    case Right(value) => value
    case Left(expected) =>
      throw new IllegalArgumentException(s"$key should be $expected, but was '$text'")
  }
}

/** When a change of a setting takes effect. */
sealed abstract class ConfigurationScope(val description: String)

object ConfigurationScope {
  /** Read when the application starts. */
  case object Application extends ConfigurationScope("application")

  /** Read whenever a query is planned. */
  case object Session extends ConfigurationScope("session")
}

object ConfigurationEntry {

  /** A switch. */
  def boolean(
      key: String,
      default: Boolean,
      scope: ConfigurationScope,
      since: String,
      documentation: String): ConfigurationEntry[Boolean] =
    new ConfigurationEntry[Boolean](
      key, default, "boolean", scope, since, documentation,
      text => text.toLowerCase(java.util.Locale.ROOT).toBooleanOption.toRight("true or false"),
      _.toString)

  /** A whole number from `minimum` to `maximum`. */
  def integer(
      key: String,
      default: Int,
      minimum: Int,
      maximum: Int,
      scope: ConfigurationScope,
      since: String,
      documentation: String): ConfigurationEntry[Int] =
    new ConfigurationEntry[Int](
      key, default, s"integer, $minimum to $maximum", scope, since, documentation,
      text => text.toIntOption.filter(value => value >= minimum && value <= maximum)
        .toRight(s"a whole number from $minimum to $maximum"),
      _.toString)

  /** A number that is at least 0. */
  def nonNegative(
      key: String,
      default: Double,
      scope: ConfigurationScope,
      since: String,
      documentation: String): ConfigurationEntry[Double] =
    new ConfigurationEntry[Double](
      key, default, "number, at least 0", scope, since, documentation,
      text => text.toDoubleOption.filter(_ >= 0).toRight("a number that is at least 0"),
      _.toString)

  /** A number of bytes. */
  def bytes(
      key: String,
      default: Long,
      scope: ConfigurationScope,
      since: String,
      documentation: String): ConfigurationEntry[Long] =
    new ConfigurationEntry[Long](
      key, default, "size", scope, since, documentation,
      text => Try(JavaUtils.byteStringAsBytes(text)).toOption.filter(_ >= 0)
        .toRight("a size such as 16m"),
      size => if (size % (1 << 20) == 0) s"${size >> 20}m" else s"${size}b")

  /** One of a few words, in lower case. */
  def choice(
      key: String,
      default: String,
      choices: Seq[String],
      scope: ConfigurationScope,
      since: String,
      documentation: String): ConfigurationEntry[String] =
    new ConfigurationEntry[String](
      key, default, choices.mkString("one of `", "`, `", "`"), scope, since, documentation,
      text => Some(text.toLowerCase(java.util.Locale.ROOT)).filter(choices.contains)
        .toRight(choices.mkString("one of ", ", ", "")),
      identity)

  /** A text that need not be there. */
  def optionalText(
      key: String,
      scope: ConfigurationScope,
      since: String,
      documentation: String): ConfigurationEntry[Option[String]] =
    new ConfigurationEntry[Option[String]](
      key, None, "text", scope, since, documentation,
      text => Right(Some(text).filter(_.nonEmpty)),
      _.getOrElse(""))
}
