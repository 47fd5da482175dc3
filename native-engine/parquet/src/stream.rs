//! A task's stream over its parts of files.

use std::ops::Range;
use std::sync::Arc;

use arclight_columns::{Batch, Column, SparkType};
use arclight_memory::Reservation;
use arclight_operators::{
    BatchStream, EngineError, FileSplit, OperatorMetrics, ReadFileError, TaskContext,
};
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema as ArrowSchema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::RowGroupMetaData;

use crate::convert::{DictionaryCache, convert};
use crate::footer::{Footer, is_dictionary_encoded};
use crate::pruning::may_match;
use crate::resolve::{Conversion, FileColumn, NodeKind, Refusal, Resolution, resolve};
use crate::scan::ScanPlan;
use crate::source::{FileReader, FileSource};

/// The stream of one task.
pub(crate) struct ParquetStream {
    plan: Arc<ScanPlan>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
    memory: Reservation,
    files: std::vec::IntoIter<FileSplit>,
    file: Option<OpenFile>,
}

/// A row group of a file and the position of its first row.
struct RowGroup {
    index: usize,
    first_row: u64,
}

struct OpenFile {
    split: FileSplit,
    source: Arc<FileSource>,
    footer: Arc<Footer>,
    resolution: Resolution,
    row_groups: std::vec::IntoIter<RowGroup>,
    /// The last reader's settings, and which columns it reads as dictionaries.
    reader: Option<(Vec<bool>, ArrowReaderMetadata)>,
    current: Option<CurrentRowGroup>,
}

struct CurrentRowGroup {
    /// Absent if no leaf is read.
    reader: Option<ParquetRecordBatchReader>,
    dictionaries: Vec<DictionaryCache>,
    /// The position in the file of the next row.
    next_row: u64,
    end_row: u64,
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
            ReadFileError::TypeMismatch | ReadFileError::Corrupt => options.ignore_corrupt_files,
        };
        if !ignored {
            return Err(error);
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
            row_groups.retain(|r| {
                let row_group = footer.metadata.row_group(r.index);
                may_match(pruning, &resolution, &footer, row_group)
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
            reader: None,
            current: None,
        }))
    }

    fn next_of_file(&mut self) -> Result<Option<Batch>, EngineError> {
        loop {
            let Some(file) = self.file.as_mut() else {
                return Ok(None);
            };
            if let Some(current) = file.current.as_mut() {
                let (columns, rows) = match current.reader.as_mut() {
                    None => {
                        let left = current.end_row - current.next_row;
                        (
                            None,
                            left.min(self.task.settings.batch_size as u64) as usize,
                        )
                    }
                    Some(reader) => match reader.next() {
                        None => (None, 0),
                        Some(Err(error)) => return Err(file.source.error(error)),
                        Some(Ok(batch)) => {
                            let rows = batch.num_rows();
                            (Some(batch), rows)
                        }
                    },
                };
                if rows > 0 {
                    let first = current.next_row;
                    current.next_row += rows as u64;
                    if current.next_row > current.end_row {
                        return Err(file.source.error("a row group has too many rows"));
                    }
                    return self.batch(columns.as_ref(), first, rows).map(Some);
                }
                if current.next_row != current.end_row {
                    return Err(file.source.error(format!(
                        "a row group lacks {} of its rows",
                        current.end_row - current.next_row
                    )));
                }
                file.current = None;
            }
            let Some(row_group) = file.row_groups.next() else {
                return Ok(None);
            };
            self.start(&row_group)?;
        }
    }

    /// Prepares to read a row group.
    fn start(&mut self, row_group: &RowGroup) -> Result<(), EngineError> {
        let Some(file) = self.file.as_mut() else {
            return Ok(());
        };
        let metadata = file.footer.metadata.row_group(row_group.index);
        OperatorMetrics::add(&self.metrics.row_groups_read, 1);
        let leaves = &file.resolution.leaves;
        if leaves.iter().any(|&leaf| leaf >= metadata.num_columns()) {
            return Err(file.source.error("a row group lacks columns"));
        }
        let chunks = || leaves.iter().map(|&leaf| metadata.column(leaf));
        let compressed: u64 = chunks().map(|c| c.compressed_size().max(0) as u64).sum();
        OperatorMetrics::add(&self.metrics.bytes_read, compressed);
        reserve(&mut self.memory, file, metadata, &self.task)?;
        let reader = if leaves.is_empty() {
            None
        } else {
            let ranges: Vec<Range<u64>> = chunks()
                .map(|chunk| {
                    let start = chunk
                        .dictionary_page_offset()
                        .filter(|&d| d > 0)
                        .map_or(chunk.data_page_offset(), |d| {
                            d.min(chunk.data_page_offset())
                        });
                    let (start, length) = (start.max(0) as u64, chunk.compressed_size().max(0));
                    start..start.saturating_add(length as u64)
                })
                .collect();
            file.source.set_chunks(ranges.into_iter());
            let wanted = dictionary_columns(&file.resolution, metadata);
            let settings = match file.reader.take() {
                Some((columns, settings)) if columns == wanted => settings,
                _ => reader_settings(file, &wanted)?,
            };
            let reader = FileReader(Arc::clone(&file.source));
            let builder =
                ParquetRecordBatchReaderBuilder::new_with_metadata(reader, settings.clone());
            let mask = ProjectionMask::leaves(
                file.footer.metadata.file_metadata().schema_descr(),
                leaves.iter().copied(),
            );
            file.reader = Some((wanted, settings));
            let reader = builder
                .with_batch_size(self.task.settings.batch_size)
                .with_row_groups(vec![row_group.index])
                .with_projection(mask)
                .build()
                .map_err(|e| file.source.error(e))?;
            Some(reader)
        };
        let columns = file.resolution.columns.len();
        file.current = Some(CurrentRowGroup {
            reader,
            dictionaries: (0..columns).map(|_| DictionaryCache::default()).collect(),
            next_row: row_group.first_row,
            end_row: row_group.first_row + metadata.num_rows().max(0) as u64,
        });
        Ok(())
    }

    /// The scan's columns of `rows` rows from position `first` of the file.
    fn batch(
        &mut self,
        batch: Option<&RecordBatch>,
        first: u64,
        rows: usize,
    ) -> Result<Batch, EngineError> {
        let Some(file) = self.file.as_mut() else {
            return Err(EngineError::Internal("no file is open".to_string()));
        };
        let schema = &self.plan.schema;
        let options = &self.plan.options;
        let Some(current) = file.current.as_mut() else {
            return Err(EngineError::Internal("no row group is open".to_string()));
        };
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
                Some(FileColumn::Read(root, node)) => {
                    let array = batch.and_then(|b| b.columns().get(*root)).ok_or_else(|| {
                        EngineError::Internal(format!("column {} was not read", field.name))
                    })?;
                    let dictionaries = &mut current.dictionaries[position];
                    convert(array, node, dictionaries)
                        .map_err(|refusal| refused(&file.split.path, refusal))?
                }
                _ => Column::nulls(field.data_type.clone(), rows),
            };
            columns.push(column);
        }
        self.metrics.output(rows);
        Ok(Batch::new(columns, rows))
    }
}

impl BatchStream for ParquetStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        self.task.check_cancelled()?;
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
    if !memory.try_resize(estimate) {
        memory.grow(estimate.saturating_sub(memory.bytes()))?;
    }
    Ok(())
}

/// For each column of the record batches, whether to read it as a dictionary.
fn dictionary_columns(resolution: &Resolution, row_group: &RowGroupMetaData) -> Vec<bool> {
    let roots = resolution.columns.iter().filter_map(|column| match column {
        FileColumn::Read(root, node) => Some((*root, node)),
        _ => None,
    });
    let mut wanted = vec![false; roots.clone().map(|(root, _)| root + 1).max().unwrap_or(0)];
    for (root, node) in roots {
        if let NodeKind::Leaf { leaf, conversion } = &node.kind {
            let chunk = row_group.column(*leaf);
            wanted[root] = *conversion == Conversion::Bytes
                && chunk.column_type() == parquet::basic::Type::BYTE_ARRAY
                && chunk.column_descr().max_rep_level() == 0
                && is_dictionary_encoded(chunk);
        }
    }
    wanted
}

/// The arrow schema to read by: views of byte strings, or dictionaries where wanted.
fn reader_settings(
    file: &OpenFile,
    dictionaries: &[bool],
) -> Result<ArrowReaderMetadata, EngineError> {
    let schema = file.footer.metadata.file_metadata().schema_descr();
    let mut roots: Vec<usize> = file
        .resolution
        .leaves
        .iter()
        .map(|&leaf| schema.get_column_root_idx(leaf))
        .collect();
    roots.dedup();
    let fields: Vec<FieldRef> = file
        .footer
        .arrow
        .fields()
        .iter()
        .enumerate()
        .map(|(position, field)| {
            let read = roots.binary_search(&position).ok();
            let as_codes = read.is_some_and(|root| dictionaries.get(root) == Some(&true));
            if as_codes && *field.data_type() == DataType::Binary {
                let codes =
                    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Binary));
                Arc::new(field.as_ref().clone().with_data_type(codes))
            } else {
                read_as(field)
            }
        })
        .collect();
    let metadata = file.footer.arrow.metadata().clone();
    let schema = Arc::new(ArrowSchema::new_with_metadata(
        Fields::from(fields),
        metadata,
    ));
    let options = ArrowReaderOptions::new().with_schema(schema);
    ArrowReaderMetadata::try_new(Arc::clone(&file.footer.metadata), options)
        .map_err(|e| file.source.error(e))
}

fn read_as(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Binary => DataType::BinaryView,
        // INT96; nanoseconds would overflow.
        DataType::Timestamp(..) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(read_as).collect()),
        DataType::List(element) => DataType::List(read_as(element)),
        DataType::Map(entries, sorted) => DataType::Map(read_as(entries), *sorted),
        _ => return Arc::clone(field),
    };
    let field: Field = field.as_ref().clone().with_data_type(data_type);
    Arc::new(field)
}
