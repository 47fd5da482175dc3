//! Shuffle: which partition a row goes to, the block format, the writer and the reader.
//!
//! # Bytes of a partition
//!
//! A partition (a block, in Spark's words) is any number of *frames* one after the other, none for
//! an empty partition; so blocks may be concatenated. All numbers are little endian. A frame:
//!
//! ```text
//! 2 bytes   "AL"
//! 1 byte    version, 1
//! 1 byte    compression of the payload: 0 none, 1 LZ4 block, 2 zstd, 3 Snappy (raw)
//! 4 bytes   length of the payload as it follows
//! 4 bytes   length of the payload decompressed
//! 4 bytes   CRC-32 of the twelve bytes above and the payload as it follows
//! payload
//! ```
//!
//! The decompressed payload is the rows' columns; their types are the reader's to know:
//!
//! ```text
//! varint    rows
//! varint    columns
//! columns   1 byte   encoding
//!           1 byte   physical layout
//!           1 byte   1 if NULL bits follow
//!           ⌈rows/8⌉ NULL bits (1 is not NULL), least significant bit first
//!           body
//! ```
//!
//! | encoding | body |
//! |---|---|
//! | 0 plain | the values at their width; booleans as bits; nothing for the type of NULL |
//! | 1 packed | the least value at its width, 1 byte of bits `b`, `rows` differences of `b` bits each |
//! | 2 constant | the one value, as a column of one row (only at the top level) |
//! | 3 dictionary | varint count, codes packed (1 byte `b`, `rows × b` bits), the values as a column of `count` rows |
//! | 4 strings | lengths packed, varint total, the bytes |
//! | 5 struct | varint fields, that many columns of `rows` rows |
//! | 6 list | lengths packed, varint total, the elements as one column of `total` rows |
//! | 7 digits | varint length of each string, a byte for each of its characters (0 the same in all rows, 1 one of 0–9 a–f, 2 one of 0–9 A–F), the characters that are the same (0 for others), then per row 4 bits for each character of kind 1 or 2, filled up to bytes |
//!
//! Strings are lengths and bytes, never views, whose buffers would drag whole batches along.

mod bits;
mod blocks;
mod buffer;
mod decode;
mod digits;
mod encode;
mod frame;
mod output;
mod partition;
mod range;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use decode::decode_payload;
pub use encode::PayloadEncoder;
pub use frame::{BlockCompression, FrameDecoder, FrameEncoder};
pub use partition::{Partitioner, Partitioning};
pub use reader::ShuffleRead;
pub use writer::{ShuffleWriteResult, ShuffleWriter};

/// A block is damaged, or not one of this format.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// Not a frame: wrong magic, version or compression.
    #[error("not a shuffle block of this version ({0})")]
    Format(&'static str),
    /// The checksum differs.
    #[error("checksum mismatch: {expected:08x} was written, {found:08x} was read")]
    Checksum {
        /// As written.
        expected: u32,
        /// Of the bytes read.
        found: u32,
    },
    /// The bytes end within a frame.
    #[error("a shuffle block ends early")]
    Truncated,
    /// The bytes do not decompress.
    #[error("a shuffle block does not decompress: {0}")]
    Compression(String),
    /// The payload is not what its types say.
    #[error("damaged shuffle block: {0}")]
    Damaged(&'static str),
    /// A frame would be longer than its 32-bit lengths can say.
    #[error("a frame of {0} bytes is too long")]
    TooLong(usize),
}
