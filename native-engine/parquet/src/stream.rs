//! A task's stream over its parts of files.

use std::sync::Arc;

use arclight_columns::{Batch, Column, SparkType};
use arclight_memory::Reservation;
use arclight_operators::{
    BatchStream, EngineError, FileSplit, OperatorMetrics, ReadFileError, RuntimeFilter, TaskContext,
};
use parquet::file::metadata::RowGroupMetaData;

use crate::convert::convert;
use crate::flat::Decoded;
use crate::footer::Footer;
use crate::pruning::{key_may_pass, may_match};
use crate::resolve::{FileColumn, Refusal, Resolution, resolve};
use crate::row_group::{RowGroup, RowGroupReader};
use crate::scan::ScanPlan;
use crate::source::{FileReader, FileSource};

/// Below one row in this many that passes the filters, those that do are taken out of the batch.
const SPARSE: usize = 8;

/// The stream of one task.
pub(crate) struct ParquetStream {
    plan: Arc<ScanPlan>,
    task: Arc<TaskContext>,
    id: usize,
    metrics: Arc<OperatorMetrics>,
    memory: Reservation,
    /// Filters of joins above and the positions of their columns, once a batch was asked for: the
    /// joins have read their other side by then.
    filters: Option<Vec<(usize, Arc<RuntimeFilter>)>>,
    files: std::vec::IntoIter<FileSplit>,
    file: Option<OpenFile>,
}

struct OpenFile {
    split: FileSplit,
    source: Arc<FileSource>,
    footer: Arc<Footer>,
    resolution: Resolution,
    row_groups: std::vec::IntoIter<RowGroup>,
    current: Option<RowGroupReader>,
}

impl ParquetStream {
    pub(crate) fn new(
        plan: Arc<ScanPlan>,
        task: &Arc<TaskContext>,
        id: usize,
        files: Vec<FileSplit>,
    ) -> Self {
        ParquetStream {
            plan,
            task: Arc::clone(task),
            id,
            filters: None,
            metrics: task.operator_metrics(id),
            memory: task.memory.reservation("parquet scan"),
            files: files.into_iter(),
            file: None,
        }
    }

    fn next(&mut self) -> Result<Option<Batch>, EngineError> {
        loop {
            if self.file.is_none() {
                let Some(split) = self.files.next() else {
                    self.memory.free();
                    return Ok(None);
                };
                match self.open(split) {
                    Ok(file) => self.file = file,
                    Err(error) => self.skip_or_fail(error)?,
                }
                continue;
            }
            match self.next_of_file() {
                Ok(Some(batch)) if batch.is_empty() => self.task.check_cancelled()?,
                Ok(Some(batch)) => return Ok(Some(batch)),
                Ok(None) => self.file = None,
                Err(error) => {
                    self.file = None;
                    self.skip_or_fail(error)?;
                }
            }
        }
    }

    /// As `FileScanRDD`: a missing file counts as missing even where damaged ones are ignored.
    fn skip_or_fail(&self, error: EngineError) -> Result<(), EngineError> {
        let options = &self.plan.options;
        let EngineError::ReadFile {
            kind,
            path,
            message,
        } = &error
        else {
            return Err(error);
        };
        let ignored = match kind {
            ReadFileError::NotFound => options.ignore_missing_files,
            ReadFileError::TypeMismatch(_) | ReadFileError::Corrupt => options.ignore_corrupt_files,
        };
        if !ignored {
            // Of a file behind the JVM it has the exception itself.
            let failed = self.task.with_host(|host| host.file_failed());
            return Err(failed.map_or(error, EngineError::Host));
        }
        log::warn!("skipped the rest of {path}: {message}");
        Ok(())
    }

    /// Opens a file; `None` if no row group of it is to be read.
    fn open(&self, split: FileSplit) -> Result<Option<OpenFile>, EngineError> {
        let source = Arc::new(FileSource::open(&split, &self.task)?);
        let footer = Footer::read(&source, &split.path)?;
        OperatorMetrics::add(&self.metrics.files_read, 1);
        let mut first_row = 0;
        let mut row_groups = Vec::new();
        for (index, row_group) in footer.metadata.row_groups().iter().enumerate() {
            let rows = u64::try_from(row_group.num_rows())
                .map_err(|_| source.error("a row group has a negative number of rows"))?;
            if rows > 0 && owns(&split, row_group) {
                row_groups.push(RowGroup { index, first_row });
            }
            first_row += rows;
        }
        if row_groups.is_empty() {
            return Ok(None);
        }
        let refuse = |refusal: Refusal| refused(&split.path, refusal);
        let resolution = resolve(&footer, &self.plan.schema, &self.plan.options).map_err(refuse)?;
        if let Some(pruning) = &self.plan.pruning {
            let all = row_groups.len();
            let reader = FileReader(Arc::clone(&source));
            row_groups.retain(|r| {
                let row_group = footer.metadata.row_group(r.index);
                may_match(pruning, &resolution, &footer, row_group, &reader)
            });
            let pruned = (all - row_groups.len()) as u64;
            OperatorMetrics::add(&self.metrics.row_groups_pruned, pruned);
        }
        Ok(Some(OpenFile {
            split,
            source,
            footer,
            resolution,
            row_groups: row_groups.into_iter(),
            current: None,
        }))
    }

    fn next_of_file(&mut self) -> Result<Option<Batch>, EngineError> {
        loop {
            let Some(file) = self.file.as_mut() else {
                return Ok(None);
            };
            if let Some(current) = file.current.as_mut() {
                let rows = current
                    .rows_left()
                    .min(self.task.settings.batch_size as u64) as usize;
                if rows > 0 {
                    let first = current.next_row();
                    let columns = current.read(rows).map_err(|e| file.source.error(e))?;
                    return self.batch(&columns, first, rows).map(Some);
                }
                file.current = None;
            }
            let Some(row_group) = file.row_groups.next() else {
                return Ok(None);
            };
            let metadata = file.footer.metadata.row_group(row_group.index);
            let filters = self.filters.as_deref().unwrap_or_default();
            let may_pass = filters.iter().all(|(column, filter)| {
                key_may_pass(*column, filter, &file.resolution, &file.footer, metadata)
            });
            if !may_pass {
                OperatorMetrics::add(&self.metrics.row_groups_pruned, 1);
                continue;
            }
            let leaves = &file.resolution.leaves;
            if leaves.iter().any(|&leaf| leaf >= metadata.num_columns()) {
                return Err(file.source.error("a row group lacks columns"));
            }
            let bytes = leaves
                .iter()
                .map(|&leaf| metadata.column(leaf).compressed_size().max(0) as u64);
            OperatorMetrics::add(&self.metrics.bytes_read, bytes.sum());
            OperatorMetrics::add(&self.metrics.row_groups_read, 1);
            reserve(&mut self.memory, file, metadata, &self.task)?;
            let reader = RowGroupReader::new(
                &file.source,
                &file.footer,
                &file.resolution,
                &row_group,
                self.task.settings.batch_size,
            );
            file.current = Some(reader.map_err(|e| file.source.error(e))?);
        }
    }

    /// The scan's columns of `rows` rows from position `first` of the file.
    fn batch(
        &self,
        decoded: &[Option<Decoded>],
        first: u64,
        rows: usize,
    ) -> Result<Batch, EngineError> {
        let Some(file) = self.file.as_ref() else {
            return Err(EngineError::Internal("no file is open".to_string()));
        };
        let schema = &self.plan.schema;
        let options = &self.plan.options;
        let constants = &file.split.constants;
        // The row index has a constant's place only if the file columns do not include it.
        let skips_row_index = constants.len() + options.file_columns < schema.len();
        let mut next_constant = 0;
        let mut columns = Vec::with_capacity(schema.len());
        for (position, field) in schema.fields.iter().enumerate() {
            let is_row_index = options.row_index_column == Some(position);
            if position >= options.file_columns && !(is_row_index && skips_row_index) {
                next_constant += 1;
            }
            if is_row_index {
                let end = first + rows as u64;
                let index: Vec<i64> = (first as i64..end as i64).collect();
                columns.push(Column::fixed(SparkType::Long, index, None));
                continue;
            }
            if position >= options.file_columns {
                let constant = constants.get(next_constant - 1).ok_or_else(|| {
                    EngineError::Internal(format!("no constant for column {}", field.name))
                })?;
                columns.push(Column::constant(constant.clone(), rows));
                continue;
            }
            let column = match file.resolution.columns.get(position) {
                Some(FileColumn::Read(root, node)) => match decoded.get(*root) {
                    Some(Some(Decoded::Array(array))) => convert(array, node)
                        .map_err(|refusal| refused(&file.split.path, refusal))?,
                    Some(Some(Decoded::Codes(column))) => {
                        let column = column.clone();
                        if column.data_type() == &field.data_type {
                            column
                        } else {
                            // Another column of the scan reads the same as string or binary.
                            column.with_type(field.data_type.clone())
                        }
                    }
                    _ => {
                        let message = format!("column {} was not read", field.name);
                        return Err(EngineError::Internal(message));
                    }
                },
                _ => Column::nulls(field.data_type.clone(), rows),
            };
            columns.push(column);
        }
        let batch = self.filter(Batch::new(columns, rows))?;
        if !batch.is_empty() {
            self.metrics.output(batch.active_rows());
        }
        Ok(batch)
    }

    /// The rows that pass all filters; few of them are taken out of the batch.
    fn filter(&self, batch: Batch) -> Result<Batch, EngineError> {
        let all = batch.len();
        let mut rows = batch.selection().clone();
        for (column, filter) in self.filters.as_deref().unwrap_or_default() {
            if filter.is_on() && !rows.is_empty() {
                rows = filter.select(batch.column(*column), &rows)?;
            }
        }
        let count = rows.count();
        if count == all {
            return Ok(batch);
        }
        OperatorMetrics::add(&self.metrics.filtered_rows, (all - count) as u64);
        let batch = batch.select(rows);
        Ok(match count * SPARSE < all {
            true => batch.compact()?,
            false => batch,
        })
    }
}

impl BatchStream for ParquetStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        self.task.check_cancelled()?;
        if self.filters.is_none() {
            let fields = &self.plan.schema.fields;
            let mut filters = self.task.runtime_filters.of_scan(self.id);
            filters.retain(|(column, filter)| {
                let field = fields.get(*column);
                field.is_some_and(|f| f.data_type == *filter.data_type())
            });
            self.filters = Some(filters);
        }
        let metrics = Arc::clone(&self.metrics);
        metrics.timed(|| self.next())
    }
}

fn refused(path: &str, refusal: Refusal) -> EngineError {
    EngineError::ReadFile {
        path: path.to_string(),
        message: refusal.message,
        kind: refusal.kind,
    }
}

/// Whether a row group belongs to a split: whether its middle lies there. The rule of parquet-mr's
/// `ParquetMetadataConverter.filterFileMetaDataByMidpoint`.
fn owns(split: &FileSplit, row_group: &RowGroupMetaData) -> bool {
    let Some(first) = row_group.columns().first() else {
        return split.start == 0;
    };
    let data = first.data_page_offset();
    let start = first.dictionary_page_offset().map_or(data, |d| d.min(data));
    let middle = start.saturating_add(row_group.compressed_size() / 2).max(0) as u64;
    (split.start..split.start.saturating_add(split.length)).contains(&middle)
}

/// Reserves what reading a row group needs: windows of the chunks, a page and a batch of each.
fn reserve(
    memory: &mut Reservation,
    file: &OpenFile,
    row_group: &RowGroupMetaData,
    task: &TaskContext,
) -> Result<(), EngineError> {
    let rows = row_group.num_rows().max(1) as u64;
    let batch = (task.settings.batch_size as u64).min(rows);
    let estimate: u64 = file
        .resolution
        .leaves
        .iter()
        .map(|&leaf| {
            let chunk = row_group.column(leaf);
            let compressed = chunk.compressed_size().max(0) as u64;
            let decoded = chunk.uncompressed_size().max(0) as u64;
            // A page is a megabyte unless its writer was told otherwise.
            let values = decoded.saturating_mul(batch) / rows + 16 * batch;
            compressed.min(file.source.window()) + decoded.min(1 << 20) + 2 * values
        })
        .sum();
    Ok(memory.hold(estimate)?)
}
