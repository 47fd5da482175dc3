//! Task messages → splits, metrics → messages.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arclight_operators::{FileSplit, OperatorMetrics, Split};
use prost::Message;

use crate::error::PlanError;
use crate::literal::literal;
use crate::proto;

/// What a task brings to its stage.
#[derive(Debug)]
pub struct Task {
    /// By input number.
    pub splits: Vec<Split>,
    /// The partition.
    pub partition: u32,
    /// Spark's local directories.
    pub spill_directories: Vec<PathBuf>,
    /// Where a shuffle write puts its data.
    pub shuffle_data_file: Option<PathBuf>,
}

impl Task {
    /// Decodes a serialized `arclight.Task`.
    pub fn decode(bytes: &[u8]) -> Result<Self, PlanError> {
        let task = proto::Task::decode(bytes)?;
        Ok(Task {
            splits: task.inputs.iter().map(split).collect::<Result<_, _>>()?,
            partition: task.partition,
            spill_directories: task.spill_directories.iter().map(PathBuf::from).collect(),
            shuffle_data_file: task.shuffle_data_file.map(PathBuf::from),
        })
    }
}

fn split(split: &proto::Split) -> Result<Split, PlanError> {
    use proto::split::Kind;
    Ok(
        match split
            .kind
            .as_ref()
            .ok_or(PlanError::Missing("Split.kind"))?
        {
            Kind::Absent(_) => Split::Absent,
            Kind::Rows(_) => Split::Rows,
            Kind::Shuffle(_) => Split::Shuffle,
            Kind::Slice(slice) => Split::Slice(slice.index),
            Kind::Broadcast(broadcast) => Split::Broadcast(broadcast.id),
            Kind::Files(files) => Split::Files(
                files
                    .files
                    .iter()
                    .map(file_split)
                    .collect::<Result<_, _>>()?,
            ),
        },
    )
}

fn file_split(file: &proto::FileSplit) -> Result<FileSplit, PlanError> {
    let number = |value: i64| {
        u64::try_from(value).map_err(|_| PlanError::Literal(format!("negative {value}")))
    };
    Ok(FileSplit {
        path: file.path.clone(),
        local: file.local,
        start: number(file.start)?,
        length: number(file.length)?,
        file_size: number(file.file_size)?,
        constants: file
            .constants
            .iter()
            .map(literal)
            .collect::<Result<_, _>>()?,
    })
}

/// The metrics of a task as a serialized `arclight.TaskMetrics`.
pub fn encode_metrics(operators: &[Arc<OperatorMetrics>], peak_memory_bytes: u64) -> Vec<u8> {
    let operators = operators
        .iter()
        .map(|m| proto::OperatorMetrics {
            output_rows: m.output_rows.load(Relaxed),
            output_batches: m.output_batches.load(Relaxed),
            elapsed_nanos: m.elapsed_nanos.load(Relaxed),
            spilled_bytes: m.spilled_bytes.load(Relaxed),
            spill_count: m.spill_count.load(Relaxed),
            peak_memory_bytes: m.peak_memory_bytes.load(Relaxed),
            bytes_read: m.bytes_read.load(Relaxed),
            files_read: m.files_read.load(Relaxed),
            row_groups_read: m.row_groups_read.load(Relaxed),
            row_groups_pruned: m.row_groups_pruned.load(Relaxed),
            jvm_rows: m.jvm_rows.load(Relaxed),
            kernel_disagreements: m.kernel_disagreements.load(Relaxed),
            build_rows: m.build_rows.load(Relaxed),
            build_bytes: m.build_bytes.load(Relaxed),
            filtered_rows: m.filtered_rows.load(Relaxed),
            pruned_rows: m.pruned_rows.load(Relaxed),
        })
        .collect();
    proto::TaskMetrics {
        operators,
        peak_memory_bytes,
    }
    .encode_to_vec()
}
