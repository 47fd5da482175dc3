//! Top-n: the first rows in order, without sorting the rest (Spark's `TakeOrderedAndProjectExec`).

use std::sync::Arc;

use arclight_columns::{Batch, Schema, SparkType};

use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::sort::{KeyBytes, Keys, SortKey, sort_keys};
use crate::task::TaskContext;

/// Candidates are cut back to the limit when there are this many times as many.
const SLACK: usize = 4;

/// Gives rows `offset..offset + limit` of its input in the order of `keys`.
#[derive(Debug)]
pub struct TopN {
    id: usize,
    input: OperatorRef,
    keys: Vec<SortKey>,
    offset: u64,
    limit: u64,
}

impl TopN {
    /// The first `limit` rows of `input` by `keys` after `offset`.
    pub fn new(id: usize, input: OperatorRef, keys: Vec<SortKey>, offset: u64, limit: u64) -> Self {
        TopN {
            id,
            input,
            keys,
            offset,
            limit,
        }
    }
}

impl Operator for TopN {
    fn name(&self) -> &'static str {
        "TopN"
    }
    fn schema(&self) -> &Schema {
        self.input.schema()
    }
    fn children(&self) -> Vec<&OperatorRef> {
        vec![&self.input]
    }
    fn describe(&self) -> String {
        format!(
            "TopN {} after {} by {:?}",
            self.limit, self.offset, self.keys
        )
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        Ok(Box::new(TopNStream {
            input: Some(self.input.open(task)?),
            keys: self.keys.clone(),
            types: self.schema().types(),
            wanted: self.offset.saturating_add(self.limit) as usize,
            offset: self.offset as usize,
            best: Batch::concat(&[], &self.schema().types())?,
            best_keys: Vec::new(),
            position: 0,
            task: Arc::clone(task),
            metrics: task.operator_metrics(self.id),
        }))
    }
}

struct TopNStream {
    input: Option<Box<dyn BatchStream>>,
    keys: Vec<SortKey>,
    types: Vec<SparkType>,
    wanted: usize,
    offset: usize,
    /// Candidates, in the order they came; sorted once cut.
    best: Batch,
    best_keys: Vec<Vec<u8>>,
    position: usize,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

impl TopNStream {
    /// The key a row must be below to matter, once there are enough candidates in order.
    fn threshold(&self) -> Option<&[u8]> {
        self.wanted
            .checked_sub(1)
            .and_then(|last| self.best_keys.get(last))
            .map(Vec::as_slice)
    }

    fn consider(&mut self, batch: &Batch, keys: &Keys) -> Result<(), EngineError> {
        let threshold = self.threshold();
        let rows: Vec<u32> = (0..batch.len() as u32)
            .filter(|&row| {
                let key: KeyBytes<'_> = keys.bytes(row as usize);
                threshold.is_none_or(|threshold| &key[..] < threshold)
            })
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.best_keys
            .extend(rows.iter().map(|&row| keys.bytes(row as usize).to_vec()));
        let kept = batch
            .columns()
            .iter()
            .map(|c| c.take(&rows))
            .collect::<Result<Vec<_>, _>>()?;
        let kept = Batch::new(kept, rows.len());
        self.best = Batch::concat(&[self.best.clone(), kept], &self.types)?;
        if self.best.len() >= SLACK * self.wanted.max(self.task.settings.batch_size) {
            self.cut()?;
        }
        Ok(())
    }

    /// Sorts the candidates and drops those past the limit.
    fn cut(&mut self) -> Result<(), EngineError> {
        let mut order: Vec<u32> = (0..self.best.len() as u32).collect();
        order.sort_by(|&a, &b| self.best_keys[a as usize].cmp(&self.best_keys[b as usize]));
        order.truncate(self.wanted);
        let columns = self
            .best
            .columns()
            .iter()
            .map(|c| c.take(&order))
            .collect::<Result<Vec<_>, _>>()?;
        self.best = Batch::new(columns, order.len());
        self.best_keys = order
            .iter()
            .map(|&row| std::mem::take(&mut self.best_keys[row as usize]))
            .collect();
        Ok(())
    }
}

impl BatchStream for TopNStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        self.task.check_cancelled()?;
        if let Some(mut input) = self.input.take() {
            // A limit of 0 runs nothing, as in Spark.
            while self.wanted > 0
                && let Some(batch) = input.next_batch()?
            {
                self.task.check_cancelled()?;
                if batch.is_empty() {
                    continue;
                }
                let batch = batch.compact()?;
                let keys = sort_keys(&self.task, &self.keys, &batch, &self.metrics)?;
                let metrics = Arc::clone(&self.metrics);
                metrics.timed(|| self.consider(&batch, &keys))?;
            }
            self.cut()?;
            self.position = self.offset.min(self.best.len());
        }
        let from = self.position;
        let to = self.best.len().min(from + self.task.settings.batch_size);
        if from == to {
            return Ok(None);
        }
        self.position = to;
        let columns = self
            .best
            .columns()
            .iter()
            .map(|c| c.slice(from, to - from))
            .collect();
        self.metrics.output(to - from);
        Ok(Some(Batch::new(columns, to - from)))
    }
}
