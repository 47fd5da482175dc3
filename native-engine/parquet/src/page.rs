//! A data page of a column chunk without nesting: which rows are not NULL, and the values of those.

use arrow_buffer::BooleanBufferBuilder;
use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::Page;
use parquet::errors::{ParquetError, Result};

use crate::hybrid::Hybrid;

/// A page that is being read.
pub(crate) struct DataPage {
    pub(crate) rows_left: usize,
    pub(crate) levels: Levels,
    pub(crate) values: PageValues,
}

/// Which rows of a page are not NULL.
pub(crate) enum Levels {
    /// All.
    Required,
    Hybrid(Hybrid),
    /// The deprecated encoding: bits from the most significant, and the next one's position.
    BitPacked(Bytes, usize),
}

/// The values of the rows that are not NULL.
pub(crate) enum PageValues {
    Plain(Bytes),
    Codes(Hybrid),
}

pub(crate) fn damaged(message: impl Into<String>) -> ParquetError {
    ParquetError::General(message.into())
}

impl DataPage {
    /// The data page of a column; `None` if it is a dictionary.
    pub(crate) fn of(page: Page, optional: bool) -> Result<Option<DataPage>> {
        let (rows, encoding, levels, values) = match page {
            Page::DictionaryPage { .. } => return Ok(None),
            Page::DataPage {
                mut buf,
                num_values,
                encoding,
                def_level_encoding,
                ..
            } => {
                let rows = num_values as usize;
                let levels = match optional {
                    true => levels_v1(&mut buf, rows, def_level_encoding)?,
                    false => Levels::Required,
                };
                (rows, encoding, levels, buf)
            }
            Page::DataPageV2 {
                mut buf,
                num_values,
                encoding,
                def_levels_byte_len,
                rep_levels_byte_len,
                ..
            } => {
                let repetitions = rep_levels_byte_len as usize;
                let definitions = def_levels_byte_len as usize;
                if buf.len() < repetitions.saturating_add(definitions) {
                    return Err(damaged("a page is shorter than its levels"));
                }
                let _ = buf.split_to(repetitions);
                let bits = buf.split_to(definitions);
                let levels = match optional {
                    true => Levels::Hybrid(Hybrid::new(bits, 1)?),
                    false => Levels::Required,
                };
                (num_values as usize, encoding, levels, buf)
            }
        };
        let values = match encoding {
            Encoding::PLAIN => PageValues::Plain(values),
            Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY => {
                // A page of NULLs only may have no values at all.
                let width = values.first().copied().unwrap_or(0);
                let codes = values.slice(values.len().min(1)..);
                PageValues::Codes(Hybrid::new(codes, width)?)
            }
            other => return Err(damaged(format!("a page is encoded as {other}"))),
        };
        Ok(Some(DataPage {
            rows_left: rows,
            levels,
            values,
        }))
    }

    /// Passes over `rows` rows, of those that are left; `width` is that of a plain value in bytes.
    pub(crate) fn skip(&mut self, rows: usize, width: usize) -> Result<()> {
        let valid = self.levels.skip(rows)?;
        match &mut self.values {
            PageValues::Plain(bytes) => {
                let skipped = valid.checked_mul(width).filter(|&s| s <= bytes.len());
                let _ = bytes.split_to(skipped.ok_or_else(|| damaged("a page lacks values"))?);
            }
            PageValues::Codes(codes) => codes.skip(valid)?,
        }
        self.rows_left -= rows;
        Ok(())
    }
}

/// Takes the definition levels off the front of a version 1 page of an optional column.
fn levels_v1(buf: &mut Bytes, rows: usize, encoding: Encoding) -> Result<Levels> {
    let short = || damaged("a page is shorter than its levels");
    #[allow(deprecated)]
    match encoding {
        Encoding::RLE => {
            let length = buf.first_chunk::<4>().ok_or_else(short)?;
            let length = u32::from_le_bytes(*length) as usize;
            let _ = buf.split_to(4);
            if buf.len() < length {
                return Err(short());
            }
            Ok(Levels::Hybrid(Hybrid::new(buf.split_to(length), 1)?))
        }
        Encoding::BIT_PACKED => {
            let length = rows.div_ceil(8);
            if buf.len() < length {
                return Err(short());
            }
            Ok(Levels::BitPacked(buf.split_to(length), 0))
        }
        other => Err(damaged(format!("levels are encoded as {other}"))),
    }
}

impl Levels {
    /// Reads which of the next `rows` rows are not NULL; gives their number.
    pub(crate) fn read(
        &mut self,
        rows: usize,
        out: Option<&mut BooleanBufferBuilder>,
    ) -> Result<usize> {
        let Some(out) = out else {
            return Ok(rows);
        };
        match self {
            Levels::Required => {
                out.append_n(rows, true);
                Ok(rows)
            }
            Levels::Hybrid(levels) => levels.read_bits(rows, out),
            Levels::BitPacked(bits, next) => {
                let mut set = 0;
                for bit in *next..*next + rows {
                    let byte = bits.get(bit / 8);
                    let byte = byte.ok_or_else(|| damaged("a page lacks levels"))?;
                    let valid = byte & (0x80 >> (bit % 8)) != 0;
                    out.append(valid);
                    set += usize::from(valid);
                }
                *next += rows;
                Ok(set)
            }
        }
    }

    /// Passes over the next `rows` rows; gives how many of them are not NULL.
    fn skip(&mut self, rows: usize) -> Result<usize> {
        match self {
            Levels::Required => Ok(rows),
            Levels::Hybrid(levels) => levels.skip_bits(rows),
            Levels::BitPacked(..) => {
                let mut passed = BooleanBufferBuilder::new(rows);
                self.read(rows, Some(&mut passed))
            }
        }
    }
}
