package org.arclight.spark.suites

import org.apache.spark.sql
import org.apache.spark.sql.execution
import org.apache.spark.sql.execution.adaptive
import org.apache.spark.sql.execution.datasources.parquet

import org.arclight.spark.ArclightConf

// Each has the name of the suite that it runs.

// Queries in SQL files, with their answers.

class SQLQueryTestSuite extends sql.SQLQueryTestSuite with PluggedSuite {
  /** A test that only analyses its queries executes nothing. */
  override protected def createScalaTestCase(testCase: TestCase): Unit =
    if (!testCase.isInstanceOf[AnalyzerTest]) {
      super.createScalaTestCase(testCase)
    }
}

// Data frames and SQL.

class BloomFilterAggregateQuerySuite extends sql.BloomFilterAggregateQuerySuite with PluggedSuite
class CachedTableSuite extends sql.CachedTableSuite with PluggedSuite
class DataFrameAggregateSuite extends sql.DataFrameAggregateSuite with PluggedSuite
class DataFrameComplexTypeSuite extends sql.DataFrameComplexTypeSuite with PluggedSuite
class DataFrameJoinSuite extends sql.DataFrameJoinSuite with PluggedSuite
class DataFrameNaFunctionsSuite extends sql.DataFrameNaFunctionsSuite with PluggedSuite
class DataFramePivotSuite extends sql.DataFramePivotSuite with PluggedSuite
class DataFrameRangeSuite extends sql.DataFrameRangeSuite with PluggedSuite
class DataFrameSelfJoinSuite extends sql.DataFrameSelfJoinSuite with PluggedSuite
class DataFrameSetOperationsSuite extends sql.DataFrameSetOperationsSuite with PluggedSuite
class DataFrameStatSuite extends sql.DataFrameStatSuite with PluggedSuite
class DataFrameSuite extends sql.DataFrameSuite with PluggedSuite
class DataFrameTimeWindowingSuite extends sql.DataFrameTimeWindowingSuite with PluggedSuite
class DataFrameWindowFunctionsSuite extends sql.DataFrameWindowFunctionsSuite with PluggedSuite
class DatasetAggregatorSuite extends sql.DatasetAggregatorSuite with PluggedSuite
class DatasetSuite extends sql.DatasetSuite with PluggedSuite
class DynamicPartitionPruningV1SuiteAEOff extends sql.DynamicPartitionPruningV1SuiteAEOff with PluggedSuite
class DynamicPartitionPruningV1SuiteAEOn extends sql.DynamicPartitionPruningV1SuiteAEOn with PluggedSuite
class InjectRuntimeFilterSuite extends sql.InjectRuntimeFilterSuite with PluggedSuite
class JoinSuite extends sql.JoinSuite with PluggedSuite
class SQLQuerySuite extends sql.SQLQuerySuite with PluggedSuite
class SubquerySuite extends sql.SubquerySuite with PluggedSuite
class TwoLevelAggregateHashMapSuite extends sql.TwoLevelAggregateHashMapSuite with PluggedSuite
class TypedImperativeAggregateSuite extends sql.TypedImperativeAggregateSuite with PluggedSuite
class UDFSuite extends sql.UDFSuite with PluggedSuite

// Functions.

class ComplexTypesSuite extends sql.ComplexTypesSuite with PluggedSuite
class DataFrameFunctionsSuite extends sql.DataFrameFunctionsSuite with PluggedSuite
class DateFunctionsSuite extends sql.DateFunctionsSuite with PluggedSuite
class GeneratorFunctionSuite extends sql.GeneratorFunctionSuite with PluggedSuite
class JsonFunctionsSuite extends sql.JsonFunctionsSuite with PluggedSuite
class MathFunctionsSuite extends sql.MathFunctionsSuite with PluggedSuite
class MiscFunctionsSuite extends sql.MiscFunctionsSuite with PluggedSuite
class StringFunctionsSuite extends sql.StringFunctionsSuite with PluggedSuite

// Physical operators.

class AdaptiveQueryExecSuite extends adaptive.AdaptiveQueryExecSuite with PluggedSuite
class BroadcastExchangeSuite extends execution.BroadcastExchangeSuite with PluggedSuite
class ReplaceHashWithSortAggSuite extends execution.ReplaceHashWithSortAggSuite with PluggedSuite
class ReuseExchangeAndSubquerySuite extends execution.ReuseExchangeAndSubquerySuite with PluggedSuite
class SQLWindowFunctionSuite extends execution.SQLWindowFunctionSuite with PluggedSuite

// Parquet.

class ParquetColumnIndexSuite extends parquet.ParquetColumnIndexSuite with PluggedSuite
class ParquetEncodingSuite extends parquet.ParquetEncodingSuite with PluggedSuite
class ParquetFileMetadataStructRowIndexSuite extends parquet.ParquetFileMetadataStructRowIndexSuite with PluggedSuite
class ParquetIOSuite extends parquet.ParquetIOSuite with PluggedSuite
class ParquetInteroperabilitySuite extends parquet.ParquetInteroperabilitySuite with PluggedSuite
class ParquetRebaseDatetimeV1Suite extends parquet.ParquetRebaseDatetimeV1Suite with PluggedSuite {
  /** What was written is looked at by a setting of tests, which Spark's own reader alone knows. */
  override protected def withSQLConf[T](pairs: (String, String)*)(f: => T): T = {
    val raw = pairs.exists(_._1 == "spark.test.forceNoRebase")
    super.withSQLConf(pairs ++ Option.when(raw)(ArclightConf.SCAN_ENABLED.key -> "false"): _*)(f)
  }
}
class ParquetSchemaSuite extends parquet.ParquetSchemaSuite with PluggedSuite
class ParquetTypeWideningSuite extends parquet.ParquetTypeWideningSuite with PluggedSuite
class ParquetV1FilterSuite extends parquet.ParquetV1FilterSuite with PluggedSuite
class ParquetV1PartitionDiscoverySuite extends parquet.ParquetV1PartitionDiscoverySuite with PluggedSuite
class ParquetV1QuerySuite extends parquet.ParquetV1QuerySuite with PluggedSuite
class ParquetV1SchemaPruningSuite extends parquet.ParquetV1SchemaPruningSuite with PluggedSuite
