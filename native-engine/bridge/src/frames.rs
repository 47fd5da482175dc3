//! Rows that the driver collects, for a broadcast or as a result: frames, as shuffles have them, of
//! about a batch each.

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

/// Where a piece of a frame's UnsafeRows ends though more rows would fit: bytes.
const PIECE_BYTES: u64 = 64 << 20;

/// Rows of a stage for the driver.
pub struct Frame {
    /// How many they are.
    pub rows: usize,
    /// The bytes that they would take as UnsafeRows.
    pub unsafe_row_bytes: u64,
    /// What they are.
    pub bytes: Vec<u8>,
}

fn damaged(error: BlockError) -> EngineError {
    EngineError::Internal(format!("collected rows: {error}"))
}

/// The next frame of a stream's rows, with those of as many batches as a whole one takes; `None`
/// at the end.
pub fn next_frame(
    stream: &mut dyn BatchStream,
    types: &[SparkType],
    task: &TaskContext,
) -> Result<Option<Frame>, EngineError> {
    let mut memory = task.memory.reservation("collected rows");
    let (mut batches, mut rows, mut bytes) = (Vec::new(), 0, 0);
    while rows < task.settings.batch_size && bytes < FRAME_BYTES {
        task.check_cancelled()?;
        let Some(batch) = stream.next_batch()? else {
            break;
        };
        if batch.is_empty() {
            continue;
        }
        let batch = batch.compact()?.detached();
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

/// A frame's rows from the one with number `from` as UnsafeRows, as many as an array of the JVM has
/// room for: how many rows the whole frame has (32 bits), how many these are (32 bits), their
/// lengths (32 bits each), the rows. `schema` is a `substrait.NamedStruct`.
pub fn frame_rows(schema: &[u8], frame: &[u8], from: usize) -> Result<Vec<u8>, DoorError> {
    let types = decode_schema(schema)?.types();
    let batch = read_frame(frame, &types)?;
    let mut rows = RowBuffer::new();
    let piece = piece(&batch, from.min(batch.len()), &types, PIECE_BYTES);
    RowEncoder::new(types)
        .encode(&piece, &mut rows)
        .map_err(|error| EngineError::Internal(error.to_string()))?;
    let mut bytes = Vec::with_capacity(8 + 4 * rows.count() + rows.bytes().len());
    bytes.extend_from_slice(&(batch.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&(rows.count() as u32).to_le_bytes());
    let lengths = rows
        .lengths()
        .iter()
        .flat_map(|length| length.to_le_bytes());
    bytes.extend(lengths);
    bytes.extend_from_slice(rows.bytes());
    Ok(bytes)
}

/// Rows of a batch from the one with number `from`: so many that they take at most `most` bytes as
/// UnsafeRows, but one at least. A column may say in few bytes that all rows have the same text.
fn piece(batch: &Batch, from: usize, types: &[SparkType], most: u64) -> Batch {
    let mut rows = batch.len() - from;
    loop {
        let columns = batch.columns().iter().map(|c| c.slice(from, rows));
        let piece = Batch::new(columns.collect(), rows);
        if rows <= 1 || unsafe_row_size(&piece, types) <= most {
            return piece;
        }
        rows = rows.div_ceil(2);
    }
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
    fn rows_come_in_pieces() {
        let types = [SparkType::String];
        let column = Column::constant(texts(&["a text of twenty byte"]).as_ref().clone(), 9);
        let batch = Batch::new(vec![column], 9);
        // 40 bytes each.
        for (most, expected) in [(u64::MAX, 9), (360, 9), (359, 5), (100, 2), (0, 1)] {
            let piece = piece(&batch, 0, &types, most);
            assert_eq!(piece.len(), expected, "{most} bytes");
        }
        assert_eq!(piece(&batch, 7, &types, u64::MAX).len(), 2);
        assert_eq!(piece(&batch, 9, &types, 0).len(), 0);
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
