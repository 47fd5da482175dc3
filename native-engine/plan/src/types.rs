//! Substrait types ↔ Spark types.

use std::sync::Arc;

use arclight_columns::{Field, Schema, SparkType};
use prost::Message;
use substrait_prost::r#type::{Kind, Nullability};
use substrait_prost::{NamedStruct, Type};

use crate::error::PlanError;

/// Names for nested fields, taken depth first; synthetic where a plan has none.
struct Names<'a> {
    names: std::slice::Iter<'a, String>,
    made: usize,
}

impl Names<'_> {
    fn next(&mut self) -> Arc<str> {
        match self.names.next() {
            Some(name) => Arc::from(name.as_str()),
            None => {
                self.made += 1;
                Arc::from(format!("col{}", self.made))
            }
        }
    }
}

/// The Spark type of a Substrait type; struct fields get made-up names.
pub fn spark_type(t: &Type) -> Result<SparkType, PlanError> {
    convert(
        t,
        &mut Names {
            names: [].iter(),
            made: 0,
        },
    )
}

/// Whether a Substrait type may be NULL.
pub fn is_nullable(t: &Type) -> bool {
    let nullability = match &t.kind {
        Some(Kind::Bool(t)) => t.nullability,
        Some(Kind::I8(t)) => t.nullability,
        Some(Kind::I16(t)) => t.nullability,
        Some(Kind::I32(t)) => t.nullability,
        Some(Kind::I64(t)) => t.nullability,
        Some(Kind::Fp32(t)) => t.nullability,
        Some(Kind::Fp64(t)) => t.nullability,
        Some(Kind::String(t)) => t.nullability,
        Some(Kind::Binary(t)) => t.nullability,
        Some(Kind::Date(t)) => t.nullability,
        Some(Kind::Decimal(t)) => t.nullability,
        Some(Kind::PrecisionTimestamp(t)) => t.nullability,
        Some(Kind::PrecisionTimestampTz(t)) => t.nullability,
        Some(Kind::Struct(t)) => t.nullability,
        Some(Kind::List(t)) => t.nullability,
        Some(Kind::Map(t)) => t.nullability,
        _ => Nullability::Nullable as i32,
    };
    nullability != Nullability::Required as i32
}

/// The schema that a serialized `substrait.NamedStruct` is.
pub fn decode_schema(bytes: &[u8]) -> Result<Schema, PlanError> {
    schema(&NamedStruct::decode(bytes)?)
}

/// The schema of a named struct: names are depth first, as Substrait has them.
pub fn schema(named: &NamedStruct) -> Result<Schema, PlanError> {
    let structure = named
        .r#struct
        .as_ref()
        .ok_or(PlanError::Missing("NamedStruct.struct"))?;
    let mut names = Names {
        names: named.names.iter(),
        made: 0,
    };
    Ok(Schema {
        fields: fields(&structure.types, &mut names)?,
    })
}

fn fields(types: &[Type], names: &mut Names<'_>) -> Result<Arc<[Field]>, PlanError> {
    types
        .iter()
        .map(|t| {
            let name = names.next();
            Ok(Field {
                name,
                data_type: convert(t, names)?,
                nullable: is_nullable(t),
            })
        })
        .collect()
}

fn boxed(t: &Option<Box<Type>>) -> Result<&Type, PlanError> {
    t.as_deref().ok_or(PlanError::Missing("element type"))
}

fn convert(t: &Type, names: &mut Names<'_>) -> Result<SparkType, PlanError> {
    let kind = t.kind.as_ref().ok_or(PlanError::Missing("Type.kind"))?;
    Ok(match kind {
        Kind::Bool(_) => SparkType::Boolean,
        Kind::I8(_) => SparkType::Byte,
        Kind::I16(_) => SparkType::Short,
        Kind::I32(_) => SparkType::Int,
        Kind::I64(_) => SparkType::Long,
        Kind::Fp32(_) => SparkType::Float,
        Kind::Fp64(_) => SparkType::Double,
        Kind::String(_) => SparkType::String,
        Kind::Binary(_) => SparkType::Binary,
        Kind::Date(_) => SparkType::Date,
        Kind::Decimal(d) => SparkType::Decimal {
            precision: d.precision as u8,
            scale: d.scale as i8,
        },
        Kind::PrecisionTimestamp(p) if p.precision == 6 => SparkType::TimestampNtz,
        Kind::PrecisionTimestampTz(p) if p.precision == 6 => SparkType::Timestamp,
        Kind::UserDefined(_) => SparkType::Null,
        Kind::Struct(s) => SparkType::Struct(fields(&s.types, names)?),
        Kind::List(l) => {
            let element = boxed(&l.r#type)?;
            let nullable = is_nullable(element);
            SparkType::Array(Arc::new(Field::new(
                "element",
                convert(element, names)?,
                nullable,
            )))
        }
        Kind::Map(m) => {
            let (key, value) = (boxed(&m.key)?, boxed(&m.value)?);
            SparkType::Map(
                Arc::new(Field::new("key", convert(key, names)?, false)),
                Arc::new(Field::new(
                    "value",
                    convert(value, names)?,
                    is_nullable(value),
                )),
            )
        }
        other => return Err(PlanError::Unsupported(format!("type {other:?}"))),
    })
}

/// The type of an optional message field.
pub fn required_type(t: &Option<Type>) -> Result<SparkType, PlanError> {
    spark_type(t.as_ref().ok_or(PlanError::Missing("type"))?)
}
