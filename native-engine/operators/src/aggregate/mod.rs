//! Hash aggregation, in all of Spark's phases (`HashAggregateExec`, `ObjectHashAggregateExec`,
//! `SortAggregateExec`).

mod bytes_table;
mod code_table;
mod groups;
mod measures;
mod numbered;
mod packing;
mod slots;
mod spill;
mod state;
mod stream;
mod trial;
mod wide_keys;
mod wide_table;
mod word_table;

use std::sync::Arc;

use arclight_columns::{Schema, SparkType};
use arclight_expressions::ExpressionRef;
use arclight_expressions::aggregate::AggregateFunction;

pub(crate) use measures::{confirm, evaluate};

use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::runtime_filter::ScanColumn;
use crate::task::TaskContext;

/// What a measure takes in and gives (Spark's `AggregateMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Takes in rows, gives buffers.
    Partial,
    /// Takes in buffers, gives buffers.
    PartialMerge,
    /// Takes in buffers, gives results.
    Final,
    /// Takes in rows, gives results.
    Complete,
}

impl Phase {
    /// Whether the measure's arguments are buffers.
    pub fn merges(self) -> bool {
        matches!(self, Phase::PartialMerge | Phase::Final)
    }

    /// Whether the measure gives its result.
    pub fn finishes(self) -> bool {
        matches!(self, Phase::Final | Phase::Complete)
    }
}

/// An aggregate function over arguments.
#[derive(Debug, Clone)]
pub struct Measure {
    /// The function.
    pub function: Arc<dyn AggregateFunction>,
    /// What it takes in and gives.
    pub phase: Phase,
    /// Its inputs, or its buffer columns where it merges.
    pub arguments: Vec<ExpressionRef>,
    /// Rows for which this is not TRUE are passed over.
    pub filter: Option<ExpressionRef>,
    /// Spark's own update (or merge) expression, to raise what Spark raises: over the buffer's
    /// columns, then the arguments.
    pub update_fallback: Option<u32>,
    /// Spark's own evaluation, over the state's evaluation inputs.
    pub evaluate_fallback: Option<u32>,
}

impl Measure {
    /// Whether it may raise for a row or a group.
    fn may_fail(&self) -> bool {
        let evaluates = self.phase.finishes() && self.evaluate_fallback.is_some();
        let mut inputs = self.arguments.iter().chain(&self.filter);
        self.update_fallback.is_some() || evaluates || !inputs.all(|input| input.is_total())
    }

    /// The types of its output columns.
    fn output_types(&self) -> Vec<SparkType> {
        if self.phase.finishes() {
            vec![self.function.data_type().clone()]
        } else {
            self.function.buffer_types()
        }
    }
}

/// Groups rows by keys and aggregates each group.
///
/// Output: the keys, then per measure its buffer columns or its result. Without keys there is
/// always one row, with keys none for an empty input. Keys are normalised (one NaN, no -0.0).
///
/// An aggregation whose output is merged above may give a group several times. So instead of
/// spilling it gives out what it has, and stops looking up keys while they hardly ever repeat, or
/// while rows with the same key follow each other. All others give each group once, and spill.
#[derive(Debug)]
pub struct HashAggregate {
    id: usize,
    input: OperatorRef,
    plan: Arc<AggregatePlan>,
}

/// What the tasks of an aggregation share.
#[derive(Debug)]
pub(crate) struct AggregatePlan {
    pub(crate) groupings: Vec<ExpressionRef>,
    pub(crate) measures: Vec<Measure>,
    pub(crate) schema: Schema,
    /// Types of the keys.
    pub(crate) key_types: Vec<SparkType>,
    /// Types of what is spilled: the keys and all buffers.
    pub(crate) spill_types: Vec<SparkType>,
    /// Whether a group may be given several times.
    pub(crate) repeats: bool,
    /// Whether the rows of a group are all of one partition of the shuffle that is read.
    pub(crate) by_partition: bool,
}

impl HashAggregate {
    /// An aggregation of `input` by `groupings`; `schema` names and types the output. If a measure
    /// is `Partial` and none finishes, the output is taken to be merged above.
    pub fn new(
        id: usize,
        input: OperatorRef,
        groupings: Vec<ExpressionRef>,
        measures: Vec<Measure>,
        schema: Schema,
    ) -> Self {
        let repeats = measures.iter().any(|m| m.phase == Phase::Partial)
            && measures.iter().all(|m| !m.phase.finishes());
        Self::with_repeats(id, input, groupings, measures, schema, repeats)
    }

    /// Like [`HashAggregate::new`], told whether its output is merged above, so that it may give a
    /// group several times.
    pub fn with_repeats(
        id: usize,
        input: OperatorRef,
        groupings: Vec<ExpressionRef>,
        measures: Vec<Measure>,
        schema: Schema,
        repeats: bool,
    ) -> Self {
        let key_types: Vec<SparkType> = groupings.iter().map(|g| g.data_type().clone()).collect();
        let mut spill_types = key_types.clone();
        for measure in &measures {
            spill_types.extend(measure.function.buffer_types());
        }
        let repeats = repeats && !groupings.is_empty();
        HashAggregate {
            id,
            input,
            plan: Arc::new(AggregatePlan {
                groupings,
                measures,
                schema,
                key_types,
                spill_types,
                repeats,
                by_partition: false,
            }),
        }
    }

    /// The same, told whether the rows of a group are all of one partition of the shuffle that it
    /// reads: the shuffle's keys are among the grouping keys. Groups then go out by partitions.
    pub fn by_partition(mut self, by_partition: bool) -> Self {
        if let Some(plan) = Arc::get_mut(&mut self.plan) {
            plan.by_partition = by_partition;
        }
        self
    }
}

impl Operator for HashAggregate {
    fn name(&self) -> &'static str {
        "HashAggregate"
    }
    fn schema(&self) -> &Schema {
        &self.plan.schema
    }
    fn children(&self) -> Vec<&OperatorRef> {
        vec![&self.input]
    }
    fn describe(&self) -> String {
        let measures: Vec<String> = self
            .plan
            .measures
            .iter()
            .map(|m| format!("{:?} {:?}", m.phase, m.function))
            .collect();
        format!(
            "HashAggregate by {:?}: {}",
            self.plan.groupings,
            measures.join(", ")
        )
    }
    fn scan_column(&self, column: usize) -> Option<ScanColumn> {
        // Rows with this key are of no other group; but left out they would not raise.
        let plan = &self.plan;
        let key = plan.groupings.get(column)?.column()?;
        let raises = plan.measures.iter().any(Measure::may_fail)
            || plan.groupings.iter().any(|grouping| !grouping.is_total());
        match !raises {
            true => self.input.scan_column(key),
            false => None,
        }
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        let output: usize = self
            .plan
            .measures
            .iter()
            .map(|m| m.output_types().len())
            .sum();
        if self.plan.key_types.len() + output != self.plan.schema.len() {
            return Err(EngineError::Internal(format!(
                "an aggregation of {} columns has a schema of {}",
                self.plan.key_types.len() + output,
                self.plan.schema.len()
            )));
        }
        let input = self.input.open(task)?;
        Ok(Box::new(stream::AggregateStream::new(
            Arc::clone(&self.plan),
            input,
            task,
            task.operator_metrics(self.id),
        )))
    }
}

#[cfg(test)]
mod tests;
