package org.arclight.spark.execution

import java.io.File

import org.apache.spark.{Dependency, NarrowDependency, Partition, SparkContext, TaskContext}
import org.apache.spark.arclight.{ShuffleLocations, ShuffleWritten, UnstartedShuffleWrite}
import org.apache.spark.rdd.{DeterministicLevel, RDD}
import org.apache.spark.sql.catalyst.InternalRow

/**
 * The rows of a stage that runs natively; or, if its plan ends in a shuffle write, a handle that
 * the shuffle writer starts. It depends on the shuffles it reads themselves, so that a lost block
 * has Spark compute them again.
 *
 * @param compile gives the program and the tasks; called on the driver, when Spark first wants any
 * @param indeterminate whether a task run again may give other rows
 */
class NativeStageRDD(
    context: SparkContext,
    @transient private val compile: () => (StageProgram, Array[NativeStagePartition]),
    indeterminate: Boolean)
  extends RDD[InternalRow](context, Nil) {

  @transient private lazy val compiled: (StageProgram, Array[NativeStagePartition]) = compile()

  private lazy val program: StageProgram = compiled._1

  private def stagePartitions: Array[NativeStagePartition] = compiled._2

  override protected def getPartitions: Array[Partition] =
    stagePartitions.asInstanceOf[Array[Partition]]

  override protected def getDependencies: Seq[Dependency[_]] =
    program.inputs.toSeq.zipWithIndex.collect {
      case (RowsInput(rdd, _), input) =>
        val parents = stagePartitions.map { partition =>
          partition.splits(input) match {
            case RowsSplit(parent) => parent.index
            case _ => NativeStageRDD.NO_PARENT
          }
        }
        new RowsDependency(rdd, parents)
      case (ShuffleInput(dependency, _, _), _) => dependency
    }

  override protected def getPreferredLocations(split: Partition): Seq[String] = {
    val partition = split.asInstanceOf[NativeStagePartition]
    // Spark itself looks at the RDDs of rows.
    if (partition.preferredLocations.nonEmpty) {
      partition.preferredLocations
    } else {
      program.inputs.iterator.zip(partition.splits.iterator).collect {
        case (ShuffleInput(dependency, _, _), ShuffleSplit(spec)) =>
          ShuffleLocations.preferred(dependency, spec)
      }.find(_.nonEmpty).getOrElse(Nil)
    }
  }

  override protected def getOutputDeterministicLevel: DeterministicLevel.Value =
    if (indeterminate) DeterministicLevel.INDETERMINATE else super.getOutputDeterministicLevel

  override def compute(split: Partition, task: TaskContext): Iterator[InternalRow] =
    new NativeRowIterator(program, split.asInstanceOf[NativeStagePartition], task)
}

object NativeStageRDD {
  private[execution] val NO_PARENT = -1
}

/** Partition `i` depends on partition `parents(i)` of an RDD, or on none. */
private[execution] final class RowsDependency(rdd: RDD[InternalRow], parents: Array[Int])
  extends NarrowDependency[InternalRow](rdd) {
  override def getParents(partition: Int): Seq[Int] =
    Seq(parents(partition)).filter(_ != NativeStageRDD.NO_PARENT)
}

/**
 * The rows of one task, each valid until the next is taken. The native task starts when the first
 * row is asked for, when the driver collects all, or when the shuffle writer has it write.
 */
final class NativeRowIterator(
    program: StageProgram,
    partition: NativeStagePartition,
    context: TaskContext)
  extends Iterator[InternalRow] with UnstartedShuffleWrite {

  private val block = new Array[Long](2)
  private val reader = new RowReader(program.fields)
  private var task: NativeTask = _
  private var ended = false

  override def hasNext: Boolean = reader.hasNext || (!ended && pull())

  override def next(): InternalRow = {
    if (!hasNext) throw new NoSuchElementException("the native task has no further row")
    reader.next()
  }

  override def writeShuffle(dataFile: File): ShuffleWritten =
    new NativeTask(program, partition, context, Some(dataFile)).shuffleWrite()

  /** All rows, for the driver. The iterator itself is not used then. */
  def collectFrames(): CollectedFrames.Result = {
    val started = new NativeTask(program, partition, context, None)
    val sizes = new Array[Long](2)
    var count, bytes = 0L
    val frames = Iterator.continually(started.nextFrame(sizes)).takeWhile(_ != null).map { frame =>
      count += sizes(0)
      bytes += sizes(1)
      frame
    }.toArray
    started.close()
    (frames, count, bytes)
  }

  private def pull(): Boolean = {
    if (task == null) task = new NativeTask(program, partition, context, None)
    // The consumer may still look at the row before.
    reader.detach()
    val count = task.nextRows(block)
    reader.begin(count, block(0), block(1))
    ended = count == 0
    // A task of Spark may run many of these one after the other.
    if (ended) task.close()
    !ended
  }
}
