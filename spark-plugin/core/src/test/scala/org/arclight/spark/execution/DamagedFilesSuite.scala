package org.arclight.spark.execution

import java.io.{File, IOException, RandomAccessFile}
import java.nio.charset.StandardCharsets
import java.nio.file.Files

import org.apache.hadoop.fs.{FSDataInputStream, FSInputStream, LocalFileSystem, Path, RawLocalFileSystem}
import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, NativeSuite}
import org.arclight.spark.differential.Outcome

/**
 * Files that are damaged, missing or of another schema: Spark's own error, or what Spark reads of
 * them, and an executor that goes on. Each case reads natively and through Hadoop's FileSystem.
 */
class DamagedFilesSuite extends NativeSuite {

  /** How a file is reached: by the engine itself, or by the class of Hadoop that tests have. */
  private val ways: Seq[(String, Seq[(String, String)])] = Seq(
    "natively" -> Seq("fs.file.impl" -> classOf[LocalFileSystem].getName),
    "through Hadoop" -> Nil)

  private def off[T](read: => T): T = withSQLConf(ArclightConf.ENABLED.key -> "false")(read)

  /** A folder of `files` Parquet files, `id` up to 1000 each, and `text`. */
  private def withFiles(files: Int)(test: (File, Seq[File]) => Unit): Unit = withTempPath { path =>
    off {
      spark.range(0, files * 1000L, 1, files).selectExpr("id", "concat('text ', id % 50) AS text")
        .write.parquet(path.getPath)
    }
    test(path, path.listFiles().filter(_.getName.endsWith(".parquet")).sorted.toSeq)
  }

  private def overwrite(file: File)(change: RandomAccessFile => Unit): Unit = {
    // Hadoop's own checksum would notice the damage before Parquet does.
    Option(file.getParentFile.listFiles()).toSeq.flatten.filter(_.getName.endsWith(".crc"))
      .foreach(_.delete())
    val access = new RandomAccessFile(file, "rw")
    try change(access)
    finally access.close()
  }

  private def table(folder: File, schema: String = "id BIGINT, text STRING"): DataFrame =
    spark.read.schema(schema).parquet(folder.getPath)

  /** Both outcomes of a query, and that the engine was to run it. */
  private def outcomes(query: => DataFrame): (Outcome, Outcome) = {
    val expected = off(Outcome.of(query))
    val frame = query
    val found = Outcome.of(frame)
    assert(natives(frame.queryExecution.executedPlan).exists(_.startsWith("Scan parquet")),
      frame.queryExecution.executedPlan)
    (expected, found)
  }

  private def checkSame(query: => DataFrame): Outcome = {
    val (expected, found) = outcomes(query)
    Outcome.difference(expected, found).foreach(difference => fail(difference))
    expected
  }

  private def checkError(query: => DataFrame, condition: String): Unit = checkSame(query) match {
    case error: Outcome.Error => assert(error.condition == condition)
    case rows => fail(s"$rows instead of an error")
  }

  private def checkRows(query: => DataFrame, count: Int): Unit = checkSame(query) match {
    case rows: Outcome.Rows => assert(rows.rows.length == count)
    case error => fail(s"$error")
  }

  /** The executor still runs, and holds nothing. */
  private def checkAlive(): Unit = {
    assert(spark.range(1000).selectExpr("sum(id)").head().getLong(0) == 499500)
    checkIdle()
  }

  private val damages: Seq[(String, RandomAccessFile => Unit)] = Seq(
    "whose last bytes are cut off" -> (file => file.setLength(file.length - 10)),
    "that ends half-way" -> (file => file.setLength(file.length / 2)),
    "of which one byte is left" -> (_.setLength(1)),
    "that is text" -> { file =>
      file.setLength(0)
      file.write("id,text\n1,a\n".getBytes(StandardCharsets.UTF_8))
    },
    "whose footer is overwritten" -> { file =>
      file.seek(file.length - 300)
      file.write(Array.fill(280)(0xFF.toByte))
    },
    "with a damaged page" -> { file =>
      // Behind the header of the first page: what Snappy reads first.
      file.seek(4 + 30)
      file.write(Array.fill(200)(0xFF.toByte))
    })

  for ((how, conf) <- ways) {
    for ((damage, change) <- damages) test(s"a file $damage, read $how") {
      withFiles(2) { (folder, files) =>
        overwrite(files.head)(change)
        withSQLConf(conf: _*) {
          checkError(table(folder), "FAILED_READ_FILE.NO_HINT")
          checkError(table(folder).groupBy("id").count(), "FAILED_READ_FILE.NO_HINT")
          checkAlive()
          withSQLConf(SQLConf.IGNORE_CORRUPT_FILES.key -> "true") {
            checkRows(table(folder), 1000)
          }
          checkRows(
            spark.read.option("ignoreCorruptFiles", "true").schema("id BIGINT, text STRING")
              .parquet(folder.getPath),
            1000)
          checkAlive()
        }
      }
    }

    test(s"an empty file, read $how") {
      withFiles(2) { (folder, files) =>
        overwrite(files.head)(_.setLength(0))
        withSQLConf(conf: _*)(checkRows(table(folder), 1000))
      }
    }

    test(s"columns of other types than the file has, read $how") {
      withFiles(1) { (folder, _) =>
        withSQLConf(conf: _*) {
          val mismatch = "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH"
          checkError(table(folder, "id STRING, text STRING"), mismatch)
          checkError(table(folder, "id INT, text STRING"), mismatch)
          checkError(table(folder, "id BIGINT, text BIGINT"), mismatch)
          checkError(table(folder, "ID BOOLEAN"), mismatch)
          checkError(table(folder, "text TIMESTAMP, id DATE"), mismatch)
          checkRows(table(folder, "id DECIMAL(20,0), text BINARY, other INT"), 1000)
          checkAlive()
          withSQLConf(SQLConf.IGNORE_CORRUPT_FILES.key -> "true") {
            checkRows(table(folder, "id INT"), 0)
          }
        }
      }
    }

    test(s"fields whose names differ by case only, read $how") {
      withTempPath { path =>
        withSQLConf(SQLConf.CASE_SENSITIVE.key -> "true") {
          off(spark.range(10).selectExpr("id", "id AS Id", "id AS text").write.parquet(path.getPath))
        }
        withSQLConf(conf: _*) {
          checkError(table(path, "ID BIGINT"), "_LEGACY_ERROR_TEMP_2093")
          def cause(): Throwable =
            causes(intercept[Exception](table(path, "ID BIGINT").collect())).last
          val expected = off(cause())
          assert(cause().getMessage == expected.getMessage)
          assert(cause().getClass == expected.getClass)
          checkRows(table(path, "text BIGINT"), 10)
        }
      }
    }

    test(s"a file that is deleted before it is read, read $how") {
      withFiles(3) { (folder, files) =>
        withSQLConf(conf: _*) {
          var restore: () => Any = () => ()
          // A frame lists its files when it is made.
          def deleting(): DataFrame = {
            val kept = new File(folder.getParentFile, folder.getName + "-kept")
            Files.copy(files.head.toPath, kept.toPath)
            val frame = table(folder)
            frame.queryExecution.executedPlan
            assert(files.head.delete())
            restore = () => Files.move(kept.toPath, files.head.toPath)
            frame
          }
          def once(read: DataFrame => Outcome): Outcome =
            try read(deleting())
            finally restore()
          def checkBoth(): Outcome = {
            val expected = off(once(Outcome.of(_)))
            val found = once { frame =>
              val outcome = Outcome.of(frame)
              assert(natives(frame.queryExecution.executedPlan).nonEmpty)
              outcome
            }
            Outcome.difference(expected, found).foreach(difference => fail(difference))
            expected
          }
          checkBoth() match {
            case error: Outcome.Error =>
              assert(error.condition == "FAILED_READ_FILE.FILE_NOT_EXIST")
            case rows => fail(s"$rows")
          }
          checkAlive()
          // A missing file isn't a corrupt one.
          withSQLConf(SQLConf.IGNORE_CORRUPT_FILES.key -> "true") {
            assert(checkBoth().isInstanceOf[Outcome.Error])
          }
          withSQLConf(SQLConf.IGNORE_MISSING_FILES.key -> "true") {
            checkBoth() match {
              case rows: Outcome.Rows => assert(rows.rows.length == 2000)
              case error => fail(s"$error")
            }
          }
          checkAlive()
        }
      }
    }
  }

  test("a remote file whose reading fails") {
    withFiles(2) { (folder, files) =>
      withSQLConf("fs.faulty.impl" -> classOf[FaultyFileSystem].getName) {
        val uri = s"faulty:${folder.getPath}"
        def remote: DataFrame = spark.read.schema("id BIGINT, text STRING").parquet(uri)
        checkRows(remote, 2000)
        FaultyFileSystem.broken = files.head.getName
        try {
          checkError(remote, "FAILED_READ_FILE.NO_HINT")
          withSQLConf(SQLConf.IGNORE_CORRUPT_FILES.key -> "true")(checkRows(remote, 1000))
          withSQLConf(SQLConf.IGNORE_MISSING_FILES.key -> "true") {
            checkError(remote, "FAILED_READ_FILE.NO_HINT")
          }
          checkAlive()
        } finally {
          FaultyFileSystem.broken = ""
        }
      }
    }
  }
}

/** Local files under another scheme, of which one cannot be read. */
class FaultyFileSystem extends RawLocalFileSystem {
  override def getScheme: String = "faulty"

  override def getUri: java.net.URI = java.net.URI.create("faulty:///")

  override def open(path: Path, bufferSize: Int): FSDataInputStream = {
    val stream = super.open(path, bufferSize)
    if (path.getName == FaultyFileSystem.broken) {
      stream.close()
      new FSDataInputStream(new FaultyStream)
    } else {
      stream
    }
  }
}

object FaultyFileSystem {
  @volatile var broken: String = ""
}

/** A stream of a connection that is lost. */
class FaultyStream extends FSInputStream {
  override def seek(position: Long): Unit = ()

  override def getPos: Long = 0

  override def seekToNewSource(target: Long): Boolean = false

  override def read(): Int = throw new IOException("connection lost")
}
