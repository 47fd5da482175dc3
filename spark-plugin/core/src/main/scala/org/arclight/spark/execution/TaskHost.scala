package org.arclight.spark.execution

import java.lang.{Long => JLong}
import java.util.TimeZone

import org.apache.spark.{SparkException, TaskContext}
import org.apache.spark.arclight.{NativeTables, ShuffleBlocks}
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.{UnsafeProjection, UnsafeRow}
import org.apache.spark.sql.catalyst.util.RebaseDateTime.rebaseJulianToGregorianMicros
import org.apache.spark.unsafe.Platform

import org.arclight.spark.jni.{ShuffleFiles, TaskCallbacks}
import org.arclight.spark.memory.NativeMemoryConsumer
import org.arclight.spark.plan.JvmExpression

/** Answers what one native task asks of the JVM. */
final class TaskHost(
    program: StageProgram,
    partition: NativeStagePartition,
    context: TaskContext,
    memory: NativeMemoryConsumer)
  extends TaskCallbacks {
  import TaskHost._

  private val rows = new Array[RowSource](program.inputs.length)
  private val frames = new Array[Iterator[Array[Byte]]](program.inputs.length)
  private val blocks = new Array[ShuffleBlocks](program.inputs.length)
  private val expressions = new Array[Evaluation](program.jvmExpressions.length)
  private val evaluated = new RowBlock
  private val tables = new NativeTables(context)
  private lazy val files = new HadoopFiles(
    program.inputs.collectFirst { case FilesInput(Some(shared), _) => shared.value.value }
      .getOrElse(throw SparkException.internalError("A stage without files opens one.")))
  private var filesOpened = false
  @volatile private var closing = false

  override def acquire(bytes: Long): Long = memory.acquire(bytes)

  override def release(bytes: Long): Unit = memory.release(bytes)

  override def isCancelled: Boolean = closing || context.isInterrupted()

  override def nextRows(input: Int, block: Array[Long]): Int = {
    if (rows(input) == null) {
      rows(input) = (program.inputs(input), partition.splits(input)) match {
        case (RowsInput(rdd, types), RowsSplit(parent)) =>
          new RowSource(rdd.iterator(parent, context), () => UnsafeProjection.create(types))
        case _ => throw wrongKind(input, "rows")
      }
    }
    rows(input).next(program.batchRows, block)
  }

  override def nextBroadcast(input: Int): Array[Byte] =
    if (frames(input).hasNext) frames(input).next() else null

  override def rewindBroadcast(input: Int): Unit = frames(input) = program.inputs(input) match {
    case BroadcastInput(broadcast) => broadcast.value.iterator
    case _ => throw wrongKind(input, "a broadcast")
  }

  override def acquireStorage(input: Int, bytes: Long): Boolean =
    tables.acquire(broadcastId(input), bytes)

  override def releaseStorage(bytes: Long): Unit = tables.release(bytes)

  override def publishTable(input: Int, table: Long, bytes: Long): Boolean =
    tables.publish(broadcastId(input), table, bytes)

  override def pinTable(input: Int, table: Long): Boolean = tables.pin(broadcastId(input), table)

  private def broadcastId(input: Int): Long = partition.splits(input) match {
    case BroadcastSplit(id) => id
    case _ => throw wrongKind(input, "a broadcast")
  }

  override def evaluate(
      index: Int,
      count: Int,
      rows: Long,
      lengths: Long,
      block: Array[Long]): Int = {
    if (expressions(index) == null) {
      expressions(index) = new Evaluation(program.jvmExpressions(index))
    }
    evaluated.clear()
    try {
      expressions(index).run(count, rows, lengths, evaluated)
    } catch {
      // Some expressions have a state that an exception leaves in disorder: the next evaluation
      // is by a fresh copy.
      case failure: Throwable =>
        expressions(index) = null
        throw failure
    }
    evaluated.describe(block)
    evaluated.count
  }

  override def shuffleFiles(input: Int): ShuffleFiles = {
    blocks(input) = (program.inputs(input), partition.splits(input)) match {
      case (ShuffleInput(dependency, readMetrics, _), ShuffleSplit(spec)) =>
        new ShuffleBlocks(dependency, spec, readMetrics, context)
      case _ => throw wrongKind(input, "shuffle blocks")
    }
    blocks(input).files
  }

  override def nextShuffleStream(input: Int): Boolean = blocks(input).nextStream()

  override def readShuffle(input: Int, address: Long, length: Int): Int =
    blocks(input).read(address, length)

  override def shuffleBlockFailed(input: Int, block: Int, reason: String): Unit =
    blocks(input).fail(block, reason)

  override def openFile(path: String, length: Array[Long]): Long = {
    filesOpened = true
    files.open(path, length)
  }

  override def readFile(handle: Long, offset: Long, address: Long, length: Int): Long =
    files.read(handle, offset, address, length)

  override def fileFailed(): Unit = if (filesOpened) files.throwFailure()

  override def closeFile(handle: Long): Unit = files.close(handle)

  override def rebaseMicros(zone: String, address: Long, count: Int): Unit = {
    // As Spark's RebaseSpec has it.
    val timeZone = Option(zone).getOrElse(TimeZone.getDefault.getID)
    (0 until count).foreach { index =>
      val at = address + index.toLong * JLong.BYTES
      val rebased = rebaseJulianToGregorianMicros(timeZone, Platform.getLong(null, at))
      Platform.putLong(null, at, rebased)
    }
  }

  /** Makes the native task stop soon, if another thread runs it. */
  def stop(): Unit = closing = true

  /**
   * Frees everything; the native task must be closed already.
   *
   * @param rowsRead rows that an operator read, by its number
   */
  def close(rowsRead: Int => Long): Unit = {
    rows.foreach(source => if (source != null) source.close())
    evaluated.close()
    tables.close()
    if (filesOpened) files.closeAll()
    blocks.indices.foreach { input =>
      (program.inputs(input), blocks(input)) match {
        case (_, null) =>
        case (ShuffleInput(_, _, operator), reader) => reader.close(rowsRead(operator))
        case _ =>
      }
    }
  }

  private def wrongKind(input: Int, asked: String): Throwable =
    SparkException.internalError(
      s"The engine asked for $asked of input $input, which is " +
        s"${program.inputs(input).getClass.getSimpleName} with " +
        s"${partition.splits(input).getClass.getSimpleName}.")
}

object TaskHost {
  /** Where a block of JVM rows ends though more rows would fit. */
  private val ROW_BLOCK_BYTES = 1L << 20

  /** Hands over the rows of an iterator, block by block. */
  private final class RowSource(
      iterator: Iterator[InternalRow],
      projection: () => UnsafeProjection) {
    private val block = new RowBlock
    private lazy val toUnsafe = projection()

    /** Says where the next rows are, so many at most, and how many they are; none at the end. */
    def next(maximum: Int, description: Array[Long]): Int = {
      block.clear()
      while (block.count < maximum && block.bytes < ROW_BLOCK_BYTES && iterator.hasNext) {
        iterator.next() match {
          case row: UnsafeRow => block.append(row)
          case row => block.append(toUnsafe(row))
        }
      }
      block.describe(description)
      block.count
    }

    def close(): Unit = block.close()
  }

  /** One of the stage's expressions, compiled. */
  private final class Evaluation(expression: JvmExpression) {
    private val projection = UnsafeProjection.create(Seq(expression.expression.clone()))
    private val reader = new RowReader(expression.inputTypes.length)

    def run(count: Int, rows: Long, lengths: Long, results: RowBlock): Unit = {
      reader.begin(count, rows, lengths)
      while (reader.hasNext) results.append(projection(reader.next()))
    }
  }
}
