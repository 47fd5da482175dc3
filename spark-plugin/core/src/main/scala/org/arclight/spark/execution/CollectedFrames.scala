package org.arclight.spark.execution

import org.apache.spark.{SparkException, TaskContext}
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.{Attribute, UnsafeRow}
import org.apache.spark.unsafe.Platform

import org.arclight.spark.jni.NativeLibrary
import org.arclight.spark.plan.SparkTypes

/**
 * Rows that a native task gives to the driver: columns in frames, as shuffles have them.
 *
 * @param frames the rows, about a batch in each
 * @param count how many they are
 * @param bytes how many bytes they would take as UnsafeRows
 */
final case class CollectedFrames(frames: Array[Array[Byte]], count: Long, bytes: Long)

object CollectedFrames {

  /** As it comes from a task: of classes that Spark registers with Kryo. */
  private[execution] type Result = (Array[Array[Byte]], Long, Long)

  /**
   * Runs a job that collects the rows of a native stage, those of a task each.
   *
   * @param stage a [[NativeStageRDD]]
   */
  def collect(stage: RDD[InternalRow]): Array[CollectedFrames] =
    stage.sparkContext.runJob(stage, new CollectFrames).map {
      case (frames, count, bytes) => CollectedFrames(frames, count, bytes)
    }

  /** Runs a job that collects the rows of a native stage, in the order of its tasks. */
  def collectRows(stage: RDD[InternalRow], output: Seq[Attribute]): Array[InternalRow] =
    collect(stage).flatMap(task => rows(task.frames, output))

  /** The rows of frames, each a row of its own over an array that it shares with others. */
  def rows(frames: Array[Array[Byte]], output: Seq[Attribute]): Iterator[UnsafeRow] = {
    lazy val schema = SparkTypes.namedStruct(output).toByteArray
    frames.iterator.flatMap(pieces(schema, _)).flatMap { piece =>
      val count = rowsOf(piece)
      var offset = LENGTHS + 4L * count
      Iterator.tabulate(count) { index =>
        val length = Platform.getInt(piece, LENGTHS + 4L * index)
        val row = new UnsafeRow(output.length)
        row.pointTo(piece, offset, length)
        offset += length
        row
      }
    }
  }

  /** A frame's rows, in arrays as `NativeLibrary.frameRows` gives them. */
  private def pieces(schema: Array[Byte], frame: Array[Byte]): Iterator[Array[Byte]] =
    Iterator.unfold(Option(0)) { first =>
      first.map { from =>
        val piece = NativeLibrary.frameRows(schema, frame, from)
        val next = from + rowsOf(piece)
        val hasMore = next < Platform.getInt(piece, Platform.BYTE_ARRAY_OFFSET)
        (piece, Option.when(hasMore)(next))
      }
    }

  private def rowsOf(piece: Array[Byte]): Int =
    Platform.getInt(piece, Platform.BYTE_ARRAY_OFFSET + 4L)

  /** Where a piece has its rows' lengths. */
  private val LENGTHS = Platform.BYTE_ARRAY_OFFSET + 8L
}

/**
 * Takes all rows of a native task. A class with a name, not a closure: before each job Spark reads
 * and parses the class file that a closure is written in, to clean it, which takes milliseconds.
 */
private final class CollectFrames
  extends ((TaskContext, Iterator[InternalRow]) => CollectedFrames.Result) with Serializable {

  override def apply(context: TaskContext, task: Iterator[InternalRow]): CollectedFrames.Result =
    task match {
      case native: NativeRowIterator => native.collectFrames()
      case other => throw SparkException.internalError(
        s"Frames are collected of rows of ${other.getClass.getName}.")
    }
}
