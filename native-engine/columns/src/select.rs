//! Moving rows: take, slice, flatten, concatenate.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BinaryViewArray, UInt32Array};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};

use crate::ColumnError;
use crate::column::{Column, Data, FixedWidth, Values};
use crate::types::SparkType;

fn gather<T: FixedWidth>(values: &ScalarBuffer<T>, rows: &[u32]) -> Values {
    let values = &values[..];
    T::wrap(ScalarBuffer::from(
        rows.iter().map(|&r| values[r as usize]).collect::<Vec<T>>(),
    ))
}

fn gather_bits(bits: &BooleanBuffer, rows: &[u32]) -> BooleanBuffer {
    BooleanBuffer::collect_bool(rows.len(), |i| bits.value(rows[i] as usize))
}

/// Gathers views, not bytes: the buffers are shared as a whole, however many there are.
fn gather_views(views: &BinaryViewArray, rows: &[u32]) -> BinaryViewArray {
    let (views, buffers, _) = views.clone().into_parts();
    let taken: Vec<u128> = rows.iter().map(|&r| views[r as usize]).collect();
    // SAFETY: every view comes from a valid array with these buffers, and there are no NULLs.
    unsafe { BinaryViewArray::new_unchecked(taken.into(), buffers, None) }
}

/// Takes the same rows of several columns. Dictionary columns with the same codes have the same
/// codes afterwards.
pub struct Taker<'a> {
    rows: &'a [u32],
    /// Codes, and those of them that were taken.
    codes: Vec<(ScalarBuffer<u32>, ScalarBuffer<u32>)>,
}

impl<'a> Taker<'a> {
    /// Takes the rows at `rows`, in that order (positions may repeat).
    pub fn new(rows: &'a [u32]) -> Self {
        Taker {
            rows,
            codes: Vec::new(),
        }
    }

    /// The rows of a column, which has all of them. Keeps dictionaries and constants.
    pub fn take(&mut self, column: &Column) -> Result<Column, ColumnError> {
        let Data::Dictionary { codes, values } = column.data() else {
            return column.take(self.rows);
        };
        let known = self.codes.iter().find(|(all, _)| all.ptr_eq(codes));
        let taken = match known {
            Some((_, taken)) => taken.clone(),
            None => {
                let taken = gather_codes(codes, self.rows);
                self.codes.push((codes.clone(), taken.clone()));
                taken
            }
        };
        let validity = gather_validity(column, self.rows);
        Ok(Column::dictionary(taken, Arc::clone(values), validity))
    }
}

fn gather_codes(codes: &[u32], rows: &[u32]) -> ScalarBuffer<u32> {
    rows.iter().map(|&r| codes[r as usize]).collect()
}

fn gather_validity(column: &Column, rows: &[u32]) -> Option<NullBuffer> {
    let valid = column.validity()?;
    Some(NullBuffer::new(gather_bits(valid.inner(), rows)))
}

impl Column {
    /// The rows at `rows`, in that order (positions may repeat). Keeps dictionaries and constants.
    pub fn take(&self, rows: &[u32]) -> Result<Column, ColumnError> {
        let validity = gather_validity(self, rows);
        let values = match self.data() {
            Data::Constant(value) => {
                return Ok(Column::constant(value.as_ref().clone(), rows.len()));
            }
            Data::Dictionary { codes, values } => {
                let codes = gather_codes(codes, rows);
                return Ok(Column::dictionary(codes, Arc::clone(values), validity));
            }
            Data::Flat(values) => values,
        };
        let values = match values {
            Values::Null => Values::Null,
            Values::Boolean(v) => Values::Boolean(gather_bits(v, rows)),
            Values::Int8(v) => gather(v, rows),
            Values::Int16(v) => gather(v, rows),
            Values::Int32(v) => gather(v, rows),
            Values::Int64(v) => gather(v, rows),
            Values::Int128(v) => gather(v, rows),
            Values::Float32(v) => gather(v, rows),
            Values::Float64(v) => gather(v, rows),
            Values::Struct(children) => Values::Struct(
                children
                    .iter()
                    .map(|c| c.take(rows))
                    .collect::<Result<Vec<_>, _>>()?,
            ),
            Values::Bytes(v) => Values::Bytes(gather_views(v, rows)),
            Values::List { .. } => {
                let indices = UInt32Array::from(rows.to_vec());
                let taken = arrow_select::take::take(&self.to_array()?, &indices, None)?;
                return Column::from_array(&taken, self.data_type());
            }
        };
        Ok(Column::flat(
            self.data_type().clone(),
            rows.len(),
            values,
            validity,
        ))
    }

    /// The same column, NULL also where `valid` says not valid.
    pub fn masked(&self, valid: &NullBuffer) -> Column {
        if valid.null_count() == 0 || *self.data_type() == SparkType::Null {
            return self.clone();
        }
        let nulls = match self.data() {
            Data::Constant(value) if value.is_null(0) => return self.clone(),
            Data::Constant(_) => {
                let flat = self.flatten();
                let values = flat.as_flat().cloned().unwrap_or(Values::Null);
                let valid = Some(valid.clone());
                return Column::flat(self.data_type().clone(), self.len(), values, valid);
            }
            _ => NullBuffer::union(self.validity(), Some(valid)),
        };
        match self.data() {
            Data::Dictionary { codes, values } => {
                Column::dictionary(codes.clone(), Arc::clone(values), nulls)
            }
            Data::Flat(values) => {
                Column::flat(self.data_type().clone(), self.len(), values.clone(), nulls)
            }
            Data::Constant(_) => self.clone(),
        }
    }

    /// The same column, holding on to little more than its own rows: byte strings are copied out
    /// of buffers of which they use less than half, and dictionaries larger than the column are
    /// given up. For rows that are kept when their batch is not.
    pub fn detached(&self) -> Column {
        if let Data::Dictionary { values, .. } = self.data()
            && values.len() > self.len()
        {
            return self.flatten().detached();
        }
        let Some(Values::Bytes(views)) = self.as_flat() else {
            return self.clone();
        };
        let held: usize = views.data_buffers().iter().map(|b| b.len()).sum();
        let used: usize = views
            .lengths()
            .map(|length| if length > 12 { length as usize } else { 0 })
            .sum();
        if held <= 2 * used + 1024 {
            return self.clone();
        }
        let valid = self.validity().cloned();
        Column::bytes(self.data_type().clone(), views.gc(), valid)
    }

    /// `length` rows from `offset`, sharing the buffers.
    pub fn slice(&self, offset: usize, length: usize) -> Column {
        let validity = self.validity().map(|v| v.slice(offset, length));
        let values = match self.data() {
            Data::Constant(value) => return Column::constant(value.as_ref().clone(), length),
            Data::Dictionary { codes, values } => {
                let codes = codes.slice(offset, length);
                return Column::dictionary(codes, Arc::clone(values), validity);
            }
            Data::Flat(values) => values,
        };
        let values = match values {
            Values::Null => Values::Null,
            Values::Boolean(v) => Values::Boolean(v.slice(offset, length)),
            Values::Int8(v) => Values::Int8(v.slice(offset, length)),
            Values::Int16(v) => Values::Int16(v.slice(offset, length)),
            Values::Int32(v) => Values::Int32(v.slice(offset, length)),
            Values::Int64(v) => Values::Int64(v.slice(offset, length)),
            Values::Int128(v) => Values::Int128(v.slice(offset, length)),
            Values::Float32(v) => Values::Float32(v.slice(offset, length)),
            Values::Float64(v) => Values::Float64(v.slice(offset, length)),
            Values::Bytes(v) => Values::Bytes(v.slice(offset, length)),
            Values::Struct(children) => {
                Values::Struct(children.iter().map(|c| c.slice(offset, length)).collect())
            }
            Values::List { offsets, elements } => Values::List {
                offsets: offsets.slice(offset, length),
                elements: Arc::clone(elements),
            },
        };
        Column::flat(self.data_type().clone(), length, values, validity)
    }

    /// The same rows as a flat column.
    pub fn flatten(&self) -> Column {
        let (base, rows): (&Column, Vec<u32>) = match self.data() {
            Data::Flat(_) => return self.clone(),
            Data::Constant(value) => (value, vec![0; self.len()]),
            Data::Dictionary { values, .. } if values.is_empty() => {
                // Only NULLs: any value will do.
                let values = Column::default_values(self.data_type(), self.len());
                let validity = self.validity().cloned();
                return Column::flat(self.data_type().clone(), self.len(), values, validity);
            }
            Data::Dictionary { codes, values } => (values, codes.to_vec()),
        };
        // Taking from a flat column fails only if arrow's take does, which for in-bounds rows
        // means offsets beyond 2 GiB; views and fixed widths have none.
        match base.take(&rows) {
            Ok(taken) => match self.data() {
                Data::Dictionary { .. } => Column::flat(
                    self.data_type().clone(),
                    self.len(),
                    taken.as_flat().cloned().unwrap_or(Values::Null),
                    self.validity().cloned(),
                ),
                _ => taken,
            },
            Err(_) => Column::nulls(self.data_type().clone(), self.len()),
        }
    }

    /// The rows of all parts, one after the other. Parts that share one dictionary keep it.
    pub fn concat(data_type: &SparkType, parts: &[&Column]) -> Result<Column, ColumnError> {
        if let [only] = parts {
            return Ok((*only).clone());
        }
        if parts.is_empty() {
            let values = Column::default_values(data_type, 0);
            return Ok(Column::flat(data_type.clone(), 0, values, None));
        }
        if let Some(column) = concat_shared_dictionary(parts) {
            return Ok(column);
        }
        let arrays = parts
            .iter()
            .map(|c| c.to_array())
            .collect::<Result<Vec<ArrayRef>, ColumnError>>()?;
        let wide = arrays
            .iter()
            .any(|a| a.data_type() != arrays[0].data_type());
        let arrays = if wide { widen_all(parts)? } else { arrays };
        let arrays: Vec<&dyn Array> = arrays.iter().map(|a| a.as_ref()).collect();
        let array = arrow_select::concat::concat(&arrays)?;
        Column::from_array(&array, data_type)
    }

    /// A decimal column as 128-bit integers; others unchanged.
    pub fn widen(&self) -> Column {
        let flat = self.flatten();
        match flat.as_flat() {
            Some(Values::Int64(v)) if matches!(self.data_type(), SparkType::Decimal { .. }) => {
                let wide = v.iter().map(|&x| i128::from(x)).collect::<Vec<_>>();
                Column::fixed(self.data_type().clone(), wide, flat.validity().cloned())
            }
            _ => flat,
        }
    }
}

/// Decimals of one type may come in two widths; all become the wider.
fn widen_all(parts: &[&Column]) -> Result<Vec<ArrayRef>, ColumnError> {
    parts.iter().map(|c| c.widen().to_array()).collect()
}

fn concat_shared_dictionary(parts: &[&Column]) -> Option<Column> {
    let (_, first) = parts[0].as_dictionary()?;
    let mut codes = Vec::with_capacity(parts.iter().map(|p| p.len()).sum());
    for part in parts {
        let (part_codes, values) = part.as_dictionary()?;
        if !Arc::ptr_eq(first, values) {
            return None;
        }
        codes.extend_from_slice(part_codes);
    }
    let validity = parts.iter().any(|p| p.has_nulls()).then(|| {
        NullBuffer::from_iter(
            parts
                .iter()
                .flat_map(|p| (0..p.len()).map(|r| !p.is_null(r))),
        )
    });
    Some(Column::dictionary(
        codes.into(),
        Arc::clone(first),
        validity,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BinaryViewArray;

    fn strings(values: &[&str]) -> Column {
        let array = BinaryViewArray::from_iter_values(values.iter().map(|v| v.as_bytes()));
        Column::bytes(SparkType::String, array, None)
    }

    #[test]
    fn take_keeps_nulls_and_dictionaries() {
        let validity = Some(NullBuffer::from(vec![true, false, true]));
        let flat = Column::fixed(SparkType::Int, vec![1, 2, 3], validity.clone());
        let taken = flat.take(&[2, 1, 1]).unwrap();
        assert_eq!(taken.as_slice::<i32>().unwrap()[0], 3);
        assert!(!taken.is_null(0) && taken.is_null(1) && taken.is_null(2));

        let values = Arc::new(strings(&["a", "b"]));
        let dictionary = Column::dictionary(vec![1, 0, 1].into(), values, validity);
        let taken = dictionary.take(&[2, 1]).unwrap();
        assert_eq!(taken.bytes_value(0), Some(&b"b"[..]));
        assert!(taken.is_null(1));
        let flat = dictionary.flatten();
        assert_eq!(flat.as_bytes().unwrap().value(0), b"b");
        assert!(flat.is_null(1));
    }

    #[test]
    fn masks_every_layout() {
        let valid = NullBuffer::from(vec![true, false, true]);
        let own = Some(NullBuffer::from(vec![false, true, true]));
        let flat = Column::fixed(SparkType::Int, vec![1, 2, 3], own.clone());
        let values = Arc::new(strings(&["a", "b"]));
        let dictionary = Column::dictionary(vec![1, 0, 1].into(), values, own);
        for column in [flat, dictionary] {
            let masked = column.masked(&valid);
            assert!(masked.is_null(0) && masked.is_null(1) && !masked.is_null(2));
        }
        let masked = Column::constant(strings(&["x"]), 3).masked(&valid);
        assert!(!masked.is_null(0) && masked.is_null(1));
        assert_eq!(masked.bytes_value(2), Some(&b"x"[..]));
        let nulls = Column::nulls(SparkType::String, 3).masked(&valid);
        assert!((0..3).all(|row| nulls.is_null(row)));
    }

    #[test]
    fn detached_columns_keep_their_rows_only() {
        let long: Vec<String> = (0..1000)
            .map(|i| format!("a string beyond a view {i}"))
            .collect();
        let long: Vec<&str> = long.iter().map(String::as_str).collect();
        let all = strings(&long);
        let few = all.take(&[7, 3]).unwrap();
        assert!(few.memory_size() >= all.memory_size() - 16 * 1000);
        let detached = few.detached();
        assert!(detached.memory_size() < 200);
        assert_eq!(detached.bytes_value(1), Some(long[3].as_bytes()));
        assert_eq!(all.detached().memory_size(), all.memory_size());

        let codes = Column::dictionary(vec![9, 9].into(), Arc::new(all), None).detached();
        assert!(codes.memory_size() < 200);
        assert_eq!(codes.bytes_value(0), Some(long[9].as_bytes()));
    }

    #[test]
    fn concat_joins_layouts_and_widths() {
        let narrow = Column::fixed(SparkType::decimal(20, 2), vec![1i64], None);
        let wide = Column::fixed(SparkType::decimal(20, 2), vec![2i128], None);
        let joined = Column::concat(narrow.data_type(), &[&narrow, &wide]).unwrap();
        assert_eq!(joined.as_slice::<i128>().unwrap(), &[1, 2]);

        let constant = Column::constant(strings(&["x"]), 2);
        let joined = Column::concat(&SparkType::String, &[&strings(&["y"]), &constant]).unwrap();
        assert_eq!(joined.bytes_value(2), Some(&b"x"[..]));
        let nulls = Column::nulls(SparkType::String, 1);
        let joined = Column::concat(&SparkType::String, &[&joined, &nulls]).unwrap();
        assert!(joined.is_null(3) && !joined.is_null(2));
    }
}
