package org.apache.spark.sql.arclight

import java.io.FileNotFoundException

import org.apache.spark.sql.errors.QueryExecutionErrors
import org.apache.spark.sql.execution.datasources.SchemaColumnConvertNotSupportedException

/** Spark's errors of reading files. */
object ReadErrors {
  def missing(path: String, cause: FileNotFoundException): Throwable =
    QueryExecutionErrors.fileNotExistError(path, cause)

  /** Of a column of Parquet whose type can't be read as Spark's. */
  def mismatch(path: String, cause: SchemaColumnConvertNotSupportedException): Throwable =
    QueryExecutionErrors.parquetColumnDataTypeMismatchError(
      path, cause.getColumn, cause.getLogicalType, cause.getPhysicalType, cause)

  def unreadable(path: String, cause: Throwable): Throwable =
    QueryExecutionErrors.cannotReadFilesError(cause, path)
}
