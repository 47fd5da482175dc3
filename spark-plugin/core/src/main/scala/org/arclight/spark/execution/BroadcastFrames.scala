package org.arclight.spark.execution

import org.apache.spark.SparkException
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.{Attribute, UnsafeRow}
import org.apache.spark.unsafe.Platform

import org.arclight.spark.jni.NativeLibrary
import org.arclight.spark.plan.SparkTypes

/**
 * Rows on their way to all executors: columns in frames, as shuffles have them. They are plain
 * arrays, which every serializer of Spark knows.
 *
 * @param frames the rows, about a batch in each
 * @param count how many they are
 * @param bytes how many bytes they would take as UnsafeRows
 */
final case class BroadcastFrames(frames: Array[Array[Byte]], count: Long, bytes: Long)

object BroadcastFrames {

  /** All rows of a native task. */
  def of(task: Iterator[InternalRow]): BroadcastFrames = task match {
    case native: NativeRowIterator => native.broadcastFrames()
    case other => throw SparkException.internalError(
      s"A native broadcast reads rows of ${other.getClass.getName}.")
  }

  /** The rows of frames, each a row of its own over its frame's bytes. */
  def rows(frames: Array[Array[Byte]], output: Seq[Attribute]): Iterator[UnsafeRow] = {
    val schema = SparkTypes.namedStruct(output).toByteArray
    frames.iterator.flatMap { frame =>
      val bytes = NativeLibrary.frameRows(schema, frame)
      val count = Platform.getInt(bytes, Platform.BYTE_ARRAY_OFFSET)
      var offset = Platform.BYTE_ARRAY_OFFSET + 4L + 4L * count
      Iterator.tabulate(count) { index =>
        val length = Platform.getInt(bytes, Platform.BYTE_ARRAY_OFFSET + 4L + 4L * index)
        val row = new UnsafeRow(output.length)
        row.pointTo(bytes, offset, length)
        offset += length
        row
      }
    }
  }
}
