//! Generate: several rows for each input row (Spark's `GenerateExec`).

use std::fmt;
use std::sync::Arc;

use arclight_columns::{Batch, Column, ColumnError, Field, NullBuffer, Schema, SparkType};
use arclight_expressions::ExpressionRef;

use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::pieces::Pieces;
use crate::task::TaskContext;

/// What makes rows of a row.
#[derive(Debug, Clone)]
pub enum Generator {
    /// The elements of an array, or the keys and values of a map (`Explode`); before them their
    /// positions from 0 on, if so wished (`PosExplode`).
    Explode {
        /// The array or map.
        collection: ExpressionRef,
        /// Whether positions are given.
        position: bool,
    },
    /// The fields of an array's structs, NULL for a struct that is NULL (`Inline`).
    Inline(ExpressionRef),
    /// The values, row by row, in `rows` rows; NULL where the last ones lack some (`Stack`).
    Stack {
        /// How many rows.
        rows: usize,
        /// The values.
        values: Vec<ExpressionRef>,
    },
    /// The values as often as `count`, a long, says (`ReplicateRows`).
    ReplicateRows {
        /// How often.
        count: ExpressionRef,
        /// The values.
        values: Vec<ExpressionRef>,
    },
}

impl Generator {
    /// The columns it gives; the argument it does not take if it takes none of that type.
    fn fields(&self) -> Result<Vec<Field>, String> {
        let column = |name: &str, data_type: &SparkType| Field::new(name, data_type.clone(), true);
        let of = |values: &[ExpressionRef]| -> Vec<Field> {
            let named = |(i, e): (usize, &ExpressionRef)| column(&format!("col{i}"), e.data_type());
            values.iter().enumerate().map(named).collect()
        };
        match self {
            Generator::Explode {
                collection,
                position,
            } => {
                let mut fields = Vec::new();
                if *position {
                    fields.push(column("pos", &SparkType::Int));
                }
                match collection.data_type() {
                    SparkType::Array(element) => fields.push(column("col", &element.data_type)),
                    SparkType::Map(key, value) => {
                        fields.push(column("key", &key.data_type));
                        fields.push(column("value", &value.data_type));
                    }
                    other => return Err(other.to_string()),
                }
                Ok(fields)
            }
            Generator::Inline(structs) => match structs.data_type() {
                SparkType::Array(element) => match &element.data_type {
                    SparkType::Struct(fields) => Ok(fields.to_vec()),
                    _ => Err(structs.data_type().to_string()),
                },
                other => Err(other.to_string()),
            },
            Generator::Stack { rows, values } => {
                let width = values.len().div_ceil((*rows).max(1));
                let alike = values.iter().enumerate().all(|(i, value)| {
                    let first = values[i % width].data_type();
                    first.is_alike(value.data_type())
                });
                match (*rows, alike) {
                    (0, _) => Err("no rows".to_string()),
                    (_, false) => Err("columns of several types".to_string()),
                    _ => Ok(of(&values[..width])),
                }
            }
            Generator::ReplicateRows { count, values } => match count.data_type() {
                SparkType::Long => Ok(of(values)),
                other => Err(format!("{other} rows")),
            },
        }
    }
}

/// Gives for each row of its input the rows that a generator makes of it, in their order: the kept
/// columns of the input, then the generator's. With `outer`, a row for which there are none gives
/// one with NULLs in the generator's columns.
#[derive(Debug)]
pub struct Generate {
    id: usize,
    input: OperatorRef,
    kept: Vec<usize>,
    outer: bool,
    generator: Generator,
    schema: Schema,
}

impl Generate {
    /// The rows that `generator` makes of those of `input`, whose columns at `kept` are kept. If
    /// the generator does not take its arguments, an error that names them.
    pub fn new(
        id: usize,
        input: OperatorRef,
        kept: Vec<usize>,
        outer: bool,
        generator: Generator,
    ) -> Result<Self, String> {
        let columns = &input.schema().fields;
        let mut fields: Vec<Field> = kept.iter().map(|&k| columns[k].clone()).collect();
        fields.extend(generator.fields()?);
        Ok(Generate {
            id,
            input,
            kept,
            outer,
            generator,
            schema: Schema::new(fields),
        })
    }
}

impl Operator for Generate {
    fn name(&self) -> &'static str {
        "Generate"
    }
    fn schema(&self) -> &Schema {
        &self.schema
    }
    fn children(&self) -> Vec<&OperatorRef> {
        vec![&self.input]
    }
    fn describe(&self) -> String {
        let outer = if self.outer { " outer" } else { "" };
        format!("Generate{outer} {:?} {:?}", self.generator, self.kept)
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        let types = self.schema.types();
        Ok(Box::new(GenerateStream {
            input: Pieces::new(self.input.open(task)?),
            kept: self.kept.clone(),
            outer: self.outer,
            generator: self.generator.clone(),
            types: types[self.kept.len()..].to_vec(),
            open: None,
            task: Arc::clone(task),
            metrics: task.operator_metrics(self.id),
        }))
    }
}

/// How the rows of a batch multiply, and where the generator's values are.
enum Rows {
    /// As the lists of this column; values are at the elements' places.
    Lists(Column),
    /// Each so often; the value of row `r` for the `i`-th time is at `i * len + r`.
    Stack(usize),
    /// As often as this column says; the value is at the row's own place.
    Counts(Column),
}

/// A batch of the input that is being multiplied.
struct OpenBatch {
    batch: Batch,
    rows: Rows,
    /// Whether the first of the generator's columns is the position.
    position: bool,
    /// The generator's other columns, to be taken from.
    values: Vec<Column>,
    /// The active row that comes next, and how many of its rows were given.
    active: usize,
    given: u64,
}

/// Rows of an output batch: the input's row, where the generator's values are, the how manieth row
/// of its input row it is, and whether there is none but an outer one.
#[derive(Default)]
struct Chosen {
    rows: Vec<u32>,
    values: Vec<u32>,
    positions: Vec<i32>,
    empty: Vec<usize>,
}

struct GenerateStream {
    input: Pieces,
    kept: Vec<usize>,
    outer: bool,
    generator: Generator,
    /// Types of the generator's columns.
    types: Vec<SparkType>,
    open: Option<OpenBatch>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

impl Generator {
    /// Evaluates the arguments over a batch; `types` are those of the generator's columns.
    fn open(
        &self,
        types: &[SparkType],
        batch: &Batch,
        task: &TaskContext,
        metrics: &OperatorMetrics,
    ) -> Result<OpenBatch, EngineError> {
        let evaluate = |e: &ExpressionRef| task.evaluate(e, batch, batch.selection(), metrics);
        let all = |list: &[ExpressionRef]| list.iter().map(evaluate).collect::<Result<Vec<_>, _>>();
        let mut with_position = false;
        let (rows, values) = match self {
            Generator::Explode {
                collection,
                position,
            } => {
                with_position = *position;
                let column = evaluate(collection)?;
                let lists = column.lists()?;
                let values = match column.data_type() {
                    SparkType::Map(..) => {
                        let (keys, values) = lists.entries()?;
                        vec![keys.clone(), values.clone()]
                    }
                    _ => vec![lists.elements().clone()],
                };
                (Rows::Lists(column), values)
            }
            Generator::Inline(structs) => {
                let column = evaluate(structs)?;
                let elements = column.lists()?.elements();
                let fields = (0..types.len()).map(|field| elements.struct_field(field));
                let values = fields.collect::<Result<Vec<_>, ColumnError>>()?;
                (Rows::Lists(column), values)
            }
            Generator::Stack { rows, values } => {
                let columns = all(values)?;
                let width = types.len();
                let stacked = types.iter().enumerate().map(|(field, data_type)| {
                    let none = Column::nulls(data_type.clone(), batch.len());
                    let at = |row: usize| columns.get(row * width + field).unwrap_or(&none);
                    let parts: Vec<&Column> = (0..*rows).map(at).collect();
                    Column::concat(data_type, &parts)
                });
                let values = stacked.collect::<Result<Vec<_>, ColumnError>>()?;
                (Rows::Stack(*rows), values)
            }
            Generator::ReplicateRows { count, values } => {
                (Rows::Counts(evaluate(count)?), all(values)?)
            }
        };
        Ok(OpenBatch {
            batch: batch.clone(),
            rows,
            position: with_position,
            values,
            active: 0,
            given: 0,
        })
    }
}

impl OpenBatch {
    /// The next rows, at most `limit`; none if the batch is used up.
    fn choose(&mut self, outer: bool, limit: usize) -> Result<Chosen, EngineError> {
        let mut chosen = Chosen::default();
        let selection = self.batch.selection();
        let len = selection.len() as u64;
        let lists = match &self.rows {
            Rows::Lists(column) => Some(column.lists()?),
            _ => None,
        };
        while self.active < selection.count() && chosen.rows.len() < limit {
            let row = selection.position(self.active);
            // The place of the value for the first time, and how far on it is the next time.
            let (total, first, step) = match (&self.rows, &lists) {
                (Rows::Lists(_), Some(lists)) => {
                    let range = lists.range(row);
                    (range.len() as u64, range.start as u64, 1)
                }
                (Rows::Counts(counts), _) if !counts.is_null(row) => {
                    let count = counts.fixed_value::<i64>(row).unwrap_or_default();
                    (u64::try_from(count).unwrap_or(0), row as u64, 0)
                }
                (Rows::Stack(rows), _) => (*rows as u64, row as u64, len),
                _ => (0, 0, 0),
            };
            if total == 0 && outer {
                chosen.empty.push(chosen.rows.len());
                chosen.push(row, 0, 0);
            }
            let more = (total - self.given).min((limit - chosen.rows.len()) as u64);
            for time in self.given..self.given + more {
                chosen.push(row, first + time * step, time);
            }
            self.given += more;
            if self.given == total {
                self.active += 1;
                self.given = 0;
            }
        }
        Ok(chosen)
    }

    /// The columns of the chosen rows.
    fn columns(
        &self,
        chosen: Chosen,
        kept: &[usize],
        types: &[SparkType],
    ) -> Result<Vec<Column>, ColumnError> {
        let mut columns = Vec::with_capacity(kept.len() + types.len());
        for &position in kept {
            columns.push(self.batch.column(position).take(&chosen.rows)?);
        }
        let validity = (!chosen.empty.is_empty()).then(|| {
            let mut valid = vec![true; chosen.rows.len()];
            chosen.empty.iter().for_each(|&row| valid[row] = false);
            NullBuffer::from(valid)
        });
        let mut types = types.iter();
        if self.position {
            types.next();
            let positions = chosen.positions;
            columns.push(Column::fixed(SparkType::Int, positions, validity.clone()));
        }
        for (values, data_type) in self.values.iter().zip(types) {
            columns.push(match run(&chosen.values) {
                Some(start) if validity.is_none() => values
                    .slice(start, chosen.values.len())
                    .with_type(data_type.clone()),
                _ => values.gather(&chosen.values, validity.as_ref(), data_type)?,
            });
        }
        Ok(columns)
    }
}

/// Where the places begin if each is the one after the last.
fn run(places: &[u32]) -> Option<usize> {
    let first = *places.first()?;
    let follows = |(i, &place): (usize, &u32)| place == first.wrapping_add(i as u32);
    places
        .iter()
        .enumerate()
        .all(follows)
        .then_some(first as usize)
}

impl Chosen {
    fn push(&mut self, row: usize, value: u64, time: u64) {
        self.rows.push(row as u32);
        self.values.push(value as u32);
        self.positions.push(time as i32);
    }
}

impl BatchStream for GenerateStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        loop {
            if let Some(mut open) = self.open.take() {
                self.task.check_cancelled()?;
                let limit = self.task.settings.batch_size;
                let output = self.metrics.timed(|| {
                    let chosen = open.choose(self.outer, limit)?;
                    let rows = chosen.rows.len();
                    let columns = open.columns(chosen, &self.kept, &self.types)?;
                    Ok::<_, EngineError>(Batch::new(columns, rows))
                })?;
                if !output.is_empty() {
                    self.open = Some(open);
                    self.metrics.output(output.len());
                    return Ok(Some(output));
                }
            }
            let (task, metrics) = (&self.task, &self.metrics);
            let opened = self.input.next(task, |batch| {
                if batch.is_empty() {
                    return Ok(None);
                }
                metrics
                    .timed(|| self.generator.open(&self.types, batch, task, metrics))
                    .map(Some)
            })?;
            match opened {
                Some(opened) => self.open = opened,
                None => return Ok(None),
            }
        }
    }
}

impl fmt::Debug for OpenBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {} of {}", self.active, self.batch.len())
    }
}

#[cfg(test)]
mod tests;
