package org.arclight.spark.rules

import java.util.Arrays

import scala.jdk.CollectionConverters._

import io.substrait.proto.Expression.Literal
import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{LocalFileSystem, Path}
import org.apache.parquet.hadoop.ParquetInputFormat
import org.apache.spark.sql.catalyst.FileSourceOptions
import org.apache.spark.sql.catalyst.expressions.{Attribute, FileSourceGeneratedMetadataStructField}
import org.apache.spark.sql.catalyst.util.{CaseInsensitiveMap, ResolveDefaultColumns}
import org.apache.spark.sql.execution.{FileSourceScanExec, SparkPlan}
import org.apache.spark.sql.execution.datasources.{FileFormat, PartitionedFile, VariantMetadata}
import org.apache.spark.sql.execution.datasources.parquet.{ParquetFileFormat, ParquetOptions, ParquetUtils}
import org.apache.spark.sql.internal.{LegacyBehaviorPolicy, SQLConf}
import org.apache.spark.sql.types.{NullType, StructType}
import org.apache.spark.util.SerializableConfiguration

import org.arclight.proto.{FileSplit, Split}
import org.arclight.spark.{ArclightConf, PlanningTime}
import org.arclight.spark.execution.{FilesInput, FilesSplit, PlacedSplit, ScanPartitions, StageSource}
import org.arclight.spark.plan.{Literals, ParquetScanOptions, SparkTypes}
import org.arclight.spark.plan.expressions.{Native, SupportLevel, Unsupported}

/** The scan of Parquet files. */
object FileScanOperator extends LeafOperator {
  override def operatorClass: Class[_ <: SparkPlan] = classOf[FileSourceScanExec]

  override def saving: Double = OperatorRegistry.COSTLY

  override def check(plan: SparkPlan, conf: SQLConf): SupportLevel =
    obstacle(classOf[FileSourceScanExec].cast(plan), conf).fold[SupportLevel](Native)(Unsupported(_))

  private def obstacle(scan: FileSourceScanExec, conf: SQLConf): Option[String] = {
    val format = scan.relation.fileFormat
    lazy val columns = scan.output.take(scan.requiredSchema.length)
    lazy val ofNested =
      if (columns.exists(column => SparkTypes.isNested(column.dataType))) nestedObstacle(scan, conf) else None
    lazy val read = StructType(scan.relation.partitionSchema.fields ++ scan.requiredSchema.fields)
    if (!ArclightConf.SCAN_ENABLED.get(conf)) {
      Some(s"${ArclightConf.SCAN_ENABLED.key} is false")
    } else if (format.getClass != classOf[ParquetFileFormat]) {
      // A subclass may hide rows, as Delta's does.
      Some(s"files of format ${format.getClass.getName} are not native")
    } else if (scan.stream.isDefined) {
      Some("scans of streams are not native")
    } else if (columns.map(_.name) != scan.requiredSchema.map(_.name)) {
      Some("the scan's columns are not in the order of its schema")
    } else if (columns.exists(column => column.name == ROW_INDEX && !isGenerated(column))) {
      Some(s"a column is called $ROW_INDEX")
    } else if (columns.exists(column => isGenerated(column) && column.name != ROW_INDEX)) {
      Some("of columns that the reader generates only the row index is native")
    } else if (columns.exists(column => SparkTypes.exists(column.dataType)(_ == NullType))) {
      Some("columns of type void of files are not native")
    } else if (!ParquetUtils.isBatchReadSupportedForSchema(conf, read)) {
      // Its other reader converts between more types, and otherwise.
      Some("files are native only as Spark's vectorized reader reads them, and that is off")
    } else if (ofNested.isDefined) {
      ofNested
    } else if (conf.parquetFieldIdReadEnabled && ParquetUtils.hasFieldIds(scan.requiredSchema)) {
      Some("columns that are found by their field ids are not native")
    } else if (ResolveDefaultColumns.existenceDefaultValues(scan.requiredSchema).exists(_ != null)) {
      Some("columns with default values are not native")
    } else if (rebaseModes(scan, conf).contains(LegacyBehaviorPolicy.EXCEPTION)) {
      Some("old dates and timestamps are to raise an exception")
    } else if (conf.isParquetINT96TimestampConversion) {
      Some("timestamps of type INT96 are to be converted between time zones")
    } else if (isEncrypted(scan)) {
      Some("encrypted files are not native")
    } else {
      None
    }
  }

  private val ROW_INDEX = ParquetFileFormat.ROW_INDEX_TEMPORARY_COLUMN_NAME

  /** How old dates and timestamps are read, and those of type INT96. */
  private def rebaseModes(
      scan: FileSourceScanExec,
      conf: SQLConf): Seq[LegacyBehaviorPolicy.Value] =
    if (scan.relation.options.keysIterator.forall(_.equalsIgnoreCase("path"))) {
      // As ParquetOptions has it, which looks at much else.
      Seq(SQLConf.PARQUET_REBASE_MODE_IN_READ, SQLConf.PARQUET_INT96_REBASE_MODE_IN_READ)
        .map(conf.getConf(_))
    } else {
      val options = new ParquetOptions(scan.relation.options, conf)
      Seq(options.datetimeRebaseModeInRead, options.int96RebaseModeInRead).map { name =>
        // Spark raises an exception for what is none.
        LegacyBehaviorPolicy.values.find(_.toString == name).getOrElse(LegacyBehaviorPolicy.EXCEPTION)
      }
    }

  /** Whether the reader makes a column's values, as it does the positions of rows in their file. */
  private def isGenerated(column: Attribute): Boolean =
    FileSourceGeneratedMetadataStructField.isValid(column.dataType, column.metadata)

  /** Why a scan with nested columns can't be native. */
  private def nestedObstacle(scan: FileSourceScanExec, conf: SQLConf): Option[String] = {
    def some(condition: StructType => Boolean): Boolean =
      scan.requiredSchema.exists(field => SparkTypes.exists(field.dataType) {
        case struct: StructType => condition(struct)
        case _ => false
      })
    if (conf.getConf(SQLConf.LEGACY_PARQUET_RETURN_NULL_STRUCT_IF_ALL_FIELDS_MISSING)) {
      Some(s"${SQLConf.LEGACY_PARQUET_RETURN_NULL_STRUCT_IF_ALL_FIELDS_MISSING.key} is true")
    } else if (some(_.isEmpty)) {
      Some("structs without fields are not native in files")
    } else if (some(VariantMetadata.isVariantStruct(_))) {
      Some("parts of variants of files are not native")
    } else {
      None
    }
  }

  private def isEncrypted(scan: FileSourceScanExec): Boolean =
    Seq("parquet.crypto.factory.class", "parquet.encryption.kms.client.class")
      .exists(hadoopSetting(scan, _).isDefined)

  /** A setting of [[hadoopConfiguration]], without the copy of all that it is. */
  private def hadoopSetting(scan: FileSourceScanExec, key: String): Option[String] =
    scan.relation.options.get(key)
      .orElse(if (scan.conf.contains(key)) Some(scan.conf.getConfString(key)) else None)
      .orElse(Option(scan.relation.sparkSession.sparkContext.hadoopConfiguration.get(key)))

  private def hadoopConfiguration(scan: FileSourceScanExec): Configuration =
    scan.relation.sparkSession.sessionState.newHadoopConfWithOptions(scan.relation.options)

  override def open(plan: SparkPlan, conf: SQLConf): OpenedLeaf = {
    val scan = classOf[FileSourceScanExec].cast(plan)
    val isLocal = localPaths(scan)
    val splits = PlanningTime.excluding(ScanPartitions.of(scan)).map { partition =>
      val files = partition.files.map(fileSplit(scan, _, isLocal))
      (partition, files, files.forall(_.getLocal))
    }
    val shared = if (splits.forall { case (_, _, allLocal) => allLocal }) {
      None
    } else {
      Some(scan.relation.sparkSession.sparkContext
        .broadcast(new SerializableConfiguration(hadoopConfiguration(scan))))
    }
    val options = scanOptions(scan, conf)
    val fileColumns = scan.requiredSchema.length
    OpenedLeaf(
      StageSource(
        scan.output,
        Seq(operatorClass, fileColumns, scan.dataFilters, options),
        _.parquetScan(_, scan.output, fileColumns, scan.dataFilters, options),
        FilesInput(shared, _)),
      splits.map { case (partition, files, allLocal) =>
        val split = Split.Files.newBuilder().addAllFiles(Arrays.asList(files: _*)).build()
        // Local files are everywhere.
        val placed = if (allLocal) Nil else partition.preferredLocations().toSeq
        PlacedSplit(FilesSplit(split.toByteArray), placed)
      })
  }

  private def scanOptions(scan: FileSourceScanExec, conf: SQLConf): ParquetScanOptions = {
    val Seq(datetimes, int96) = rebaseModes(scan, conf)
    val fileOptions = new FileSourceOptions(CaseInsensitiveMap(scan.relation.options))
    ParquetScanOptions(
      caseSensitive = conf.caseSensitiveAnalysis,
      ignoreCorruptFiles = fileOptions.ignoreCorruptFiles,
      ignoreMissingFiles = fileOptions.ignoreMissingFiles,
      legacyDatetimeDefault = datetimes == LegacyBehaviorPolicy.LEGACY,
      legacyInt96Default = int96 == LegacyBehaviorPolicy.LEGACY,
      rowIndexColumn = Some(scan.output.indexWhere(_.name == ROW_INDEX)).filter(_ >= 0),
      useStatistics = conf.parquetFilterPushDown,
      usePageIndex = !hadoopSetting(scan, ParquetInputFormat.COLUMN_INDEX_FILTERING_ENABLED)
        .exists(_.equalsIgnoreCase("false")))
  }

  private def fileSplit(
      scan: FileSourceScanExec,
      file: PartitionedFile,
      isLocal: Path => Boolean): FileSplit = {
    val path = file.toPath
    val uri = path.toUri
    val local = isLocal(path)
    FileSplit.newBuilder()
      .setPath(if (local) uri.getPath else uri.toString)
      .setLocal(local)
      .setStart(file.start)
      .setLength(file.length)
      .setFileSize(file.fileSize)
      .addAllConstants(constants(scan, file).asJava)
      .build()
  }

  /**
   * Which files the engine can open itself. With another class than Hadoop's for local files they
   * are read as that class reads them.
   */
  private def localPaths(scan: FileSourceScanExec): Path => Boolean = {
    val localIsPlain =
      hadoopSetting(scan, "fs.file.impl").forall(_ == classOf[LocalFileSystem].getName)
    path => {
      val scheme = path.toUri.getScheme
      localIsPlain && (scheme == null || scheme == "file")
    }
  }

  /** Values of the columns behind those of the file: of partitions and of `_metadata`. */
  private def constants(scan: FileSourceScanExec, file: PartitionedFile): Seq[Literal] = {
    val partitionSchema = scan.relation.partitionSchema
    val metadata = scan.fileConstantMetadataColumns.map(_.exprId).toSet
    scan.output.drop(scan.requiredSchema.length).map { column =>
      if (metadata.contains(column.exprId)) {
        val value = FileFormat.getFileConstantMetadataColumnValue(
          column.name, file, scan.relation.fileFormat.fileConstantMetadataExtractors)
        Literals.toSubstrait(value.value, column.dataType)
      } else {
        val index = partitionSchema.fieldIndex(column.name)
        Literals.toSubstrait(
          file.partitionValues.get(index, partitionSchema(index).dataType), column.dataType)
      }
    }
  }
}
