//! Writing files, scanning them, and showing what came out.

use std::path::PathBuf;
use std::sync::Arc;

use arclight_columns::{Batch, Column, Field, Schema, SparkType, Values};
use arclight_memory::{SpillDirectories, TaskMemory};
use arclight_operators::{
    EngineError, FileSplit, HostServices, NoHost, Operator, OperatorMetrics, RuntimeFilter, Split,
    TaskContext, TaskSettings,
};
use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::data_type::DataType;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use tempfile::TempDir;

use crate::{ParquetScan, Pruning, ScanOptions};

/// A directory of files that goes away with the test.
pub(super) struct Files(TempDir);

impl Files {
    pub(super) fn new() -> Self {
        Files(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes batches with the arrow writer.
    pub(super) fn arrow(
        &self,
        name: &str,
        batches: &[RecordBatch],
        properties: WriterProperties,
    ) -> FileSplit {
        let path = self.path(name);
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batches[0].schema(), Some(properties)).unwrap();
        for batch in batches {
            writer.write(batch).unwrap();
        }
        writer.close().unwrap();
        whole(&path)
    }

    /// Writes a file of one row group with the low-level writer, column by column.
    pub(super) fn low_level(
        &self,
        name: &str,
        message: &str,
        properties: WriterProperties,
        columns: Vec<WriteColumn>,
    ) -> FileSplit {
        let path = self.path(name);
        let schema = Arc::new(parse_message_type(message).unwrap());
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
        let mut group = writer.next_row_group().unwrap();
        for write in columns {
            let mut column = group.next_column().unwrap().unwrap();
            write(&mut column);
            column.close().unwrap();
        }
        group.close().unwrap();
        writer.close().unwrap();
        whole(&path)
    }
}

/// Writes one column chunk.
pub(super) type WriteColumn = Box<dyn FnOnce(&mut SerializedFileWriterColumn<'_>)>;

pub(super) type SerializedFileWriterColumn<'a> = parquet::file::writer::SerializedColumnWriter<'a>;

/// Writes values of a leaf, with definition levels if it is optional.
pub(super) fn values<T: DataType>(values: Vec<T::T>, definitions: Option<Vec<i16>>) -> WriteColumn
where
    T::T: 'static,
{
    Box::new(move |column| {
        let levels = definitions.as_deref();
        column
            .typed::<T>()
            .write_batch(&values, levels, None)
            .unwrap();
    })
}

pub(super) fn whole(path: &std::path::Path) -> FileSplit {
    let size = std::fs::metadata(path).map_or(0, |m| m.len());
    FileSplit {
        path: path.to_str().unwrap().to_string(),
        local: true,
        start: 0,
        length: size,
        file_size: size,
        constants: Vec::new(),
    }
}

pub(super) fn schema(fields: &[(&str, SparkType)]) -> Schema {
    let fields = fields.iter();
    Schema::new(
        fields
            .map(|(name, data_type)| Field::new(*name, data_type.clone(), true))
            .collect(),
    )
}

/// Options that read all columns from the files.
pub(super) fn options(schema: &Schema) -> ScanOptions {
    ScanOptions {
        file_columns: schema.len(),
        ..ScanOptions::default()
    }
}

pub(super) struct Scanned {
    pub(super) batches: Vec<Batch>,
    pub(super) metrics: Arc<OperatorMetrics>,
}

impl Scanned {
    /// All rows of a column, shown.
    pub(super) fn column(&self, position: usize) -> Vec<String> {
        let columns = self.batches.iter().map(|b| b.column(position));
        columns
            .flat_map(|c| (0..c.len()).map(|row| show(c, row)))
            .collect()
    }

    /// The active rows of a column, shown.
    pub(super) fn active(&self, position: usize) -> Vec<String> {
        let mut rows = Vec::new();
        for batch in &self.batches {
            let column = batch.column(position);
            batch
                .selection()
                .for_each(|row| rows.push(show(column, row)));
        }
        rows
    }

    pub(super) fn rows(&self) -> usize {
        self.batches.iter().map(Batch::len).sum()
    }

    pub(super) fn pruned(&self) -> u64 {
        let pruned = &self.metrics.row_groups_pruned;
        pruned.load(std::sync::atomic::Ordering::Relaxed)
    }
}

pub(super) fn scan_with(
    schema: &Schema,
    options: ScanOptions,
    pruning: Option<Pruning>,
    files: Vec<FileSplit>,
    batch_size: usize,
) -> Result<Scanned, EngineError> {
    let memory = TaskMemory::unbounded();
    let host = Box::new(NoHost);
    scan_in(schema, options, pruning, files, batch_size, memory, host)
}

pub(super) fn scan_in(
    schema: &Schema,
    options: ScanOptions,
    pruning: Option<Pruning>,
    files: Vec<FileSplit>,
    batch_size: usize,
    memory: Arc<TaskMemory>,
    host: Box<dyn HostServices>,
) -> Result<Scanned, EngineError> {
    let task = task_of(files, batch_size, memory, host);
    let scan = ParquetScan::new(0, options, schema.clone(), pruning);
    run(&scan, &task)
}

/// Scans with runtime filters, each of a column of the scan.
pub(super) fn scan_filtered(
    schema: &Schema,
    options: ScanOptions,
    files: Vec<FileSplit>,
    batch_size: usize,
    filters: Vec<(usize, RuntimeFilter)>,
) -> Result<Scanned, EngineError> {
    let task = task_of(files, batch_size, TaskMemory::unbounded(), Box::new(NoHost));
    let scan = ParquetScan::new(0, options, schema.clone(), None);
    for (column, filter) in filters {
        let column = scan.scan_column(column).unwrap();
        task.runtime_filters.add(column, filter);
    }
    run(&scan, &task)
}

pub(super) fn task_of(
    files: Vec<FileSplit>,
    batch_size: usize,
    memory: Arc<TaskMemory>,
    host: Box<dyn HostServices>,
) -> Arc<TaskContext> {
    let settings = TaskSettings {
        batch_size,
        ..TaskSettings::default()
    };
    TaskContext::new(
        settings,
        memory,
        SpillDirectories::new(Vec::new()),
        0,
        vec![Split::Files(files)],
        2,
        host,
    )
}

/// All that an operator gives, of which the scan's metrics are.
pub(super) fn run(scan: &dyn Operator, task: &Arc<TaskContext>) -> Result<Scanned, EngineError> {
    let (schema, batch_size) = (scan.schema(), task.settings.batch_size);
    let mut stream = scan.open(task)?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next_batch()? {
        assert!(batch.len() <= batch_size);
        for (column, field) in batch.columns().iter().zip(schema.fields.iter()) {
            assert_eq!(column.data_type(), &field.data_type);
            assert_eq!(column.len(), batch.len());
        }
        batches.push(batch);
    }
    assert!(stream.next_batch()?.is_none());
    drop(stream);
    assert_eq!(task.memory.reserved(), 0);
    Ok(Scanned {
        batches,
        metrics: task.operator_metrics(0),
    })
}

/// Scans whole files with all columns from the files.
pub(super) fn scan(schema: &Schema, files: Vec<FileSplit>) -> Result<Scanned, EngineError> {
    scan_with(schema, options(schema), None, files, 3)
}

/// A value as text.
pub(super) fn show(column: &Column, row: usize) -> String {
    if column.is_null(row) {
        return "NULL".to_string();
    }
    let (values, at) = column.locate(row);
    match values.as_flat().unwrap() {
        Values::Null => "NULL".to_string(),
        Values::Boolean(v) => v.value(at).to_string(),
        Values::Int8(v) => v[at].to_string(),
        Values::Int16(v) => v[at].to_string(),
        Values::Int32(v) => v[at].to_string(),
        Values::Int64(v) => v[at].to_string(),
        Values::Int128(v) => v[at].to_string(),
        Values::Float32(v) => format!("{:?}", v[at]),
        Values::Float64(v) => format!("{:?}", v[at]),
        Values::Bytes(v) => String::from_utf8_lossy(v.value(at)).into_owned(),
        Values::Struct(children) => {
            let children: Vec<String> = children.iter().map(|c| show(c, at)).collect();
            format!("{{{}}}", children.join(","))
        }
        Values::List { offsets, elements } => {
            let range = offsets[at] as usize..offsets[at + 1] as usize;
            let elements: Vec<String> = range.map(|i| show(elements, i)).collect();
            format!("[{}]", elements.join(","))
        }
    }
}
