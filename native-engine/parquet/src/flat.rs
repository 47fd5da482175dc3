//! Decoding column chunks without nesting: plain numbers, numbers by dictionary, and the codes of
//! byte strings by dictionary. All else is left to arrow-rs.

use std::ops::Range;
use std::sync::Arc;

use arclight_columns::{BytesBuilder, Column, NullBuffer, SparkType};
use arrow_array::{ArrayRef, Float32Array, Float64Array, Int32Array, Int64Array};
use arrow_buffer::{BooleanBufferBuilder, ScalarBuffer};
use bytes::Bytes;
use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::column::page::{Page, PageReader};
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::serialized_reader::SerializedPageReader;

use crate::footer::is_dictionary_encoded;
use crate::page::{DataPage, PageValues, damaged};
use crate::ranges::count;
use crate::source::FileReader;

/// Rows decoded from a column chunk.
pub(crate) enum Decoded {
    /// Physical values.
    Array(ArrayRef),
    /// Byte strings by code.
    Codes(Column),
}

/// Reads a column chunk, rows at a time.
pub(crate) struct FlatReader {
    pages: SerializedPageReader<FileReader>,
    optional: bool,
    kind: Kind,
    page: Option<DataPage>,
    /// The row of the row group that is next.
    row: u64,
    /// Whether pages are found by the page index, which then must be right about their rows.
    located: bool,
    /// Codes of the values being decoded; kept for its memory.
    codes: Vec<u32>,
}

/// The physical type and the dictionary, if one was read.
enum Kind {
    Int32(Option<Vec<i32>>),
    Int64(Option<Vec<i64>>),
    Float(Option<Vec<f32>>),
    Double(Option<Vec<f64>>),
    Bytes(SparkType, Option<Arc<Column>>),
}

/// A number of a fixed width in plain encoding.
trait Plain: Copy + Default {
    const WIDTH: usize;
    fn append(bytes: &[u8], out: &mut Vec<Self>);
}

macro_rules! plain {
    ($($native:ty),*) => {$(
        impl Plain for $native {
            const WIDTH: usize = size_of::<$native>();
            fn append(bytes: &[u8], out: &mut Vec<Self>) {
                let (values, _) = bytes.as_chunks::<{ size_of::<$native>() }>();
                out.extend(values.iter().map(|&b| <$native>::from_le_bytes(b)));
            }
        }
    )*};
}

plain!(i32, i64, f32, f64);

impl FlatReader {
    /// A reader of `chunk`, a column at the root of the schema that is to become `data_type`;
    /// `None` if it is not of a kind decoded here. `bytes`: the column becomes byte strings.
    /// `places`: of its pages, to pass over some without a look at them.
    pub(crate) fn new(
        reader: &Arc<FileReader>,
        chunk: &ColumnChunkMetaData,
        rows: usize,
        data_type: &SparkType,
        bytes: bool,
        places: Option<&[PageLocation]>,
    ) -> Result<Option<FlatReader>> {
        let column = chunk.column_descr();
        if column.max_rep_level() > 0 || column.max_def_level() > 1 {
            return Ok(None);
        }
        let kind = match chunk.column_type() {
            PhysicalType::INT32 => Kind::Int32(None),
            PhysicalType::INT64 => Kind::Int64(None),
            PhysicalType::FLOAT => Kind::Float(None),
            PhysicalType::DOUBLE => Kind::Double(None),
            PhysicalType::BYTE_ARRAY if bytes && is_dictionary_encoded(chunk) => {
                Kind::Bytes(data_type.clone(), None)
            }
            _ => return Ok(None),
        };
        #[allow(deprecated)]
        let known = chunk.encodings().all(|e| {
            matches!(
                e,
                Encoding::PLAIN
                    | Encoding::RLE
                    | Encoding::BIT_PACKED
                    | Encoding::PLAIN_DICTIONARY
                    | Encoding::RLE_DICTIONARY
            )
        });
        if !known {
            return Ok(None);
        }
        let pages =
            SerializedPageReader::new(Arc::clone(reader), chunk, rows, places.map(Vec::from))?;
        Ok(Some(FlatReader {
            pages,
            optional: column.max_def_level() == 1,
            kind,
            page: None,
            row: 0,
            located: places.is_some(),
            codes: Vec::new(),
        }))
    }

    /// The rows of ascending ranges, none before those read last. Fails if the chunk ends before.
    pub(crate) fn read(&mut self, rows: &[Range<u64>]) -> Result<Decoded> {
        let mut kind = std::mem::replace(&mut self.kind, Kind::Int32(None));
        let decoded = self.read_kind(rows, &mut kind);
        self.kind = kind;
        decoded
    }

    fn read_kind(&mut self, rows: &[Range<u64>], kind: &mut Kind) -> Result<Decoded> {
        macro_rules! numbers {
            ($dictionary:expr, $array:ident) => {{
                let (values, nulls) = self.read_numbers(rows, $dictionary)?;
                Ok(Decoded::Array(Arc::new($array::new(
                    ScalarBuffer::from(values),
                    nulls,
                ))))
            }};
        }
        match kind {
            Kind::Int32(dictionary) => numbers!(dictionary, Int32Array),
            Kind::Int64(dictionary) => numbers!(dictionary, Int64Array),
            Kind::Float(dictionary) => numbers!(dictionary, Float32Array),
            Kind::Double(dictionary) => numbers!(dictionary, Float64Array),
            Kind::Bytes(data_type, dictionary) => {
                let column = self.read_codes(rows, data_type, dictionary)?;
                Ok(Decoded::Codes(column))
            }
        }
    }

    fn read_numbers<T: Plain>(
        &mut self,
        ranges: &[Range<u64>],
        dictionary: &mut Option<Vec<T>>,
    ) -> Result<(Vec<T>, Option<NullBuffer>)> {
        let rows = count(ranges) as usize;
        let mut out: Vec<T> = Vec::with_capacity(rows);
        let mut validity = self.validity(rows);
        for range in ranges {
            let mut load = |bytes: Bytes, count| load_numbers(dictionary, &bytes, count);
            self.skip_to(range.start, T::WIDTH, &mut load)?;
            let end = out.len() + (range.end - range.start) as usize;
            while out.len() < end {
                self.need_page(&mut |bytes, count| load_numbers(dictionary, &bytes, count))?;
                let Some(page) = self.page.as_mut() else {
                    return Err(damaged("a column chunk lacks rows"));
                };
                let (start, taken) = (out.len(), page.rows_left.min(end - out.len()));
                let valid = page.levels.read(taken, validity.as_mut())?;
                match &mut page.values {
                    PageValues::Plain(bytes) => {
                        if bytes.len() < valid * T::WIDTH {
                            return Err(damaged("a page lacks values"));
                        }
                        T::append(&bytes.split_to(valid * T::WIDTH), &mut out);
                    }
                    PageValues::Codes(codes) => {
                        self.codes.clear();
                        codes.read(valid, &mut self.codes)?;
                        let dictionary = dictionary.as_deref().unwrap_or_default();
                        gather(&self.codes, dictionary, &mut out)?;
                    }
                }
                spread(&mut out, start, taken, valid, validity.as_ref());
                page.rows_left -= taken;
            }
            self.row = range.end;
        }
        Ok((out, finish(validity)))
    }

    fn read_codes(
        &mut self,
        ranges: &[Range<u64>],
        data_type: &SparkType,
        dictionary: &mut Option<Arc<Column>>,
    ) -> Result<Column> {
        let rows = count(ranges) as usize;
        let mut out: Vec<u32> = Vec::with_capacity(rows);
        let mut validity = self.validity(rows);
        let mut load = |bytes: Bytes, count| {
            if dictionary.is_some() {
                return Err(damaged("a column chunk has two dictionaries"));
            }
            *dictionary = Some(Arc::new(byte_strings(&bytes, count, data_type)?));
            Ok(())
        };
        for range in ranges {
            self.skip_to(range.start, 0, &mut load)?;
            let end = out.len() + (range.end - range.start) as usize;
            while out.len() < end {
                self.need_page(&mut load)?;
                let Some(page) = self.page.as_mut() else {
                    return Err(damaged("a column chunk lacks rows"));
                };
                let (start, taken) = (out.len(), page.rows_left.min(end - out.len()));
                let valid = page.levels.read(taken, validity.as_mut())?;
                let PageValues::Codes(codes) = &mut page.values else {
                    return Err(damaged(
                        "a page is not dictionary-encoded as its footer says",
                    ));
                };
                codes.read(valid, &mut out)?;
                // At NULL rows, too, there are codes that were read.
                spread(&mut out, start, taken, valid, validity.as_ref());
                page.rows_left -= taken;
            }
            self.row = range.end;
        }
        let validity = finish(validity);
        match dictionary {
            Some(values) if !values.is_empty() => {
                check_codes(&out, values.len())?;
                Ok(Column::dictionary(out.into(), Arc::clone(values), validity))
            }
            _ if validity.as_ref().map_or(0, NullBuffer::null_count) == rows => {
                Ok(Column::nulls(data_type.clone(), rows))
            }
            _ => Err(damaged("a dictionary code is out of bounds")),
        }
    }

    /// Passes over the rows before `row`, over whole pages without decompressing them. `width` is
    /// that of a plain value in bytes, `load` as in [`FlatReader::need_page`].
    fn skip_to(&mut self, row: u64, width: usize, load: Load<'_>) -> Result<()> {
        let lacks = || damaged("a column chunk lacks rows");
        while self.row < row {
            let left = usize::try_from(row - self.row).map_err(|_| lacks())?;
            if let Some(page) = self.page.as_mut().filter(|p| p.rows_left > 0) {
                let skipped = left.min(page.rows_left);
                page.skip(skipped, width)?;
                self.row += skipped as u64;
                continue;
            }
            let next = self.pages.peek_next_page()?.ok_or_else(lacks)?;
            match next.num_levels.or(next.num_rows) {
                Some(rows) if rows <= left && !next.is_dict => {
                    self.page = None;
                    self.pages.skip_next_page()?;
                    self.row += rows as u64;
                }
                _ => self.need_page(load)?,
            }
        }
        Ok(())
    }

    fn validity(&self, rows: usize) -> Option<BooleanBufferBuilder> {
        self.optional.then(|| BooleanBufferBuilder::new(rows))
    }

    /// Makes the current page one with rows left, if there is one. `load` is given a dictionary
    /// page's plain values and their number.
    fn need_page(&mut self, load: Load<'_>) -> Result<()> {
        while self.page.as_ref().is_none_or(|p| p.rows_left == 0) {
            let expected = match self.located {
                true => self.pages.peek_next_page()?.and_then(|next| next.num_rows),
                false => None,
            };
            self.page = match self.pages.get_next_page()? {
                None => None,
                Some(Page::DictionaryPage {
                    buf, num_values, ..
                }) => {
                    load(buf, num_values as usize)?;
                    continue;
                }
                Some(page) => DataPage::of(page, self.optional)?,
            };
            match &self.page {
                None => return Ok(()),
                Some(page) if expected.is_some_and(|rows| rows != page.rows_left) => {
                    return Err(damaged("the page index is wrong about a page's rows"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// What takes in a dictionary page's plain values and their number.
type Load<'a> = &'a mut dyn FnMut(Bytes, usize) -> Result<()>;

fn load_numbers<T: Plain>(
    dictionary: &mut Option<Vec<T>>,
    bytes: &[u8],
    count: usize,
) -> Result<()> {
    if dictionary.is_some() {
        return Err(damaged("a column chunk has two dictionaries"));
    }
    let bytes = count.checked_mul(T::WIDTH).and_then(|l| bytes.get(..l));
    let mut values = Vec::with_capacity(count);
    T::append(
        bytes.ok_or_else(|| damaged("a dictionary is too short"))?,
        &mut values,
    );
    *dictionary = Some(values);
    Ok(())
}

fn finish(validity: Option<BooleanBufferBuilder>) -> Option<NullBuffer> {
    let nulls = NullBuffer::new(validity?.finish());
    (nulls.null_count() > 0).then_some(nulls)
}

fn check_codes(codes: &[u32], values: usize) -> Result<()> {
    // Without an early exit, and in 32 bits, it vectorises well.
    let values = u32::try_from(values).unwrap_or(u32::MAX);
    let inside = codes.iter().fold(true, |inside, &c| inside & (c < values));
    if inside {
        Ok(())
    } else {
        Err(damaged("a dictionary code is out of bounds"))
    }
}

fn gather<T: Plain>(codes: &[u32], dictionary: &[T], out: &mut Vec<T>) -> Result<()> {
    check_codes(codes, dictionary.len())?;
    out.extend(codes.iter().map(|&code| {
        // SAFETY: all codes were just checked to be below the dictionary's length.
        unsafe { *dictionary.get_unchecked(code as usize) }
    }));
    Ok(())
}

/// Moves the `valid` values that begin at `start` to the rows that are not NULL among the last
/// `rows` rows of `validity`. What stays at NULL rows is any of the values, or the default.
fn spread<T: Copy + Default>(
    out: &mut Vec<T>,
    start: usize,
    rows: usize,
    valid: usize,
    validity: Option<&BooleanBufferBuilder>,
) {
    let Some(validity) = validity.filter(|_| valid < rows) else {
        return;
    };
    out.resize(start + rows, T::default());
    let first = validity.len() - rows;
    let mut next = valid;
    for row in (0..rows).rev() {
        if next == row + 1 {
            // All rows before are valid, and in place.
            break;
        }
        if validity.get_bit(first + row) {
            next -= 1;
            out[start + row] = out[start + next];
        }
    }
}

/// A dictionary of byte strings: each has its length before it.
fn byte_strings(bytes: &[u8], count: usize, data_type: &SparkType) -> Result<Column> {
    let mut builder = BytesBuilder::with_capacity(count.min(bytes.len() / 4));
    let mut rest = bytes;
    for _ in 0..count {
        let value = rest.split_first_chunk::<4>().and_then(|(length, tail)| {
            let length = u32::from_le_bytes(*length) as usize;
            tail.split_at_checked(length)
        });
        let (value, tail) = value.ok_or_else(|| damaged("a dictionary is too short"))?;
        builder.push(value);
        rest = tail;
    }
    Ok(Column::bytes(data_type.clone(), builder.finish(), None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Levels;
    use proptest::prelude::*;

    proptest! {
        /// Bit-packed levels, read in portions, say what was packed; values go where they say.
        #[test]
        fn old_levels_and_spreading(
            valid in prop::collection::vec(any::<bool>(), 1..100),
            portion in 1_usize..40,
        ) {
            let mut packed = vec![0_u8; valid.len().div_ceil(8)];
            for (row, _) in valid.iter().enumerate().filter(|(_, v)| **v) {
                packed[row / 8] |= 0x80 >> (row % 8);
            }
            let mut levels = Levels::BitPacked(packed.into(), 0);
            let mut bits = BooleanBufferBuilder::new(0);
            let mut out: Vec<u32> = Vec::new();
            while out.len() < valid.len() {
                let start = out.len();
                let rows = portion.min(valid.len() - start);
                let set = levels.read(rows, Some(&mut bits)).unwrap();
                // The values are the numbers of their rows.
                out.extend((start..start + rows).filter(|&r| valid[r]).map(|r| r as u32));
                prop_assert_eq!(out.len(), start + set);
                spread(&mut out, start, rows, set, Some(&bits));
                prop_assert_eq!(out.len(), start + rows);
            }
            for (row, _) in valid.iter().enumerate().filter(|(_, v)| **v) {
                prop_assert_eq!(out[row], row as u32);
            }
            prop_assert_eq!(bits.finish().iter().collect::<Vec<_>>(), valid);
            prop_assert!(levels.read(8, Some(&mut bits)).is_err());
        }
    }

    #[test]
    fn codes_are_checked() {
        let mut out: Vec<i64> = Vec::new();
        assert!(gather(&[0, 2], &[7, 8], &mut out).is_err());
        assert!(gather(&[0], &[], &mut out).is_err());
        gather(&[1, 0, 1], &[7, 8], &mut out).unwrap();
        assert_eq!(out, [8, 7, 8]);
    }

    #[test]
    fn dictionaries_are_checked() {
        let bytes = [1, 0, 0, 0, b'a', 0, 0, 0, 0];
        let column = byte_strings(&bytes, 2, &SparkType::String).unwrap();
        assert_eq!(column.bytes_value(0), Some(&b"a"[..]));
        assert_eq!(column.bytes_value(1), Some(&b""[..]));
        assert!(byte_strings(&bytes, 3, &SparkType::String).is_err());
        assert!(byte_strings(&[9, 0, 0, 0, b'a'], 1, &SparkType::String).is_err());
    }
}
