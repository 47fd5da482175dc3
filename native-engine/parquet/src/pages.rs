//! Which rows of a row group may pass, by the page index: bounds of each page, and where it is.
//!
//! Pages of different columns hold different rows, so what is left of a row group are ranges of
//! rows. A page index that contradicts itself or the footer is no index.

use std::ops::Range;
use std::sync::Arc;

use arclight_operators::RuntimeFilter;
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::page_index::column_index::{ByteArrayColumnIndex, ColumnIndexMetaData};
use parquet::file::page_index::offset_index::{OffsetIndexMetaData, PageLocation};
use parquet::file::statistics::{Statistics, ValueStatistics};

use crate::footer::Footer;
use crate::pruning::{Leaf, Place, Pruning, PruningTerm, place};
use crate::ranges::{append, intersect};
use crate::resolve::Resolution;
use crate::source::FileReader;

/// The most bytes that bounds, or places, of a row group's pages may lie apart.
const MOST_BYTES: i64 = 16 << 20;

/// The page index of a row group.
#[derive(Debug)]
pub(crate) struct PageIndex {
    /// By leaf; `NONE` where nobody asks.
    bounds: Vec<ColumnIndexMetaData>,
    /// By leaf.
    places: Vec<OffsetIndexMetaData>,
}

/// What asks for rows: terms of the scan's filter, and filters of joins with their columns.
pub(crate) struct Wanted<'a> {
    pub(crate) pruning: Option<&'a Pruning>,
    pub(crate) filters: &'a [(usize, Arc<RuntimeFilter>)],
}

impl Wanted<'_> {
    fn columns(&self) -> impl Iterator<Item = usize> {
        let terms = self.pruning.map_or(&[][..], |p| &p.terms);
        let terms = terms.iter().map(PruningTerm::column);
        terms.chain(self.filters.iter().map(|(column, _)| *column))
    }
}

impl PageIndex {
    /// Reads the page index of a row group, the bounds only of what is wanted. `None` if there is
    /// none, or none of use.
    pub(crate) fn read(
        wanted: &Wanted<'_>,
        resolution: &Resolution,
        footer: &Footer,
        row_group: &RowGroupMetaData,
        reader: &FileReader,
    ) -> Option<PageIndex> {
        let mut leaves: Vec<usize> = wanted
            .columns()
            .filter_map(|column| match place(column, resolution, row_group) {
                Place::Leaf(leaf) => Some(leaf),
                _ => None,
            })
            .filter(|leaf| leaf.chunk.column_index_offset().is_some())
            .map(|leaf| leaf.index)
            .collect();
        leaves.sort_unstable();
        leaves.dedup();
        let columns = row_group.columns();
        if leaves.is_empty() || columns.iter().any(|c| c.offset_index_offset().is_none()) {
            return None;
        }
        let columns = columns
            .iter()
            .enumerate()
            .map(|(leaf, column)| match leaves.binary_search(&leaf) {
                Ok(_) => Ok(column.clone()),
                Err(_) => {
                    let column = column.clone().into_builder();
                    column
                        .set_column_index_offset(None)
                        .set_column_index_length(None)
                        .build()
                }
            })
            .collect::<Result<Vec<_>>>()
            .ok()?;
        let builder = row_group.clone().into_builder();
        let row_group = builder.set_column_metadata(columns).build().ok()?;
        let file = footer.metadata.file_metadata().clone();
        let metadata = ParquetMetaData::new(file, vec![row_group]);
        // Writers put all row groups' bounds first, then all their places: each is read by itself.
        let metadata = read_part(metadata, reader, true)?;
        let metadata = read_part(metadata, reader, false)?;
        Some(PageIndex {
            bounds: metadata.column_index()?.first()?.clone(),
            places: metadata.offset_index()?.first()?.clone(),
        })
    }

    /// Where the pages of a chunk are.
    pub(crate) fn places(
        &self,
        leaf: usize,
        chunk: &ColumnChunkMetaData,
        rows: u64,
    ) -> Option<&[PageLocation]> {
        let places = self.places.get(leaf)?.page_locations();
        let chunk = byte_range(chunk);
        if places.first()?.first_row_index != 0 {
            return None;
        }
        let (mut end, mut row) = (chunk.start, -1);
        for place in places {
            let offset = u64::try_from(place.offset).ok()?;
            let size = u64::try_from(place.compressed_page_size).ok()?;
            if offset < end || size == 0 || place.first_row_index <= row {
                return None;
            }
            end = offset.checked_add(size)?;
            row = place.first_row_index;
        }
        (end <= chunk.end && u64::try_from(row).ok()? < rows).then_some(places)
    }

    /// The rows of the row group that may pass, ascending.
    pub(crate) fn rows(
        &self,
        wanted: &Wanted<'_>,
        resolution: &Resolution,
        footer: &Footer,
        row_group: &RowGroupMetaData,
    ) -> Vec<Range<u64>> {
        let rows = row_group.num_rows().max(0) as u64;
        let mut left = Vec::from_iter((rows > 0).then_some(0..rows));
        let mut keep = |column: usize, may: &dyn Fn(&Leaf<'_>, &Statistics, u64) -> bool| {
            if let Place::Leaf(leaf) = place(column, resolution, row_group)
                && let Some(kept) = self.kept(&leaf, rows, |page, rows| may(&leaf, page, rows))
            {
                left = intersect(&left, &kept);
            }
        };
        for term in wanted.pruning.map_or(&[][..], |p| &p.terms) {
            keep(term.column(), &|leaf, page, rows| {
                leaf.may_match(term, footer, Some(page), Some(rows))
            });
        }
        for (column, filter) in wanted.filters {
            keep(*column, &|leaf, page, rows| {
                leaf.may_pass(filter, footer, Some(page), Some(rows))
            });
        }
        left
    }

    /// The rows of the pages that may hold one that passes.
    fn kept(
        &self,
        leaf: &Leaf<'_>,
        rows: u64,
        may: impl Fn(&Statistics, u64) -> bool,
    ) -> Option<Vec<Range<u64>>> {
        let places = self.places(leaf.index, leaf.chunk, rows)?;
        let bounds = self.bounds.get(leaf.index)?;
        if matches!(bounds, ColumnIndexMetaData::NONE) || bounds.num_pages() != places.len() as u64
        {
            return None;
        }
        let mut kept: Vec<Range<u64>> = Vec::new();
        for page in 0..places.len() {
            let range = page_rows(places, page, rows);
            let count = range.end - range.start;
            if page_statistics(bounds, page, count).is_none_or(|s| may(&s, count)) {
                append(&mut kept, range);
            }
        }
        Some(kept)
    }
}

/// Reads the bounds of pages or their places. `None` if that fails, or is so much that it can't be
/// right.
fn read_part(
    metadata: ParquetMetaData,
    reader: &FileReader,
    bounds: bool,
) -> Option<ParquetMetaData> {
    let columns = metadata.row_group(0).columns().iter();
    let parts = columns.filter_map(|c| match bounds {
        true => Some((c.column_index_offset()?, c.column_index_length()?)),
        false => Some((c.offset_index_offset()?, c.offset_index_length()?)),
    });
    let (start, end) = parts.fold((i64::MAX, 0), |(start, end), (offset, length)| {
        let stop = offset.saturating_add(length.into());
        (start.min(offset), end.max(stop))
    });
    if start < 0 || end.saturating_sub(start) > MOST_BYTES {
        return None;
    }
    let (of_bounds, of_places) = match bounds {
        true => (PageIndexPolicy::Optional, PageIndexPolicy::Skip),
        false => (PageIndexPolicy::Skip, PageIndexPolicy::Optional),
    };
    let mut indexes = ParquetMetaDataReader::new_with_metadata(metadata)
        .with_column_index_policy(of_bounds)
        .with_offset_index_policy(of_places);
    indexes.read_page_indexes(reader).ok()?;
    indexes.finish().ok()
}

/// The rows of a page.
pub(crate) fn page_rows(places: &[PageLocation], page: usize, rows: u64) -> Range<u64> {
    let end = places.get(page + 1).map(|p| p.first_row_index as u64);
    places[page].first_row_index as u64..end.unwrap_or(rows)
}

/// Where a column chunk's pages are in the file.
pub(crate) fn byte_range(chunk: &ColumnChunkMetaData) -> Range<u64> {
    let data = chunk.data_page_offset();
    let dictionary = chunk.dictionary_page_offset().filter(|&d| d > 0);
    let start = dictionary.map_or(data, |d| d.min(data)).max(0) as u64;
    start..start.saturating_add(chunk.compressed_size().max(0) as u64)
}

/// What the index says of a page of `rows` rows, in the form of a chunk's statistics.
fn page_statistics(index: &ColumnIndexMetaData, page: usize, rows: u64) -> Option<Statistics> {
    let nulls = match index.is_null_page(page) {
        true => Some(rows),
        false => index.null_count(page).and_then(|n| u64::try_from(n).ok()),
    };
    macro_rules! exact {
        ($index:expr, $statistics:ident) => {
            Statistics::$statistics(
                $index.min_value(page).copied(),
                $index.max_value(page).copied(),
                None,
                nulls,
                false,
            )
        };
    }
    // Bounds of byte strings may be shortened.
    let bytes = |index: &ByteArrayColumnIndex| {
        let value = |bytes: Option<&[u8]>| bytes.map(|b| ByteArray::from(b.to_vec()));
        (value(index.min_value(page)), value(index.max_value(page)))
    };
    Some(match index {
        ColumnIndexMetaData::NONE | ColumnIndexMetaData::INT96(_) => return None,
        ColumnIndexMetaData::BOOLEAN(index) => exact!(index, boolean),
        ColumnIndexMetaData::INT32(index) => exact!(index, int32),
        ColumnIndexMetaData::INT64(index) => exact!(index, int64),
        ColumnIndexMetaData::FLOAT(index) => exact!(index, float),
        ColumnIndexMetaData::DOUBLE(index) => exact!(index, double),
        ColumnIndexMetaData::BYTE_ARRAY(index) => {
            let (minimum, maximum) = bytes(index);
            Statistics::ByteArray(
                ValueStatistics::new(minimum, maximum, None, nulls, false)
                    .with_min_is_exact(false)
                    .with_max_is_exact(false),
            )
        }
        ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(index) => {
            let (minimum, maximum) = bytes(index);
            Statistics::FixedLenByteArray(
                ValueStatistics::new(
                    minimum.map(Into::into),
                    maximum.map(Into::into),
                    None,
                    nulls,
                    false,
                )
                .with_min_is_exact(false)
                .with_max_is_exact(false),
            )
        }
    })
}
