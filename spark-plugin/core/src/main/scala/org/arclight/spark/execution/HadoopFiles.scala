package org.arclight.spark.execution

import java.net.URI

import scala.collection.mutable

import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{FSDataInputStream, Path}
import org.apache.spark.unsafe.Platform

/** Files that the engine reads through Hadoop's FileSystem. Used on the task's thread. */
final class HadoopFiles(configuration: => Configuration) {
  import HadoopFiles._

  private val open = mutable.HashMap.empty[Long, FSDataInputStream]
  private var lastHandle = 0L
  private lazy val chunk = new Array[Byte](CHUNK_BYTES)

  /** Opens a file, and tells its length. */
  def open(uri: String, length: Array[Long]): Long = {
    val path = new Path(new URI(uri))
    val fileSystem = path.getFileSystem(configuration)
    length(0) = fileSystem.getFileStatus(path).getLen
    lastHandle += 1
    open(lastHandle) = fileSystem.open(path)
    lastHandle
  }

  /** Reads exactly so many bytes at an offset of the file. */
  def read(handle: Long, offset: Long, address: Long, length: Int): Unit = {
    val stream = open(handle)
    var done = 0
    while (done < length) {
      val bytes = math.min(length - done, chunk.length)
      stream.readFully(offset + done, chunk, 0, bytes)
      Platform.copyMemory(chunk, Platform.BYTE_ARRAY_OFFSET, null, address + done, bytes.toLong)
      done += bytes
    }
  }

  def close(handle: Long): Unit = open.remove(handle).foreach(_.close())

  def closeAll(): Unit = {
    open.values.foreach(_.close())
    open.clear()
  }
}

object HadoopFiles {
  private val CHUNK_BYTES = 1 << 20
}
