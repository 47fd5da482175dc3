//! Help for tests of operators: an input in memory, tasks, readable rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arclight_columns::{Batch, Column, ColumnBuilder, Field, Schema, Selection, SparkType, Values};
use arclight_expressions::{ColumnRef, EvalContext, EvalError, Expression, ExpressionRef};
use arclight_memory::{MemoryLimits, MemorySource, SpillDirectories, TaskMemory, UnboundedMemory};
use parking_lot::Mutex;

use crate::host::NoHost;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::task::{Split, TaskContext, TaskSettings};

/// An operator that gives fixed batches.
#[derive(Debug)]
pub struct Memory {
    schema: Schema,
    batches: Vec<Batch>,
    pulled: Arc<AtomicUsize>,
    partitions: bool,
}

impl Memory {
    /// An input of these batches, of which there is at least one.
    pub fn of(batches: Vec<Batch>) -> Arc<Self> {
        let columns = batches.first().map_or(&[][..], Batch::columns);
        let types = columns.iter().map(|c| c.data_type().clone()).collect();
        Self::typed(types, batches)
    }

    /// An input of these batches, which may be none.
    pub fn typed(types: Vec<SparkType>, batches: Vec<Batch>) -> Arc<Self> {
        let field = |(i, t): (usize, SparkType)| Field::new(format!("c{i}"), t, true);
        Arc::new(Memory {
            schema: Schema::new(types.into_iter().enumerate().map(field).collect()),
            batches,
            pulled: Arc::default(),
            partitions: false,
        })
    }

    /// An input of these batches, of which there is at least one, each a shuffle partition.
    pub fn partitions(batches: Vec<Batch>) -> Arc<Self> {
        let input = Self::of(batches);
        Arc::new(Memory {
            schema: input.schema.clone(),
            batches: input.batches.clone(),
            pulled: Arc::default(),
            partitions: true,
        })
    }

    /// How many batches were pulled.
    pub fn pulled(&self) -> usize {
        self.pulled.load(Ordering::Relaxed)
    }
}

impl Operator for Memory {
    fn name(&self) -> &'static str {
        "Memory"
    }
    fn schema(&self) -> &Schema {
        &self.schema
    }
    fn children(&self) -> Vec<&OperatorRef> {
        Vec::new()
    }
    fn open(&self, _task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        Ok(Box::new(MemoryStream {
            batches: self.batches.clone().into_iter(),
            pulled: Arc::clone(&self.pulled),
            partitions: self.partitions,
        }))
    }
}

struct MemoryStream {
    batches: std::vec::IntoIter<Batch>,
    pulled: Arc<AtomicUsize>,
    partitions: bool,
}

impl BatchStream for MemoryStream {
    fn begins_partition(&self) -> bool {
        self.partitions
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        let batch = self.batches.next();
        if batch.is_some() {
            self.pulled.fetch_add(1, Ordering::Relaxed);
        }
        Ok(batch)
    }
}

/// Grants up to a number of bytes.
pub struct Limited(Mutex<u64>);

impl Limited {
    /// A source of `bytes`.
    pub fn new(bytes: u64) -> Arc<Self> {
        Arc::new(Limited(Mutex::new(bytes)))
    }
}

impl MemorySource for Limited {
    fn acquire(&self, bytes: u64) -> u64 {
        let mut left = self.0.lock();
        let granted = bytes.min(*left);
        *left -= granted;
        granted
    }
    fn release(&self, bytes: u64) {
        *self.0.lock() += bytes;
    }
}

/// A task with everything given.
pub fn custom_task(
    settings: TaskSettings,
    source: Arc<dyn MemorySource>,
    limits: MemoryLimits,
    splits: Vec<Split>,
) -> Arc<TaskContext> {
    TaskContext::new(
        settings,
        TaskMemory::new(source, limits),
        SpillDirectories::new(Vec::new()),
        0,
        splits,
        4,
        Box::new(NoHost),
    )
}

/// A task with memory for all, of batches of at most `batch_size` rows.
pub fn task(batch_size: usize) -> Arc<TaskContext> {
    let settings = TaskSettings {
        batch_size,
        equal_hashes: false,
    };
    custom_task(
        settings,
        Arc::new(UnboundedMemory),
        MemoryLimits::default(),
        Vec::new(),
    )
}

/// A task with these splits and batches of 3.
pub fn task_with_splits(splits: Vec<Split>) -> Arc<TaskContext> {
    let settings = TaskSettings {
        batch_size: 3,
        equal_hashes: false,
    };
    custom_task(
        settings,
        Arc::new(UnboundedMemory),
        MemoryLimits::default(),
        splits,
    )
}

/// All batches of an operator.
pub fn collect(
    operator: &dyn Operator,
    task: &Arc<TaskContext>,
) -> Result<Vec<Batch>, EngineError> {
    let mut stream = operator.open(task)?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next_batch()? {
        batches.push(batch);
    }
    assert!(stream.next_batch()?.is_none());
    Ok(batches)
}

/// Column `index` as an expression.
pub fn column_ref(index: usize, data_type: SparkType) -> ExpressionRef {
    Arc::new(ColumnRef::new(index, data_type))
}

/// A column of ints, or whether it is above 0, that fails at a value.
#[derive(Debug)]
pub struct FailsAt {
    input: ExpressionRef,
    data_type: SparkType,
    failing: i32,
}

impl FailsAt {
    /// Column `column` as `data_type`, int or boolean, which fails where it is `failing`.
    pub fn new(column: usize, data_type: SparkType, failing: i32) -> Self {
        FailsAt {
            input: column_ref(column, SparkType::Int),
            data_type,
            failing,
        }
    }
}

impl Expression for FailsAt {
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }
    fn evaluate(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        let column = self.input.evaluate(batch, rows, context)?;
        let value = |row: usize| column.fixed_value::<i32>(row);
        if let Some(row) = rows.iter().find(|&row| value(row) == Some(self.failing)) {
            return Err(EvalError::Failed { row });
        }
        if self.data_type == SparkType::Int {
            return Ok(column);
        }
        let above = (0..batch.len()).map(|row| value(row).is_some_and(|value| value > 0));
        Ok(Column::boolean(above.collect(), None))
    }
    fn children(&self) -> Vec<&ExpressionRef> {
        vec![&self.input]
    }
}

/// What an operator gives before it fails, or ends (`false`).
pub fn until_failure(operator: &dyn Operator, task: &Arc<TaskContext>) -> (Vec<String>, bool) {
    let mut stream = operator.open(task).unwrap();
    let mut batches = Vec::new();
    loop {
        match stream.next_batch() {
            Ok(Some(batch)) => batches.push(batch),
            Ok(None) => return (rows(&batches), false),
            Err(error) => {
                assert!(error.is_of_row(), "{error}");
                return (rows(&batches), true);
            }
        }
    }
}

/// A column of ints.
pub fn ints(values: &[Option<i32>]) -> Column {
    let mut builder = ColumnBuilder::new(SparkType::Int, values.len());
    for value in values {
        match value {
            Some(value) => builder.push_i32(*value),
            None => builder.push_null(),
        }
    }
    builder.finish()
}

/// A column of bigints.
pub fn longs(values: &[Option<i64>]) -> Column {
    let mut builder = ColumnBuilder::new(SparkType::Long, values.len());
    for value in values {
        match value {
            Some(value) => builder.push_i64(*value),
            None => builder.push_null(),
        }
    }
    builder.finish()
}

/// A column of strings.
pub fn strings(values: &[Option<&str>]) -> Column {
    let mut builder = ColumnBuilder::new(SparkType::String, values.len());
    for value in values {
        match value {
            Some(value) => builder.push_bytes(value.as_bytes()),
            None => builder.push_null(),
        }
    }
    builder.finish()
}

/// A value as text.
pub fn show(column: &Column, row: usize) -> String {
    if column.is_null(row) {
        return "NULL".to_string();
    }
    let (base, at) = column.locate(row);
    match base.as_flat() {
        Some(Values::Boolean(v)) => v.value(at).to_string(),
        Some(Values::Int8(v)) => v[at].to_string(),
        Some(Values::Int16(v)) => v[at].to_string(),
        Some(Values::Int32(v)) => v[at].to_string(),
        Some(Values::Int64(v)) => v[at].to_string(),
        Some(Values::Int128(v)) => v[at].to_string(),
        Some(Values::Float32(v)) => format!("{:?}", v[at]),
        Some(Values::Float64(v)) => format!("{:?}", v[at]),
        Some(Values::Bytes(v)) => String::from_utf8_lossy(v.value(at)).into_owned(),
        Some(Values::Struct(children)) => {
            let fields: Vec<_> = children.iter().map(|c| show(c, at)).collect();
            format!("{{{}}}", fields.join(","))
        }
        Some(Values::List { offsets, elements }) => {
            let range = offsets[at] as usize..offsets[at + 1] as usize;
            let elements: Vec<_> = range.map(|i| show(elements, i)).collect();
            format!("[{}]", elements.join(","))
        }
        _ => "NULL".to_string(),
    }
}

/// The active rows of batches, each as its values joined by commas.
pub fn rows(batches: &[Batch]) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in batches {
        batch.selection().for_each(|row| {
            let values: Vec<_> = batch.columns().iter().map(|c| show(c, row)).collect();
            rows.push(values.join(","));
        });
    }
    rows
}

/// [`rows`], sorted.
pub fn sorted_rows(batches: &[Batch]) -> Vec<String> {
    let mut rows = rows(batches);
    rows.sort();
    rows
}
