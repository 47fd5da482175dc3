//! A task's window: gathers whole partitions, computes the columns, gives out block by block.

use std::sync::{Arc, Weak};

use arclight_columns::{Batch, SparkType};
use arclight_memory::{Reservation, Spillable};
use parking_lot::Mutex;

use super::boundaries::Beginnings;
use super::evaluator::{Arguments, Block, Evaluator, evaluator};
use super::layout::Layout;
use super::store::{Shared, Store};
use super::{WindowFunction, WindowPlan};
use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError};
use crate::project::evaluate_all;
use crate::task::TaskContext;

/// Gathering ──a partition ends, or the input──► Giving(block) ──no block left──► Gathering or Done
#[derive(Clone, Copy)]
enum Step {
    /// Taking in the input.
    Gather,
    /// Giving out this block of the chunk.
    Give(usize),
    Done,
}

/// Rows, with the columns that functions take, and where keys change.
struct Rows {
    batch: Batch,
    begins_partition: Vec<bool>,
    /// Empty where no function asks.
    begins_peers: Vec<bool>,
}

impl Rows {
    /// The rows before `row`, and those from it on.
    fn split(mut self, row: usize) -> (Rows, Rows) {
        let len = self.batch.len();
        let slice = |from: usize, to: usize| {
            let columns = self.batch.columns().iter();
            let columns = columns.map(|column| column.slice(from, to - from));
            Batch::new(columns.collect(), to - from)
        };
        let (first, second) = (slice(0, row), slice(row, len));
        let peers = self.begins_peers.len().min(row);
        let rest = Rows {
            batch: second,
            begins_partition: self.begins_partition.split_off(row),
            begins_peers: self.begins_peers.split_off(peers),
        };
        self.batch = first;
        (self, rest)
    }
}

pub(super) struct WindowStream {
    plan: Arc<WindowPlan>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
    /// `None` once it has ended.
    input: Option<Box<dyn BatchStream>>,
    /// How many columns the input has.
    columns: usize,
    arguments: Arguments,
    evaluators: Vec<Box<dyn Evaluator>>,
    beginnings: Beginnings,
    needs_peers: bool,
    /// Whether each batch is a chunk.
    streams: bool,
    layout: Layout,
    /// What the layout takes.
    reservation: Reservation,
    shared: Arc<Shared>,
    /// Rows of the next chunk.
    waiting: Option<Rows>,
    step: Step,
}

impl WindowStream {
    pub(super) fn new(
        plan: &Arc<WindowPlan>,
        input: Box<dyn BatchStream>,
        mut types: Vec<SparkType>,
        task: &Arc<TaskContext>,
        metrics: Arc<OperatorMetrics>,
    ) -> Self {
        let columns = types.len();
        let mut arguments = Arguments::new(columns);
        let evaluators = plan
            .functions
            .iter()
            .map(|function| evaluator(function, &mut arguments, task, &metrics))
            .collect();
        let computed = arguments.computed().iter();
        types.extend(computed.map(|e| e.data_type().clone()));
        let store = Store::new(types, task, &metrics);
        let shared = Arc::new(Shared(Mutex::new(store)));
        let weak: Weak<Shared> = Arc::downgrade(&shared);
        let spillable: Weak<dyn Spillable> = weak;
        task.memory.register(spillable);
        WindowStream {
            plan: Arc::clone(plan),
            input: Some(input),
            columns,
            arguments,
            evaluators,
            beginnings: Beginnings::default(),
            needs_peers: plan.functions.iter().any(WindowFunction::needs_peers),
            streams: plan.functions.iter().all(WindowFunction::streams),
            layout: Layout::default(),
            reservation: task.memory.reservation("window"),
            shared,
            waiting: None,
            step: Step::Gather,
            task: Arc::clone(task),
            metrics,
        }
    }

    /// Evaluates keys and arguments of a batch.
    fn prepare(&mut self, batch: Batch) -> Result<Rows, EngineError> {
        let batch = batch.compact()?;
        let (task, metrics) = (&self.task, &self.metrics);
        let orders = self.needs_peers.then_some(&self.plan.orders[..]);
        let (begins_partition, begins_peers) =
            self.beginnings
                .mark(&self.plan.partitions, orders, &batch, (task, metrics))?;
        let computed = evaluate_all(task, self.arguments.computed(), &batch, metrics)?;
        let len = batch.len();
        let mut columns = batch.into_columns();
        columns.extend(computed);
        Ok(Rows {
            batch: Batch::new(columns, len),
            begins_partition,
            begins_peers,
        })
    }

    /// Takes in rows; once they end a partition, what is whole begins to go out.
    fn take_in(&mut self, rows: Rows) -> Result<(), EngineError> {
        if self.streams {
            self.append(rows)?;
            self.step = Step::Give(0);
            return Ok(());
        }
        let last = rows.begins_partition.iter().rposition(|&begins| begins);
        match last {
            Some(last) if last > 0 || self.layout.rows() > 0 => {
                let (whole, rest) = rows.split(last);
                if !whole.batch.is_empty() {
                    self.append(whole)?;
                }
                self.waiting = Some(rest);
                self.step = Step::Give(0);
            }
            _ => self.append(rows)?,
        }
        Ok(())
    }

    fn append(&mut self, rows: Rows) -> Result<(), EngineError> {
        let first = self.layout.end();
        let partitions = self.layout.push(&rows.begins_partition, &rows.begins_peers);
        self.reservation.hold(self.layout.memory_size() as u64)?;
        for evaluator in &mut self.evaluators {
            evaluator.absorb(&rows.batch, &partitions)?;
        }
        let mut store = self.shared.0.lock();
        if self.streams {
            store.pass(first, rows.batch);
            return Ok(());
        }
        // A sort's batches share its strings, and would count them all each.
        store.push(first, rows.batch.detached())
    }

    /// The block's rows with the functions' columns, or `None` behind the last block.
    fn give(&mut self, index: usize) -> Result<Option<Batch>, EngineError> {
        let shared = Arc::clone(&self.shared);
        let mut store = shared.0.lock();
        if index == store.len() {
            store.clear();
            drop(store);
            self.end_chunk()?;
            return Ok(None);
        }
        let loaded = store.load(index)?;
        let rows = loaded.first..loaded.end();
        let positions = self.layout.positions(rows.clone(), self.needs_peers);
        let block = Block {
            rows,
            positions: &positions,
            batch: &loaded.batch,
        };
        let mut columns = loaded.batch.columns()[..self.columns].to_vec();
        for evaluator in &mut self.evaluators {
            columns.push(evaluator.evaluate(&block, &mut store)?);
        }
        self.step = Step::Give(index + 1);
        Ok(Some(Batch::new(columns, loaded.batch.len())))
    }

    fn end_chunk(&mut self) -> Result<(), EngineError> {
        self.evaluators.iter_mut().for_each(|e| e.end_chunk());
        self.layout.restart(self.streams);
        self.reservation.shrink_to(self.layout.memory_size() as u64);
        self.step = Step::Gather;
        if let Some(waiting) = self.waiting.take() {
            self.append(waiting)?;
        }
        Ok(())
    }

    /// The input has ended.
    fn finish(&mut self) {
        self.input = None;
        self.step = match self.layout.rows() {
            0 => Step::Done,
            _ => Step::Give(0),
        };
    }
}

impl BatchStream for WindowStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        let metrics = Arc::clone(&self.metrics);
        loop {
            self.task.check_cancelled()?;
            match self.step {
                Step::Done => return Ok(None),
                Step::Give(index) => {
                    if let Some(batch) = metrics.timed(|| self.give(index))? {
                        metrics.output(batch.active_rows());
                        return Ok(Some(batch));
                    }
                }
                Step::Gather => {
                    let batch = match &mut self.input {
                        Some(input) => input.next_batch()?,
                        None => None,
                    };
                    match batch {
                        Some(batch) if batch.is_empty() => {}
                        Some(batch) => metrics.timed(|| {
                            let rows = self.prepare(batch)?;
                            self.take_in(rows)
                        })?,
                        None => self.finish(),
                    }
                }
            }
        }
    }
}
