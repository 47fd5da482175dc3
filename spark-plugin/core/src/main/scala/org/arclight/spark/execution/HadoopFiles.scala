package org.arclight.spark.execution

import java.io.{FileNotFoundException, IOException}
import java.net.URI

import scala.collection.mutable

import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{FSDataInputStream, Path}
import org.apache.spark.sql.arclight.ReadErrors
import org.apache.spark.unsafe.Platform

/** Files that the engine reads through Hadoop's FileSystem. Used on the task's thread. */
final class HadoopFiles(configuration: => Configuration) {
  import HadoopFiles._

  private val open = mutable.HashMap.empty[Long, (String, FSDataInputStream)]
  private var lastHandle = 0L
  private lazy val chunk = new Array[Byte](CHUNK_BYTES)

  /** Opens a file, and tells its length. */
  def open(uri: String, length: Array[Long]): Long = reading(uri) {
    val path = new Path(new URI(uri))
    val fileSystem = path.getFileSystem(configuration)
    length(0) = fileSystem.getFileStatus(path).getLen
    lastHandle += 1
    open(lastHandle) = (uri, fileSystem.open(path))
    lastHandle
  }

  /** Reads exactly so many bytes at an offset of the file. */
  def read(handle: Long, offset: Long, address: Long, length: Int): Unit = {
    val (uri, stream) = open(handle)
    reading(uri) {
      var done = 0
      while (done < length) {
        val bytes = math.min(length - done, chunk.length)
        stream.readFully(offset + done, chunk, 0, bytes)
        Platform.copyMemory(chunk, Platform.BYTE_ARRAY_OFFSET, null, address + done, bytes.toLong)
        done += bytes
      }
    }
  }

  /** Failures as Spark's scans wrap them. */
  private def reading[T](uri: String)(read: => T): T =
    try {
      read
    } catch {
      case missing: FileNotFoundException => throw ReadErrors.missing(uri, missing)
      case failed: IOException => throw ReadErrors.unreadable(uri, failed)
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
