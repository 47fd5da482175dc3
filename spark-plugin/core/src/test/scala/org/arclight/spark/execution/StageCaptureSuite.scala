package org.arclight.spark.execution

import java.io.File
import java.nio.file.Files

import scala.jdk.CollectionConverters._

import org.apache.hadoop.fs.LocalFileSystem
import org.apache.spark.SparkConf

import org.arclight.proto.{StageBundle, Task}
import org.arclight.spark.{ArclightConf, NativeSuite}
import org.arclight.spark.jni.NativeLibrary

class StageCaptureSuite extends NativeSuite {

  // Spark's tests read local files through a class of their own, which counts what is open.
  override def sparkConf: SparkConf = super.sparkConf
    .set("spark.hadoop.fs.file.impl", classOf[LocalFileSystem].getName)

  /** The stages that a query's run captures. */
  private def captured(query: String): Seq[StageBundle] = {
    var bundles = Seq.empty[StageBundle]
    withTempDir { directory =>
      withSQLConf(ArclightConf.CAPTURE_DIRECTORY.key -> new File(directory, "stages").getPath) {
        spark.sql(query).collect()
      }
      val files = new File(directory, "stages").listFiles().toSeq
      assert(files.forall(_.getName.matches("stage-[0-9a-f]{32}\\.arclight")), files)
      bundles = files.map(file => StageBundle.parseFrom(Files.readAllBytes(file.toPath)))
    }
    bundles
  }

  private def obstacles(bundle: StageBundle): Seq[String] = bundle.getObstaclesList.asScala.toSeq

  private def withNumbers(test: => Unit): Unit = withTempPath { path =>
    withSQLConf(ArclightConf.ENABLED.key -> "false") {
      spark.range(0, 100, 1, 2).selectExpr("id", "id % 7 AS k").write.parquet(path.getPath)
    }
    withTempView("numbers") {
      spark.read.parquet(path.getPath).createOrReplaceTempView("numbers")
      test
    }
  }

  test("a stage over files is captured whole, one over a shuffle says what it needs") {
    withNumbers {
      val bundles = captured("SELECT k, sum(id) FROM numbers WHERE id > 3 GROUP BY k")
      val (whole, rest) = bundles.partition(obstacles(_).isEmpty)
      assert(whole.length == 1 && rest.length == 1)
      val tasks = whole.head.getTasksList.asScala.map(Task.parseFrom)
      assert(tasks.flatMap(_.getInputs(0).getFiles.getFilesList.asScala).nonEmpty)
      assert(NativeLibrary.explain(whole.head.getPlan.toByteArray).contains("Aggregate"))
      assert(obstacles(rest.head).forall(_.matches("input 0 is the blocks of shuffle \\d+")))
    }
  }

  test("rows of the JVM and bridged expressions are named") {
    withNumbers {
      spark.udf.register("half", (number: Long) => number / 2)
      val bridged = captured("SELECT half(id) FROM numbers WHERE id < 10").flatMap(obstacles)
      assert(bridged.exists(_.matches("Spark's own code evaluates .*half\\(.*")), bridged)
      withTempView("rows") {
        spark.createDataFrame(spark.sparkContext.parallelize((0 until 10).map(i => (i, s"$i"))))
          .toDF("number", "text").createOrReplaceTempView("rows")
        val rows = captured("SELECT text, count(*) FROM rows GROUP BY text").flatMap(obstacles)
        assert(rows.contains("input 0 is rows that Spark computes"), rows)
      }
    }
  }

  test("what a join reads of a broadcast is named") {
    withNumbers {
      val stages = captured(
        "SELECT /*+ BROADCAST(few) */ n.id, few.k FROM numbers n JOIN numbers few ON n.k = few.id")
      val joining = stages.filter(bundle =>
        NativeLibrary.explain(bundle.getPlan.toByteArray).contains("Join"))
      assert(joining.length == 1)
      assert(obstacles(joining.head).forall(_.matches("input \\d is rows that Spark broadcasts")))
      assert(obstacles(joining.head).length == 1)
    }
  }

  test("a folder that can't be made fails no query") {
    withTempPath { file =>
      Files.write(file.toPath, Array[Byte](1))
      withSQLConf(ArclightConf.CAPTURE_DIRECTORY.key -> new File(file, "below").getPath) {
        assert(spark.range(10).selectExpr("sum(id)").head().getLong(0) == 45)
      }
    }
  }
}
