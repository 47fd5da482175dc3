//! Probing: what a batch of the probe side gives with a table of the build side.

use std::sync::Arc;

use arclight_columns::{Batch, BooleanBuffer, Column, NullBuffer, Selection, SparkType, Taker};

use super::bits::Bits;
use super::keys::rows_with_keys;
use super::pairs::{Next, Pairs, Pending};
use super::plan::{BuildOutput, JoinPlan, ProbeOutput, Residual, Source};
use super::table::{JoinTable, Lookup, key_columns};
use crate::filter;
use crate::metrics::OperatorMetrics;
use crate::operator::EngineError;
use crate::task::TaskContext;

/// Below one row in this many with a match, these rows are taken out of the batch.
const SPARSE: usize = 8;

/// A table, and what is to be done with a batch.
pub(super) struct Work<'a> {
    pub(super) table: &'a JoinTable,
    /// Which of the table's rows have a match; `None` if that does not count.
    pub(super) matched: Option<&'a mut Bits>,
    /// What becomes of the batch's rows.
    pub(super) output: ProbeOutput,
    /// Notes which probe rows have a match: bit `.1 + row`. Without output, those noted before
    /// are passed over.
    pub(super) record: Option<(&'a mut Bits, usize)>,
}

pub(super) struct Prober {
    plan: Arc<JoinPlan>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
    lookup: Lookup,
    pending: Option<Pending>,
    /// Rows with a NULL key are not without a match: nobody knows (NOT IN).
    pub(super) drop_null_keys: bool,
}

impl Prober {
    pub(super) fn new(
        plan: &Arc<JoinPlan>,
        task: &Arc<TaskContext>,
        metrics: &Arc<OperatorMetrics>,
    ) -> Self {
        Prober {
            plan: Arc::clone(plan),
            task: Arc::clone(task),
            metrics: Arc::clone(metrics),
            lookup: Lookup::default(),
            pending: None,
            drop_null_keys: false,
        }
    }

    /// Whether there are more pairs of the last batch: then [`Prober::resume`] comes first.
    pub(super) fn has_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Takes in a batch of the probe side's kept columns; gives output, if there is any yet.
    pub(super) fn probe(
        &mut self,
        batch: Batch,
        work: &mut Work<'_>,
    ) -> Result<Option<Batch>, EngineError> {
        let keys = key_columns(&batch, &self.plan.probe.keys);
        let mut rows = rows_with_keys(&keys, batch.selection());
        if work.output == ProbeOutput::None
            && let Some((record, offset)) = &work.record
        {
            rows = rows.filter(|row| !record.get(offset + row));
        }
        let mut lookup = std::mem::take(&mut self.lookup);
        work.table.find(&keys, &rows, &mut lookup)?;
        let output = match work.output {
            ProbeOutput::Pairs | ProbeOutput::PairsAndUnmatched => {
                self.pairs(batch, &mut lookup, work)?
            }
            _ => self.existence(&batch, &lookup, work)?,
        };
        self.lookup = lookup;
        Ok(output)
    }

    fn pairs(
        &mut self,
        batch: Batch,
        lookup: &mut Lookup,
        work: &mut Work<'_>,
    ) -> Result<Option<Batch>, EngineError> {
        let outer = work.output == ProbeOutput::PairsAndUnmatched;
        if work.table.is_unique() {
            let (rows, heads) = (&mut lookup.rows, &mut lookup.heads);
            if let Some(residual) = &self.plan.residual
                && !rows.is_empty()
            {
                let kept = self.holds(residual, work.table, &batch, rows, heads)?;
                if !kept.is_all() {
                    *rows = kept.iter().map(|i| rows[i]).collect();
                    *heads = kept.iter().map(|i| heads[i]).collect();
                }
            }
            note(work, rows, heads);
            return self.one_each(&batch, rows, heads, work.table, outer);
        }
        let (mut rows, mut heads) = (lookup.rows.clone(), lookup.heads.clone());
        if outer {
            let mut found = lookup.rows.iter().zip(&lookup.heads).peekable();
            rows = batch.selection().to_rows().to_vec();
            heads = rows
                .iter()
                .map(|row| match found.next_if(|(r, _)| *r == row) {
                    Some((_, &head)) => head,
                    None => 0,
                })
                .collect();
        }
        self.pending = Some(Pending {
            batch,
            rows,
            heads,
            next: Next::default(),
        });
        self.resume(work)
    }

    /// The next pairs of the last batch.
    pub(super) fn resume(&mut self, work: &mut Work<'_>) -> Result<Option<Batch>, EngineError> {
        let outer = work.output == ProbeOutput::PairsAndUnmatched;
        while let Some(mut pending) = self.pending.take() {
            self.task.check_cancelled()?;
            let pairs = self.next_pairs(&mut pending, work.table, outer)?;
            note(work, &pairs.rows, &pairs.builds);
            let batch = self.pair_batch(&pending.batch, &pairs, work.table)?;
            if pending.next.at < pending.rows.len() {
                self.pending = Some(pending);
            }
            if !batch.is_empty() {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// Some more pairs of a batch. Where one fails, those before it come first.
    fn next_pairs(
        &self,
        pending: &mut Pending,
        table: &JoinTable,
        outer: bool,
    ) -> Result<Pairs, EngineError> {
        let (mut size, next) = (self.task.settings.batch_size.max(1), pending.next);
        loop {
            let Some(residual) = &self.plan.residual else {
                return Ok(pending.fill(table, size, false));
            };
            let pairs = pending.fill(table, size, outer);
            let (rows, builds) = (&pairs.rows, &pairs.builds);
            match self.holds(residual, table, &pending.batch, rows, builds) {
                Ok(kept) => return Ok(pending.keep(&pairs, &kept, outer)),
                Err(error) if rows.len() > 1 && self.task.takes_back(&error) => {
                    self.task.check_cancelled()?;
                    size = rows.len() / 2;
                    pending.next = next;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The pairs for which the residual condition is TRUE; none of those without a table's row.
    fn holds(
        &self,
        residual: &Residual,
        table: &JoinTable,
        probe: &Batch,
        rows: &[u32],
        builds: &[u32],
    ) -> Result<Selection, EngineError> {
        let positions = positions(builds);
        let (mut probes, mut built) = (Taker::new(rows), Taker::new(&positions));
        let len = rows.len();
        let columns = residual
            .columns
            .iter()
            .map(|source| match source {
                Ok(Source::Probe(column)) => take(&mut probes, rows, probe.column(*column)),
                Ok(Source::Build(column)) if !table.is_empty() => {
                    Ok(built.take(table.rows().column(*column))?)
                }
                Ok(Source::Build(column)) => {
                    let data_type = self.plan.build.types[*column].clone();
                    Ok(Column::nulls(data_type, len))
                }
                Ok(Source::Mark) => Ok(Column::nulls(SparkType::Boolean, len)),
                Err(data_type) => Ok(Column::nulls(data_type.clone(), len)),
            })
            .collect::<Result<Vec<_>, EngineError>>()?;
        let pairs = Batch::new(columns, len);
        let mut within = Selection::all(len);
        if builds.contains(&0) {
            within = within.filter(|pair| builds[pair] != 0);
        }
        filter::select(
            &self.task,
            &residual.expression,
            &pairs,
            &within,
            &self.metrics,
        )
    }

    /// Output where each of `rows` has the one row of the table in `heads`.
    fn one_each(
        &self,
        probe: &Batch,
        rows: &[u32],
        heads: &[u32],
        table: &JoinTable,
        outer: bool,
    ) -> Result<Option<Batch>, EngineError> {
        let len = probe.len();
        if outer && rows.len() < probe.active_rows() {
            let mut builds = vec![0u32; len];
            for (&row, &head) in rows.iter().zip(heads) {
                builds[row as usize] = head;
            }
            let built = Built::new(table, &builds);
            let mut taker = Taker::new(&built.positions);
            let columns = self.output(
                |c| Ok(probe.column(c).clone()),
                |c| self.built(&built, &mut taker, c),
            )?;
            return Ok(Some(Batch::with_selection(
                columns,
                probe.selection().clone(),
            )));
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let is_build = |source: &&Source| matches!(source, Source::Build(_));
        let build_columns = self.plan.output.iter().filter(is_build).count();
        // Leaving the probe columns as they are makes build columns as long as they are.
        let leaves = rows.len() * SPARSE >= len
            && len * build_columns <= rows.len() * self.plan.output.len();
        if !leaves {
            let pairs = Pairs {
                rows: rows.to_vec(),
                builds: heads.to_vec(),
                last: Vec::new(),
            };
            return self.pair_batch(probe, &pairs, table).map(Some);
        }
        let (builds, selection) = if rows.len() == len {
            (heads.to_vec(), Selection::all(len))
        } else {
            // Any row of the table will do where there is no match.
            let mut spread = vec![1u32; len];
            for (&row, &head) in rows.iter().zip(heads) {
                spread[row as usize] = head;
            }
            (spread, Selection::from_rows(len, rows.to_vec()))
        };
        let built = Built::new(table, &builds);
        let mut taker = Taker::new(&built.positions);
        let columns = self.output(
            |c| Ok(probe.column(c).clone()),
            |c| self.built(&built, &mut taker, c),
        )?;
        Ok(Some(Batch::with_selection(columns, selection)))
    }

    fn pair_batch(
        &self,
        probe: &Batch,
        pairs: &Pairs,
        table: &JoinTable,
    ) -> Result<Batch, EngineError> {
        let built = Built::new(table, &pairs.builds);
        let (mut probes, mut builds) = (Taker::new(&pairs.rows), Taker::new(&built.positions));
        let columns = self.output(
            |c| take(&mut probes, &pairs.rows, probe.column(c)),
            |c| self.built(&built, &mut builds, c),
        )?;
        Ok(Batch::new(columns, pairs.rows.len()))
    }

    fn output(
        &self,
        mut probe: impl FnMut(usize) -> Result<Column, EngineError>,
        mut build: impl FnMut(usize) -> Result<Column, EngineError>,
    ) -> Result<Vec<Column>, EngineError> {
        self.plan
            .output
            .iter()
            .map(|source| match source {
                Source::Probe(column) => probe(*column),
                Source::Build(column) => build(*column),
                Source::Mark => Err(EngineError::Internal("pairs have no mark".to_string())),
            })
            .collect()
    }

    fn built(
        &self,
        built: &Built<'_>,
        taker: &mut Taker<'_>,
        column: usize,
    ) -> Result<Column, EngineError> {
        if built.table.is_empty() {
            let data_type = self.plan.build.types[column].clone();
            return Ok(Column::nulls(data_type, built.positions.len()));
        }
        let taken = taker.take(built.table.rows().column(column))?;
        Ok(match &built.valid {
            Some(valid) => taken.masked(valid),
            None => taken,
        })
    }

    /// Semi, anti and mark joins: which rows have a match, of either side.
    fn existence(
        &mut self,
        batch: &Batch,
        lookup: &Lookup,
        work: &mut Work<'_>,
    ) -> Result<Option<Batch>, EngineError> {
        let matched = match &self.plan.residual {
            None => {
                if let Some(bits) = work.matched.as_deref_mut() {
                    mark_chains(work.table, &lookup.heads, bits);
                }
                lookup.rows.clone()
            }
            Some(residual) if work.matched.is_some() => {
                self.mark_builds(residual, batch, lookup, work)?;
                Vec::new()
            }
            Some(residual) => self.first_matches(residual, batch, lookup, work.table)?,
        };
        if let Some((record, offset)) = &mut work.record {
            matched
                .iter()
                .for_each(|&row| record.set(*offset + row as usize));
        }
        self.existing(batch, matched, work.output)
    }

    /// The probe rows for which some pair holds, looking no further than the first that does.
    fn first_matches(
        &self,
        residual: &Residual,
        batch: &Batch,
        lookup: &Lookup,
        table: &JoinTable,
    ) -> Result<Vec<u32>, EngineError> {
        let mut found = vec![false; batch.len()];
        // Rows that had no match so far, and the next of their chain.
        let mut open: Vec<(u32, u32)> = lookup
            .rows
            .iter()
            .copied()
            .zip(lookup.heads.iter().copied())
            .collect();
        while !open.is_empty() {
            self.task.check_cancelled()?;
            // Where a pair may fail, Spark looks at none after the first that holds.
            let each = match residual.expression.is_total() {
                true => (self.task.settings.batch_size / open.len()).max(1),
                false => 1,
            };
            let mut pairs = Pairs::default();
            for (row, chain) in &mut open {
                for _ in 0..each {
                    if *chain == 0 {
                        break;
                    }
                    pairs.rows.push(*row);
                    pairs.builds.push(*chain);
                    *chain = table.next(*chain);
                }
            }
            let kept = self.holds(residual, table, batch, &pairs.rows, &pairs.builds)?;
            kept.for_each(|pair| found[pairs.rows[pair] as usize] = true);
            open.retain(|&(row, chain)| chain != 0 && !found[row as usize]);
        }
        let rows = lookup.rows.iter().copied();
        Ok(rows.filter(|&row| found[row as usize]).collect())
    }

    /// Marks the table's rows for which some pair holds.
    fn mark_builds(
        &self,
        residual: &Residual,
        batch: &Batch,
        lookup: &Lookup,
        work: &mut Work<'_>,
    ) -> Result<(), EngineError> {
        let size = self.task.settings.batch_size.max(1);
        let mut pairs = Pairs::default();
        let flush = |pairs: &mut Pairs, bits: &mut Bits| -> Result<(), EngineError> {
            self.task.check_cancelled()?;
            let kept = self.holds(residual, work.table, batch, &pairs.rows, &pairs.builds)?;
            kept.for_each(|pair| bits.set(pairs.builds[pair] as usize - 1));
            pairs.rows.clear();
            pairs.builds.clear();
            Ok(())
        };
        let Some(bits) = work.matched.as_deref_mut() else {
            return Ok(());
        };
        for (&row, &head) in lookup.rows.iter().zip(&lookup.heads) {
            let mut chain = head;
            while chain != 0 {
                if !bits.get(chain as usize - 1) {
                    pairs.rows.push(row);
                    pairs.builds.push(chain);
                    if pairs.rows.len() >= size {
                        flush(&mut pairs, bits)?;
                    }
                }
                chain = work.table.next(chain);
            }
        }
        if pairs.rows.is_empty() {
            return Ok(());
        }
        flush(&mut pairs, bits)
    }

    /// Output of a batch of which `matched`, ascending, have a match. With
    /// [`ProbeOutput::PairsAndUnmatched`] only the rows without.
    pub(super) fn existing(
        &self,
        batch: &Batch,
        matched: Vec<u32>,
        output: ProbeOutput,
    ) -> Result<Option<Batch>, EngineError> {
        let len = batch.len();
        let selection = match output {
            ProbeOutput::None | ProbeOutput::Pairs => return Ok(None),
            ProbeOutput::Matched => Selection::from_rows(len, matched.clone()),
            ProbeOutput::Marked => batch.selection().clone(),
            ProbeOutput::Unmatched | ProbeOutput::PairsAndUnmatched => {
                let rows = match self.drop_null_keys {
                    true => {
                        let keys = key_columns(batch, &self.plan.probe.keys);
                        rows_with_keys(&keys, batch.selection())
                    }
                    false => batch.selection().clone(),
                };
                let mut matched = matched.iter().peekable();
                rows.filter(|row| matched.next_if(|&&m| m as usize == row).is_none())
            }
        };
        if selection.is_empty() {
            return Ok(None);
        }
        let mark = || {
            let mut marks = Bits::new(len);
            matched.iter().for_each(|&row| marks.set(row as usize));
            let marks = BooleanBuffer::collect_bool(len, |row| marks.get(row));
            Column::boolean(marks, None)
        };
        let columns = self.plan.output.iter().map(|source| match source {
            Source::Probe(column) => batch.column(*column).clone(),
            Source::Build(column) => Column::nulls(self.plan.build.types[*column].clone(), len),
            Source::Mark => mark(),
        });
        let count = selection.count();
        let batch = Batch::with_selection(columns.collect(), selection);
        Ok(Some(match count * SPARSE < len {
            true => batch.compact()?,
            false => batch,
        }))
    }

    /// Output of the table's rows `from..to`, once all probing is done.
    pub(super) fn rest(
        &self,
        table: &JoinTable,
        matched: &Bits,
        from: usize,
        to: usize,
    ) -> Option<Batch> {
        let len = to - from;
        let all = Selection::all(len);
        let selection = match self.plan.build_output {
            BuildOutput::None => return None,
            BuildOutput::Matched => all.filter(|row| matched.get(from + row)),
            BuildOutput::Unmatched => all.filter(|row| !matched.get(from + row)),
            BuildOutput::Marked => all,
        };
        if selection.is_empty() {
            return None;
        }
        let columns = self.plan.output.iter().map(|source| match source {
            Source::Probe(column) => Column::nulls(self.plan.probe.types[*column].clone(), len),
            Source::Build(column) => table.rows().column(*column).slice(from, len),
            Source::Mark => {
                let marks = BooleanBuffer::collect_bool(len, |row| matched.get(from + row));
                Column::boolean(marks, None)
            }
        });
        Some(Batch::with_selection(columns.collect(), selection))
    }
}

/// Rows of the table for a column to be taken by.
struct Built<'a> {
    table: &'a JoinTable,
    positions: Vec<u32>,
    /// Where there is a row, unless there is one everywhere.
    valid: Option<NullBuffer>,
}

impl<'a> Built<'a> {
    fn new(table: &'a JoinTable, builds: &[u32]) -> Self {
        let valid = builds.contains(&0).then(|| {
            NullBuffer::new(BooleanBuffer::collect_bool(builds.len(), |i| {
                builds[i] != 0
            }))
        });
        Built {
            table,
            positions: positions(builds),
            valid,
        }
    }
}

/// Positions of the table's rows; any for none.
fn positions(builds: &[u32]) -> Vec<u32> {
    builds.iter().map(|&row| row.saturating_sub(1)).collect()
}

/// The rows of a probe column; as it is, if they are all of them.
fn take(taker: &mut Taker<'_>, rows: &[u32], column: &Column) -> Result<Column, EngineError> {
    let all = rows.len() == column.len() && (0..).zip(rows).all(|(i, &row): (u32, _)| i == row);
    Ok(match all {
        true => column.clone(),
        false => taker.take(column)?,
    })
}

/// Notes pairs as matches of both sides.
fn note(work: &mut Work<'_>, rows: &[u32], builds: &[u32]) {
    if let Some(bits) = work.matched.as_deref_mut() {
        let builds = builds.iter().filter(|&&row| row != 0);
        builds.for_each(|&row| bits.set(row as usize - 1));
    }
    if let Some((record, offset)) = &mut work.record {
        let pairs = rows.iter().zip(builds).filter(|&(_, &build)| build != 0);
        pairs.for_each(|(&row, _)| record.set(*offset + row as usize));
    }
}

/// Marks all rows of each chain.
fn mark_chains(table: &JoinTable, heads: &[u32], bits: &mut Bits) {
    for &head in heads {
        // A chain is marked from its head on, so a marked head is a marked chain.
        let mut row = head;
        while row != 0 && !bits.get(row as usize - 1) {
            bits.set(row as usize - 1);
            row = table.next(row);
        }
    }
}
