//! Hash join: one side is indexed by key, the other looks its rows' keys up (Spark's
//! `BroadcastHashJoinExec`, `ShuffledHashJoinExec`, and `SortMergeJoinExec` where it need not sort).

mod bits;
mod broadcast;
mod gather;
mod index;
mod keys;
mod pairs;
mod partitions;
mod plan;
mod probe;
mod spill;
mod stream;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arclight_columns::Schema;

use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::runtime_filter::ScanColumn;
use crate::task::TaskContext;

pub(crate) use bits::Bits;
pub(crate) use keys::{integers, is_word, rows_with_keys};
pub use plan::{JoinKind, JoinSide, JoinSpec, JoinSpecError};
pub use table::JoinTable;

use broadcast::BroadcastTables;
use plan::{JoinPlan, Source};

/// Gives a build side that several tasks share, as that of a broadcast join.
pub trait TableProvider: Send + Sync + std::fmt::Debug {
    /// The table of all rows of the build side, with all columns of the join's input, by the
    /// columns at the positions `keys`. Whoever provides it accounts for its memory; `None` where
    /// there is no memory for it: the join then reads the rows itself, and may spill them.
    fn table(
        &self,
        task: &Arc<TaskContext>,
        keys: &[usize],
    ) -> Result<Option<Arc<JoinTable>>, EngineError>;
}

/// Joins two inputs on equal keys.
///
/// Keys match as with Spark's `=`: NULL matches nothing, NaN equals NaN, -0.0 equals 0.0 (at any
/// depth of nested keys, within which NULL equals NULL). Values are given out as they came. Sides
/// that an outer join fills up are nullable.
///
/// The build side is read before the probe side is opened. If it ends up without rows and the
/// kind gives nothing without a match, the probe side is not opened at all. Rows come in the
/// order of the probe side, those of the build side without a match last; if memory is refused,
/// both sides go to disk in partitions and rows come in no order. A build side that cannot be
/// partitioned, because its keys are equal, is joined in parts that fit.
///
/// Where probe rows without a match leave nothing, the scan below the probe side is given filters
/// of the build side's keys (see [`Operator::scan_column`]).
///
/// The residual condition is evaluated only for pairs with equal keys; for semi, anti and mark
/// joins that build the right side only until a pair matches, in the order of Spark's
/// `HashedRelation`. Where these build the left side it may be evaluated for more pairs.
#[derive(Debug)]
pub struct HashJoin {
    id: usize,
    left: OperatorRef,
    right: OperatorRef,
    provider: Option<Arc<dyn TableProvider>>,
    plan: Arc<JoinPlan>,
}

impl HashJoin {
    /// A join of `left` and `right`. A build side that is a broadcast is shared among tasks. Fails
    /// if keys or columns of `spec` are not there or do not fit each other.
    pub fn new(
        id: usize,
        left: OperatorRef,
        right: OperatorRef,
        spec: JoinSpec,
    ) -> Result<Self, JoinSpecError> {
        let plan = JoinPlan::new(left.schema(), right.schema(), spec, false)?;
        let join = HashJoin {
            id,
            left,
            right,
            provider: None,
            plan: Arc::new(plan),
        };
        let tables = BroadcastTables::of(join.sides().1);
        match tables {
            None => Ok(join),
            Some(_) if join.plan.marks_build_rows() => Err(JoinSpecError(
                "that gives rows of a broadcast once for all tasks".to_string(),
            )),
            Some(tables) => join.with_shared_build(Arc::new(tables)),
        }
    }

    /// The same join with its build side from `provider`; that input is opened only where the
    /// provider has no memory for a table.
    pub fn with_shared_build(
        self,
        provider: Arc<dyn TableProvider>,
    ) -> Result<Self, JoinSpecError> {
        let spec = self.plan.spec.clone();
        let plan = JoinPlan::new(self.left.schema(), self.right.schema(), spec, true)?;
        Ok(HashJoin {
            provider: Some(provider),
            plan: Arc::new(plan),
            ..self
        })
    }

    fn sides(&self) -> (&OperatorRef, &OperatorRef) {
        match self.plan.spec.build {
            JoinSide::Left => (&self.right, &self.left),
            JoinSide::Right => (&self.left, &self.right),
        }
    }
}

impl Operator for HashJoin {
    fn name(&self) -> &'static str {
        "HashJoin"
    }
    fn schema(&self) -> &Schema {
        &self.plan.schema
    }
    fn children(&self) -> Vec<&OperatorRef> {
        vec![&self.left, &self.right]
    }
    fn describe(&self) -> String {
        let spec = &self.plan.spec;
        let mut text = format!("HashJoin {:?}", spec.kind);
        if spec.null_aware {
            text.push_str(" null-aware");
        }
        let keys = spec.left_keys.iter().zip(&spec.right_keys);
        let keys: Vec<String> = keys.map(|(l, r)| format!("{l} = {r}")).collect();
        text.push_str(&format!(
            " by left {} right, build {:?}",
            keys.join(", "),
            spec.build
        ));
        if self.provider.is_some() {
            text.push_str(" shared");
        }
        if let Some(residual) = &spec.residual {
            text.push_str(&format!(", condition {residual:?}"));
        }
        if let Some(emit) = &spec.emit {
            text.push_str(&format!(", gives {emit:?}"));
        }
        text
    }
    fn scan_column(&self, column: usize) -> Option<ScanColumn> {
        // Of either side: a row that is left out there would, with or without a match, have come
        // out with this value or with NULL.
        let (side, column) = match *self.plan.output.get(column)? {
            Source::Probe(column) => (self.sides().0, self.plan.probe.kept[column]),
            Source::Build(_) if self.provider.is_some() => return None,
            Source::Build(column) => (self.sides().1, self.plan.build.kept[column]),
            Source::Mark => return None,
        };
        // A row that is left out below raises nothing here, as it would for Spark.
        let residual = self.plan.residual.as_ref();
        let raises = residual.is_some_and(|residual| !residual.expression.is_total());
        if self.plan.spec.null_aware || raises {
            return None;
        }
        side.scan_column(column)
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        let (probe, build) = self.sides();
        Ok(Box::new(stream::HashJoinStream::new(
            Arc::clone(&self.plan),
            Arc::clone(probe),
            Arc::clone(build),
            self.provider.clone(),
            task,
            task.operator_metrics(self.id),
        )))
    }
}
