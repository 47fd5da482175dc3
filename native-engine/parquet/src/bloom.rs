//! Bloom filters: proof that a column chunk does not hold a value.

use arclight_columns::{Column, SparkType};
use parquet::basic::Type as PhysicalType;
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::ColumnChunkMetaData;

use crate::resolve::{Conversion, Node, Rebase};
use crate::source::FileReader;

/// Whether some row of the chunk may equal one of the literals. Reads the chunk's Bloom filter if
/// it has one, and if the literals' physical values are certain; else `true`. A filter that cannot
/// be read proves nothing either: if the file is damaged, reading its rows will say so.
pub(crate) fn may_contain(
    reader: &FileReader,
    chunk: &ColumnChunkMetaData,
    conversion: &Conversion,
    node: &Node,
    literals: &[Column],
) -> bool {
    if chunk.bloom_filter_offset().is_none() {
        return true;
    }
    let values: Option<Vec<Option<Physical>>> = literals
        .iter()
        .map(|literal| physical(literal, chunk.column_type(), conversion, node))
        .collect();
    let Some(values) = values else {
        return true;
    };
    let filter = Sbbf::read_from_column_chunk(chunk, reader).ok().flatten();
    let Some(filter) = filter.filter(|f| f.num_blocks() > 0) else {
        return true;
    };
    values.iter().flatten().any(|value| match value {
        Physical::Int32(v) => filter.check(v),
        Physical::Int64(v) => filter.check(v),
        Physical::Bytes(v) => filter.check(&v[..]),
    })
}

enum Physical {
    Int32(i32),
    Int64(i64),
    Bytes(Vec<u8>),
}

/// The only physical value that becomes the literal: `Some(None)` if the literal is NULL, which no
/// row equals; `None` if that is not certain.
fn physical(
    literal: &Column,
    physical: PhysicalType,
    conversion: &Conversion,
    node: &Node,
) -> Option<Option<Physical>> {
    if literal.len() != 1 || literal.data_type() != &node.data_type {
        return None;
    }
    if literal.is_null(0) {
        return Some(None);
    }
    let same = matches!(
        conversion,
        Conversion::Same
            | Conversion::Bytes
            | Conversion::Date(Rebase::Corrected)
            | Conversion::Micros(Rebase::Corrected)
    );
    if !same {
        return None;
    }
    Some(Some(match (physical, literal.data_type()) {
        (PhysicalType::INT32, SparkType::Int | SparkType::Date) => {
            Physical::Int32(literal.fixed_value(0)?)
        }
        (PhysicalType::INT64, SparkType::Long | SparkType::Timestamp | SparkType::TimestampNtz) => {
            Physical::Int64(literal.fixed_value(0)?)
        }
        (PhysicalType::BYTE_ARRAY, SparkType::String | SparkType::Binary) => {
            Physical::Bytes(literal.bytes_value(0)?.to_vec())
        }
        _ => return None,
    }))
}
