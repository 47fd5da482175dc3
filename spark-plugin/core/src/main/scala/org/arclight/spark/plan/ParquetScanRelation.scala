package org.arclight.spark.plan

import io.substrait.proto.{Expression => SubstraitExpression, ReadRel, Rel}
import org.apache.spark.sql.catalyst.expressions._
import org.arclight.proto.ParquetScan

import org.arclight.spark.plan.expressions.ConditionalExpressions

/**
 * How Parquet files are read.
 *
 * @param caseSensitive whether columns' names must match exactly
 * @param legacyDatetimeDefault whether dates and timestamps of files without a writer's version are
 *   in the old calendar
 * @param legacyInt96Default the same of timestamps of type INT96
 * @param rowIndexColumn position in the output of the row index column
 * @param useStatistics whether statistics may tell that rows are of no use
 * @param usePageIndex whether those of pages may
 */
final case class ParquetScanOptions(
    caseSensitive: Boolean,
    ignoreCorruptFiles: Boolean = false,
    ignoreMissingFiles: Boolean = false,
    legacyDatetimeDefault: Boolean = false,
    legacyInt96Default: Boolean = false,
    rowIndexColumn: Option[Int] = None,
    useStatistics: Boolean = true,
    usePageIndex: Boolean = true)

/** ReadRel of Parquet files. */
private[plan] trait ParquetScanRelation { this: StageBuilder =>

  /**
   * Columns of files.
   *
   * @param output the columns: `fileColumns` of the files, then those constant within a file
   * @param dataFilters conditions on the file's columns, all of which are evaluated again above:
   *   those of a simple shape let the scan skip row groups and pages
   */
  def parquetScan(
      input: Int,
      output: Seq[Attribute],
      fileColumns: Int,
      dataFilters: Seq[Expression],
      options: ParquetScanOptions,
      operator: String = "Scan parquet"): Relation = {
    val (id, common) = this.common(operator)
    val scan = ParquetScan.newBuilder()
      .setInput(input)
      .setFileColumns(fileColumns)
      .setCaseSensitive(options.caseSensitive)
      .setIgnoreCorruptFiles(options.ignoreCorruptFiles)
      .setIgnoreMissingFiles(options.ignoreMissingFiles)
      .setLegacyDatetimeDefault(options.legacyDatetimeDefault)
      .setLegacyInt96Default(options.legacyInt96Default)
      .setIgnoreStatistics(!options.useStatistics)
      .setIgnorePageIndex(!options.usePageIndex)
    options.rowIndexColumn.foreach(scan.setRowIndexColumn(_))
    val rel = ReadRel.newBuilder()
      .setCommon(common)
      .setBaseSchema(SparkTypes.namedStruct(output))
      .setExtensionTable(ReadRel.ExtensionTable.newBuilder().setDetail(any(scan.build())))
    pruning(output.take(fileColumns), output, dataFilters).foreach(rel.setBestEffortFilter)
    Relation(Rel.newBuilder().setRead(rel).build(), output, id)
  }

  /**
   * The conjuncts that compare a column with literals or with values of subqueries: they never raise,
   * and statistics serve.
   */
  private def pruning(
      fileColumns: Seq[Attribute],
      output: Seq[Attribute],
      dataFilters: Seq[Expression]): Option[SubstraitExpression] = {
    val columns = AttributeSet(fileColumns)
    val writer = expressions(output)
    val simple = dataFilters.flatMap(ConditionalExpressions.conjuncts)
      .map(ExpressionWriter.withoutSubqueries)
      .filter(isSimple(_, columns))
      .filter(analyze(_).isNative)
    simple.reduceOption(And).map(writer.unguarded)
  }

  private def isSimple(condition: Expression, columns: AttributeSet): Boolean = condition match {
    case IsNull(column: Attribute) => columns.contains(column)
    case IsNotNull(column: Attribute) => columns.contains(column)
    case In(column: Attribute, list) =>
      columns.contains(column) && list.forall(_.isInstanceOf[Literal])
    case InSet(column: Attribute, _) => columns.contains(column)
    case BinaryComparison(column: Attribute, NonNullLiteral(_, _)) => columns.contains(column)
    case BinaryComparison(NonNullLiteral(_, _), column: Attribute) => columns.contains(column)
    case _ => false
  }
}
