//! Spark's types, and the physical layout each has by default.

use std::fmt;
use std::sync::Arc;

/// The most decimal digits that always fit a 64-bit integer (Spark's `Decimal.MAX_LONG_DIGITS`).
pub const MAX_LONG_DIGITS: u8 = 18;

/// A Spark SQL data type (`org.apache.spark.sql.types`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SparkType {
    /// `NullType`: only NULL.
    Null,
    /// `BooleanType`.
    Boolean,
    /// `ByteType`, 8-bit signed.
    Byte,
    /// `ShortType`, 16-bit signed.
    Short,
    /// `IntegerType`, 32-bit signed.
    Int,
    /// `LongType`, 64-bit signed.
    Long,
    /// `FloatType`.
    Float,
    /// `DoubleType`.
    Double,
    /// `DecimalType(precision, scale)`, unscaled value in an integer.
    Decimal {
        /// Digits in all, 1..=38.
        precision: u8,
        /// Digits after the point, 0..=precision.
        scale: i8,
    },
    /// `StringType` with binary collation: bytes, normally but not always UTF-8.
    String,
    /// `BinaryType`.
    Binary,
    /// `DateType`: days since 1970-01-01 (proleptic Gregorian).
    Date,
    /// `TimestampType`: microseconds since 1970-01-01 00:00:00 UTC.
    Timestamp,
    /// `TimestampNTZType`: microseconds of wall-clock time.
    TimestampNtz,
    /// `ArrayType`.
    Array(Arc<Field>),
    /// `MapType`: key, value.
    Map(Arc<Field>, Arc<Field>),
    /// `StructType`.
    Struct(Arc<[Field]>),
}

/// A named, typed column of a schema or struct.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// The name, as Spark has it.
    pub name: Arc<str>,
    /// The type.
    pub data_type: SparkType,
    /// Whether it may hold NULL.
    pub nullable: bool,
}

impl Field {
    /// A field.
    pub fn new(name: impl Into<Arc<str>>, data_type: SparkType, nullable: bool) -> Self {
        Field {
            name: name.into(),
            data_type,
            nullable,
        }
    }
}

/// The columns of a relation, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schema {
    /// The columns.
    pub fields: Arc<[Field]>,
}

impl Schema {
    /// A schema of these columns.
    pub fn new(fields: Vec<Field>) -> Self {
        Schema {
            fields: fields.into(),
        }
    }
    /// The number of columns.
    pub fn len(&self) -> usize {
        self.fields.len()
    }
    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
    /// The types of the columns, in order.
    pub fn types(&self) -> Vec<SparkType> {
        self.fields.iter().map(|f| f.data_type.clone()).collect()
    }
}

/// How values are laid out in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Physical {
    /// No values.
    Null,
    /// Bits.
    Boolean,
    /// 8-bit signed integers.
    Int8,
    /// 16-bit signed integers.
    Int16,
    /// 32-bit signed integers.
    Int32,
    /// 64-bit signed integers.
    Int64,
    /// 128-bit signed integers.
    Int128,
    /// 32-bit floats.
    Float32,
    /// 64-bit floats.
    Float64,
    /// Views of byte strings.
    Bytes,
    /// Child columns side by side.
    Struct,
    /// Offsets into a child column (arrays; maps, whose child is a struct of key and value).
    List,
}

impl SparkType {
    /// The layout a column of this type has unless it is a decimal proven narrow.
    pub fn physical(&self) -> Physical {
        match self {
            SparkType::Null => Physical::Null,
            SparkType::Boolean => Physical::Boolean,
            SparkType::Byte => Physical::Int8,
            SparkType::Short => Physical::Int16,
            SparkType::Int | SparkType::Date => Physical::Int32,
            SparkType::Long | SparkType::Timestamp | SparkType::TimestampNtz => Physical::Int64,
            SparkType::Float => Physical::Float32,
            SparkType::Double => Physical::Float64,
            SparkType::Decimal { precision, .. } if *precision <= MAX_LONG_DIGITS => {
                Physical::Int64
            }
            SparkType::Decimal { .. } => Physical::Int128,
            SparkType::String | SparkType::Binary => Physical::Bytes,
            SparkType::Array(_) | SparkType::Map(..) => Physical::List,
            SparkType::Struct(_) => Physical::Struct,
        }
    }

    /// A decimal type.
    pub const fn decimal(precision: u8, scale: i8) -> Self {
        SparkType::Decimal { precision, scale }
    }

    /// Whether values have parts of their own.
    pub fn is_nested(&self) -> bool {
        matches!(
            self,
            SparkType::Array(_) | SparkType::Map(..) | SparkType::Struct(_)
        )
    }

    /// Whether values of the two types are laid out alike and mean the same: they are the same type
    /// apart from the names of fields and from what may be NULL within.
    pub fn is_alike(&self, other: &SparkType) -> bool {
        match (self, other) {
            (SparkType::Array(l), SparkType::Array(r)) => l.data_type.is_alike(&r.data_type),
            (SparkType::Map(lk, lv), SparkType::Map(rk, rv)) => {
                lk.data_type.is_alike(&rk.data_type) && lv.data_type.is_alike(&rv.data_type)
            }
            (SparkType::Struct(l), SparkType::Struct(r)) => {
                let mut pairs = l.iter().zip(r.iter());
                l.len() == r.len() && pairs.all(|(l, r)| l.data_type.is_alike(&r.data_type))
            }
            _ => self == other,
        }
    }

    /// The type of a list's child: the element, or for a map a struct of `key` and `value`.
    pub fn list_element(&self) -> Option<Field> {
        match self {
            SparkType::Array(element) => Some(element.as_ref().clone()),
            SparkType::Map(key, value) => {
                let entries = [key.as_ref().clone(), value.as_ref().clone()];
                Some(Field::new(
                    "entries",
                    SparkType::Struct(Arc::new(entries)),
                    false,
                ))
            }
            _ => None,
        }
    }
}

impl fmt::Display for SparkType {
    /// Spark's own name of the type (`DataType.catalogString`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SparkType::Null => f.write_str("void"),
            SparkType::Boolean => f.write_str("boolean"),
            SparkType::Byte => f.write_str("tinyint"),
            SparkType::Short => f.write_str("smallint"),
            SparkType::Int => f.write_str("int"),
            SparkType::Long => f.write_str("bigint"),
            SparkType::Float => f.write_str("float"),
            SparkType::Double => f.write_str("double"),
            SparkType::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            SparkType::String => f.write_str("string"),
            SparkType::Binary => f.write_str("binary"),
            SparkType::Date => f.write_str("date"),
            SparkType::Timestamp => f.write_str("timestamp"),
            SparkType::TimestampNtz => f.write_str("timestamp_ntz"),
            SparkType::Array(element) => write!(f, "array<{}>", element.data_type),
            SparkType::Map(key, value) => write!(f, "map<{},{}>", key.data_type, value.data_type),
            SparkType::Struct(fields) => {
                f.write_str("struct<")?;
                for (i, field) in fields.iter().enumerate() {
                    let comma = if i == 0 { "" } else { "," };
                    write!(f, "{comma}{}:{}", field.name, field.data_type)?;
                }
                f.write_str(">")
            }
        }
    }
}
