//! The first rows of each partition: what a window's `rank() <= n` above needs
//! (Spark's `WindowGroupLimitExec`).

use std::sync::Arc;

use arclight_columns::{Batch, Schema, Selection};
use arclight_expressions::ExpressionRef;

use super::boundaries::Beginnings;
use super::rank::{RankCounter, RankFunction};
use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::task::TaskContext;

/// Leaves out rows of a rank beyond `limit`, but for the first of them: Spark knows the rank of a
/// row only when it has given it, and so does this, lest the operators' numbers of rows differ. The
/// input is in the order of the partitions and then of `orders`.
#[derive(Debug)]
pub struct WindowGroupLimit {
    id: usize,
    input: OperatorRef,
    plan: Arc<LimitPlan>,
}

#[derive(Debug)]
struct LimitPlan {
    partitions: Vec<ExpressionRef>,
    orders: Vec<ExpressionRef>,
    function: RankFunction,
    limit: u64,
}

impl WindowGroupLimit {
    /// The rows of `input` whose rank in their partition is at most `limit`.
    pub fn new(
        id: usize,
        input: OperatorRef,
        partitions: Vec<ExpressionRef>,
        orders: Vec<ExpressionRef>,
        function: RankFunction,
        limit: u64,
    ) -> Self {
        let plan = LimitPlan {
            partitions,
            orders,
            function,
            limit,
        };
        WindowGroupLimit {
            id,
            input,
            plan: Arc::new(plan),
        }
    }
}

impl Operator for WindowGroupLimit {
    fn name(&self) -> &'static str {
        "WindowGroupLimit"
    }
    fn schema(&self) -> &Schema {
        self.input.schema()
    }
    fn children(&self) -> Vec<&OperatorRef> {
        vec![&self.input]
    }
    fn describe(&self) -> String {
        let LimitPlan {
            partitions,
            orders,
            function,
            limit,
        } = self.plan.as_ref();
        format!(
            "WindowGroupLimit {function:?} {limit} by {partitions:?} in the order of {orders:?}"
        )
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        Ok(Box::new(GroupLimitStream {
            plan: Arc::clone(&self.plan),
            input: Some(self.input.open(task)?),
            beginnings: Beginnings::default(),
            counter: RankCounter::default(),
            task: Arc::clone(task),
            metrics: task.operator_metrics(self.id),
        }))
    }
}

struct GroupLimitStream {
    plan: Arc<LimitPlan>,
    /// Dropped as soon as nothing more is wanted of it.
    input: Option<Box<dyn BatchStream>>,
    beginnings: Beginnings,
    counter: RankCounter,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

impl GroupLimitStream {
    fn limit(&mut self, batch: Batch) -> Result<Batch, EngineError> {
        let batch = batch.compact()?;
        let plan = Arc::clone(&self.plan);
        let orders = (plan.function != RankFunction::RowNumber).then_some(&plan.orders[..]);
        let context = (&*self.task, &*self.metrics);
        let (begins_partition, begins_peers) =
            self.beginnings
                .mark(&plan.partitions, orders, &batch, context)?;
        let mut kept = Vec::with_capacity(batch.len());
        for row in 0..batch.len() {
            if begins_partition[row] {
                self.counter = RankCounter::default();
            }
            let begins_peers = || begins_peers[row];
            if self.counter.take(plan.function, plan.limit, begins_peers) {
                kept.push(row as u32);
            }
        }
        let selection = Selection::from_rows(batch.len(), kept);
        Ok(batch.select(selection))
    }
}

impl BatchStream for GroupLimitStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        let metrics = Arc::clone(&self.metrics);
        loop {
            self.task.check_cancelled()?;
            // Without keys there is one partition.
            if self.plan.partitions.is_empty() && self.counter.is_full(self.plan.limit) {
                self.input = None;
            }
            let Some(input) = &mut self.input else {
                return Ok(None);
            };
            let Some(batch) = input.next_batch()? else {
                self.input = None;
                return Ok(None);
            };
            if batch.is_empty() {
                continue;
            }
            let batch = metrics.timed(|| self.limit(batch))?;
            if !batch.is_empty() {
                metrics.output(batch.active_rows());
                return Ok(Some(batch));
            }
        }
    }
}
