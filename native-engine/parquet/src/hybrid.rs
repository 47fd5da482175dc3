//! Parquet's hybrid of run-length encoding and bit packing: dictionary codes and levels.

use arrow_buffer::BooleanBufferBuilder;
use bytes::Bytes;
use parquet::errors::{ParquetError, Result};

/// Decodes values of up to 32 bits.
pub(crate) struct Hybrid {
    data: Bytes,
    /// Where the next run begins.
    position: usize,
    width: usize,
    run: Run,
}

/// What is left of the current run.
enum Run {
    Repeated {
        value: u32,
        left: usize,
    },
    /// Values `next..next + left` of the groups that begin at byte `start`.
    Packed {
        start: usize,
        next: usize,
        left: usize,
    },
}

/// Values encoded in one way.
enum Part<'a> {
    Repeated {
        value: u32,
        count: usize,
    },
    /// Values `first..first + count` of bit-packed `run`.
    Packed {
        run: &'a [u8],
        first: usize,
        count: usize,
    },
}

fn truncated() -> ParquetError {
    ParquetError::EOF("a page's run-length encoded values end too early".to_string())
}

impl Hybrid {
    /// A decoder of `data`, values having `width` bits. Fails if they have more than 32.
    pub(crate) fn new(data: Bytes, width: u8) -> Result<Self> {
        if width > 32 {
            return Err(ParquetError::General(format!("values of {width} bits")));
        }
        Ok(Hybrid {
            data,
            position: 0,
            width: usize::from(width),
            run: Run::Repeated { value: 0, left: 0 },
        })
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.data.get(self.position).ok_or_else(truncated)?;
            self.position += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ParquetError::General(
            "a run's length is too long".to_string(),
        ))
    }

    fn next_run(&mut self) -> Result<()> {
        let header = self.varint()?;
        let count = usize::try_from(header >> 1).map_err(|_| truncated())?;
        self.run = if header & 1 == 0 {
            let bytes = self.width.div_ceil(8);
            let end = self.position + bytes;
            let value = self.data.get(self.position..end).ok_or_else(truncated)?;
            let value = value.iter().rev().fold(0, |v, &b| (v << 8) | u32::from(b));
            self.position = end;
            Run::Repeated { value, left: count }
        } else {
            let start = self.position;
            let bytes = count.checked_mul(self.width).ok_or_else(truncated)?;
            // The last group may be cut short after its last value.
            let end = start.saturating_add(bytes).min(self.data.len());
            let whole = 8 * (end - start);
            let left = match self.width {
                0 => 8 * count.min(usize::MAX / 8),
                width => (whole / width).min(8 * count),
            };
            self.position = end;
            Run::Packed {
                start,
                next: 0,
                left,
            }
        };
        Ok(())
    }

    /// The next values, at most `most`, as far as they are encoded in one way.
    #[inline]
    fn part(&mut self, most: usize) -> Result<Part<'_>> {
        loop {
            match &mut self.run {
                Run::Repeated { left: 0, .. } | Run::Packed { left: 0, .. } => {}
                Run::Repeated { value, left } => {
                    let count = most.min(*left);
                    *left -= count;
                    let value = *value;
                    return Ok(Part::Repeated { value, count });
                }
                Run::Packed { start, next, left } => {
                    let (count, first) = (most.min(*left), *next);
                    *next += count;
                    *left -= count;
                    let run = self.data.get(*start..).ok_or_else(truncated)?;
                    return Ok(Part::Packed { run, first, count });
                }
            }
            self.next_run()?;
        }
    }

    /// Appends the next `count` values.
    pub(crate) fn read(&mut self, mut count: usize, out: &mut Vec<u32>) -> Result<()> {
        out.reserve(count);
        let width = self.width;
        while count > 0 {
            let part = self.part(count)?;
            count -= part.count();
            match part {
                Part::Repeated { value, count } => out.resize(out.len() + count, value),
                Part::Packed { run, first, count } => unpack(run, width, first, count, out),
            }
        }
        Ok(())
    }

    /// Passes over the next `count` values.
    pub(crate) fn skip(&mut self, mut count: usize) -> Result<()> {
        while count > 0 {
            count -= self.part(count)?.count();
        }
        Ok(())
    }

    /// Passes over the next `count` values, of one bit each, and gives how many are set.
    pub(crate) fn skip_bits(&mut self, count: usize) -> Result<usize> {
        self.bits(count, |_| {})
    }

    /// Appends the next `count` values, of one bit each, as bits, and gives how many are set.
    pub(crate) fn read_bits(
        &mut self,
        count: usize,
        out: &mut BooleanBufferBuilder,
    ) -> Result<usize> {
        self.bits(count, |part| match *part {
            Part::Repeated { value, count } => out.append_n(count, value != 0),
            Part::Packed { run, first, count } => {
                out.append_packed_range(first..first + count, run)
            }
        })
    }

    /// Hands out the next `count` values, of one bit each, and gives how many are set.
    fn bits(&mut self, mut count: usize, mut take: impl FnMut(&Part<'_>)) -> Result<usize> {
        debug_assert!(self.width == 1);
        let mut set = 0;
        while count > 0 {
            let part = self.part(count)?;
            count -= part.count();
            set += match part {
                Part::Repeated { value: 0, .. } => 0,
                Part::Repeated { count, .. } => count,
                Part::Packed { run, first, count } => count_set(run, first, count),
            };
            take(&part);
        }
        Ok(set)
    }
}

impl Part<'_> {
    fn count(&self) -> usize {
        match *self {
            Part::Repeated { count, .. } | Part::Packed { count, .. } => count,
        }
    }
}

/// The number of bits set among `count` from `start`.
fn count_set(bits: &[u8], start: usize, count: usize) -> usize {
    arrow_buffer::bit_chunk_iterator::UnalignedBitChunk::new(bits, start, count).count_ones()
}

/// Appends values `next..next + count` of bit-packed `run`, which holds them all.
fn unpack(run: &[u8], width: usize, next: usize, count: usize, out: &mut Vec<u32>) {
    if width == 0 {
        out.resize(out.len() + count, 0);
        return;
    }
    let end = next + count;
    let aligned = next.next_multiple_of(8).min(end);
    out.extend((next..aligned).map(|i| value_at(run, width, i)));
    // Blocks of eight values begin and end at bytes; each value is loaded with 8 bytes, of which
    // the last few must exist.
    let readable = run.len().saturating_sub(7) / width * 8;
    let blocks_end = aligned + (end.min(readable).saturating_sub(aligned)) / 8 * 8;
    if blocks_end > aligned {
        let bytes = &run[aligned / 8 * width..];
        unpack_blocks(bytes, width, (blocks_end - aligned) / 8, out);
    }
    out.extend((blocks_end..end).map(|i| value_at(run, width, i)));
}

/// Value `index` of bit-packed `run`.
fn value_at(run: &[u8], width: usize, index: usize) -> u32 {
    let bit = index * width;
    let bytes = &run[bit / 8..run.len().min(bit / 8 + 5)];
    let word = bytes
        .iter()
        .rev()
        .fold(0_u64, |w, &b| (w << 8) | u64::from(b));
    ((word >> (bit % 8)) & ((1_u64 << width) - 1)) as u32
}

macro_rules! by_width {
    ($width:expr, $bytes:expr, $blocks:expr, $out:expr; $($w:literal)*) => {
        match $width {
            $($w => unpack_width::<$w>($bytes, $blocks, $out),)*
            _ => {}
        }
    };
}

/// Appends `blocks` times eight values. `bytes` goes on 7 bytes beyond them.
fn unpack_blocks(bytes: &[u8], width: usize, blocks: usize, out: &mut Vec<u32>) {
    by_width!(width, bytes, blocks, out;
        1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
}

fn unpack_width<const W: usize>(bytes: &[u8], blocks: usize, out: &mut Vec<u32>) {
    let start = out.len();
    out.resize(start + 8 * blocks, 0);
    let (values, _) = out[start..].as_chunks_mut::<8>();
    let mask = (1_u64 << W) - 1;
    for (block, values) in values.iter_mut().enumerate() {
        let block = &bytes[block * W..block * W + W + 7];
        for (i, value) in values.iter_mut().enumerate() {
            let bit = i * W;
            // SAFETY: bit / 8 is at most 7 * W / 8 <= W - 1, so the 8 bytes from there end at
            // W + 7 or before, within the slice.
            let word = unsafe { block.as_ptr().add(bit / 8).cast::<u64>().read_unaligned() };
            *value = ((u64::from_le(word) >> (bit % 8)) & mask) as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn varint(mut value: usize, out: &mut Vec<u8>) {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }

    /// Encodes runs: a single value means repetition, more are packed.
    fn encode(runs: &[(bool, Vec<u32>, usize)], width: usize) -> (Vec<u8>, Vec<u32>) {
        let mask = ((1_u64 << width) - 1) as u32;
        let (mut bytes, mut values) = (Vec::new(), Vec::new());
        for (packed, run, repeat) in runs {
            if *packed {
                let groups = run.len().div_ceil(8);
                varint(groups << 1 | 1, &mut bytes);
                let mut padded: Vec<u32> = run.iter().map(|v| v & mask).collect();
                padded.resize(groups * 8, 0);
                let mut bits = vec![0_u8; groups * width];
                for (i, value) in padded.iter().enumerate() {
                    for b in 0..width {
                        let bit = i * width + b;
                        bits[bit / 8] |= ((value >> b & 1) as u8) << (bit % 8);
                    }
                }
                bytes.extend(bits);
                values.extend(padded);
            } else {
                let value = run[0] & mask;
                varint(repeat << 1, &mut bytes);
                bytes.extend(&value.to_le_bytes()[..width.div_ceil(8)]);
                values.extend(std::iter::repeat_n(value, *repeat));
            }
        }
        (bytes, values)
    }

    proptest! {
        /// Any runs, read in any portions, come back; then there is an error.
        #[test]
        fn round_trip(
            width in 0_usize..=32,
            runs in prop::collection::vec(
                (any::<bool>(), prop::collection::vec(any::<u32>(), 1..70), 0_usize..40), 0..8),
            portion in 1_usize..50,
        ) {
            let (bytes, expected) = encode(&runs, width);
            let mut decoder = Hybrid::new(bytes.into(), width as u8).unwrap();
            let mut out = Vec::new();
            while out.len() < expected.len() {
                let count = portion.min(expected.len() - out.len());
                decoder.read(count, &mut out).unwrap();
            }
            prop_assert_eq!(&out, &expected);
            prop_assert!(decoder.read(1, &mut out).is_err());
        }

        /// Passing over values, in turn with reading them, is reading and forgetting.
        #[test]
        fn skipping(
            width in 0_usize..=32,
            runs in prop::collection::vec(
                (any::<bool>(), prop::collection::vec(any::<u32>(), 1..70), 0_usize..40), 0..8),
            steps in prop::collection::vec((0_usize..50, 0_usize..9), 1..30),
        ) {
            let (bytes, expected) = encode(&runs, width);
            let mut decoder = Hybrid::new(bytes.into(), width as u8).unwrap();
            let mut at = 0;
            for (skip, read) in steps {
                let (first, end) = (at + skip, at + skip + read);
                let mut out = Vec::new();
                let done = decoder.skip(skip).and_then(|()| decoder.read(read, &mut out));
                prop_assert_eq!(done.is_ok(), end <= expected.len());
                if done.is_err() {
                    break;
                }
                prop_assert_eq!(&out[..], &expected[first..end]);
                at = end;
            }
        }

        #[test]
        fn bits(
            runs in prop::collection::vec(
                (any::<bool>(), prop::collection::vec(any::<u32>(), 1..70), 0_usize..40), 0..8),
            portion in 1_usize..50,
        ) {
            let (bytes, expected) = encode(&runs, 1);
            let mut decoder = Hybrid::new(bytes.clone().into(), 1).unwrap();
            let mut skipping = Hybrid::new(bytes.into(), 1).unwrap();
            let mut out = BooleanBufferBuilder::new(0);
            let mut set = 0;
            while out.len() < expected.len() {
                let count = portion.min(expected.len() - out.len());
                let read = decoder.read_bits(count, &mut out).unwrap();
                prop_assert_eq!(skipping.skip_bits(count).unwrap(), read);
                set += read;
            }
            let bits = out.finish();
            prop_assert_eq!(bits.iter().map(u32::from).collect::<Vec<_>>(), expected);
            prop_assert_eq!(set, bits.count_set_bits());
        }

        /// No bytes at all make it panic.
        #[test]
        fn hostile(bytes in prop::collection::vec(any::<u8>(), 0..40), width in 0_u8..=32) {
            let mut out = Vec::new();
            if let Ok(mut decoder) = Hybrid::new(bytes.into(), width) {
                while out.len() < 10_000 && decoder.read(100, &mut out).is_ok() {}
            }
        }
    }
}
