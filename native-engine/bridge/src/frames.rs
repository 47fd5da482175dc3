//! The rows of broadcasts: frames, as shuffles have them, of about a batch each.

use arclight_columns::{Batch, SparkType};
use arclight_operators::{BatchStream, EngineError, TaskContext};
use arclight_plan::decode_schema;
use arclight_rows::{RowBuffer, RowEncoder, unsafe_row_size};
use arclight_shuffle::{
    BlockCompression, BlockError, FrameDecoder, FrameEncoder, PayloadEncoder, decode_payload,
};

use crate::door::DoorError;

/// Where a frame ends though more rows would fit: bytes of its columns.
const FRAME_BYTES: u64 = 4 << 20;

/// Rows of a stage for all executors.
pub struct Frame {
    /// How many they are.
    pub rows: usize,
    /// The bytes that they would take as UnsafeRows.
    pub unsafe_row_bytes: u64,
    /// What they are.
    pub bytes: Vec<u8>,
}

fn damaged(error: BlockError) -> EngineError {
    EngineError::Internal(format!("rows of a broadcast: {error}"))
}

/// The next frame of a stream's rows, with those of as many batches as a whole one takes; `None`
/// at the end.
pub fn next_frame(
    stream: &mut dyn BatchStream,
    types: &[SparkType],
    task: &TaskContext,
) -> Result<Option<Frame>, EngineError> {
    let mut memory = task.memory.reservation("broadcast");
    let (mut batches, mut rows, mut bytes) = (Vec::new(), 0, 0);
    while rows < task.settings.batch_size && bytes < FRAME_BYTES {
        task.check_cancelled()?;
        let Some(batch) = stream.next_batch()? else {
            break;
        };
        if batch.is_empty() {
            continue;
        }
        let batch = batch.compact()?;
        rows += batch.len();
        bytes += batch.memory_size() as u64;
        memory.hold(bytes)?;
        batches.push(batch);
    }
    let whole = match batches.len() {
        0 => return Ok(None),
        1 => batches.swap_remove(0),
        _ => Batch::concat(&batches, types)?,
    };
    let mut payload = PayloadEncoder::new();
    payload.begin(whole.len(), types.len());
    whole
        .columns()
        .iter()
        .for_each(|column| payload.column(column));
    let mut bytes = Vec::new();
    FrameEncoder::new(BlockCompression::Lz4)
        .and_then(|mut frames| frames.encode(payload.payload(), &mut bytes))
        .map_err(damaged)?;
    Ok(Some(Frame {
        rows: whole.len(),
        unsafe_row_bytes: unsafe_row_size(&whole, types),
        bytes,
    }))
}

/// The rows of a frame.
pub fn read_frame(frame: &[u8], types: &[SparkType]) -> Result<Batch, EngineError> {
    let (payload, _) = FrameDecoder::new().decode(frame).map_err(damaged)?;
    decode_payload(payload, types).map_err(damaged)
}

/// A frame's rows as UnsafeRows, for Spark's own operators: how many they are (32 bits), their
/// lengths (32 bits each), the rows. `schema` is a `substrait.NamedStruct`.
pub fn frame_rows(schema: &[u8], frame: &[u8]) -> Result<Vec<u8>, DoorError> {
    let types = decode_schema(schema)?.types();
    let batch = read_frame(frame, &types)?;
    let mut rows = RowBuffer::new();
    RowEncoder::new(types)
        .encode(&batch, &mut rows)
        .map_err(|error| EngineError::Internal(error.to_string()))?;
    let mut bytes = Vec::with_capacity(4 + 4 * rows.count() + rows.bytes().len());
    bytes.extend_from_slice(&(rows.count() as u32).to_le_bytes());
    let lengths = rows
        .lengths()
        .iter()
        .flat_map(|length| length.to_le_bytes());
    bytes.extend(lengths);
    bytes.extend_from_slice(rows.bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arclight_columns::{Column, ColumnBuilder, Selection};
    use arclight_memory::{SpillDirectories, TaskMemory};
    use arclight_operators::{NoHost, TaskSettings};

    use super::*;

    /// Gives batches.
    struct Batches(std::vec::IntoIter<Batch>);

    impl BatchStream for Batches {
        fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
            Ok(self.0.next())
        }
    }

    /// The frames of batches, in a task of batches of four.
    fn frames(batches: Vec<Batch>, types: &[SparkType]) -> Vec<Frame> {
        let task = TaskContext::new(
            TaskSettings {
                batch_size: 4,
                ..TaskSettings::default()
            },
            TaskMemory::unbounded(),
            SpillDirectories::new(Vec::new()),
            0,
            Vec::new(),
            0,
            Box::new(NoHost),
        );
        let mut stream = Batches(batches.into_iter());
        std::iter::from_fn(|| next_frame(&mut stream, types, &task).unwrap()).collect()
    }

    fn texts(texts: &[&str]) -> Arc<Column> {
        let mut builder = ColumnBuilder::new(SparkType::String, texts.len());
        texts
            .iter()
            .for_each(|text| builder.push_bytes(text.as_bytes()));
        Arc::new(builder.finish())
    }

    #[test]
    fn small_batches_share_a_frame() {
        let types = [SparkType::String, SparkType::Int];
        let batch = |words: &[&str], codes: &[u32], number: i32| {
            let column = Column::dictionary(codes.to_vec().into(), texts(words), None);
            let one = Column::fixed(SparkType::Int, vec![number], None);
            let columns = vec![column, Column::constant(one, codes.len())];
            Batch::new(columns, codes.len())
        };
        let selected = batch(&["c", "d"], &[0, 1, 1], 2).select(Selection::from_rows(3, vec![2]));
        let frames = frames(
            vec![
                batch(&["a", "b"], &[1, 0, 1], 1),
                batch(&["x"], &[], 9),
                selected,
                batch(&["e"], &[0], 3),
            ],
            &types,
        );
        let rows: Vec<usize> = frames.iter().map(|frame| frame.rows).collect();
        assert_eq!(rows, [4, 1]);
        let mut shown = Vec::new();
        for frame in &frames {
            let batch = read_frame(&frame.bytes, &types).unwrap();
            // 8 bytes of NULL bits, two slots and a word of text in each row.
            assert_eq!(frame.unsafe_row_bytes, 32 * frame.rows as u64);
            for row in 0..batch.len() {
                let word = batch.column(0).bytes_value(row).unwrap();
                let word = String::from_utf8_lossy(word);
                let number = batch.column(1).fixed_value::<i32>(row).unwrap();
                shown.push(format!("{word}{number}"));
            }
        }
        assert_eq!(shown, ["b1", "a1", "b1", "d2", "e3"]);
    }

    #[test]
    fn rows_may_have_no_columns() {
        let frames = frames(vec![Batch::new(Vec::new(), 3)], &[]);
        assert_eq!(frames[0].rows, 3);
        assert_eq!(read_frame(&frames[0].bytes, &[]).unwrap().len(), 3);
    }

    #[test]
    fn damaged_frames_are_refused() {
        let types = [SparkType::Int];
        let column = Column::fixed(SparkType::Int, vec![1, 2], None);
        let mut frame = frames(vec![Batch::new(vec![column], 2)], &types)[0]
            .bytes
            .clone();
        assert_eq!(read_frame(&frame, &types).unwrap().len(), 2);
        for byte in 0..frame.len() {
            frame[byte] ^= 1;
            assert!(read_frame(&frame, &types).is_err(), "byte {byte}");
            frame[byte] ^= 1;
        }
        assert!(read_frame(&frame[..frame.len() - 1], &types).is_err());
    }
}
