//! What a type takes in an UnsafeRow, and how many words values take.

use arclight_columns::{Batch, Column, Data, MAX_LONG_DIGITS, Physical, SparkType, Values};

/// A type as UnsafeRows see it.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// Only NULL.
    Null,
    /// A value in the slot; in arrays it takes this many bytes.
    Fixed(usize),
    /// A decimal of precision above 18.
    WideDecimal,
    /// A byte string.
    Bytes,
    /// A row of its own.
    Struct(Vec<Shape>),
    /// An array.
    Array(Box<Shape>),
    /// Two arrays.
    Map(Box<Shape>, Box<Shape>),
}

/// Words of a row's (or array's) NULL bits.
pub(crate) fn bit_words(fields: usize) -> usize {
    fields.div_ceil(64)
}

impl Shape {
    /// The shape of a type.
    pub(crate) fn of(data_type: &SparkType) -> Shape {
        match data_type {
            SparkType::Null => Shape::Null,
            SparkType::Boolean | SparkType::Byte => Shape::Fixed(1),
            SparkType::Short => Shape::Fixed(2),
            SparkType::Int | SparkType::Date | SparkType::Float => Shape::Fixed(4),
            SparkType::Long
            | SparkType::Double
            | SparkType::Timestamp
            | SparkType::TimestampNtz => Shape::Fixed(8),
            SparkType::Decimal { precision, .. } if *precision <= MAX_LONG_DIGITS => {
                Shape::Fixed(8)
            }
            SparkType::Decimal { .. } => Shape::WideDecimal,
            SparkType::String | SparkType::Binary => Shape::Bytes,
            SparkType::Struct(fields) => {
                Shape::Struct(fields.iter().map(|f| Shape::of(&f.data_type)).collect())
            }
            SparkType::Array(element) => Shape::Array(Box::new(Shape::of(&element.data_type))),
            SparkType::Map(key, value) => Shape::Map(
                Box::new(Shape::of(&key.data_type)),
                Box::new(Shape::of(&value.data_type)),
            ),
        }
    }

    /// Whether rows of such fields all have one length.
    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self, Shape::Null | Shape::Fixed(_) | Shape::WideDecimal)
    }

    /// Bytes of an element in an array's fixed part.
    pub(crate) fn element_bytes(&self) -> usize {
        match self {
            Shape::Fixed(bytes) => *bytes,
            _ => 8,
        }
    }
}

/// The fewest bytes that hold `value` in two's complement (Java's `BigInteger.toByteArray`).
pub(crate) fn minimal_bytes(value: i128) -> usize {
    let magnitude = if value < 0 { !value } else { value };
    let bits = 128 - magnitude.leading_zeros() as usize;
    bits / 8 + 1
}

/// The unscaled value of a decimal at a row that is not NULL, whichever width it has.
pub(crate) fn decimal_value(column: &Column, row: usize) -> Option<i128> {
    let (base, position) = column.locate(row);
    match base.as_flat()? {
        Values::Int64(values) => Some(i128::from(values[position])),
        Values::Int128(values) => Some(values[position]),
        _ => None,
    }
}

/// The two columns of a map's entries.
pub(crate) fn entries(elements: &Column) -> Option<(&Column, &Column)> {
    match elements.as_flat()? {
        Values::Struct(children) => match &children[..] {
            [key, value] => Some((key, value)),
            _ => None,
        },
        _ => None,
    }
}

/// Words that row `row` of a column takes in the variable part of a row.
pub(crate) fn field_words(shape: &Shape, column: &Column, row: usize) -> usize {
    match shape {
        Shape::Null | Shape::Fixed(_) => 0,
        Shape::WideDecimal => 2,
        _ if column.is_null(row) => 0,
        _ => value_words(shape, column, row),
    }
}

/// Words of a value that is not NULL and lives in a variable part.
fn value_words(shape: &Shape, column: &Column, row: usize) -> usize {
    let (base, position) = column.locate(row);
    match (shape, base.as_flat()) {
        (Shape::Bytes, Some(Values::Bytes(values))) => {
            // The low half of a view is the length.
            (values.views()[position] as u32 as usize).div_ceil(8)
        }
        (Shape::Struct(shapes), Some(Values::Struct(children))) => {
            bit_words(shapes.len())
                + shapes.len()
                + shapes
                    .iter()
                    .zip(children)
                    .map(|(s, c)| field_words(s, c, position))
                    .sum::<usize>()
        }
        (Shape::Array(element), Some(Values::List { offsets, elements })) => {
            let range = offsets[position] as usize..offsets[position + 1] as usize;
            array_words(element, elements, range)
        }
        (Shape::Map(key, value), Some(Values::List { offsets, elements })) => {
            let range = offsets[position] as usize..offsets[position + 1] as usize;
            match entries(elements) {
                Some((keys, values)) => {
                    1 + array_words(key, keys, range.clone()) + array_words(value, values, range)
                }
                None => 0,
            }
        }
        _ => 0,
    }
}

/// Words of the elements `range` as one array.
pub(crate) fn array_words(
    shape: &Shape,
    elements: &Column,
    range: std::ops::Range<usize>,
) -> usize {
    let count = range.len();
    let fixed = 1 + bit_words(count) + (shape.element_bytes() * count).div_ceil(8);
    let variable: usize = match shape {
        Shape::Null | Shape::Fixed(_) => 0,
        Shape::WideDecimal => range
            .filter(|&i| !elements.is_null(i))
            .filter_map(|i| decimal_value(elements, i))
            .map(|v| minimal_bytes(v).div_ceil(8))
            .sum(),
        _ => range.map(|i| field_words(shape, elements, i)).sum(),
    };
    fixed + variable
}

/// Calls `add(active row's number, words)` for what each active row of a column takes in the
/// variable part, where that is not 0.
pub(crate) fn add_column_words(
    shape: &Shape,
    column: &Column,
    batch: &Batch,
    mut add: impl FnMut(usize, usize),
) {
    if let Shape::Null | Shape::Fixed(_) = shape {
        return;
    }
    let mut index = 0;
    if let (Shape::Bytes, Data::Dictionary { codes, values }) = (shape, column.data())
        && values.len() <= batch.active_rows()
    {
        // Sizes once a distinct value.
        let words: Vec<usize> = (0..values.len())
            .map(|i| value_words(shape, values, i))
            .collect();
        batch.selection().for_each(|row| {
            if !column.is_null(row) {
                add(index, words[codes[row] as usize]);
            }
            index += 1;
        });
        return;
    }
    batch.selection().for_each(|row| {
        add(index, field_words(shape, column, row));
        index += 1;
    });
}

/// Bytes that the active rows of `batch` take as UnsafeRows, without writing them: what Spark
/// calls a shuffle's `dataSize`, from which adaptive execution decides.
pub fn unsafe_row_size(batch: &Batch, types: &[SparkType]) -> u64 {
    let rows = batch.active_rows();
    let mut words = rows * (bit_words(types.len()) + types.len());
    for (data_type, column) in types.iter().zip(batch.columns()) {
        match data_type.physical() {
            Physical::Int128 => words += 2 * rows,
            Physical::Bytes | Physical::Struct | Physical::List => {
                let shape = Shape::of(data_type);
                add_column_words(&shape, column, batch, |_, more| words += more);
            }
            _ => {}
        }
    }
    8 * words as u64
}
