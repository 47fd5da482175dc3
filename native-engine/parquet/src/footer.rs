//! Footers: read once per file and process, with the schema reduced to physical types.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arclight_operators::EngineError;
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{ColumnOrder, ConvertedType, Encoding, Repetition, Type as PhysicalType};
use parquet::errors::Result;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataReader,
};
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, Type, TypePtr};

use crate::resolve::Annotation;
use crate::source::{FileReader, FileSource};

/// Footers kept by the process, and their bytes.
const CACHED_FOOTERS: usize = 256;
const CACHED_BYTES: usize = 64 << 20;

/// The bytes of a file's two magic numbers and of the length of its footer.
const SHORTEST_FILE: u64 = 12;

/// What a file ends with; the second one if its footer is encrypted.
const MAGICS: [[u8; 4]; 2] = [*b"PAR1", *b"PARE"];

/// A file's footer.
#[derive(Debug)]
pub(crate) struct Footer {
    /// The metadata, its schema reduced to physical types.
    pub(crate) metadata: Arc<ParquetMetaData>,
    /// The schema as it is in the file.
    pub(crate) schema: SchemaDescPtr,
    /// The arrow schema of the physical types.
    pub(crate) arrow: SchemaRef,
    /// How dates and timestamps were written.
    pub(crate) calendar: Calendar,
}

/// What the footer says of the calendars; `None`: it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Calendar {
    /// Whether dates and timestamps are in the hybrid calendar.
    pub(crate) legacy_datetime: Option<bool>,
    /// Whether INT96 timestamps are.
    pub(crate) legacy_int96: Option<bool>,
    /// The writer's time zone (`org.apache.spark.timeZone`).
    pub(crate) time_zone: Option<String>,
}

impl Footer {
    /// Reads the footer, or takes it from the process' cache if the local file is unchanged.
    pub(crate) fn read(source: &Arc<FileSource>, path: &str) -> Result<Arc<Footer>, EngineError> {
        let key = source.modified().map(|modified| Key {
            path: path.to_string(),
            length: source.length(),
            modified,
        });
        if let Some(footer) = key.as_ref().and_then(cached) {
            return Ok(footer);
        }
        let reader = FileReader(Arc::clone(source));
        let footer = ParquetMetaDataReader::new()
            .parse_and_finish(&reader)
            .and_then(Footer::new)
            .map_err(|e| match why_no_parquet(&reader, path) {
                Some(reason) => source.error(reason),
                None => source.error(e),
            })?;
        let footer = Arc::new(footer);
        if let Some(key) = key {
            remember(key, Arc::clone(&footer));
        }
        Ok(footer)
    }

    fn new(metadata: ParquetMetaData) -> Result<Footer> {
        let file = metadata.file_metadata();
        let calendar = Calendar::of(file);
        let schema = file.schema_descr_ptr();
        let physical = physical_type(&schema.root_schema_ptr(), None)?;
        let physical = FileMetaData::new(
            file.version(),
            file.num_rows(),
            file.created_by().map(str::to_string),
            file.key_value_metadata().cloned(),
            Arc::new(SchemaDescriptor::new(physical)),
            file.column_orders().cloned(),
        );
        let row_groups = metadata.into_builder().take_row_groups();
        let metadata = Arc::new(ParquetMetaData::new(physical, row_groups));
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let reader = ArrowReaderMetadata::try_new(Arc::clone(&metadata), options)?;
        Ok(Footer {
            arrow: Arc::clone(reader.schema()),
            metadata,
            schema,
            calendar,
        })
    }

    /// The order of a leaf's statistics; undefined if the file does not say.
    pub(crate) fn column_order(&self, leaf: usize) -> ColumnOrder {
        let orders = self.metadata.file_metadata().column_orders();
        let order = orders.and_then(|orders| orders.get(leaf));
        order.copied().unwrap_or(ColumnOrder::UNDEFINED)
    }

    /// What the file's schema says of a leaf beside its physical type.
    pub(crate) fn annotation(&self, leaf: usize) -> Annotation {
        Annotation::of(self.schema.column(leaf).self_type())
    }
}

impl Calendar {
    /// As `DataSourceUtils.getRebaseSpec` reads it.
    fn of(file: &FileMetaData) -> Calendar {
        let find = |key: &str| {
            let entries = file.key_value_metadata()?;
            entries.iter().find(|e| e.key == key)?.value.clone()
        };
        let Some(version) = find("org.apache.spark.version") else {
            return Calendar::default();
        };
        // Spark compares the versions as strings.
        let datetime = find("org.apache.spark.legacyDateTime").is_some();
        let int96 = find("org.apache.spark.legacyINT96").is_some();
        Calendar {
            legacy_datetime: Some(version.as_str() < "3.0.0" || datetime),
            legacy_int96: Some(version.as_str() < "3.1.0" || int96),
            time_zone: find("org.apache.spark.timeZone"),
        }
    }
}

/// Why a file is no Parquet file, if its end says so. With the words of parquet-mr's
/// `ParquetFileReader`.
fn why_no_parquet(reader: &FileReader, path: &str) -> Option<String> {
    let length = reader.len();
    if length < SHORTEST_FILE {
        return Some(format!(
            "{path} is not a Parquet file (length is too low: {length})"
        ));
    }
    let magic = reader.get_bytes(length - 4, 4).ok()?;
    (!MAGICS.iter().any(|known| magic == known[..])).then(|| {
        // Java's bytes have signs.
        let magic: Vec<i8> = magic.iter().map(|&byte| byte as i8).collect();
        format!("{path} is not a Parquet file. Expected magic number at tail, but found {magic:?}")
    })
}

/// The same type with leaves of plain physical types, so that arrow-rs converts nothing, and with
/// lists in today's layout, so that it sees the elements that Spark sees. Leaves and their levels
/// stay as they are. `repetition` is absent for the root.
fn physical_type(of: &TypePtr, repetition: Option<Repetition>) -> Result<TypePtr> {
    let info = of.get_basic_info();
    let id = info.has_id().then(|| info.id());
    let built = match of.as_ref() {
        Type::PrimitiveType {
            physical_type,
            type_length,
            ..
        } => {
            let length = match physical_type {
                PhysicalType::FIXED_LEN_BYTE_ARRAY => *type_length,
                _ => -1,
            };
            Type::primitive_type_builder(of.name(), *physical_type)
                .with_repetition(info.repetition())
                .with_length(length)
                .with_id(id)
                .build()?
        }
        Type::GroupType { fields, .. } => {
            let fields = match fields.as_slice() {
                [repeated] if is_group_element(of, repeated) => {
                    // A required group within the repeated one adds no level.
                    let element = physical_type(repeated, Some(Repetition::REQUIRED))?;
                    let entries = Type::group_type_builder("list")
                        .with_repetition(Repetition::REPEATED)
                        .with_fields(vec![element])
                        .build()?;
                    vec![Arc::new(entries)]
                }
                fields => fields
                    .iter()
                    .map(|f| physical_type(f, repetition_of(f)))
                    .collect::<Result<Vec<_>>>()?,
            };
            let mut builder = Type::group_type_builder(of.name())
                .with_converted_type(info.converted_type())
                .with_logical_type(info.logical_type_ref().cloned())
                .with_fields(fields)
                .with_id(id);
            if let Some(repetition) = repetition {
                builder = builder.with_repetition(repetition);
            }
            builder.build()?
        }
    };
    Ok(Arc::new(built))
}

fn repetition_of(of: &Type) -> Option<Repetition> {
    let info = of.get_basic_info();
    info.has_repetition().then(|| info.repetition())
}

/// Whether the repeated group of a list is its element, as in old layouts.
fn is_group_element(list: &Type, repeated: &Type) -> bool {
    list.get_basic_info().converted_type() == ConvertedType::LIST
        && repetition_of(repeated) == Some(Repetition::REPEATED)
        && repeated.is_group()
        && is_element(list, repeated)
}

/// Whether the repeated field of a list is its element, not what wraps the element. The rules of
/// Spark's `ParquetToSparkSchemaConverter.isElementType`.
pub(crate) fn is_element(list: &Type, repeated: &Type) -> bool {
    repeated.is_primitive()
        || repeated.get_fields().len() != 1
        || repeated.name() == "array"
        || repeated.name() == format!("{}_tuple", list.name())
}

/// Whether all values of a column chunk are codes of its dictionary, for certain.
pub(crate) fn is_dictionary_encoded(chunk: &ColumnChunkMetaData) -> bool {
    let is_code = |e: Encoding| matches!(e, Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY);
    if chunk.dictionary_page_offset().is_none() {
        return false;
    }
    if let Some(mask) = chunk.page_encoding_stats_mask() {
        return mask.is_only(Encoding::PLAIN_DICTIONARY) || mask.is_only(Encoding::RLE_DICTIONARY);
    }
    if let Some(pages) = chunk.page_encoding_stats() {
        use parquet::basic::PageType;
        let mut data = pages
            .iter()
            .filter(|p| matches!(p.page_type, PageType::DATA_PAGE | PageType::DATA_PAGE_V2))
            .peekable();
        return data.peek().is_some() && data.all(|p| is_code(p.encoding));
    }
    // Old writers list the dictionary page's own encoding as PLAIN_DICTIONARY, so that PLAIN
    // means that some page fell back. Levels are RLE or BIT_PACKED.
    let mut encodings = chunk.encodings().peekable();
    encodings.peek().is_some()
        && chunk.encodings().any(|e| e == Encoding::PLAIN_DICTIONARY)
        && encodings.all(|e| {
            #[allow(deprecated)]
            let levels = matches!(e, Encoding::RLE | Encoding::BIT_PACKED);
            levels || e == Encoding::PLAIN_DICTIONARY
        })
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    path: String,
    length: u64,
    modified: SystemTime,
}

struct Cached {
    key: Key,
    footer: Arc<Footer>,
    bytes: usize,
}

/// Newest last.
static CACHE: Mutex<VecDeque<Cached>> = Mutex::new(VecDeque::new());

fn cached(key: &Key) -> Option<Arc<Footer>> {
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let position = cache.iter().position(|c| c.key == *key)?;
    let found = cache.remove(position)?;
    let footer = Arc::clone(&found.footer);
    cache.push_back(found);
    Some(footer)
}

fn remember(key: Key, footer: Arc<Footer>) {
    let bytes = footer.metadata.memory_size();
    if bytes > CACHED_BYTES / 4 {
        return;
    }
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    cache.retain(|c| c.key.path != key.path);
    cache.push_back(Cached { key, footer, bytes });
    let mut total: usize = cache.iter().map(|c| c.bytes).sum();
    while cache.len() > CACHED_FOOTERS || total > CACHED_BYTES {
        match cache.pop_front() {
            Some(oldest) => total -= oldest.bytes,
            None => break,
        }
    }
}
