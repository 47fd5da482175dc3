package org.arclight.spark.execution

import java.io.File

import org.apache.spark.sql.{DataFrame, Row}
import org.apache.spark.sql.functions.{col, count, sum}
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.streaming.Trigger

import org.arclight.spark.{ArclightConf, NativeSuite}

/**
 * Spark's own commands and sources around native operators: tables written from native plans and
 * read below them, caches, checkpoints and streams.
 */
class TablesSuite extends NativeSuite {

  private def off[T](run: => T): T = withSQLConf(ArclightConf.ENABLED.key -> "false")(run)

  private val source =
    "SELECT id % 5 AS part, id, concat('t', id) AS text, CAST(id AS DECIMAL(10,2)) AS price " +
      "FROM range(0, 1000, 1, 3) WHERE id % 3 <> 1"

  private val aggregated =
    "SELECT id % 5 AS part, sum(id) AS total, count(*) AS n FROM range(0, 1000, 1, 3) GROUP BY 1"

  /** Runs commands natively and by Spark on tables of their own, and compares what these hold. */
  private def checkTable(commands: String => Seq[String], select: String): Unit = {
    withTable("with_spark", "with_arclight") {
      off(commands("with_spark").foreach(sql))
      commands("with_arclight").foreach(sql)
      val expected = off(sql(select.replace("{table}", "with_spark")).collect().toSeq)
      assert(expected.nonEmpty)
      off(checkAnswer(sql(select.replace("{table}", "with_arclight")), expected))
      checkAnswer(sql(select.replace("{table}", "with_arclight")), expected)
    }
  }

  for (format <- Seq("PARQUET", "CSV", "ORC", "JSON")) {
    test(s"tables of $format, written from and read below native operators") {
      checkTable(
        table => Seq(
          s"CREATE TABLE $table USING $format AS $source",
          s"INSERT INTO $table $source",
          s"INSERT INTO $table SELECT part, total, CAST(n AS STRING), 0 FROM ($aggregated)"),
        "SELECT part, count(*), sum(id), max(text), sum(price) FROM {table} GROUP BY part")
    }
  }

  test("the query below a write is native") {
    withTable("written") {
      sql(s"CREATE TABLE written USING PARQUET AS $aggregated")
      val plans = scala.collection.mutable.ArrayBuffer.empty[String]
      val listener = new org.apache.spark.sql.util.QueryExecutionListener {
        override def onSuccess(
            function: String,
            execution: org.apache.spark.sql.execution.QueryExecution,
            nanos: Long): Unit = plans.synchronized {
          plans ++= natives(execution.executedPlan)
        }
        override def onFailure(
            function: String,
            execution: org.apache.spark.sql.execution.QueryExecution,
            exception: Exception): Unit = ()
      }
      spark.listenerManager.register(listener)
      try {
        sql(s"INSERT INTO written $aggregated")
        org.apache.spark.arclight.ExecutorState.drainListeners(spark.sparkContext)
      } finally {
        spark.listenerManager.unregister(listener)
      }
      assert(plans.exists(_.startsWith("HashAggregate")), plans)
      assert(plans.contains("NativeExchange"), plans)
    }
  }

  test("partitioned tables, with static and dynamic partitions overwritten") {
    for (mode <- Seq("static", "dynamic")) {
      withSQLConf(SQLConf.PARTITION_OVERWRITE_MODE.key -> mode) {
        checkTable(
          table => Seq(
            s"CREATE TABLE $table (id BIGINT, text STRING, part BIGINT) USING PARQUET " +
              "PARTITIONED BY (part)",
            s"INSERT INTO $table SELECT id, text, part FROM ($source)",
            s"INSERT INTO $table PARTITION (part = 9) SELECT total, 'fixed' FROM ($aggregated)",
            s"INSERT OVERWRITE $table SELECT id * 2, text, part FROM ($source) WHERE part < 2",
            s"INSERT OVERWRITE $table PARTITION (part = 4) SELECT 1, 'only'"),
          "SELECT part, count(*), sum(id), min(text) FROM {table} GROUP BY part")
      }
    }
  }

  test("bucketed and sorted tables") {
    withTable("buckets_spark", "buckets") {
      def write(table: String): Unit = sql(source).write
        .bucketBy(4, "part").sortBy("id").format("parquet").saveAsTable(table)
      off(write("buckets_spark"))
      write("buckets")
      val query = "SELECT part, count(*), sum(id) FROM {table} GROUP BY part"
      val expected = off(sql(query.replace("{table}", "buckets_spark")).collect().toSeq)
      checkAnswer(sql(query.replace("{table}", "buckets")), expected)
    }
  }

  test("a partitioned write of a frame, read natively with its partitions pruned") {
    withTempPath { path =>
      sql(source).write.partitionBy("part").parquet(path.getPath)
      checkNative(s"SELECT count(*), sum(id) FROM parquet.`${path.getPath}` WHERE part IN (1, 3)")
    }
  }

  test("caches of all storage levels, and what is computed of them") {
    import org.apache.spark.storage.StorageLevel._
    val expected = off(sql(aggregated).collect().toSeq)
    for (level <- Seq(MEMORY_ONLY, MEMORY_AND_DISK, DISK_ONLY, MEMORY_ONLY_SER, OFF_HEAP)) {
      val cached = sql(aggregated).persist(level)
      try {
        checkAnswer(cached, expected)
        checkAnswer(cached.groupBy().agg(sum("total"), count("*")), Row(499500L, 5L))
        checkAnswer(cached.where("part > 2").select("part"), Seq(Row(3L), Row(4L)))
      } finally {
        cached.unpersist(blocking = true)
      }
    }
  }

  test("checkpoints") {
    withTempPath { path =>
      spark.sparkContext.setCheckpointDir(path.getPath)
      val expected = off(sql(aggregated).collect().toSeq)
      checkAnswer(sql(aggregated).checkpoint(), expected)
      checkAnswer(sql(aggregated).localCheckpoint(), expected)
      checkAnswer(
        sql(aggregated).checkpoint().groupBy("n").agg(count("*")),
        off(sql(aggregated).groupBy("n").agg(count("*")).collect().toSeq))
    }
  }

  test("typed datasets, and Scala functions over rows and groups") {
    import testImplicits._
    def typed(frame: DataFrame): Seq[(Long, Long)] =
      frame.as[(Long, Long, String, BigDecimal)]
        .filter(_._2 % 2 == 0)
        .groupByKey(_._1)
        .mapGroups((part, rows) => (part, rows.map(_._2).sum))
        .collect().toSeq.sorted
    assert(typed(sql(source)) == off(typed(sql(source))))
  }

  test("a streaming query gives what Spark gives") {
    def stream(folder: File, checkpoint: File, table: String): Seq[Row] = {
      val query = spark.readStream.schema("part BIGINT, id BIGINT").parquet(folder.getPath)
        .where(col("id") % 2 === 0)
        .groupBy("part").agg(sum("id").as("total"), count("*").as("n"))
        .writeStream.format("memory").queryName(table).outputMode("complete")
        .option("checkpointLocation", checkpoint.getPath)
        .trigger(Trigger.AvailableNow()).start()
      query.awaitTermination()
      spark.table(table).collect().toSeq
    }
    withTempPath { base =>
      val folder = new File(base, "input")
      for (batch <- 0 until 3) {
        sql(s"SELECT id % 5 AS part, id + $batch AS id FROM range(0, 500, 1, 2)")
          .write.mode("append").parquet(folder.getPath)
      }
      withSQLConf(SQLConf.SHUFFLE_PARTITIONS.key -> "2") {
        withTempView("stream_spark", "stream") {
          val expected = off(stream(folder, new File(base, "one"), "stream_spark"))
          assert(expected.length == 5)
          assert(stream(folder, new File(base, "two"), "stream").toSet == expected.toSet)
        }
      }
    }
  }

  test("a stream's rows are written by foreachBatch, from native plans") {
    withTempPath { base =>
      val folder = new File(base, "input")
      val output = new File(base, "output")
      sql(source).write.parquet(folder.getPath)
      val query = spark.readStream.schema("part BIGINT, id BIGINT, text STRING")
        .parquet(folder.getPath)
        .writeStream
        .foreachBatch { (batch: DataFrame, _: Long) =>
          batch.groupBy("part").agg(sum("id").as("total")).write.mode("append")
            .parquet(output.getPath)
        }
        .option("checkpointLocation", new File(base, "checkpoint").getPath)
        .trigger(Trigger.AvailableNow()).start()
      query.awaitTermination()
      val expected = off(sql(s"SELECT part, sum(id) FROM ($source) GROUP BY part").collect().toSeq)
      checkAnswer(spark.read.parquet(output.getPath), expected)
    }
  }
}
