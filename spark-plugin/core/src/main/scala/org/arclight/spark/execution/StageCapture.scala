package org.arclight.spark.execution

import java.nio.file.{Files, Paths, StandardCopyOption}
import java.util.HexFormat

import scala.jdk.CollectionConverters._
import scala.util.control.NonFatal

import com.google.protobuf.ByteString
import org.apache.spark.internal.Logging
import org.apache.spark.sql.internal.SQLConf

import org.arclight.proto.{Split, StageBundle, Task}
import org.arclight.spark.ArclightConf

/**
 * Writes stages with their tasks into files, which the command `arclight` explains and runs
 * outside Spark. A file says itself what in it needs Spark.
 */
private[execution] object StageCapture extends Logging {

  /**
   * Writes a stage, if the session asks for it. A failure is a warning.
   *
   * @param bridged the expressions that Spark's own code evaluates, in words
   */
  def capture(
      conf: SQLConf,
      program: StageProgram,
      partitions: Array[NativeStagePartition],
      bridged: Seq[String]): Unit =
    ArclightConf.CAPTURE_DIRECTORY.get(conf).foreach { directory =>
      val name = s"stage-${HexFormat.of().formatHex(program.digest)}.arclight"
      try {
        val folder = Files.createDirectories(Paths.get(directory))
        val temporary = Files.createTempFile(folder, name, ".tmp")
        Files.write(temporary, bundle(program, partitions, bridged).toByteArray)
        Files.move(temporary, folder.resolve(name), StandardCopyOption.REPLACE_EXISTING)
        logInfo(s"Arclight captured a stage of ${partitions.length} tasks in ${folder.resolve(name)}")
      } catch {
        case NonFatal(failure) =>
          logWarning(s"Arclight could not capture $name in $directory", failure)
      }
    }

  private def bundle(
      program: StageProgram,
      partitions: Array[NativeStagePartition],
      bridged: Seq[String]): StageBundle = {
    val tasks = partitions.map { partition =>
      Task.newBuilder()
        .setPartition(partition.index)
        .addAllInputs(partition.splits.map(NativeTask.message).toSeq.asJava)
        .build()
    }
    val inputs = program.inputs.toSeq.zipWithIndex.flatMap { case (input, number) =>
      needed(input).map(what => s"input $number is $what")
    }
    val remote = tasks.toSeq.flatMap(_.getInputsList.asScala).flatMap(remoteFiles).distinct
      .map(path => s"$path is read through Hadoop's file system")
    StageBundle.newBuilder()
      .setPlan(ByteString.copyFrom(program.plan))
      .addAllTasks(tasks.map(_.toByteString).toSeq.asJava)
      .addAllObstacles(
        (inputs ++ remote ++ bridged.map(what => s"Spark's own code evaluates $what")).asJava)
      .build()
  }

  /** What an input is that only Spark has. */
  private def needed(input: StageInput): Option[String] = input match {
    case _: RowsInput => Some("rows that Spark computes")
    case shuffle: ShuffleInput => Some(s"the blocks of shuffle ${shuffle.dependency.shuffleId}")
    case _: BroadcastInput => Some("rows that Spark broadcasts")
    case _: FilesInput | _: RangeSlices => None
  }

  private def remoteFiles(split: Split): Seq[String] =
    split.getFiles.getFilesList.asScala.filterNot(_.getLocal).map(_.getPath).toSeq
}
