//! Reading one row group: flat columns by our decoders, the others by arrow-rs.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::page_index::offset_index::PageLocation;

use crate::flat::{Decoded, FlatReader};
use crate::footer::Footer;
use crate::pages::{PageIndex, byte_range, page_rows};
use crate::ranges::{append, count};
use crate::resolve::{Conversion, FileColumn, NodeKind, Resolution};
use crate::source::{FileReader, FileSource};

/// A row group of a file and the position of its first row.
pub(crate) struct RowGroup {
    pub(crate) index: usize,
    pub(crate) first_row: u64,
}

/// Reads the columns of a resolution.
pub(crate) struct RowGroupReader {
    /// By position among the roots that are read; `None` is for arrow-rs.
    flat: Vec<Option<FlatReader>>,
    /// Absent if nothing is left to it.
    others: Option<ParquetRecordBatchReader>,
    /// The position in the file of the first row.
    first_row: u64,
    /// The rows to read that were not handed out yet, ascending.
    rows: VecDeque<Range<u64>>,
    /// Bytes of the pages to read.
    bytes: u64,
}

impl RowGroupReader {
    /// Prepares to read `rows` of a row group, in batches of at most `batch_size`. With a page
    /// index, pages that are not needed are not looked at.
    pub(crate) fn new(
        source: &Arc<FileSource>,
        footer: &Footer,
        resolution: &Resolution,
        row_group: &RowGroup,
        (rows, index): (Vec<Range<u64>>, Option<&PageIndex>),
        batch_size: usize,
    ) -> Result<Self> {
        let metadata = footer.metadata.row_group(row_group.index);
        let all = metadata.num_rows().max(0) as u64;
        let whole = rows.first() == Some(&(0..all));
        let index = index.filter(|_| !whole);
        let places = |leaf: usize| index.and_then(|i| i.places(leaf, metadata.column(leaf), all));
        let reader = Arc::new(FileReader(Arc::clone(source)));
        let mut flat: Vec<Option<FlatReader>> = Vec::new();
        let mut others = resolution.leaves.clone();
        for column in &resolution.columns {
            let FileColumn::Read(root, node) = column else {
                continue;
            };
            flat.resize_with(flat.len().max(root + 1), || None);
            let NodeKind::Leaf { leaf, conversion } = &node.kind else {
                continue;
            };
            if flat[*root].is_some() || *conversion == Conversion::Null {
                continue;
            }
            flat[*root] = FlatReader::new(
                &reader,
                metadata.column(*leaf),
                all as usize,
                &node.data_type,
                *conversion == Conversion::Bytes,
                places(*leaf),
            )?;
            if flat[*root].is_some() {
                others.retain(|l| l != leaf);
            }
        }
        let chunks: Vec<Vec<Range<u64>>> = resolution
            .leaves
            .iter()
            .map(|leaf| {
                let chunk = byte_range(metadata.column(*leaf));
                match places(*leaf) {
                    // arrow-rs looks at the header of every page.
                    Some(places) if !others.contains(leaf) => {
                        byte_ranges(chunk, places, &rows, all)
                    }
                    _ => Vec::from_iter(Some(chunk)),
                }
            })
            .collect();
        let bytes = chunks.iter().map(|parts| count(parts)).sum();
        source.set_chunks(chunks);
        let others = if others.is_empty() {
            None
        } else {
            let mask = ProjectionMask::leaves(
                footer.metadata.file_metadata().schema_descr(),
                others.iter().copied(),
            );
            let settings = reader_settings(footer)?;
            let reader = FileReader(Arc::clone(source));
            let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(reader, settings)
                .with_batch_size(batch_size)
                .with_row_groups(vec![row_group.index])
                .with_projection(mask);
            if !whole {
                let rows = rows.iter().map(|r| r.start as usize..r.end as usize);
                let selection = RowSelection::from_consecutive_ranges(rows, all as usize);
                builder = builder.with_row_selection(selection);
            }
            Some(builder.build()?)
        };
        Ok(RowGroupReader {
            flat,
            others,
            first_row: row_group.first_row,
            rows: rows.into(),
            bytes,
        })
    }

    /// The position in the file of the row group's first row.
    pub(crate) fn first_row(&self) -> u64 {
        self.first_row
    }

    /// Bytes of the pages to read.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next `most` rows of the row group, or all that are left.
    pub(crate) fn next_rows(&mut self, most: usize) -> Vec<Range<u64>> {
        let mut wanted = most as u64;
        let mut taken = Vec::new();
        while wanted > 0
            && let Some(range) = self.rows.front_mut()
        {
            let end = range.end.min(range.start + wanted);
            wanted -= end - range.start;
            taken.push(range.start..end);
            range.start = end;
            if range.is_empty() {
                self.rows.pop_front();
            }
        }
        taken
    }

    /// Reads rows of a column by its position among the roots that are read; `None` if arrow-rs
    /// reads it. Rows come in ascending order, but not all need be read.
    pub(crate) fn read_flat(
        &mut self,
        root: usize,
        rows: &[Range<u64>],
    ) -> Result<Option<Decoded>> {
        let reader = self.flat.get_mut(root).and_then(Option::as_mut);
        reader.map(|reader| reader.read(rows)).transpose()
    }

    /// Reads what arrow-rs reads of the `rows` rows that were handed out last; by position among
    /// the roots that are read.
    pub(crate) fn read_others(&mut self, rows: usize) -> Result<Vec<Option<Decoded>>> {
        let mut others = match self.others.as_mut() {
            None => Vec::new(),
            Some(reader) => {
                let batch = reader.next().transpose().map_err(ParquetError::from)?;
                let batch = batch.filter(|b| b.num_rows() == rows);
                let lacking = || ParquetError::General("a row group lacks rows".to_string());
                batch.ok_or_else(lacking)?.columns().to_vec()
            }
        }
        .into_iter();
        let decoded = self.flat.iter().map(|reader| match reader {
            Some(_) => None,
            None => others.next().map(Decoded::Array),
        });
        Ok(decoded.collect())
    }
}

/// Where the pages are that hold some of `rows`, which are ascending, and the dictionary before them.
fn byte_ranges(
    chunk: Range<u64>,
    places: &[PageLocation],
    rows: &[Range<u64>],
    all: u64,
) -> Vec<Range<u64>> {
    let first = places.first().map_or(chunk.end, |p| p.offset as u64);
    let mut ranges = Vec::from_iter(Some(chunk.start..first));
    let mut wanted = rows.iter().peekable();
    for (page, place) in places.iter().enumerate() {
        let held = page_rows(places, page, all);
        while wanted.next_if(|r| r.end <= held.start).is_some() {}
        if wanted.peek().is_some_and(|r| r.start < held.end) {
            let start = place.offset as u64;
            let end = start + place.compressed_page_size as u64;
            append(&mut ranges, start..end);
        }
    }
    ranges
}

/// The arrow schema to read by: physical types, byte strings as views.
fn reader_settings(footer: &Footer) -> Result<ArrowReaderMetadata> {
    let fields: Fields = footer.arrow.fields().iter().map(read_as).collect();
    let metadata = footer.arrow.metadata().clone();
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    let options = ArrowReaderOptions::new().with_schema(schema);
    ArrowReaderMetadata::try_new(Arc::clone(&footer.metadata), options)
}

fn read_as(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Binary => DataType::BinaryView,
        // INT96; nanoseconds would overflow.
        DataType::Timestamp(..) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(read_as).collect()),
        DataType::List(element) => DataType::List(read_as(element)),
        DataType::Map(entries, sorted) => DataType::Map(read_as(entries), *sorted),
        _ => return Arc::clone(field),
    };
    let field: Field = field.as_ref().clone().with_data_type(data_type);
    Arc::new(field)
}
