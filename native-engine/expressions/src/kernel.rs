//! Loops that kernels are written over: one generic function per shape, specialised on nulls and
//! on whether all rows are active.

use std::sync::Arc;

use arclight_columns::{
    BooleanBuffer, Column, Data, FixedWidth, NullBuffer, ScalarBuffer, Selection, SparkType, Values,
};

use crate::expression::EvalError;

/// Below this share of active rows a total kernel visits active rows only; above it, the
/// vectorised loop over all rows is cheaper (the same threshold at which batches are compacted).
const SPARSE: usize = 8;

/// Whether so few rows are active that loops visit only them.
pub(crate) fn is_sparse(active: usize, len: usize) -> bool {
    active * SPARSE < len
}

/// NULL where either is NULL.
pub fn union_validity(left: &Column, right: &Column) -> Option<NullBuffer> {
    NullBuffer::union(
        left.logical_validity().as_ref(),
        right.logical_validity().as_ref(),
    )
}

/// A flat view of fixed-width values: constants stay one value.
pub enum Input<'a, T> {
    /// One value per row.
    Slice(&'a [T]),
    /// The same value for every row.
    Constant(T),
}

impl<T: Copy> Input<'_, T> {
    /// The value at a row.
    #[inline(always)]
    pub fn get(&self, row: usize) -> T {
        match self {
            Input::Slice(values) => values[row],
            Input::Constant(value) => *value,
        }
    }
}

/// `column`'s values of width `T`; the column must be flat or constant (see [`flat_or_constant`]).
pub fn input<T: FixedWidth>(column: &Column) -> Result<Input<'_, T>, EvalError> {
    let found = match column.data() {
        Data::Constant(value) => value
            .as_slice::<T>()
            .and_then(|s| s.first().copied())
            .map(Input::Constant),
        _ => column.as_slice::<T>().map(Input::Slice),
    };
    found.ok_or_else(|| wrong_width(column, T::PHYSICAL))
}

/// The error for a column of an unexpected layout.
pub fn wrong_width(column: &Column, expected: arclight_columns::Physical) -> EvalError {
    EvalError::Internal(format!(
        "expected {expected:?} values, got a column of {}",
        column.data_type()
    ))
}

/// Dictionary columns flattened, others unchanged.
pub fn flat_or_constant(column: &Column) -> Column {
    match column.data() {
        Data::Dictionary { .. } => column.flatten(),
        _ => column.clone(),
    }
}

/// Applies a function that cannot fail to one fixed-width column. NULL gives NULL.
pub fn unary<I: FixedWidth, O: FixedWidth>(
    column: &Column,
    rows: &Selection,
    output: &SparkType,
    f: impl Fn(I) -> O,
) -> Result<Column, EvalError> {
    let column = flat_or_constant(column);
    match input::<I>(&column)? {
        Input::Constant(_) if column.has_nulls() => Ok(Column::nulls(output.clone(), rows.len())),
        Input::Constant(value) => Ok(Column::constant(
            Column::fixed(output.clone(), vec![f(value)], None),
            rows.len(),
        )),
        Input::Slice(values) => {
            let result = map_rows(values.len(), rows, |r| f(values[r]));
            Ok(Column::fixed(
                output.clone(),
                result,
                column.validity().cloned(),
            ))
        }
    }
}

/// Applies a function that cannot fail to two fixed-width columns. NULL gives NULL.
pub fn binary<L: FixedWidth, R: FixedWidth, O: FixedWidth>(
    left: &Column,
    right: &Column,
    rows: &Selection,
    output: &SparkType,
    f: impl Fn(L, R) -> O,
) -> Result<Column, EvalError> {
    let (left, right) = (flat_or_constant(left), flat_or_constant(right));
    let validity = union_validity(&left, &right);
    let len = rows.len();
    let result = match (input::<L>(&left)?, input::<R>(&right)?) {
        (Input::Slice(l), Input::Slice(r)) => {
            // Slices of equal length: the compiler drops the bounds checks and vectorises.
            let (l, r) = (&l[..len], &r[..len]);
            map_rows(len, rows, |i| f(l[i], r[i]))
        }
        (Input::Slice(l), Input::Constant(r)) => {
            let l = &l[..len];
            map_rows(len, rows, |i| f(l[i], r))
        }
        (Input::Constant(l), Input::Slice(r)) => {
            let r = &r[..len];
            map_rows(len, rows, |i| f(l, r[i]))
        }
        (Input::Constant(l), Input::Constant(r)) => {
            let value = Column::fixed(output.clone(), vec![f(l, r)], None);
            let null = left.has_nulls() || right.has_nulls();
            return Ok(if null {
                Column::nulls(output.clone(), len)
            } else {
                Column::constant(value, len)
            });
        }
    };
    Ok(Column::fixed(output.clone(), result, validity))
}

/// Compares two fixed-width columns. NULL gives NULL.
pub fn compare<L: FixedWidth, R: FixedWidth>(
    left: &Column,
    right: &Column,
    rows: &Selection,
    f: impl Fn(L, R) -> bool,
) -> Result<Column, EvalError> {
    let (left, right) = (flat_or_constant(left), flat_or_constant(right));
    let validity = union_validity(&left, &right);
    let len = rows.len();
    let bits = match (input::<L>(&left)?, input::<R>(&right)?) {
        (Input::Slice(l), Input::Slice(r)) => {
            let (l, r) = (&l[..len], &r[..len]);
            if visits_all(rows) {
                pack_bits(
                    len,
                    |i| f(l[i], r[i]),
                    |at, bytes| {
                        let lanes = l[at..].first_chunk::<64>().zip(r[at..].first_chunk::<64>());
                        if let Some((l, r)) = lanes {
                            for i in 0..64 {
                                bytes[i] = u8::from(f(l[i], r[i]));
                            }
                        }
                    },
                )
            } else {
                map_bits(len, rows, |i| f(l[i], r[i]))
            }
        }
        (Input::Slice(l), Input::Constant(r)) => compare_slice(&l[..len], rows, |l| f(l, r)),
        (Input::Constant(l), Input::Slice(r)) => compare_slice(&r[..len], rows, |r| f(l, r)),
        (Input::Constant(l), Input::Constant(r)) => {
            let value = f(l, r);
            map_bits(len, rows, |_| value)
        }
    };
    Ok(Column::boolean(bits, validity))
}

/// The bits of a predicate over a slice.
pub(crate) fn compare_slice<T: Copy>(
    values: &[T],
    rows: &Selection,
    f: impl Fn(T) -> bool,
) -> BooleanBuffer {
    if !visits_all(rows) {
        return map_bits(values.len(), rows, |i| f(values[i]));
    }
    pack_bits(
        values.len(),
        |i| f(values[i]),
        |at, bytes| {
            if let Some(lanes) = values[at..].first_chunk::<64>() {
                for i in 0..64 {
                    bytes[i] = u8::from(f(lanes[i]));
                }
            }
        },
    )
}

/// Whether loops over `rows` visit all rows.
fn visits_all(rows: &Selection) -> bool {
    !is_sparse(rows.count(), rows.len())
}

/// Bits from 64 bytes of 0 or 1 at a time, which `chunk` computes from a position on in a loop
/// the compiler vectorises; `single` computes those of the last, incomplete chunk.
#[inline(always)]
fn pack_bits(
    len: usize,
    single: impl Fn(usize) -> bool,
    chunk: impl Fn(usize, &mut [u8; 64]),
) -> BooleanBuffer {
    // A product that gathers the low bits of 8 bytes in its highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let chunks = len / 64;
    let mut words: Vec<u64> = Vec::with_capacity(len.div_ceil(64));
    for at in (0..chunks).map(|chunk| chunk * 64) {
        let mut bytes = [0u8; 64];
        chunk(at, &mut bytes);
        let mut word = 0;
        for i in 0..8 {
            let mut group = [0u8; 8];
            group.copy_from_slice(&bytes[8 * i..8 * i + 8]);
            word |= (u64::from_le_bytes(group).wrapping_mul(GATHER) >> 56) << (8 * i);
        }
        words.push(word);
    }
    if !len.is_multiple_of(64) {
        words.push((chunks * 64..len).fold(0, |word, i| word | u64::from(single(i)) << (i % 64)));
    }
    BooleanBuffer::new(arclight_columns::Buffer::from(words), 0, len)
}

/// Applies a function of two fixed-width values that may fail or give NULL, at active rows that
/// are not NULL only.
pub fn try_binary<L: FixedWidth, R: FixedWidth, O: FixedWidth>(
    left: &Column,
    right: &Column,
    rows: &Selection,
    output: &SparkType,
    f: impl Fn(L, R) -> Outcome<O>,
) -> Result<Column, EvalError> {
    let (left, right) = (flat_or_constant(left), flat_or_constant(right));
    let validity = union_validity(&left, &right);
    let (l, r) = (input::<L>(&left)?, input::<R>(&right)?);
    try_rows(rows, output, validity, |i| f(l.get(i), r.get(i)))
}

/// Applies a function of one fixed-width value that may fail or give NULL, at active rows that
/// are not NULL only.
pub fn try_unary<I: FixedWidth, O: FixedWidth>(
    column: &Column,
    rows: &Selection,
    output: &SparkType,
    f: impl Fn(I) -> Outcome<O>,
) -> Result<Column, EvalError> {
    let column = flat_or_constant(column);
    let validity = column.logical_validity();
    let values = input::<I>(&column)?;
    try_rows(rows, output, validity, |i| f(values.get(i)))
}

/// What a kernel makes of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome<T> {
    /// A value.
    Value(T),
    /// NULL.
    Null,
    /// Spark raises.
    Fail,
    /// Left to Spark.
    Decline(&'static str),
}

impl<T> Outcome<T> {
    /// A value, or NULL for `None`.
    pub fn or_null(value: Option<T>) -> Self {
        value.map_or(Outcome::Null, Outcome::Value)
    }
    /// A value, or a failure for `None`.
    pub fn or_fail(value: Option<T>) -> Self {
        value.map_or(Outcome::Fail, Outcome::Value)
    }
    /// `f` of a value; what is none stays what it is.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Outcome<U> {
        self.and_then(|value| Outcome::Value(f(value)))
    }
    /// What `f` makes of a value; what is none stays what it is.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Outcome<U>) -> Outcome<U> {
        match self {
            Outcome::Value(value) => f(value),
            Outcome::Null => Outcome::Null,
            Outcome::Fail => Outcome::Fail,
            Outcome::Decline(reason) => Outcome::Decline(reason),
        }
    }
}

/// Calls `f` at the active rows that `validity` says are not NULL, and collects its values.
pub fn try_rows<O: FixedWidth>(
    rows: &Selection,
    output: &SparkType,
    validity: Option<NullBuffer>,
    f: impl Fn(usize) -> Outcome<O>,
) -> Result<Column, EvalError> {
    let mut result = vec![O::default(); rows.len()];
    let validity = try_each(rows, validity, |row| {
        Ok(f(row).map(|value| result[row] = value))
    })?;
    Ok(Column::fixed(output.clone(), result, validity))
}

/// Calls `f` at the active rows that `validity` says are not NULL; returns the validity with the
/// rows added for which `f` gave NULL.
pub fn try_each(
    rows: &Selection,
    validity: Option<NullBuffer>,
    mut f: impl FnMut(usize) -> Result<Outcome<()>, EvalError>,
) -> Result<Option<NullBuffer>, EvalError> {
    let mut nulls: Vec<u32> = Vec::new();
    let mut visit = |row: usize| -> Result<(), EvalError> {
        match f(row)? {
            Outcome::Value(()) => Ok(()),
            Outcome::Null => {
                nulls.push(row as u32);
                Ok(())
            }
            Outcome::Fail => Err(EvalError::Failed { row }),
            Outcome::Decline(reason) => Err(EvalError::Declined(reason)),
        }
    };
    match &validity {
        None => rows.try_for_each(visit)?,
        Some(valid) => rows.try_for_each(|row| {
            if valid.is_valid(row) {
                visit(row)
            } else {
                Ok(())
            }
        })?,
    }
    if nulls.is_empty() {
        return Ok(validity);
    }
    let mut bits = match &validity {
        None => vec![true; rows.len()],
        Some(valid) => valid.iter().collect(),
    };
    nulls.iter().for_each(|&row| bits[row as usize] = false);
    Ok(Some(NullBuffer::from(bits)))
}

/// `f` of each row: all rows when most are active (a loop the compiler vectorises), else only
/// active rows.
pub fn map_rows<O: FixedWidth>(len: usize, rows: &Selection, f: impl Fn(usize) -> O) -> Vec<O> {
    match rows.rows() {
        Some(active) if is_sparse(active.len(), len) => {
            let mut result = vec![O::default(); len];
            active
                .iter()
                .for_each(|&r| result[r as usize] = f(r as usize));
            result
        }
        _ => (0..len).map(f).collect(),
    }
}

/// Like [`map_rows`], for bits.
pub fn map_bits(len: usize, rows: &Selection, f: impl Fn(usize) -> bool) -> BooleanBuffer {
    match rows.rows() {
        Some(active) if is_sparse(active.len(), len) => {
            let mut bits = vec![false; len];
            active
                .iter()
                .for_each(|&r| bits[r as usize] = f(r as usize));
            BooleanBuffer::from(bits)
        }
        _ => BooleanBuffer::collect_bool(len, f),
    }
}

/// Values of a dictionary for each row, active or not, up to which those in use are looked for.
const VALUES_PER_ROW: usize = 4;

/// Evaluates a one-column function once per dictionary value in use, or once for a constant,
/// where the layout allows. `f` gets a flat column and the rows of it to evaluate and must give a
/// column aligned to it; NULL must give NULL.
pub fn over_distinct(
    column: &Column,
    rows: &Selection,
    output: &SparkType,
    f: impl Fn(&Column, &Selection) -> Result<Column, EvalError>,
) -> Result<Column, EvalError> {
    match column.data() {
        Data::Flat(_) => f(column, rows),
        Data::Constant(value) => {
            if value.is_null(0) || rows.is_empty() {
                return Ok(Column::nulls(output.clone(), rows.len()));
            }
            let result = f(value, &Selection::all(1)).map_err(|e| match e {
                EvalError::Failed { .. } => EvalError::Failed {
                    row: rows.position(0),
                },
                other => other,
            })?;
            Ok(Column::constant(result.take(&[0])?, rows.len()))
        }
        // Looking through a dictionary far larger than the batch costs more than its rows.
        Data::Dictionary { values, .. } if values.len() > VALUES_PER_ROW * column.len() => {
            f(&column.flatten(), rows)
        }
        Data::Dictionary { codes, values } => {
            // Values no active row uses must not be evaluated: they may raise.
            let mut first_row = vec![u32::MAX; values.len()];
            let validity = column.validity();
            rows.for_each(|row| {
                if validity.is_none_or(|v| v.is_valid(row)) {
                    let first = &mut first_row[codes[row] as usize];
                    if *first == u32::MAX {
                        *first = row as u32;
                    }
                }
            });
            let used = Selection::all(values.len()).filter(|v| first_row[v] != u32::MAX);
            if used.count() * 2 > rows.count() {
                return f(&column.flatten(), rows);
            }
            let result = f(values, &used).map_err(|e| match e {
                EvalError::Failed { row } => EvalError::Failed {
                    row: first_row[row] as usize,
                },
                other => other,
            })?;
            spread(&result, codes, values, column, output)
        }
    }
}

/// Results per dictionary value, brought back to the rows.
fn spread(
    result: &Column,
    codes: &ScalarBuffer<u32>,
    values: &Arc<Column>,
    column: &Column,
    output: &SparkType,
) -> Result<Column, EvalError> {
    let result = result.flatten();
    let has_values = !values.is_empty();
    if has_values && !result.has_nulls() && matches!(result.as_flat(), Some(Values::Bytes(_))) {
        let result = result.with_type(output.clone());
        return Ok(Column::dictionary(
            codes.clone(),
            Arc::new(result),
            column.validity().cloned(),
        ));
    }
    if !has_values {
        return Ok(Column::nulls(output.clone(), codes.len()));
    }
    let last = values.len() as u32 - 1;
    // Codes at NULL rows are unspecified.
    let safe: Vec<u32> = codes.iter().map(|&c| c.min(last)).collect();
    let taken = result.take(&safe)?;
    let validity = NullBuffer::union(taken.validity(), column.validity());
    let flat = taken.as_flat().cloned().unwrap_or(Values::Null);
    Ok(Column::flat(output.clone(), codes.len(), flat, validity))
}
