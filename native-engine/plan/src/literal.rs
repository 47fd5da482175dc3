//! Literals → columns of length 1.

use arclight_columns::{Column, ColumnBuilder, Field, SparkType};
use std::sync::Arc;
use substrait_prost::expression::Literal;
use substrait_prost::expression::literal::LiteralType;

use crate::error::PlanError;
use crate::types::{is_nullable, spark_type};

/// The value of a literal, as a column of length 1.
pub fn literal(literal: &Literal) -> Result<Column, PlanError> {
    let data_type = literal_type(literal)?;
    let mut builder = ColumnBuilder::new(data_type, 1);
    push(&mut builder, literal)?;
    Ok(builder.finish())
}

fn kind(literal: &Literal) -> Result<&LiteralType, PlanError> {
    literal
        .literal_type
        .as_ref()
        .ok_or(PlanError::Missing("Literal.literal_type"))
}

/// The Spark type of a literal.
pub fn literal_type(literal: &Literal) -> Result<SparkType, PlanError> {
    Ok(match kind(literal)? {
        LiteralType::Boolean(_) => SparkType::Boolean,
        LiteralType::I8(_) => SparkType::Byte,
        LiteralType::I16(_) => SparkType::Short,
        LiteralType::I32(_) => SparkType::Int,
        LiteralType::I64(_) => SparkType::Long,
        LiteralType::Fp32(_) => SparkType::Float,
        LiteralType::Fp64(_) => SparkType::Double,
        LiteralType::String(_) => SparkType::String,
        LiteralType::Binary(_) => SparkType::Binary,
        LiteralType::Date(_) => SparkType::Date,
        LiteralType::Decimal(d) => SparkType::Decimal {
            precision: d.precision as u8,
            scale: d.scale as i8,
        },
        LiteralType::PrecisionTimestamp(_) => SparkType::TimestampNtz,
        LiteralType::PrecisionTimestampTz(_) => SparkType::Timestamp,
        LiteralType::Null(t) => spark_type(t)?,
        LiteralType::EmptyList(list) => {
            let element = list
                .r#type
                .as_deref()
                .ok_or(PlanError::Missing("List.type"))?;
            let field = Field::new("element", spark_type(element)?, is_nullable(element));
            SparkType::Array(Arc::new(field))
        }
        LiteralType::List(list) => {
            let first = list
                .values
                .first()
                .ok_or(PlanError::Missing("List.values"))?;
            SparkType::Array(Arc::new(Field::new("element", literal_type(first)?, true)))
        }
        LiteralType::EmptyMap(map) => {
            let part = |t: &Option<Box<substrait_prost::Type>>| {
                spark_type(t.as_deref().ok_or(PlanError::Missing("Map.key"))?)
            };
            SparkType::Map(
                Arc::new(Field::new("key", part(&map.key)?, false)),
                Arc::new(Field::new("value", part(&map.value)?, true)),
            )
        }
        LiteralType::Map(map) => {
            let first = map
                .key_values
                .first()
                .ok_or(PlanError::Missing("Map.key_values"))?;
            let part = |l: &Option<Literal>| {
                literal_type(l.as_ref().ok_or(PlanError::Missing("KeyValue"))?)
            };
            SparkType::Map(
                Arc::new(Field::new("key", part(&first.key)?, false)),
                Arc::new(Field::new("value", part(&first.value)?, true)),
            )
        }
        LiteralType::Struct(structure) => SparkType::Struct(
            structure
                .fields
                .iter()
                .enumerate()
                .map(|(i, f)| Ok(Field::new(format!("col{}", i + 1), literal_type(f)?, true)))
                .collect::<Result<Vec<_>, PlanError>>()?
                .into(),
        ),
        other => return Err(PlanError::Unsupported(format!("literal {other:?}"))),
    })
}

fn push(builder: &mut ColumnBuilder, literal: &Literal) -> Result<(), PlanError> {
    match kind(literal)? {
        LiteralType::Boolean(v) => builder.push_bool(*v),
        LiteralType::I8(v) => builder.push_i8(*v as i8),
        LiteralType::I16(v) => builder.push_i16(*v as i16),
        LiteralType::I32(v) | LiteralType::Date(v) => builder.push_i32(*v),
        LiteralType::I64(v) => builder.push_i64(*v),
        LiteralType::Fp32(v) => builder.push_f32(*v),
        LiteralType::Fp64(v) => builder.push_f64(*v),
        LiteralType::String(v) => builder.push_bytes(v.as_bytes()),
        LiteralType::Binary(v) => builder.push_bytes(v),
        LiteralType::PrecisionTimestamp(v) | LiteralType::PrecisionTimestampTz(v) => {
            builder.push_i64(v.value)
        }
        LiteralType::Decimal(decimal) => {
            let bytes: [u8; 16] = decimal
                .value
                .as_slice()
                .try_into()
                .map_err(|_| PlanError::Literal("a decimal has 16 bytes".to_string()))?;
            let value = i128::from_le_bytes(bytes);
            if decimal.precision <= i32::from(arclight_columns::MAX_LONG_DIGITS) {
                let narrow = i64::try_from(value)
                    .map_err(|_| PlanError::Literal("decimal out of its precision".to_string()))?;
                builder.push_i64(narrow);
            } else {
                builder.push_i128(value);
            }
        }
        LiteralType::Null(_) => builder.push_null(),
        LiteralType::EmptyList(_) | LiteralType::EmptyMap(_) => builder.finish_list(),
        LiteralType::List(list) => {
            if let Some(elements) = builder.list_elements() {
                list.values
                    .iter()
                    .try_for_each(|value| push(elements, value))?;
            }
            builder.finish_list();
        }
        LiteralType::Map(map) => {
            if let Some(entries) = builder.list_elements() {
                for entry in &map.key_values {
                    if let Some([key, value]) = entries.struct_fields() {
                        push(
                            key,
                            entry
                                .key
                                .as_ref()
                                .ok_or(PlanError::Missing("KeyValue.key"))?,
                        )?;
                        push(
                            value,
                            entry.value.as_ref().ok_or(PlanError::Missing("value"))?,
                        )?;
                    }
                    entries.finish_struct();
                }
            }
            builder.finish_list();
        }
        LiteralType::Struct(structure) => {
            if let Some(fields) = builder.struct_fields() {
                for (field, value) in fields.iter_mut().zip(&structure.fields) {
                    push(field, value)?;
                }
            }
            builder.finish_struct();
        }
        other => return Err(PlanError::Unsupported(format!("literal {other:?}"))),
    }
    Ok(())
}
