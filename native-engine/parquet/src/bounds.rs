//! Bounds of a column's values by the statistics of a chunk or a page, as the column's type has
//! them.

use arclight_columns::{Column, SparkType};
use parquet::basic::{ColumnOrder, SortOrder};
use parquet::data_type::AsBytes;
use parquet::file::statistics::Statistics;

use crate::convert::{power_of_ten, unscaled_wide};
use crate::pruning::CompareOperator;
use crate::resolve::{Annotation, Conversion, Node, Rebase};

/// A literal or bound, comparable within its kind as Spark compares the column's values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Booleans, integers, unscaled decimals, dates, timestamps.
    Integer(i128),
    /// Floats and doubles, never NaN.
    Float(f64),
    /// Byte strings.
    Bytes(Vec<u8>),
}

impl Value {
    /// `None` if the kinds differ.
    fn compare(&self, other: &Value) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Value::Integer(a), Value::Integer(b)) => Some(a.cmp(b)),
            // Numerically, so that both zeros are equal, as in Spark.
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
            (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// What is known of the values that are not NULL.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) minimum: Value,
    pub(crate) maximum: Value,
    /// Both bounds are values that occur.
    exact: bool,
    /// NaN may occur besides; it is above the maximum.
    nan: bool,
}

impl Bounds {
    /// Whether `value operator literal` may hold of some of the values.
    pub(crate) fn may_match(
        &self,
        operator: CompareOperator,
        literal: &Column,
        node: &Node,
    ) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        if literal.data_type() != &node.data_type {
            return true;
        }
        let Some(literal) = literal_value(literal) else {
            return true;
        };
        let (Some(low), Some(high)) = (
            self.minimum.compare(&literal),
            self.maximum.compare(&literal),
        ) else {
            return true;
        };
        match operator {
            CompareOperator::Equal => low != Greater && high != Less,
            CompareOperator::NotEqual => {
                self.nan || !self.exact || !(low == Equal && high == Equal)
            }
            CompareOperator::Less => low == Less,
            CompareOperator::LessOrEqual => low != Greater,
            CompareOperator::Greater => self.nan || high == Greater,
            CompareOperator::GreaterOrEqual => self.nan || high != Less,
        }
    }
}

/// A literal's value; `None` for NULL, NaN and types that are not compared here.
fn literal_value(literal: &Column) -> Option<Value> {
    if literal.len() != 1 || literal.is_null(0) {
        return None;
    }
    let float = |v: f64| (!v.is_nan()).then_some(Value::Float(v));
    match literal.data_type() {
        SparkType::Boolean => Some(Value::Integer(i128::from(literal.boolean_value(0)?))),
        SparkType::Byte => Some(Value::Integer(i128::from(literal.fixed_value::<i8>(0)?))),
        SparkType::Short => Some(Value::Integer(i128::from(literal.fixed_value::<i16>(0)?))),
        SparkType::Int | SparkType::Date => {
            Some(Value::Integer(i128::from(literal.fixed_value::<i32>(0)?)))
        }
        SparkType::Long | SparkType::Timestamp | SparkType::TimestampNtz => {
            Some(Value::Integer(i128::from(literal.fixed_value::<i64>(0)?)))
        }
        SparkType::Decimal { .. } => Some(Value::Integer(
            literal
                .fixed_value::<i64>(0)
                .map(i128::from)
                .or_else(|| literal.fixed_value::<i128>(0))?,
        )),
        SparkType::Float => float(f64::from(literal.fixed_value::<f32>(0)?)),
        SparkType::Double => float(literal.fixed_value::<f64>(0)?),
        SparkType::String | SparkType::Binary => {
            Some(Value::Bytes(literal.bytes_value(0)?.to_vec()))
        }
        _ => None,
    }
}

/// The bounds of a leaf's values as `wanted` has them; `None` if none are certain. `length` is that
/// of a fixed-length leaf.
pub(crate) fn bounds(
    statistics: &Statistics,
    order: ColumnOrder,
    annotation: Annotation,
    length: Option<usize>,
    conversion: &Conversion,
    wanted: &SparkType,
) -> Option<Bounds> {
    let order = match order {
        ColumnOrder::TYPE_DEFINED_ORDER(order) => Some(order),
        ColumnOrder::UNDEFINED if statistics.is_min_max_deprecated() => None,
        // New bounds without an order, or an order of the future.
        _ => return None,
    };
    // Deprecated bounds were compared as signed, whatever the type: right only for numbers.
    let deprecated = statistics.is_min_max_deprecated();
    let signed = match order {
        Some(order) if !deprecated => order == SortOrder::SIGNED,
        _ => true,
    };
    let unsigned_integers = matches!(annotation, Annotation::Integer(_, false));
    let (minimum, maximum) = match statistics {
        Statistics::Boolean(s) => (
            raw(i128::from(*s.min_opt()?)),
            raw(i128::from(*s.max_opt()?)),
        ),
        Statistics::Int32(s) if signed && !unsigned_integers => (
            raw(i128::from(*s.min_opt()?)),
            raw(i128::from(*s.max_opt()?)),
        ),
        Statistics::Int64(s) if signed && !unsigned_integers => (
            raw(i128::from(*s.min_opt()?)),
            raw(i128::from(*s.max_opt()?)),
        ),
        Statistics::Float(s) => (
            Value::Float(f64::from(*s.min_opt()?)),
            Value::Float(f64::from(*s.max_opt()?)),
        ),
        Statistics::Double(s) => (Value::Float(*s.min_opt()?), Value::Float(*s.max_opt()?)),
        Statistics::ByteArray(s) if !deprecated => byte_bounds(
            s.min_opt()?.as_bytes(),
            s.max_opt()?.as_bytes(),
            statistics,
            conversion,
            order?,
            None,
        )?,
        Statistics::FixedLenByteArray(s) if !deprecated => byte_bounds(
            s.min_opt()?.as_bytes(),
            s.max_opt()?.as_bytes(),
            statistics,
            conversion,
            order?,
            length,
        )?,
        _ => return None,
    };
    let is_nan = |v: &Value| matches!(v, Value::Float(f) if f.is_nan());
    if is_nan(&minimum) || is_nan(&maximum) {
        return None;
    }
    let exact = match statistics {
        Statistics::ByteArray(_) | Statistics::FixedLenByteArray(_) => {
            statistics.min_is_exact() && statistics.max_is_exact()
        }
        _ => true,
    };
    // Writers leave NaN out of the bounds.
    let nan = matches!(statistics, Statistics::Float(_) | Statistics::Double(_));
    let minimum = convert_bound(minimum, conversion, wanted)?;
    let maximum = convert_bound(maximum, conversion, wanted)?;
    // Nonsense is no proof.
    (minimum.compare(&maximum)? != std::cmp::Ordering::Greater).then_some(Bounds {
        minimum,
        maximum,
        exact,
        nan,
    })
}

fn raw(value: i128) -> Value {
    Value::Integer(value)
}

fn byte_bounds(
    minimum: &[u8],
    maximum: &[u8],
    statistics: &Statistics,
    conversion: &Conversion,
    order: SortOrder,
    length: Option<usize>,
) -> Option<(Value, Value)> {
    match conversion {
        // Lower and upper bounds, perhaps shortened, in the order in which Spark compares.
        Conversion::Bytes if order == SortOrder::UNSIGNED => Some((
            Value::Bytes(minimum.to_vec()),
            Value::Bytes(maximum.to_vec()),
        )),
        Conversion::Decimal { .. } if order == SortOrder::SIGNED => {
            // A shortened number is another number.
            let whole = match length {
                Some(length) => minimum.len() == length && maximum.len() == length,
                None => statistics.min_is_exact() && statistics.max_is_exact(),
            };
            if !whole {
                return None;
            }
            Some((raw(unscaled_wide(minimum)?), raw(unscaled_wide(maximum)?)))
        }
        _ => None,
    }
}

/// A bound after the column's conversion, which keeps order where this gives a value.
fn convert_bound(bound: Value, conversion: &Conversion, wanted: &SparkType) -> Option<Value> {
    let integer = |low: i128, high: i128| match &bound {
        Value::Integer(v) if (low..=high).contains(v) => Some(bound.clone()),
        _ => None,
    };
    match conversion {
        Conversion::Same | Conversion::Widen | Conversion::Bytes => Some(bound),
        // Only if nothing is cut.
        Conversion::Truncate if *wanted == SparkType::Byte => {
            integer(i128::from(i8::MIN), i128::from(i8::MAX))
        }
        Conversion::Truncate => integer(i128::from(i16::MIN), i128::from(i16::MAX)),
        Conversion::ToDouble => match bound {
            Value::Integer(v) => Some(Value::Float(v as f64)),
            float => Some(float),
        },
        Conversion::Date(Rebase::Corrected) | Conversion::Micros(Rebase::Corrected) => Some(bound),
        Conversion::Millis(Rebase::Corrected) => match bound {
            Value::Integer(v) => Some(raw(v.checked_mul(1000)?)),
            _ => None,
        },
        Conversion::Decimal { scale_up } => {
            let SparkType::Decimal { precision, .. } = wanted else {
                return None;
            };
            let Value::Integer(v) = bound else {
                return None;
            };
            // Beyond the precision values may be cut, which does not keep order.
            let scaled = v.checked_mul(power_of_ten(*scale_up))?;
            let limit = power_of_ten(u32::from(*precision));
            (scaled.unsigned_abs() < limit.unsigned_abs()).then_some(raw(scaled))
        }
        _ => None,
    }
}
