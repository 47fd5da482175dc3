package org.arclight.spark.plan

import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.{Files, Path, Paths}

import scala.jdk.CollectionConverters._

/** The committed catalogue, `proto/functions/`: the names in it, by kind. */
object FunctionCatalogue {
  private val folder: Path = Paths.get(sys.props("arclight.repository"), "proto", "functions")

  private val Section = "^(\\w+):\\s*$".r
  private val Name = "^  - name: (\\w+)\\s*$".r

  /** Names in their order, with the section of the file they stand in. */
  private lazy val declared: Seq[(String, String)] = {
    val files = Files.list(folder)
    try {
      files.iterator.asScala.filter(_.toString.endsWith(".yaml")).toSeq.sorted.flatMap { file =>
        var section = ""
        Files.readAllLines(file, UTF_8).asScala.flatMap {
          case Section(name) =>
            section = name
            None
          case Name(name) => Some(section -> name)
          case _ => None
        }
      }
    } finally {
      files.close()
    }
  }

  /** All names of a section; a name declared twice is twice in it. */
  def names(section: String): Seq[String] = declared.collect { case (`section`, name) => name }

  /** Scalar functions. */
  def scalar: Set[String] = names("scalar_functions").toSet

  /** Aggregate functions. */
  def aggregate: Set[String] = names("aggregate_functions").toSet

  /** Functions of windows only. */
  def window: Set[String] = names("window_functions").toSet
}
