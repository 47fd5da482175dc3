//! The measures of one set of groups: updating, merging, giving out, and raising what Spark raises.

use std::sync::Arc;

use arclight_columns::{Batch, Column, Selection, SparkType};
use arclight_expressions::aggregate::AggregateState;
use arclight_expressions::{EvalError, JvmResults};

use super::{AggregatePlan, Measure};
use crate::filter::select;
use crate::metrics::OperatorMetrics;
use crate::operator::EngineError;
use crate::task::TaskContext;

/// A measure's arguments of one batch, evaluated at the rows its filter keeps.
pub(super) struct Arguments {
    columns: Vec<Column>,
    /// `None` if the measure has no filter.
    rows: Option<Selection>,
}

/// Evaluates all measures' arguments over a batch.
pub(super) fn evaluate_arguments(
    plan: &AggregatePlan,
    task: &TaskContext,
    batch: &Batch,
    metrics: &OperatorMetrics,
) -> Result<Vec<Arguments>, EngineError> {
    let mut results = JvmResults::default();
    plan.measures
        .iter()
        .map(|measure| {
            let rows = measure
                .filter
                .as_ref()
                .map(|filter| select(task, filter, batch, batch.selection(), metrics))
                .transpose()?;
            let within = rows.as_ref().unwrap_or(batch.selection());
            let columns = measure
                .arguments
                .iter()
                .map(|argument| task.evaluate_among(argument, batch, within, metrics, &mut results))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Arguments { columns, rows })
        })
        .collect()
}

/// The states of all measures.
pub(super) struct States {
    plan: Arc<AggregatePlan>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
    states: Vec<Box<dyn AggregateState>>,
    /// Groups of the rows that a filter keeps.
    filtered: Vec<u32>,
}

impl States {
    pub(super) fn new(
        plan: &Arc<AggregatePlan>,
        task: &Arc<TaskContext>,
        metrics: &Arc<OperatorMetrics>,
    ) -> Self {
        let mut states = States {
            plan: Arc::clone(plan),
            task: Arc::clone(task),
            metrics: Arc::clone(metrics),
            states: Vec::new(),
            filtered: Vec::new(),
        };
        states.clear();
        states
    }

    /// Forgets all groups.
    pub(super) fn clear(&mut self) {
        let grouped = !self.plan.key_types.is_empty();
        let create = |measure: &Measure| measure.function.create(grouped);
        self.states = self.plan.measures.iter().map(create).collect();
    }

    pub(super) fn resize(&mut self, count: usize) {
        self.states.iter_mut().for_each(|s| s.resize(count));
    }

    pub(super) fn memory_size(&self) -> usize {
        self.states.iter().map(|s| s.memory_size()).sum()
    }

    /// Takes in a batch whose active rows belong to `groups`.
    pub(super) fn absorb(
        &mut self,
        groups: &[u32],
        arguments: &[Arguments],
        rows: &Selection,
    ) -> Result<(), EngineError> {
        let mut filtered = std::mem::take(&mut self.filtered);
        for (index, arguments) in arguments.iter().enumerate() {
            let (groups, rows) = match &arguments.rows {
                None => (groups, rows),
                Some(kept) => {
                    narrow(groups, rows, kept, &mut filtered);
                    (&filtered[..], kept)
                }
            };
            if rows.is_empty() {
                continue;
            }
            let state = &mut self.states[index];
            let columns = &arguments.columns;
            let result = if self.plan.measures[index].phase.merges() {
                state.merge(groups, columns, rows)
            } else {
                state.update(groups, columns, rows)
            };
            self.confirm(index, result, (groups, columns, rows))?;
        }
        self.filtered = filtered;
        Ok(())
    }

    /// Merges a spilled batch: the keys, then all measures' buffers.
    pub(super) fn merge_spilled(
        &mut self,
        groups: &[u32],
        batch: &Batch,
    ) -> Result<(), EngineError> {
        let mut at = self.plan.key_types.len();
        let rows = batch.selection();
        for index in 0..self.states.len() {
            let count = self.plan.measures[index].function.buffer_types().len();
            let columns = &batch.columns()[at..at + count];
            at += count;
            let result = self.states[index].merge(groups, columns, rows);
            self.confirm(index, result, (groups, columns, rows))?;
        }
        Ok(())
    }

    fn confirm(
        &self,
        index: usize,
        result: Result<(), EvalError>,
        rows: (&[u32], &[Column], &Selection),
    ) -> Result<(), EngineError> {
        let (measure, state) = (&self.plan.measures[index], self.states[index].as_ref());
        confirm(result, &self.task, measure, state, rows)
    }

    /// All buffers of groups `from..to`.
    pub(super) fn buffers(&self, from: usize, to: usize) -> Result<Vec<Column>, EngineError> {
        let mut columns = Vec::new();
        for state in &self.states {
            columns.extend(state.buffers(from, to)?);
        }
        Ok(columns)
    }

    /// The output columns of groups `from..to`: buffers or results, as each measure's phase says.
    pub(super) fn output(&self, from: usize, to: usize) -> Result<Vec<Column>, EngineError> {
        let mut columns = Vec::new();
        for (measure, state) in self.plan.measures.iter().zip(&self.states) {
            if measure.phase.finishes() {
                let state = state.as_ref();
                columns.push(evaluate(
                    &self.task,
                    &self.metrics,
                    measure,
                    state,
                    from,
                    to,
                )?);
            } else {
                columns.extend(state.buffers(from, to)?);
            }
        }
        Ok(columns)
    }
}

/// The result of taking in `rows` of `groups`. Of a row that failed Spark's own expression raises the
/// error.
pub(crate) fn confirm(
    result: Result<(), EvalError>,
    task: &TaskContext,
    measure: &Measure,
    state: &dyn AggregateState,
    (groups, arguments, rows): (&[u32], &[Column], &Selection),
) -> Result<(), EngineError> {
    let row = match result {
        Err(EvalError::Failed { row }) => row,
        result => return Ok(result?),
    };
    let attempt = || -> Result<EngineError, EngineError> {
        let not_confirmed = || {
            EngineError::Internal(format!(
                "{:?} failed at a row for which Spark does not raise",
                measure.function
            ))
        };
        let position = rows
            .iter()
            .position(|r| r == row)
            .ok_or_else(not_confirmed)?;
        let group = groups[position] as usize;
        let fallback = measure.update_fallback.ok_or_else(not_confirmed)?;
        let mut columns = state.buffers(group, group + 1)?;
        for argument in arguments {
            columns.push(argument.take(&[row as u32])?);
        }
        let batch = Batch::new(columns, 1);
        let result = task.with_host(|host| host.evaluate(fallback, &batch, &SparkType::Null));
        Ok(match result {
            Ok(_) => not_confirmed(),
            Err(error) => error.into(),
        })
    };
    Err(attempt().unwrap_or_else(|error| error))
}

/// The results of groups `from..to`, by Spark's own evaluation where the function fails or declines.
pub(crate) fn evaluate(
    task: &TaskContext,
    metrics: &OperatorMetrics,
    measure: &Measure,
    state: &dyn AggregateState,
    from: usize,
    to: usize,
) -> Result<Column, EngineError> {
    let failed = match state.evaluate(from, to) {
        Ok(column) => return Ok(column),
        Err(EvalError::Failed { .. }) => true,
        Err(EvalError::Declined(_)) => false,
        Err(error) => return Err(error.into()),
    };
    let fallback = measure.evaluate_fallback.ok_or_else(|| {
        EngineError::Internal(format!(
            "{:?} has no evaluation of Spark's to fall back to",
            measure.function
        ))
    })?;
    let batch = Batch::new(state.evaluation_inputs(from, to)?, to - from);
    let data_type = measure.function.data_type();
    let column = task.with_host(|host| host.evaluate(fallback, &batch, data_type))?;
    OperatorMetrics::add(&metrics.jvm_rows, (to - from) as u64);
    if failed {
        OperatorMetrics::add(&metrics.kernel_disagreements, 1);
    }
    if column.len() != to - from {
        return Err(EngineError::Internal(format!(
            "Spark evaluated {} groups of {}",
            column.len(),
            to - from
        )));
    }
    Ok(column)
}

/// The groups of the rows in `kept`, a part of `rows`.
fn narrow(groups: &[u32], rows: &Selection, kept: &Selection, filtered: &mut Vec<u32>) {
    filtered.clear();
    if rows.is_all() {
        filtered.extend(kept.iter().map(|row| groups[row]));
        return;
    }
    let mut kept = kept.iter().peekable();
    for (row, &group) in rows.iter().zip(groups) {
        if kept.next_if_eq(&row).is_some() {
            filtered.push(group);
        }
    }
}
