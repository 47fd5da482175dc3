//! Reading one row group: flat columns by our decoders, the others by arrow-rs.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;

use crate::flat::{Decoded, FlatReader};
use crate::footer::Footer;
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
    next_row: u64,
    end_row: u64,
}

impl RowGroupReader {
    /// Prepares to read a row group, in batches of at most `batch_size`.
    pub(crate) fn new(
        source: &Arc<FileSource>,
        footer: &Footer,
        resolution: &Resolution,
        row_group: &RowGroup,
        batch_size: usize,
    ) -> Result<Self> {
        let metadata = footer.metadata.row_group(row_group.index);
        let rows = metadata.num_rows().max(0) as u64;
        let reader = Arc::new(FileReader(Arc::clone(source)));
        let chunks = resolution
            .leaves
            .iter()
            .map(|&l| byte_range(metadata.column(l)));
        source.set_chunks(chunks);
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
            let chunk = metadata.column(*leaf);
            let bytes = *conversion == Conversion::Bytes;
            flat[*root] = FlatReader::new(&reader, chunk, rows as usize, &node.data_type, bytes)?;
            if flat[*root].is_some() {
                others.retain(|l| l != leaf);
            }
        }
        let others = if others.is_empty() {
            None
        } else {
            let mask = ProjectionMask::leaves(
                footer.metadata.file_metadata().schema_descr(),
                others.iter().copied(),
            );
            let settings = reader_settings(footer)?;
            let reader = FileReader(Arc::clone(source));
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(reader, settings)
                .with_batch_size(batch_size)
                .with_row_groups(vec![row_group.index])
                .with_projection(mask);
            Some(builder.build()?)
        };
        Ok(RowGroupReader {
            flat,
            others,
            next_row: row_group.first_row,
            end_row: row_group.first_row + rows,
        })
    }

    /// The position in the file of the next row.
    pub(crate) fn next_row(&self) -> u64 {
        self.next_row
    }

    /// Rows not read yet.
    pub(crate) fn rows_left(&self) -> u64 {
        self.end_row - self.next_row
    }

    /// Reads the next `rows` rows, which must be a whole batch or all that are left. What it gives
    /// is by position among the roots that are read.
    pub(crate) fn read(&mut self, rows: usize) -> Result<Vec<Option<Decoded>>> {
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
        let decoded = self.flat.iter_mut().map(|reader| match reader {
            Some(reader) => reader.read(rows).map(Some),
            None => Ok(others.next().map(Decoded::Array)),
        });
        let decoded = decoded.collect::<Result<Vec<_>>>()?;
        self.next_row += rows as u64;
        Ok(decoded)
    }
}

/// Where a column chunk's pages are in the file.
fn byte_range(chunk: &ColumnChunkMetaData) -> std::ops::Range<u64> {
    let data = chunk.data_page_offset();
    let dictionary = chunk.dictionary_page_offset().filter(|&d| d > 0);
    let start = dictionary.map_or(data, |d| d.min(data)).max(0) as u64;
    start..start.saturating_add(chunk.compressed_size().max(0) as u64)
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
