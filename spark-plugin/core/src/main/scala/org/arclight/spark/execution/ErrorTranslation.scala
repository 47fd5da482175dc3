package org.arclight.spark.execution

import java.io.{FileNotFoundException, IOException}

import org.apache.spark.{SparkException, TaskContext}
import org.apache.spark.arclight.TaskInternals
import org.apache.spark.memory.SparkOutOfMemoryError
import org.apache.spark.sql.arclight.ReadErrors
import org.apache.spark.sql.execution.datasources.SchemaColumnConvertNotSupportedException

import org.arclight.spark.jni.NativeEngineException

/** The engine's errors as Spark's. */
object ErrorTranslation {

  /** Runs a native call; its errors of the engine become Spark's. */
  def translating[T](context: TaskContext)(call: => T): T =
    try {
      call
    } catch {
      case error: NativeEngineException => throw translate(error, context)
    }

  /** Spark's error for one of the engine. */
  def translate(error: NativeEngineException, context: TaskContext): Throwable =
    error.kind match {
      case NativeEngineException.CANCELLED => TaskInternals.killed(context)
      case NativeEngineException.OUT_OF_MEMORY =>
        // Spark's error names bytes, which the engine has put into its message.
        val outOfMemory = new SparkOutOfMemoryError(
          "UNABLE_TO_ACQUIRE_MEMORY",
          java.util.Map.of("requestedBytes", error.getMessage, "receivedBytes", "0"))
        outOfMemory.initCause(error)
        outOfMemory
      case NativeEngineException.FILE_NOT_FOUND =>
        val missing = new FileNotFoundException(error.getMessage)
        missing.initCause(error)
        ReadErrors.missing(path(error), missing)
      case NativeEngineException.FILE_TYPE_MISMATCH => mismatch(error)
      case NativeEngineException.FILE_CORRUPT => ReadErrors.unreadable(path(error), error)
      case NativeEngineException.IO if error.path != null =>
        ReadErrors.unreadable(path(error), new IOException(error.getMessage, error))
      case NativeEngineException.IO => new IOException(error.getMessage, error)
      case _ => SparkException.internalError(s"Arclight: ${error.getMessage}", error)
    }

  /** How the scan writes of a column whose type can't be read as Spark's. */
  private val MISMATCH = """column: (\[.*\]), expected: (.*), found: (.*)$""".r.unanchored

  private def mismatch(error: NativeEngineException): Throwable = error.getMessage match {
    case MISMATCH(column, expected, found) =>
      val mismatch = new SchemaColumnConvertNotSupportedException(column, found, expected)
      mismatch.initCause(error)
      ReadErrors.mismatch(path(error), mismatch)
    case _ => ReadErrors.unreadable(path(error), error)
  }

  private def path(error: NativeEngineException): String = Option(error.path).getOrElse("")
}
