package org.arclight.spark.execution

import java.io.{FileNotFoundException, InterruptedIOException, IOException}
import java.net.URI
import java.nio.channels.ClosedByInterruptException

import scala.collection.mutable

import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{FSDataInputStream, Path}
import org.apache.hadoop.hdfs.BlockMissingException
import org.apache.hadoop.security.AccessControlException
import org.apache.spark.sql.arclight.ReadErrors
import org.apache.spark.unsafe.Platform

import org.arclight.spark.jni.TaskCallbacks.{FILE_MISSING, FILE_UNREADABLE}

/**
 * Files that the engine reads through Hadoop's FileSystem. Used on the task's thread.
 *
 * What fails because of the file is kept, and reported by a number: the engine passes over the file
 * if missing or corrupt files are to be ignored, and otherwise has the failure thrown. As in
 * Spark's FileScanRDD, what forbids access or tells of lost blocks is never ignored.
 */
final class HadoopFiles(configuration: => Configuration) {
  import HadoopFiles._

  private val open = mutable.HashMap.empty[Long, (String, FSDataInputStream)]
  private var lastHandle = 0L
  private lazy val chunk = new Array[Byte](CHUNK_BYTES)
  private var failure: Option[Throwable] = None

  /** Opens a file, and tells its length. Gives a handle, or what [[TaskCallbacks]] has for failures. */
  def open(uri: String, length: Array[Long]): Long = reading(uri) {
    val path = new Path(new URI(uri))
    val fileSystem = path.getFileSystem(configuration)
    length(0) = fileSystem.getFileStatus(path).getLen
    lastHandle += 1
    open(lastHandle) = (uri, fileSystem.open(path))
    lastHandle
  }

  /** Reads exactly so many bytes at an offset of the file. Gives 0, or a number of a failure. */
  def read(handle: Long, offset: Long, address: Long, length: Int): Long = {
    val (uri, stream) = open(handle)
    reading(uri) {
      var done = 0
      while (done < length) {
        val bytes = math.min(length - done, chunk.length)
        stream.readFully(offset + done, chunk, 0, bytes)
        Platform.copyMemory(chunk, Platform.BYTE_ARRAY_OFFSET, null, address + done, bytes.toLong)
        done += bytes
      }
      0L
    }
  }

  /** Throws the last failure, once. */
  def throwFailure(): Unit = {
    val last = failure
    failure = None
    last.foreach(throw _)
  }

  /** Failures as Spark's scans wrap them. */
  private def reading(uri: String)(read: => Long): Long =
    try {
      read
    } catch {
      case missing: FileNotFoundException =>
        failure = Some(ReadErrors.missing(uri, missing))
        FILE_MISSING
      case interrupted @ (_: InterruptedIOException | _: ClosedByInterruptException) =>
        throw interrupted
      case forbidden @ (_: AccessControlException | _: BlockMissingException) =>
        throw ReadErrors.unreadable(uri, forbidden)
      case failed @ (_: IOException | _: RuntimeException) =>
        failure = Some(ReadErrors.unreadable(uri, failed))
        FILE_UNREADABLE
    }

  def close(handle: Long): Unit = open.remove(handle).foreach(_._2.close())

  def closeAll(): Unit = {
    open.values.foreach(_._2.close())
    open.clear()
  }
}

object HadoopFiles {
  private val CHUNK_BYTES = 1 << 20
}
