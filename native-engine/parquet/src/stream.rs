//! A task's stream over its parts of files.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arclight_columns::Batch;
use arclight_memory::Reservation;
use arclight_operators::{
    BatchStream, EngineError, FileSplit, FilterTerms, OperatorMetrics, ReadFileError,
    RuntimeFilter, TaskContext,
};
use parquet::file::metadata::RowGroupMetaData;

use crate::batch::BatchReader;
use crate::footer::Footer;
use crate::pages::{PageIndex, Wanted};
use crate::pruning::{key_may_pass, may_match};
use crate::ranges::count;
use crate::resolve::{Refusal, Resolution, resolve};
use crate::row_group::{RowGroup, RowGroupReader};
use crate::scan::ScanPlan;
use crate::source::{FileReader, FileSource};

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
    /// Those of a filter above.
    terms: Option<FilterTerms>,
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
        terms: Option<FilterTerms>,
    ) -> Self {
        ParquetStream {
            plan,
            task: Arc::clone(task),
            id,
            filters: None,
            terms,
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
            ReadFileError::TypeMismatch(_)
            | ReadFileError::DuplicateField(_)
            | ReadFileError::Corrupt => options.ignore_corrupt_files,
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
            let filters = self.filters.as_deref().unwrap_or_default();
            if let Some(current) = file.current.as_mut() {
                let rows = current.next_rows(self.task.settings.batch_size);
                if !rows.is_empty() {
                    let files = (&file.split, &*file.source, &file.resolution);
                    let batch = BatchReader::new(&self.plan, files, current, rows, &self.task)?;
                    let terms = self.terms.as_mut();
                    return batch.read(filters, terms, &self.metrics).map(Some);
                }
                file.current = None;
            }
            let Some(row_group) = file.row_groups.next() else {
                return Ok(None);
            };
            let metadata = file.footer.metadata.row_group(row_group.index);
            let may_pass = self.plan.options.ignore_statistics
                || filters.iter().all(|(column, filter)| {
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
            let (rows, index) = wanted_rows(&self.plan, filters, file, metadata);
            let all = metadata.num_rows().max(0) as u64;
            OperatorMetrics::add(&self.metrics.pruned_rows, all - count(&rows));
            if rows.is_empty() {
                continue;
            }
            OperatorMetrics::add(&self.metrics.row_groups_read, 1);
            reserve(&mut self.memory, file, metadata, &self.task)?;
            let reader = RowGroupReader::new(
                &file.source,
                &file.footer,
                &file.resolution,
                &row_group,
                (rows, index.as_ref()),
                self.task.settings.batch_size,
            );
            let reader = reader.map_err(|e| file.source.error(e))?;
            OperatorMetrics::add(&self.metrics.bytes_read, reader.bytes());
            file.current = Some(reader);
        }
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
        let terms = self.terms.as_ref().map(|t| Arc::clone(&t.metrics));
        let elapsed = |of: &OperatorMetrics| of.elapsed_nanos.load(Ordering::Relaxed);
        let before = terms.as_ref().map_or(0, |terms| elapsed(terms));
        let batch = metrics.timed(|| self.next())?;
        if let Some(terms) = &terms {
            // The filter's time is its own.
            let nanos = elapsed(terms).saturating_sub(before);
            metrics.elapsed_nanos.fetch_sub(nanos, Ordering::Relaxed);
        }
        Ok(batch)
    }
}

/// The rows of a row group that may pass by the page index, which is given if there is one.
fn wanted_rows(
    plan: &ScanPlan,
    filters: &[(usize, Arc<RuntimeFilter>)],
    file: &OpenFile,
    metadata: &RowGroupMetaData,
) -> (Vec<Range<u64>>, Option<PageIndex>) {
    let wanted = Wanted {
        pruning: plan.pruning.as_ref(),
        filters,
    };
    let (resolution, footer) = (&file.resolution, &*file.footer);
    let index = match plan.options.ignore_statistics || plan.options.ignore_page_index {
        true => None,
        false => {
            let reader = FileReader(Arc::clone(&file.source));
            PageIndex::read(&wanted, resolution, footer, metadata, &reader)
        }
    };
    let rows = match &index {
        Some(index) => index.rows(&wanted, resolution, footer, metadata),
        None => Vec::from_iter(Some(0..metadata.num_rows().max(0) as u64)),
    };
    (rows, index)
}

pub(crate) fn refused(path: &str, refusal: Refusal) -> EngineError {
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
