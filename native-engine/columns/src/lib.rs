//! Columns: the data that flows through the engine.
//!
//! A [`Batch`] is a list of [`Column`]s of one length plus the [`Selection`] of active rows. A
//! column's [`SparkType`] says what Spark believes it holds; its [`Values`] say how it is laid
//! out. Strings are bytes: Spark's strings may hold invalid UTF-8 and keep it.

mod arrow;
mod batch;
mod builder;
mod column;
mod lists;
mod select;
mod selection;
mod types;

pub use batch::Batch;
pub use builder::{BytesBuilder, ColumnBuilder};
pub use column::{Column, Data, FixedWidth, Values};
pub use lists::Lists;
pub use select::Taker;
pub use selection::Selection;
pub use types::{Field, MAX_LONG_DIGITS, Physical, Schema, SparkType};

pub use arrow_array::BinaryViewArray;
pub use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

/// A column that is not what its type or length says: always a defect of the engine or bad input.
#[derive(Debug, thiserror::Error)]
pub enum ColumnError {
    /// The values cannot be held as the type.
    #[error("cannot hold {found} as {expected}")]
    Type {
        /// The type asked for.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A decimal does not fit its declared precision.
    #[error("decimal value out of its declared precision {0}")]
    Precision(u8),
    /// An arrow kernel failed.
    #[error(transparent)]
    Arrow(#[from] arrow_schema::ArrowError),
}
