package org.arclight.spark.execution

import java.io.{FileNotFoundException, IOException}

import org.apache.spark.{SparkException, TaskContext}
import org.apache.spark.arclight.TaskInternals
import org.apache.spark.memory.SparkOutOfMemoryError
import org.apache.spark.sql.arclight.ReadErrors

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
        val outOfMemory = new SparkOutOfMemoryError(
          "UNABLE_TO_ACQUIRE_MEMORY",
          java.util.Map.of(
            "requestedBytes", error.parameter(0), "receivedBytes", error.parameter(1)))
        // The cause says which operator it was, and what helps.
        outOfMemory.initCause(error)
        outOfMemory
      case NativeEngineException.FILE_NOT_FOUND =>
        val missing = new FileNotFoundException(error.getMessage)
        missing.initCause(error)
        ReadErrors.missing(path(error), missing)
      case NativeEngineException.FILE_TYPE_MISMATCH =>
        ReadErrors.typeMismatch(
          path(error),
          column = error.parameter(0),
          expected = error.parameter(1),
          found = error.parameter(2),
          error)
      case NativeEngineException.FILE_DUPLICATE_FIELD =>
        ReadErrors.duplicateField(
          path(error), name = error.parameter(0), found = error.parameter(1), error)
      case NativeEngineException.FILE_CORRUPT => ReadErrors.unreadable(path(error), error)
      case NativeEngineException.IO if error.path != null =>
        ReadErrors.unreadable(path(error), new IOException(error.getMessage, error))
      case NativeEngineException.IO => new IOException(error.getMessage, error)
      case _ => SparkException.internalError(s"Arclight: ${error.getMessage}", error)
    }

  /** The file as Spark's scans name it; the engine knows local ones by their paths. */
  private def path(error: NativeEngineException): String = Option(error.path) match {
    case None => ""
    case Some(local) if local.startsWith("/") => ReadErrors.localFile(local)
    case Some(uri) => uri
  }
}
