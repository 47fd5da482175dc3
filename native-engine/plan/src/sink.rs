//! The sink of a stage that ends in an exchange.

use arclight_operators::{CollectedKeys, OperatorRef};
use arclight_shuffle::{
    BlockCompression as Compression, Partitioning, ShuffleWriteResult, ShuffleWriter,
};
use prost::{Message, Name};
use substrait_prost::ExtensionSingleRel;

use crate::decoder::{Decoder, detail, is_detail, operator_id};
use crate::error::PlanError;
use crate::expression::expressions;
use crate::proto;
use crate::relations::sort_keys;

/// Whether a relation is a sink.
pub fn is_sink(rel: &ExtensionSingleRel) -> bool {
    let detail = rel.detail.as_ref();
    detail.is_some_and(|any| is_detail(any, &proto::ShuffleWrite::full_name()))
}

/// Decodes the sink over `input`.
pub fn sink(
    decoder: &Decoder,
    rel: &ExtensionSingleRel,
    input: OperatorRef,
) -> Result<ShuffleWriter, PlanError> {
    use proto::shuffle_write::Partitioning as Kind;
    let any = rel
        .detail
        .as_ref()
        .ok_or(PlanError::Missing("ExtensionSingleRel.detail"))?;
    let write: proto::ShuffleWrite = detail(any)?;
    let (schema, partitions) = (input.schema(), write.partitions);
    let partitioning = match write
        .partitioning
        .ok_or(PlanError::Missing("partitioning"))?
    {
        Kind::Single(_) => Partitioning::Single,
        Kind::Hash(hash) => Partitioning::Hash {
            expressions: expressions(decoder, schema, &hash.expressions)?,
            partitions,
        },
        Kind::Range(range) => {
            let keys = sort_keys(decoder, schema, &range.sorts)?;
            Partitioning::range(keys, &range.bounds, partitions)
                .map_err(|error| PlanError::Literal(format!("range bounds: {error}")))?
        }
        Kind::RoundRobin(_) => Partitioning::RoundRobin {
            partitions,
            start: 0,
        },
    };
    let compression = compression(write.compression, write.compression_level)?;
    Ok(ShuffleWriter::new(
        operator_id(&rel.common)?,
        input,
        partitioning,
        compression,
    ))
}

fn compression(compression: i32, level: i32) -> Result<Compression, PlanError> {
    match proto::BlockCompression::try_from(compression) {
        Ok(proto::BlockCompression::None) => Ok(Compression::None),
        Ok(proto::BlockCompression::Lz4) => Ok(Compression::Lz4),
        Ok(proto::BlockCompression::Zstd) => Ok(Compression::Zstd(level)),
        Ok(proto::BlockCompression::Snappy) => Ok(Compression::Snappy),
        Err(_) => Err(PlanError::Unsupported(format!("compression {compression}"))),
    }
}

/// A shuffle write's result, and the keys that its task collected, as a serialized
/// `arclight.ShuffleWriteResult`.
pub fn encode_write_result(result: &ShuffleWriteResult, collected: &CollectedKeys) -> Vec<u8> {
    let collected_keys = collected.take().into_iter();
    proto::ShuffleWriteResult {
        partition_lengths: result
            .partition_lengths
            .iter()
            .map(|&length| length as i64)
            .collect(),
        rows: result.rows,
        bytes: result.bytes,
        unsafe_row_bytes: result.unsafe_row_bytes,
        write_nanos: result.write_nanos,
        collected_keys: collected_keys
            .map(|key_set| proto::shuffle_write_result::CollectedKeys { key_set })
            .collect(),
    }
    .encode_to_vec()
}
