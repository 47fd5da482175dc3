//! Executes the tasks of a captured stage and says where the time went.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arclight_memory::{SpillDirectories, TaskMemory};
use arclight_operators::{EngineError, NoHost, OperatorMetrics, TaskContext};
use arclight_plan::{Stage, Task};

use crate::RunnerError;

/// What a run took.
pub struct Report {
    wall: Duration,
    rows: u64,
    operators: Vec<OperatorMetrics>,
    peak_memory_bytes: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>10.1} ms in all, {} rows out",
            self.wall.as_secs_f64() * 1e3,
            self.rows
        )?;
        for (id, metrics) in self.operators.iter().enumerate() {
            let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
            writeln!(
                f,
                "{:>10.1} ms  operator {id}: {} rows in {} batches, {} bytes read, {} bytes spilled",
                load(&metrics.elapsed_nanos) as f64 / 1e6,
                load(&metrics.output_rows),
                load(&metrics.output_batches),
                load(&metrics.bytes_read),
                load(&metrics.spilled_bytes),
            )?;
        }
        writeln!(
            f,
            "{:>10.1} MiB reserved at most",
            self.peak_memory_bytes as f64 / 1048576.0
        )
    }
}

/// Runs all tasks, `threads` at a time.
pub fn run(stage: &Arc<Stage>, tasks: &[Vec<u8>], threads: usize) -> Result<Report, RunnerError> {
    let start = Instant::now();
    let next = AtomicUsize::new(0);
    let contexts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = Vec::new();
                    loop {
                        let task = next.fetch_add(1, Ordering::Relaxed);
                        let Some(message) = tasks.get(task) else {
                            return Ok(done);
                        };
                        done.push(run_task(stage, task, message)?);
                    }
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| {
                worker.join().unwrap_or_else(|_| {
                    let source = EngineError::Internal("a task panicked".to_string());
                    Err(RunnerError::Task { task: 0, source })
                })
            })
            .collect::<Result<Vec<_>, RunnerError>>()
    })?;
    let wall = start.elapsed();
    let operators: Vec<OperatorMetrics> = (0..stage.info.operators)
        .map(|_| OperatorMetrics::default())
        .collect();
    let mut peak_memory_bytes = 0;
    let mut rows = 0;
    for (context, output) in contexts.iter().flatten() {
        rows += output;
        peak_memory_bytes = peak_memory_bytes.max(context.memory.peak());
        for (sum, part) in operators.iter().zip(&context.metrics) {
            let pairs = [
                (&sum.elapsed_nanos, &part.elapsed_nanos),
                (&sum.output_rows, &part.output_rows),
                (&sum.output_batches, &part.output_batches),
                (&sum.bytes_read, &part.bytes_read),
                (&sum.spilled_bytes, &part.spilled_bytes),
            ];
            for (sum, part) in pairs {
                OperatorMetrics::add(sum, part.load(Ordering::Relaxed));
            }
        }
    }
    Ok(Report {
        wall,
        rows,
        operators,
        peak_memory_bytes,
    })
}

/// One task; gives its context and how many rows it wrote.
fn run_task(
    stage: &Arc<Stage>,
    number: usize,
    message: &[u8],
) -> Result<(Arc<TaskContext>, u64), RunnerError> {
    let task = Task::decode(message).map_err(|source| RunnerError::TaskMessage {
        task: number,
        source,
    })?;
    let context = TaskContext::new(
        stage.settings(),
        TaskMemory::unbounded(),
        SpillDirectories::new(Vec::new()),
        task.partition,
        task.splits,
        stage.info.operators as usize,
        Box::new(NoHost),
    );
    let output = tempfile::NamedTempFile::new()?;
    let result = match &stage.sink {
        Some(sink) => sink.run(&context, output.path()).map(|result| result.rows),
        None => stage.root.open(&context).and_then(|mut stream| {
            let mut rows = 0;
            while let Some(batch) = stream.next_batch()? {
                rows += batch.active_rows() as u64;
            }
            Ok(rows)
        }),
    };
    let rows = result.map_err(|source| RunnerError::Task {
        task: number,
        source,
    })?;
    Ok((context, rows))
}
