//! The scan's plan node.

use std::sync::Arc;

use arclight_columns::Schema;
use arclight_operators::{
    BatchStream, EngineError, FilterTerms, Operator, OperatorRef, ScanColumn, Split, TaskContext,
};

use crate::pruning::Pruning;
use crate::stream::ParquetStream;

/// How files are read; the fields of `ParquetScan` in `proto/arclight/relations.proto`.
#[derive(Debug, Clone, Default)]
pub struct ScanOptions {
    /// The task's input that lists the files.
    pub input: u32,
    /// How many leading columns of the schema are read from the files; the others are constant
    /// within a file.
    pub file_columns: usize,
    /// Whether names match by case (`spark.sql.caseSensitive`).
    pub case_sensitive: bool,
    /// Skip the rest of a file that cannot be read (`spark.sql.files.ignoreCorruptFiles`).
    pub ignore_corrupt_files: bool,
    /// Skip files that are gone (`spark.sql.files.ignoreMissingFiles`).
    pub ignore_missing_files: bool,
    /// Whether dates and timestamps of files that do not name their writer are in the old hybrid
    /// calendar (`spark.sql.parquet.datetimeRebaseModeInRead` = LEGACY).
    pub legacy_datetime_default: bool,
    /// The same for INT96 (`spark.sql.parquet.int96RebaseModeInRead` = LEGACY).
    pub legacy_int96_default: bool,
    /// Position in the schema of the rows' position in the file (`_tmp_metadata_row_index`).
    pub row_index_column: Option<usize>,
    /// Leave nothing out by statistics (`spark.sql.parquet.filterPushdown` is off).
    pub ignore_statistics: bool,
    /// Leave no pages out by the page index (`parquet.filter.columnindex.enabled` is off).
    pub ignore_page_index: bool,
}

/// Reads the row groups of Parquet files that belong to the task's split.
///
/// Columns are found by name, at all depths of structs; what a file lacks is NULL. Strings that
/// are dictionary-encoded throughout a row group come out as dictionary columns that share their
/// values within the row group. Fails with [`EngineError::ReadFile`] on what Spark cannot read
/// either, and on dates it could only read wrongly. Corresponds to Spark's `FileSourceScanExec`
/// with `ParquetFileFormat`.
///
/// Pushed filters and the runtime filters of joins above prune row groups by statistics, and rows of
/// the others by the page index, as Spark's reader does for pushed filters. Runtime filters and the
/// terms of a filter above leave out further rows, before the columns that they don't ask for are
/// decoded: of a page of which no row is wanted, damaged values go unseen.
///
/// Not known here, so to be refused by the planner: matching by Parquet field id, existence
/// defaults of missing columns, encryption, variant and interval types, rebase mode EXCEPTION,
/// INT96 time zone conversion, binary-as-string and `nanosAsLong` decisions (the schema has them).
#[derive(Debug)]
pub struct ParquetScan {
    id: usize,
    plan: Arc<ScanPlan>,
}

/// What the scan and its streams share.
#[derive(Debug)]
pub(crate) struct ScanPlan {
    pub(crate) options: ScanOptions,
    pub(crate) schema: Schema,
    pub(crate) pruning: Option<Pruning>,
}

impl ParquetScan {
    /// A scan that gives `schema`: the columns of the files, then the constant columns. `id` is
    /// its number among the task's metrics.
    pub fn new(id: usize, options: ScanOptions, schema: Schema, pruning: Option<Pruning>) -> Self {
        let plan = ScanPlan {
            pruning: pruning.filter(|_| !options.ignore_statistics),
            options,
            schema,
        };
        ParquetScan {
            id,
            plan: Arc::new(plan),
        }
    }
}

impl Operator for ParquetScan {
    fn name(&self) -> &'static str {
        "ParquetScan"
    }

    fn schema(&self) -> &Schema {
        &self.plan.schema
    }

    fn children(&self) -> Vec<&OperatorRef> {
        Vec::new()
    }

    fn is_present(&self, task: &TaskContext) -> bool {
        task.has_split(self.plan.options.input)
    }

    fn describe(&self) -> String {
        let names: Vec<&str> = self.plan.schema.fields.iter().map(|f| &*f.name).collect();
        let terms = self.plan.pruning.as_ref().map_or(0, |p| p.terms.len());
        format!("ParquetScan [{}], {terms} pruning terms", names.join(", "))
    }

    fn scan_column(&self, column: usize) -> Option<ScanColumn> {
        Some(ScanColumn {
            scan: self.id,
            column,
        })
    }

    fn open_filtered(
        &self,
        task: &Arc<TaskContext>,
        terms: &FilterTerms,
    ) -> Option<Result<Box<dyn BatchStream>, EngineError>> {
        Some(self.stream(task, Some(terms.clone())))
    }

    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        self.stream(task, None)
    }
}

impl ParquetScan {
    fn stream(
        &self,
        task: &Arc<TaskContext>,
        terms: Option<FilterTerms>,
    ) -> Result<Box<dyn BatchStream>, EngineError> {
        let files = match task.split(self.plan.options.input) {
            Split::Files(files) => files.clone(),
            Split::Absent => Vec::new(),
            other => {
                let message = format!("a Parquet scan was given the split {other:?}");
                return Err(EngineError::Internal(message));
            }
        };
        let plan = Arc::clone(&self.plan);
        Ok(Box::new(ParquetStream::new(
            plan, task, self.id, files, terms,
        )))
    }
}
