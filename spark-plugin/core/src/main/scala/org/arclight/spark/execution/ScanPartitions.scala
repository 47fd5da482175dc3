package org.arclight.spark.execution

import org.apache.hadoop.conf.Configuration
import org.apache.spark.{SparkContext, SparkException}
import org.apache.spark.sql.SparkSession
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.execution.{FileSourceScanExec, ScanFileListing}
import org.apache.spark.sql.execution.datasources.{FilePartition, FileScanRDD, PartitionedFile}
import org.apache.spark.sql.execution.datasources.parquet.ParquetFileFormat
import org.apache.spark.sql.execution.metric.SQLMetric
import org.apache.spark.sql.sources.Filter
import org.apache.spark.sql.types.StructType

/**
 * What each task of a scan of Parquet files reads, as Spark plans it: partitions and buckets are
 * pruned, files split and packed, and the metrics of that are the scan's.
 */
private[spark] object ScanPartitions {

  def of(scan: FileSourceScanExec): Seq[FilePartition] = new ScanWithoutReader(scan).inputRDD match {
    case files: FileScanRDD => files.filePartitions
    case other => throw SparkException.internalError(s"${other.getClass.getName} has no files.")
  }

  /**
   * A scan whose reader is not built: for that Spark copies the Hadoop configuration and broadcasts
   * it. Metrics, files and buckets are those of the scan as it was planned, whatever the session's
   * settings are by now; and a thread that executes a plan need not have a session.
   */
  private final class ScanWithoutReader(scan: FileSourceScanExec)
      extends FileSourceScanExec(
        scan.relation.copy(fileFormat = WithoutReader)(scan.relation.sparkSession),
        scan.stream,
        scan.output,
        scan.requiredSchema,
        scan.partitionFilters,
        scan.optionalBucketSet,
        scan.optionalNumCoalescedBuckets,
        scan.dataFilters,
        scan.tableIdentifier,
        scan.disableBucketedScan) {

    override lazy val driverMetrics: Map[String, SQLMetric] = scan.driverMetrics

    @transient override lazy val selectedPartitions: ScanFileListing = scan.selectedPartitions

    override lazy val bucketedScan: Boolean = scan.bucketedScan

    override protected def sparkContext: SparkContext = scan.relation.sparkSession.sparkContext

    override protected lazy val pushedDownFilters: Seq[Filter] = Nil

    override def getHadoopConf(
        session: SparkSession,
        options: Map[String, String]): Configuration = EMPTY
  }

  private val EMPTY = new Configuration(false)

  private object WithoutReader extends ParquetFileFormat {
    override def buildReaderWithPartitionValues(
        sparkSession: SparkSession,
        dataSchema: StructType,
        partitionSchema: StructType,
        requiredSchema: StructType,
        filters: Seq[Filter],
        options: Map[String, String],
        hadoopConf: Configuration): PartitionedFile => Iterator[InternalRow] =
      _ => throw SparkException.internalError("The files of a native scan are read natively.")
  }
}
