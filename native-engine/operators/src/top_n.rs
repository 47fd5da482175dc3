//! Top-n: the first rows in order, without sorting the rest (Spark's `TakeOrderedAndProjectExec`).

use std::sync::Arc;

use arclight_columns::{Batch, Schema, SparkType};

use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::sort::{KeyBytes, Keys, SortKey, sort_keys};
use crate::task::TaskContext;

/// Candidates are cut back to the wanted rows when there are twice as many, and so many more.
const SLACK_ROWS: usize = 64;

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
            candidates: Vec::new(),
            keys_of: Vec::new(),
            cut: false,
            best: Batch::concat(&[], &self.schema().types())?,
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
    /// Candidates in the order they came, those that were cut first and in order.
    candidates: Vec<Batch>,
    /// The candidates' keys.
    keys_of: Vec<Vec<u8>>,
    /// Whether the first `wanted` candidates are the best of all that came before a cut.
    cut: bool,
    /// The result.
    best: Batch,
    position: usize,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

impl TopNStream {
    /// The key a row must be below to matter, once so many rows below it are known.
    fn threshold(&self) -> Option<&[u8]> {
        if !self.cut {
            return None;
        }
        self.wanted
            .checked_sub(1)
            .and_then(|last| self.keys_of.get(last))
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
        self.keys_of
            .extend(rows.iter().map(|&row| keys.bytes(row as usize).to_vec()));
        self.candidates.push(batch.take(&rows)?.detached());
        if self.keys_of.len() >= self.wanted + self.wanted.max(SLACK_ROWS) {
            let best = self.cut()?;
            self.candidates.push(best);
        }
        Ok(())
    }

    /// Sorts the candidates and drops those past the limit. The keys of those left stay.
    fn cut(&mut self) -> Result<Batch, EngineError> {
        let all = Batch::concat(&std::mem::take(&mut self.candidates), &self.types)?;
        let mut order: Vec<u32> = (0..all.len() as u32).collect();
        order.sort_by(|&a, &b| self.keys_of[a as usize].cmp(&self.keys_of[b as usize]));
        order.truncate(self.wanted);
        let best = all.take(&order)?;
        self.keys_of = order
            .iter()
            .map(|&row| std::mem::take(&mut self.keys_of[row as usize]))
            .collect();
        self.cut = true;
        Ok(best)
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
            self.best = self.cut()?;
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

#[cfg(test)]
mod tests {
    use arclight_columns::SparkType;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Memory, collect, column_ref, ints, rows, task};

    fn key(index: usize, ascending: bool, nulls_first: bool) -> SortKey {
        SortKey {
            expression: column_ref(index, SparkType::Int),
            ascending,
            nulls_first,
        }
    }

    fn batch(values: &[Option<i32>], first_id: i32) -> Batch {
        let ids: Vec<_> = (first_id..first_id + values.len() as i32)
            .map(Some)
            .collect();
        Batch::new(vec![ints(values), ints(&ids)], values.len())
    }

    fn top_n(
        batches: &[Vec<Option<i32>>],
        keys: Vec<SortKey>,
        offset: u64,
        limit: u64,
    ) -> Vec<String> {
        let mut id = 0;
        let input = batches
            .iter()
            .map(|values| {
                let made = batch(values, id);
                id += values.len() as i32;
                made
            })
            .collect();
        let input = Memory::typed(vec![SparkType::Int, SparkType::Int], input);
        rows(&collect(&TopN::new(0, input, keys, offset, limit), &task(4)).unwrap())
    }

    #[test]
    fn a_later_row_displaces_any_earlier_one() {
        // The second candidate in the order of arrival is no bound: 5 is worse than 3.
        let batches = [vec![Some(5), Some(1), Some(7)], vec![Some(3)]];
        assert_eq!(
            top_n(&batches, vec![key(0, true, true)], 0, 2),
            ["1,1", "3,3"]
        );
    }

    proptest! {
        #[test]
        fn as_sorting_and_slicing(
            batches in prop::collection::vec(
                prop::collection::vec(prop::option::of(-20i32..20), 0..90), 0..6),
            ascending: bool,
            nulls_first: bool,
            offset in 0u64..70,
            limit in 0u64..70,
        ) {
            let keys = vec![key(0, ascending, nulls_first), key(1, true, true)];
            let found = top_n(&batches, keys, offset, limit);
            let mut all: Vec<(Option<i32>, usize)> =
                batches.concat().into_iter().enumerate().map(|(id, value)| (value, id)).collect();
            all.sort_by_key(|&(value, id)| match value {
                None => (if nulls_first { -1 } else { 1 }, 0, id),
                Some(value) => (0, if ascending { value } else { -value }, id),
            });
            let expected: Vec<String> = all
                .into_iter()
                .skip(offset as usize)
                .take(limit as usize)
                .map(|(value, id)| match value {
                    None => format!("NULL,{id}"),
                    Some(value) => format!("{value},{id}"),
                })
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
