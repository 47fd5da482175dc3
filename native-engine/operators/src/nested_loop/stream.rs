//! A task's stream of a nested-loop join.
//!
//! A condition is evaluated for one row of one side and many of the other at a time: the one row's
//! columns are constants, so that nothing is copied. The side with fewer rows gives the one row.

use std::sync::Arc;

use arclight_columns::{Batch, BooleanBuffer, Column, Selection};
use arclight_expressions::ExpressionRef;

use super::held::{Held, Parts};
use super::pairs::{NONE, Pairs, take_or_null};
use super::{NestedLoopJoin, NestedLoopKind};
use crate::filter::select;
use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, OperatorRef};
use crate::pieces::Pieces;
use crate::task::TaskContext;

/// Pairs that are looked at together, at most, when the held rows are gone through one by one.
const PAIRS: usize = 1 << 18;

/// What a stream and its parts look up.
struct Join {
    kind: NestedLoopKind,
    condition: Option<ExpressionRef>,
    held_left: bool,
    batch_size: usize,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

impl Join {
    /// A batch of both sides' columns.
    fn beside(&self, streamed: Vec<Column>, held: Vec<Column>, selection: Selection) -> Batch {
        let (mut columns, more) = if self.held_left {
            (held, streamed)
        } else {
            (streamed, held)
        };
        columns.extend(more);
        Batch::with_selection(columns, selection)
    }

    /// The rows of `within` that match one held row.
    fn streamed_matches(
        &self,
        condition: &ExpressionRef,
        streamed: &Batch,
        held: &Batch,
        row: usize,
        within: &Selection,
    ) -> Result<Selection, EngineError> {
        let one = constants(held, row, streamed.len());
        let batch = self.beside(streamed.columns().to_vec(), one, within.clone());
        select(&self.task, condition, &batch, within, &self.metrics)
    }

    /// The rows of a slice of the held side that match one streamed row, counted in the slice.
    fn held_matches(
        &self,
        condition: &ExpressionRef,
        streamed: &Batch,
        row: usize,
        held: &Batch,
        offset: usize,
        length: usize,
    ) -> Result<Selection, EngineError> {
        let one = constants(streamed, row, length);
        let slice = held
            .columns()
            .iter()
            .map(|column| column.slice(offset, length))
            .collect();
        let all = Selection::all(length);
        let batch = self.beside(one, slice, all.clone());
        select(&self.task, condition, &batch, &all, &self.metrics)
    }

    /// The streamed rows that have a match.
    fn matched(&self, streamed: &Batch, held: &Batch) -> Result<Vec<bool>, EngineError> {
        let mut matched = vec![false; streamed.len()];
        let Some(condition) = &self.condition else {
            matched.fill(!held.is_empty());
            return Ok(matched);
        };
        let mut open = streamed.selection().clone();
        // Beyond its first match a row's condition may only be evaluated if nobody notices.
        if held.len() > open.count() && condition.is_total() {
            for row in open.iter() {
                let mut offset = 0;
                while offset < held.len() && !matched[row] {
                    self.task.check_cancelled()?;
                    let length = self.batch_size.min(held.len() - offset);
                    let found =
                        self.held_matches(condition, streamed, row, held, offset, length)?;
                    matched[row] = !found.is_empty();
                    offset += length;
                }
            }
            return Ok(matched);
        }
        for row in 0..held.len() {
            if open.is_empty() {
                break;
            }
            if row % 64 == 0 {
                self.task.check_cancelled()?;
            }
            let found = self.streamed_matches(condition, streamed, held, row, &open)?;
            if !found.is_empty() {
                found.for_each(|r| matched[r] = true);
                open = open.filter(|r| !matched[r]);
            }
        }
        Ok(matched)
    }

    /// The output of a semi, anti or existence join for one streamed batch.
    fn existence(&self, held: &Held, streamed: &Batch) -> Result<Batch, EngineError> {
        let mut parts = held.parts();
        let rows = parts.next()?.ok_or_else(|| {
            EngineError::Internal("the held rows of an existence join are on disk".to_string())
        })?;
        let matched = self.matched(streamed, &rows)?;
        Ok(match self.kind {
            NestedLoopKind::Semi => {
                let kept = streamed.selection().filter(|row| matched[row]);
                streamed.select(kept)
            }
            NestedLoopKind::Anti => {
                let kept = streamed.selection().filter(|row| !matched[row]);
                streamed.select(kept)
            }
            _ => {
                let exists = Column::boolean(BooleanBuffer::from(matched), None);
                let mut columns = streamed.columns().to_vec();
                columns.push(exists);
                Batch::with_selection(columns, streamed.selection().clone())
            }
        })
    }
}

/// One row's values, `length` times.
fn constants(batch: &Batch, row: usize, length: usize) -> Vec<Column> {
    batch
        .columns()
        .iter()
        .map(|column| Column::constant(column.slice(row, 1), length))
        .collect()
}

pub(super) struct NestedLoopStream {
    join: Join,
    streamed: Pieces,
    held_operator: OperatorRef,
    held: Option<Held>,
    current: Option<Meeting>,
}

impl NestedLoopStream {
    pub(super) fn new(plan: &NestedLoopJoin, task: &Arc<TaskContext>) -> Result<Self, EngineError> {
        Ok(NestedLoopStream {
            join: Join {
                kind: plan.kind,
                condition: plan.condition.clone(),
                held_left: plan.held_left,
                batch_size: task.settings.batch_size.max(1),
                task: Arc::clone(task),
                metrics: task.operator_metrics(plan.id),
            },
            streamed: Pieces::new(plan.streamed.open(task)?),
            held_operator: Arc::clone(&plan.held),
            held: None,
            current: None,
        })
    }
}

impl BatchStream for NestedLoopStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        if self.held.is_none() {
            // From disk rows don't come in the stream's order, which Spark relies on with broadcasts.
            let may_spill =
                self.join.kind == NestedLoopKind::Inner && self.held_operator.broadcast().is_none();
            let held = Held::load(
                &self.join.task,
                &self.held_operator,
                may_spill,
                &self.join.metrics,
            )?;
            self.held = Some(held);
        }
        loop {
            self.join.task.check_cancelled()?;
            if let Some(meeting) = &mut self.current {
                let join = &self.join;
                let batch = join.metrics.timed(|| meeting.next_batch(join))?;
                if batch.is_some() {
                    return Ok(batch);
                }
                self.current = None;
            }
            let Some(held) = &self.held else {
                return Ok(None);
            };
            let (join, pairs) = (&self.join, self.join.kind.gives_pairs());
            let batch =
                self.streamed
                    .next(&join.task, |streamed| match pairs || streamed.is_empty() {
                        true => Ok(streamed.clone()),
                        false => join.metrics.timed(|| join.existence(held, streamed)),
                    })?;
            match batch {
                None => return Ok(None),
                Some(batch) if batch.is_empty() => {}
                Some(streamed) if pairs => {
                    self.current = Some(Meeting::new(streamed, held.parts()));
                }
                Some(batch) => {
                    join.metrics.output(batch.active_rows());
                    return Ok(Some(batch));
                }
            }
        }
    }
}

/// One streamed batch and the held rows.
struct Meeting {
    streamed: Batch,
    /// Its active rows.
    rows: Arc<[u32]>,
    parts: Parts,
    /// The held rows it meets now.
    held: Option<Batch>,
    /// The first of `rows` that has not met them all.
    next: usize,
    /// How many of them that row has met.
    met: usize,
    /// Whether it matched one of these.
    matched: bool,
    /// Pairs of `held`.
    pairs: Pairs,
    /// How many pairs are looked at together: fewer, where one fails, so that those before it come
    /// first.
    together: usize,
}

impl Meeting {
    fn new(streamed: Batch, parts: Parts) -> Self {
        Meeting {
            rows: streamed.selection().to_rows(),
            streamed,
            parts,
            held: None,
            next: 0,
            met: 0,
            matched: false,
            pairs: Pairs::default(),
            together: PAIRS,
        }
    }

    /// The next pairs as a batch, or `None` at the end.
    fn next_batch(&mut self, join: &Join) -> Result<Option<Batch>, EngineError> {
        loop {
            let Some(held) = self.held.clone() else {
                self.held = self.parts.next()?;
                if self.held.is_none() {
                    return Ok(None);
                }
                continue;
            };
            while self.next < self.rows.len() && self.pairs.len() < join.batch_size {
                match self.advance(join, &held) {
                    Err(error) if self.together > 1 && join.task.takes_back(&error) => {
                        self.together /= 2;
                    }
                    Err(error) if self.pairs.len() > 0 && join.task.takes_back(&error) => break,
                    advanced => advanced?,
                }
            }
            if self.pairs.len() > 0 {
                return self.give(join, &held).map(Some);
            }
            self.held = None;
            self.next = 0;
        }
    }

    fn give(&mut self, join: &Join, held: &Batch) -> Result<Batch, EngineError> {
        let (streamed_rows, held_rows) = self.pairs.next(join.batch_size);
        let streamed = self
            .streamed
            .columns()
            .iter()
            .map(|column| Ok(column.take(&streamed_rows)?))
            .collect::<Result<Vec<_>, EngineError>>()?;
        let held = held
            .columns()
            .iter()
            .map(|column| take_or_null(column, &held_rows))
            .collect::<Result<Vec<_>, EngineError>>()?;
        let batch = join.beside(streamed, held, Selection::all(streamed_rows.len()));
        join.metrics.output(batch.active_rows());
        Ok(batch)
    }

    /// Finds the pairs of some more streamed rows, or some more pairs of one.
    fn advance(&mut self, join: &Join, held: &Batch) -> Result<(), EngineError> {
        if held.is_empty() {
            self.without_held(join);
            return Ok(());
        }
        let Some(condition) = &join.condition else {
            self.all_pairs(join, held.len());
            return Ok(());
        };
        let count = (self.together / held.len()).min(self.rows.len() - self.next);
        if self.met == 0 && held.len() <= count {
            self.by_held_row(join, condition, held, count)
        } else {
            self.by_streamed_row(join, condition, held)
        }
    }

    fn without_held(&mut self, join: &Join) {
        if join.kind == NestedLoopKind::Outer {
            for &row in &self.rows[self.next..] {
                self.pairs.push(row, NONE);
            }
        }
        self.next = self.rows.len();
    }

    /// A batch of pairs without a condition.
    fn all_pairs(&mut self, join: &Join, held: usize) {
        while self.next < self.rows.len() && self.pairs.len() < join.batch_size {
            let row = self.rows[self.next];
            let end = held.min(self.met + join.batch_size - self.pairs.len());
            self.pairs.push_all(row, self.met as u32..end as u32);
            self.met = end;
            if end == held {
                self.next += 1;
                self.met = 0;
            }
        }
    }

    /// `count` streamed rows meet each held row.
    fn by_held_row(
        &mut self,
        join: &Join,
        condition: &ExpressionRef,
        held: &Batch,
        count: usize,
    ) -> Result<(), EngineError> {
        let rows = &self.rows[self.next..self.next + count];
        let within = Selection::from_rows(self.streamed.len(), rows.to_vec());
        let mut found = Vec::with_capacity(held.len());
        let mut counts = vec![0usize; self.streamed.len()];
        for row in 0..held.len() {
            if row % 64 == 0 {
                join.task.check_cancelled()?;
            }
            let matches = join.streamed_matches(condition, &self.streamed, held, row, &within)?;
            matches.for_each(|r| counts[r] += 1);
            found.push(matches);
        }
        // Where the pairs of each streamed row begin.
        let mut begin = counts;
        let mut total = 0;
        for &row in rows {
            let matches = std::mem::replace(&mut begin[row as usize], total);
            let alone = matches == 0 && join.kind == NestedLoopKind::Outer;
            total += matches + usize::from(alone);
        }
        let mut of_streamed = vec![0u32; total];
        let mut of_held = vec![NONE; total];
        for (position, &row) in rows.iter().enumerate() {
            let end = rows
                .get(position + 1)
                .map_or(total, |&next| begin[next as usize]);
            of_streamed[begin[row as usize]..end].fill(row);
        }
        for (row, matches) in found.iter().enumerate() {
            matches.for_each(|r| {
                of_held[begin[r]] = row as u32;
                begin[r] += 1;
            });
        }
        for (streamed, held) in of_streamed.into_iter().zip(of_held) {
            self.pairs.push(streamed, held);
        }
        self.next += count;
        Ok(())
    }

    /// One streamed row meets a batch of held rows.
    fn by_streamed_row(
        &mut self,
        join: &Join,
        condition: &ExpressionRef,
        held: &Batch,
    ) -> Result<(), EngineError> {
        join.task.check_cancelled()?;
        let row = self.rows[self.next];
        let offset = self.met;
        let length = join.batch_size.min(self.together).min(held.len() - offset);
        let matches = join.held_matches(
            condition,
            &self.streamed,
            row as usize,
            held,
            offset,
            length,
        )?;
        self.matched |= !matches.is_empty();
        self.pairs
            .push_all(row, matches.iter().map(|found| (offset + found) as u32));
        self.met += length;
        if self.met == held.len() {
            if !self.matched && join.kind == NestedLoopKind::Outer {
                self.pairs.push(row, NONE);
            }
            self.next += 1;
            self.met = 0;
            self.matched = false;
        }
        Ok(())
    }
}
