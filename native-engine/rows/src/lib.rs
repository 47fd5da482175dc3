//! Spark's UnsafeRows from columns, and columns from them.
//!
//! The bytes are those of Spark's `UnsafeRowWriter` and `GenerateUnsafeProjection`. A row of `n`
//! fields, all numbers little endian:
//!
//! ```text
//! ⌈n/64⌉ words   NULL bits, bit i of the bits for field i, 1 is NULL
//! n words        one slot a field: the value, zero extended to 8 bytes, or for what has no fixed
//!                width `offset << 32 | size`, the offset from the row's begin; 0 if NULL
//! words          the variable part, in field order, every value padded with zeros to 8 bytes
//! ```
//!
//! * Decimals of precision ≤ 18 are the unscaled 64-bit integer. Wider ones take 16 bytes of the
//!   variable part, even when NULL (whose slot keeps the offset, with size 0), with the unscaled
//!   value as the fewest big-endian bytes that hold it.
//! * A struct is a row. An array is the number of elements (8 bytes), NULL bits, the elements at
//!   their own width (8 bytes for what has none), padded to 8 bytes, and a variable part; there a
//!   wide decimal takes only the bytes it needs. A map is the size of its key array in bytes
//!   (8 bytes), the key array, the value array.
//! * Floats keep their bits, NaNs included.

#[cfg(target_endian = "big")]
compile_error!("UnsafeRows are read and written in little-endian order only");

mod buffer;
mod decode;
mod encode;
mod shape;
#[cfg(test)]
mod tests;

use arclight_columns::ColumnError;

pub use buffer::RowBuffer;
pub use decode::RowDecoder;
pub use encode::RowEncoder;
pub use shape::unsafe_row_size;

/// Why rows could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// A row would take more bytes than Spark's 32-bit sizes can say.
    #[error("a row of {0} bytes is longer than an UnsafeRow can be")]
    TooLong(u64),
    /// The batch does not have the columns the encoder was made for: a defect of the engine.
    #[error("rows of {expected} columns asked from a batch that has other columns: {found}")]
    Columns {
        /// Columns of a row.
        expected: usize,
        /// What the batch has.
        found: String,
    },
    /// Bytes that are not an UnsafeRow of the given types.
    #[error("damaged row: {0}")]
    Damaged(&'static str),
    /// A column could not be made.
    #[error(transparent)]
    Column(#[from] ColumnError),
}
