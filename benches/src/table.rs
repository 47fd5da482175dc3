//! Tables in memory.

use std::sync::Arc;

use arclight_columns::{Batch, Column, ColumnBuilder, Field, Schema, SparkType};
use arclight_operators::{BatchStream, EngineError, Operator, OperatorRef, TaskContext};

use crate::BATCH;

/// DECIMAL(12, 2): the type of amounts.
pub const AMOUNT: SparkType = SparkType::Decimal {
    precision: 12,
    scale: 2,
};

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub enum Contents {
    /// LONG, the row's number.
    Sequence,
    /// LONG, one of that many numbers close to each other, at random.
    Key(u64),
    /// LONG, one of that many numbers far from each other, at random.
    WideKey(u64),
    /// [`AMOUNT`], up to 100,000.00, at random.
    Amount,
    /// STRING, one of that many texts of 18 bytes, at random.
    Text(u64),
}

impl Contents {
    /// The column's type.
    pub fn data_type(self) -> SparkType {
        match self {
            Contents::Sequence | Contents::Key(_) | Contents::WideKey(_) => SparkType::Long,
            Contents::Amount => AMOUNT,
            Contents::Text(_) => SparkType::String,
        }
    }

    fn push(self, row: usize, random: u64, builder: &mut ColumnBuilder) {
        match self {
            Contents::Sequence => builder.push_i64(row as i64),
            Contents::Key(distinct) => builder.push_i64((random % distinct) as i64),
            Contents::WideKey(distinct) => {
                builder.push_i64(mixed(random % distinct) as i64);
            }
            Contents::Amount => builder.push_i64((random % 10_000_000) as i64),
            Contents::Text(distinct) => {
                builder.push_bytes(format!("Customer#{:09}", random % distinct).as_bytes());
            }
        }
    }
}

/// A random number for each number, always the same (splitmix64).
pub fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// An operator that gives a table in memory.
#[derive(Debug)]
pub struct Table {
    schema: Schema,
    batches: Vec<Batch>,
}

impl Table {
    /// A table of that many rows with such columns. One value in `nulls` is NULL, none if it is 0.
    pub fn new(rows: usize, contents: &[Contents], nulls: u64) -> Arc<Self> {
        let field = |c: &Contents| Field::new("c", c.data_type(), nulls > 0);
        let batch = |from: usize| {
            let to = rows.min(from + BATCH);
            let columns = (0..contents.len()).map(|i| values(contents[i], i, from..to, nulls));
            Batch::new(columns.collect(), to - from)
        };
        Arc::new(Table {
            schema: Schema::new(contents.iter().map(field).collect()),
            batches: (0..rows).step_by(BATCH).map(batch).collect(),
        })
    }

    /// Its rows.
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }
}

fn values(contents: Contents, position: usize, rows: std::ops::Range<usize>, nulls: u64) -> Column {
    let mut builder = ColumnBuilder::new(contents.data_type(), rows.len());
    for row in rows {
        let random = mixed((row as u64) << 8 | position as u64);
        if nulls > 0 && mixed(random).is_multiple_of(nulls) {
            builder.push_null();
        } else {
            contents.push(row, random, &mut builder);
        }
    }
    builder.finish()
}

impl Operator for Table {
    fn name(&self) -> &'static str {
        "Table"
    }
    fn schema(&self) -> &Schema {
        &self.schema
    }
    fn children(&self) -> Vec<&OperatorRef> {
        Vec::new()
    }
    fn open(&self, _task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        Ok(Box::new(TableStream(self.batches.clone().into_iter())))
    }
}

struct TableStream(std::vec::IntoIter<Batch>);

impl BatchStream for TableStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        Ok(self.0.next())
    }
}
