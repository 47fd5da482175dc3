//! Aggregate functions over frames, by the states that aggregations have, with one group for each
//! frame. Which rows a frame's group is given, and in which order, is what Spark gives its buffer
//! (`UnboundedWindowFunctionFrame` and its kin), so that sums of floats agree to the bit.

use std::ops::Range;
use std::sync::Arc;

use arclight_columns::{Batch, Column, Physical, Selection};
use arclight_expressions::aggregate::{AggregateState, Groups as RowGroups};

use super::evaluator::{Block, Evaluator};
use super::frame::Frame;
use super::store::{Loaded, Store};
use crate::aggregate::{Measure, confirm, evaluate};
use crate::metrics::OperatorMetrics;
use crate::operator::EngineError;
use crate::task::TaskContext;

/// Rows of frames that are put side by side for one update.
const GATHERED: usize = 32 * 1024;

/// What computes `measure`, of columns `arguments`, over `frame`.
pub(super) fn evaluator(
    measure: &Measure,
    arguments: Vec<usize>,
    frame: Frame,
    task: &Arc<TaskContext>,
    metrics: &Arc<OperatorMetrics>,
) -> Box<dyn Evaluator> {
    let groups = Groups {
        measure: measure.clone(),
        // As without keys: Spark keeps a window's sums of decimals in buffers that hold any digits.
        state: measure.function.create(false),
        arguments,
        task: Arc::clone(task),
        metrics: Arc::clone(metrics),
    };
    if frame.is_whole() {
        Box::new(Whole {
            groups,
            partitions: 0,
            results: None,
        })
    } else if frame.grows() {
        Box::new(Growing {
            groups,
            frame,
            partition: None,
            next: 0,
        })
    } else {
        Box::new(Sliding { groups, frame })
    }
}

/// A function's groups.
struct Groups {
    measure: Measure,
    state: Box<dyn AggregateState>,
    arguments: Vec<usize>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

impl Groups {
    fn columns(&self, batch: &Batch) -> Vec<Column> {
        let column = |&argument: &usize| {
            let column = batch.column(argument);
            // Once for all rows, and not with every update.
            match column.data_type().physical() {
                Physical::Int128 => column.widen(),
                _ => column.clone(),
            }
        };
        self.arguments.iter().map(column).collect()
    }

    /// Takes in rows.
    fn update(
        &mut self,
        groups: RowGroups<'_>,
        columns: &[Column],
        rows: &Selection,
    ) -> Result<(), EngineError> {
        let result = self.state.take_in(groups, columns, rows);
        let (measure, state) = (&self.measure, self.state.as_ref());
        let rows = (groups.of_rows, columns, rows);
        confirm(result, &self.task, measure, state, rows)
    }

    fn results(&self, groups: Range<usize>) -> Result<Column, EngineError> {
        let (measure, state) = (&self.measure, self.state.as_ref());
        evaluate(
            &self.task,
            &self.metrics,
            measure,
            state,
            groups.start,
            groups.end,
        )
    }

    /// Forgets all groups, and makes new ones.
    fn restart(&mut self, groups: usize) {
        self.state.resize(0);
        self.state.resize(groups);
    }
}

/// The whole partition: a group for each, whose rows are taken in as they come.
struct Whole {
    groups: Groups,
    partitions: usize,
    results: Option<Column>,
}

impl Evaluator for Whole {
    fn absorb(&mut self, batch: &Batch, partitions: &[u32]) -> Result<(), EngineError> {
        let count = partitions.last().map_or(0, |&last| last as usize + 1);
        self.partitions = self.partitions.max(count);
        self.groups.state.resize(self.partitions);
        let columns = self.groups.columns(batch);
        let rows = Selection::all(batch.len());
        self.groups
            .update(RowGroups::apart(partitions), &columns, &rows)
    }

    fn evaluate(&mut self, block: &Block<'_>, _store: &mut Store) -> Result<Column, EngineError> {
        let results = match self.results.take() {
            Some(results) => results,
            None => self.groups.results(0..self.partitions)?,
        };
        let len = block.batch.len();
        let column = if self.partitions == 1 {
            Column::constant(results.clone(), len)
        } else {
            let partition = |index| block.positions.partition_index(index);
            results.take(&(0..len).map(partition).collect::<Vec<u32>>())?
        };
        self.results = Some(results);
        Ok(column)
    }

    fn end_chunk(&mut self) {
        self.groups.restart(0);
        self.partitions = 0;
        self.results = None;
    }
}

/// Frames from the beginning of the partition. Rows are taken in once, each into the group of the
/// first frame that has it; a group begins as the one before it. Group 0 is what the last block left.
struct Growing {
    groups: Groups,
    frame: Frame,
    /// Where the partition of group 0 begins.
    partition: Option<u64>,
    /// The first row that is in no group yet.
    next: u64,
}

/// Rows that one group has and those before it don't.
struct Segment {
    rows: Range<u64>,
    group: u32,
}

impl Growing {
    /// The group of each of the block's rows; what rows the groups have in addition is put into
    /// `segments`, and whether they begin as the group before into `chained`.
    fn assign(
        &mut self,
        block: &Block<'_>,
        segments: &mut Vec<Segment>,
        chained: &mut Vec<bool>,
    ) -> Vec<u32> {
        chained.push(false);
        let mut groups = Vec::with_capacity(block.batch.len());
        for (index, row) in block.rows.clone().enumerate() {
            let frame = self.frame.of(row, index, block.positions);
            let begins = self.partition != Some(frame.start);
            if begins {
                self.partition = Some(frame.start);
                self.next = frame.start;
            }
            if begins || frame.end > self.next {
                chained.push(!begins);
                if frame.end > self.next {
                    segments.push(Segment {
                        rows: self.next..frame.end,
                        group: chained.len() as u32 - 1,
                    });
                    self.next = frame.end;
                }
            }
            groups.push(chained.len() as u32 - 1);
        }
        groups
    }

    /// Gives the segments' rows to their groups.
    fn take_in(
        &mut self,
        segments: &[Segment],
        chained: &mut [bool],
        store: &mut Store,
    ) -> Result<(), EngineError> {
        let mut segments = segments.iter();
        let Some(mut segment) = segments.next() else {
            return Ok(());
        };
        let mut index = store.block_of(segment.rows.start);
        let mut done = false;
        while !done {
            self.groups.task.check_cancelled()?;
            let loaded = store.load(index)?;
            let (mut groups, mut rows) = (Vec::new(), Vec::new());
            loop {
                for row in within(&loaded, &segment.rows) {
                    groups.push(segment.group);
                    rows.push(row);
                }
                if segment.rows.end > loaded.end() {
                    break;
                }
                match segments.next() {
                    Some(next) => segment = next,
                    None => {
                        done = true;
                        break;
                    }
                }
            }
            let columns = self.groups.columns(&loaded.batch);
            let rows = Selection::from_rows(loaded.batch.len(), rows);
            let chain = RowGroups::chained(&groups, chained);
            self.groups.update(chain, &columns, &rows)?;
            // It goes on in the next block.
            if let Some(&last) = groups.last() {
                chained[last as usize] = false;
            }
            index += 1;
        }
        Ok(())
    }
}

/// The rows of `rows` that are in a block, by their places in it.
fn within(loaded: &Loaded, rows: &Range<u64>) -> Range<u32> {
    let from = rows.start.clamp(loaded.first, loaded.end()) - loaded.first;
    let to = rows.end.clamp(loaded.first, loaded.end()) - loaded.first;
    from as u32..to as u32
}

impl Evaluator for Growing {
    fn evaluate(&mut self, block: &Block<'_>, store: &mut Store) -> Result<Column, EngineError> {
        let (mut segments, mut chained) = (Vec::new(), Vec::new());
        let mut groups = self.assign(block, &mut segments, &mut chained);
        let count = chained.len();
        self.groups.state.resize(count);
        self.take_in(&segments, &mut chained, store)?;
        // Group 0 may be nobody's.
        let first = groups.first().copied().unwrap_or(0);
        groups.iter_mut().for_each(|group| *group -= first);
        let results = self.groups.results(first as usize..count)?;
        if count > 1 {
            self.groups.state.copy(count - 1, 0);
            self.groups.state.resize(1);
        }
        Ok(results.take(&groups)?)
    }
}

/// Other frames: a group for each, of all its rows.
struct Sliding {
    groups: Groups,
    frame: Frame,
}

impl Sliding {
    /// Gives rows of a block to groups: `picked` are the rows, side by side as frames have them.
    fn flush(
        &mut self,
        columns: &[Column],
        picked: &mut Vec<u32>,
        groups: &mut Vec<u32>,
    ) -> Result<(), EngineError> {
        if picked.is_empty() {
            return Ok(());
        }
        self.groups.task.check_cancelled()?;
        let columns = columns
            .iter()
            .map(|column| column.take(picked))
            .collect::<Result<Vec<_>, _>>()?;
        let rows = Selection::all(picked.len());
        self.groups
            .update(RowGroups::apart(groups), &columns, &rows)?;
        picked.clear();
        groups.clear();
        Ok(())
    }
}

impl Evaluator for Sliding {
    fn evaluate(&mut self, block: &Block<'_>, store: &mut Store) -> Result<Column, EngineError> {
        let mut frames: Vec<Range<u64>> = Vec::new();
        let mut row_groups = Vec::with_capacity(block.batch.len());
        for (index, row) in block.rows.clone().enumerate() {
            let frame = self.frame.of(row, index, block.positions);
            if frames.last() != Some(&frame) {
                frames.push(frame);
            }
            row_groups.push(frames.len() as u32 - 1);
        }
        self.groups.restart(frames.len());
        let nonempty = || frames.iter().filter(|frame| !frame.is_empty());
        let from = nonempty().map(|frame| frame.start).min();
        let to = nonempty().map(|frame| frame.end).max();
        if let (Some(from), Some(to)) = (from, to) {
            let (mut picked, mut groups) = (Vec::new(), Vec::new());
            for index in store.block_of(from)..=store.block_of(to - 1) {
                let loaded = store.load(index)?;
                let columns = self.groups.columns(&loaded.batch);
                for (group, frame) in (0u32..).zip(&frames) {
                    for row in within(&loaded, frame) {
                        picked.push(row);
                        groups.push(group);
                        if picked.len() == GATHERED {
                            self.flush(&columns, &mut picked, &mut groups)?;
                        }
                    }
                }
                self.flush(&columns, &mut picked, &mut groups)?;
            }
        }
        let results = self.groups.results(0..frames.len())?;
        self.groups.restart(0);
        Ok(results.take(&row_groups)?)
    }
}
