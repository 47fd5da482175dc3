package org.apache.spark.sql.arclight

import java.io.FileNotFoundException

import org.apache.hadoop.fs.Path
import org.apache.spark.paths.SparkPath
import org.apache.spark.sql.errors.QueryExecutionErrors
import org.apache.spark.sql.execution.datasources.SchemaColumnConvertNotSupportedException

/** Spark's errors of reading files. */
object ReadErrors {
  def missing(path: String, cause: FileNotFoundException): Throwable =
    QueryExecutionErrors.fileNotExistError(path, cause)

  def unreadable(path: String, cause: Throwable): Throwable =
    QueryExecutionErrors.cannotReadFilesError(cause, path)

  /** A column of a Parquet file can't be read as the type that the schema has for it. */
  def typeMismatch(
      path: String,
      column: String,
      expected: String,
      found: String,
      cause: Throwable): Throwable = {
    val mismatch = new SchemaColumnConvertNotSupportedException(column, found, expected)
    mismatch.initCause(cause)
    QueryExecutionErrors.parquetColumnDataTypeMismatchError(path, column, expected, found, mismatch)
  }

  /** Several fields of a file have a column's name, but for its case. */
  def duplicateField(path: String, name: String, found: String, cause: Throwable): Throwable = {
    val duplicate =
      QueryExecutionErrors.foundDuplicateFieldInCaseInsensitiveModeError(name, found)
    // Its cause is set, to none.
    duplicate.addSuppressed(cause)
    unreadable(path, duplicate)
  }

  /** The name of a local file in Spark's errors. */
  def localFile(path: String): String =
    SparkPath.fromPath(new Path("file", "", path)).urlEncoded
}
