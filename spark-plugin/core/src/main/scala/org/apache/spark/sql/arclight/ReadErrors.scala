package org.apache.spark.sql.arclight

import java.io.FileNotFoundException

import org.apache.spark.sql.errors.QueryExecutionErrors

/** Spark's errors of reading files. */
object ReadErrors {
  def missing(path: String, cause: FileNotFoundException): Throwable =
    QueryExecutionErrors.fileNotExistError(path, cause)

  def unreadable(path: String, cause: Throwable): Throwable =
    QueryExecutionErrors.cannotReadFilesError(cause, path)
}
