//! Finding the scan's columns in a file, and how each leaf becomes its Spark type.

use arclight_columns::{Field, Schema, SparkType};
use arclight_operators::{ColumnMismatch, DuplicateField, ReadFileError};
use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::schema::types::{Type, TypePtr};

use crate::footer::{Calendar, Footer, is_element};
use crate::scan::ScanOptions;

/// Why a file cannot be read, without its path.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) kind: ReadFileError,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Refusal {
            kind: ReadFileError::Corrupt,
            message: message.into(),
        }
    }

    fn duplicate(name: &str, found: &[&str]) -> Self {
        let found = format!("[{}]", found.join(", "));
        let message =
            format!("Found duplicate field(s) \"{name}\": {found} in case-insensitive mode");
        let name = name.to_string();
        Refusal {
            kind: ReadFileError::DuplicateField(Box::new(DuplicateField { name, found })),
            message,
        }
    }

    /// For a group that is to be a value, or a value that is to be a group: such a type Spark's
    /// schema conversion refuses, before it compares types of values.
    fn shape(path: &[String], expected: &SparkType, found: &Type) -> Self {
        Refusal {
            kind: ReadFileError::Corrupt,
            ..Refusal::mismatch(path, expected, found)
        }
    }

    fn mismatch(path: &[String], expected: &SparkType, found: &Type) -> Self {
        let found = match found {
            Type::PrimitiveType { physical_type, .. } => physical_name(*physical_type).to_string(),
            Type::GroupType { .. } => "group".to_string(),
        };
        // Column and types in the words of Spark's SchemaColumnConvertNotSupportedException.
        let column = format!("[{}]", path.join(", "));
        let expected = expected.to_string();
        let message = format!("column: {column}, expected: {expected}, found: {found}");
        Refusal {
            kind: ReadFileError::TypeMismatch(Box::new(ColumnMismatch {
                column,
                expected,
                found,
            })),
            message,
        }
    }
}

fn physical_name(physical: PhysicalType) -> &'static str {
    match physical {
        PhysicalType::BOOLEAN => "BOOLEAN",
        PhysicalType::INT32 => "INT32",
        PhysicalType::INT64 => "INT64",
        PhysicalType::INT96 => "INT96",
        PhysicalType::FLOAT => "FLOAT",
        PhysicalType::DOUBLE => "DOUBLE",
        PhysicalType::BYTE_ARRAY => "BINARY",
        PhysicalType::FIXED_LEN_BYTE_ARRAY => "FIXED_LEN_BYTE_ARRAY",
    }
}

/// How timestamps and dates of a file become proleptic Gregorian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rebase {
    /// They are.
    Corrected,
    /// Written in the hybrid calendar, in this time zone if known.
    Legacy(Option<String>),
}

/// How the physical values of a leaf become values of the Spark type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Conversion {
    /// They are laid out as they should be.
    Same,
    /// INT32 cut to 8 or 16 bits.
    Truncate,
    /// INT32 to 64 bits.
    Widen,
    /// INT32, read as unsigned, to 64 bits.
    WidenUnsigned,
    /// INT64, read as unsigned, to decimal(20, 0).
    Unsigned64,
    /// INT32 or FLOAT to double.
    ToDouble,
    /// Days.
    Date(Rebase),
    /// Days to microseconds at midnight.
    DateToMicros(Rebase),
    /// Microseconds; INT96 among them.
    Micros(Rebase),
    /// Milliseconds to microseconds.
    Millis(Rebase),
    /// Byte strings.
    Bytes,
    /// An unscaled integer of any physical type, times ten to this power.
    Decimal { scale_up: u32 },
    /// Only NULL (logical type UNKNOWN).
    Null,
}

/// A column, or a part of one, and where in the file's projection it is.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) data_type: SparkType,
    pub(crate) kind: NodeKind,
}

#[derive(Debug, Clone)]
pub(crate) enum NodeKind {
    Leaf {
        leaf: usize,
        conversion: Conversion,
    },
    /// The fields, `None` where the file has none; else with the position among the children
    /// that are read.
    Struct(Vec<Option<(usize, Node)>>),
    List(Box<Node>),
    Map(Box<Node>, Box<Node>),
}

/// One of the scan's file columns in a file.
#[derive(Debug, Clone)]
pub(crate) enum FileColumn {
    /// The file does not have it.
    Missing,
    /// The position of the row in the file.
    RowIndex,
    /// The column at this position of the record batches.
    Read(usize, Node),
}

/// All file columns of the scan in a file.
#[derive(Debug, Clone)]
pub(crate) struct Resolution {
    pub(crate) columns: Vec<FileColumn>,
    /// The leaves to read, ascending.
    pub(crate) leaves: Vec<usize>,
}

struct Resolver<'a> {
    case_sensitive: bool,
    datetime: Rebase,
    int96: Rebase,
    leaves: Vec<usize>,
    path: Vec<String>,
    file: &'a Footer,
}

/// Finds the first `options.file_columns` columns of `schema`. Fails as Spark does if a name is
/// ambiguous or a type cannot be converted.
pub(crate) fn resolve(
    footer: &Footer,
    schema: &Schema,
    options: &ScanOptions,
) -> Result<Resolution, Refusal> {
    let Calendar {
        legacy_datetime,
        legacy_int96,
        time_zone,
    } = &footer.calendar;
    let rebase = |legacy: Option<bool>, default: bool| {
        if legacy.unwrap_or(default) {
            Rebase::Legacy(time_zone.clone())
        } else {
            Rebase::Corrected
        }
    };
    let resolver = Resolver {
        case_sensitive: options.case_sensitive,
        datetime: rebase(*legacy_datetime, options.legacy_datetime_default),
        int96: rebase(*legacy_int96, options.legacy_int96_default),
        leaves: Vec::new(),
        path: Vec::new(),
        file: footer,
    };
    resolver.run(schema, options)
}

impl Resolver<'_> {
    fn run(mut self, schema: &Schema, options: &ScanOptions) -> Result<Resolution, Refusal> {
        let roots = self.file.schema.root_schema().get_fields();
        let starts = leaf_starts(roots, 0);
        let mut found = Vec::new();
        for (position, field) in schema.fields.iter().take(options.file_columns).enumerate() {
            if options.row_index_column == Some(position) {
                found.push(None);
                continue;
            }
            let root = self.find(roots, &field.name)?;
            let node = match root {
                Some(root) => {
                    let node = self.node(&roots[root], starts[root], &field.data_type, false)?;
                    Some((root, node))
                }
                None => None,
            };
            found.push(node);
        }
        let mut used: Vec<usize> = found.iter().flatten().map(|(root, _)| *root).collect();
        used.sort_unstable();
        used.dedup();
        let columns = found
            .into_iter()
            .enumerate()
            .map(|(position, column)| match column {
                _ if options.row_index_column == Some(position) => FileColumn::RowIndex,
                None => FileColumn::Missing,
                Some((root, node)) => FileColumn::Read(used.partition_point(|&u| u < root), node),
            })
            .collect();
        self.leaves.sort_unstable();
        self.leaves.dedup();
        Ok(Resolution {
            columns,
            leaves: self.leaves,
        })
    }

    /// The position of the field of that name. Case-sensitively the last wins, as in Spark.
    fn find(&self, fields: &[TypePtr], name: &str) -> Result<Option<usize>, Refusal> {
        if self.case_sensitive {
            return Ok(fields.iter().rposition(|f| f.name() == name));
        }
        let lower = name.to_lowercase();
        let mut matches = fields
            .iter()
            .enumerate()
            .filter(|(_, f)| f.name().to_lowercase() == lower);
        let first = matches.next();
        if matches.next().is_some() {
            let names: Vec<&str> = fields
                .iter()
                .map(|f| f.name())
                .filter(|n| n.to_lowercase() == lower)
                .collect();
            return Err(Refusal::duplicate(name, &names));
        }
        Ok(first.map(|(position, _)| position))
    }

    /// The node for `of`, whose leaves begin at `leaf`, read as `wanted`. `element`: `of` is the
    /// repeated field of a list, whose repetition is the list's.
    fn node(
        &mut self,
        of: &TypePtr,
        leaf: usize,
        wanted: &SparkType,
        element: bool,
    ) -> Result<Node, Refusal> {
        self.path.push(of.name().to_string());
        let kind = self.kind(of, leaf, wanted, element)?;
        self.path.pop();
        Ok(Node {
            data_type: wanted.clone(),
            kind,
        })
    }

    fn kind(
        &mut self,
        of: &TypePtr,
        leaf: usize,
        wanted: &SparkType,
        element: bool,
    ) -> Result<NodeKind, Refusal> {
        let shape = |path: &[String]| Refusal::shape(path, wanted, of);
        let info = of.get_basic_info();
        let repeated = info.has_repetition() && info.repetition() == Repetition::REPEATED;
        if repeated && !element {
            // A repeated field outside of a list is a list of required elements.
            let SparkType::Array(field) = wanted else {
                return Err(shape(&self.path));
            };
            let node = self.node(of, leaf, &field.data_type, true)?;
            return Ok(NodeKind::List(Box::new(node)));
        }
        if of.is_primitive() {
            let conversion = self.conversion(of, wanted);
            let conversion = conversion.ok_or_else(|| match is_one_level(wanted) {
                true => Refusal::mismatch(&self.path, wanted, of),
                false => shape(&self.path),
            })?;
            self.leaves.push(leaf);
            return Ok(NodeKind::Leaf { leaf, conversion });
        }
        let converted = info.converted_type();
        let is_list = converted == ConvertedType::LIST;
        let is_map = matches!(converted, ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE);
        match wanted {
            SparkType::Array(field) if is_list => self.list(of, leaf, field),
            SparkType::Map(key, value) if is_map => self.map(of, leaf, key, value),
            SparkType::Struct(fields) if !is_list && !is_map => {
                self.structure(of.get_fields(), leaf, fields)
            }
            _ => Err(shape(&self.path)),
        }
    }

    fn list(&mut self, of: &TypePtr, leaf: usize, field: &Field) -> Result<NodeKind, Refusal> {
        let [repeated] = of.get_fields() else {
            return Err(Refusal::corrupt(format!("Invalid list type {}", of.name())));
        };
        let is_element = is_element(of, repeated);
        let item = if is_element {
            repeated
        } else {
            &repeated.get_fields()[0]
        };
        if !is_element {
            self.path.push(repeated.name().to_string());
        }
        let node = self.node(item, leaf, &field.data_type, is_element)?;
        if !is_element {
            self.path.pop();
        }
        Ok(NodeKind::List(Box::new(node)))
    }

    fn map(
        &mut self,
        of: &TypePtr,
        leaf: usize,
        key: &Field,
        value: &Field,
    ) -> Result<NodeKind, Refusal> {
        let invalid = || Refusal::corrupt(format!("Invalid map type {}", of.name()));
        let [group] = of.get_fields() else {
            return Err(invalid());
        };
        let entries = match group.is_group() {
            true => group.get_fields(),
            false => &[],
        };
        let [key_type, value_type] = entries else {
            return Err(invalid());
        };
        let starts = leaf_starts(entries, leaf);
        self.path.push(group.name().to_string());
        let key = self.node(key_type, starts[0], &key.data_type, false)?;
        let value = self.node(value_type, starts[1], &value.data_type, false)?;
        self.path.pop();
        Ok(NodeKind::Map(Box::new(key), Box::new(value)))
    }

    fn structure(
        &mut self,
        children: &[TypePtr],
        leaf: usize,
        fields: &[Field],
    ) -> Result<NodeKind, Refusal> {
        let starts = leaf_starts(children, leaf);
        let mut found = Vec::with_capacity(fields.len());
        for field in fields {
            found.push(match self.find(children, &field.name)? {
                Some(child) => {
                    let node =
                        self.node(&children[child], starts[child], &field.data_type, false)?;
                    Some((child, node))
                }
                None => None,
            });
        }
        let mut used: Vec<usize> = found.iter().flatten().map(|(child, _)| *child).collect();
        used.sort_unstable();
        used.dedup();
        if used.is_empty() {
            // Some leaf has to be read to know which structs are NULL.
            self.leaves.extend(cheap_leaves(children, leaf));
        }
        let fields = found
            .into_iter()
            .map(|f| f.map(|(child, node)| (used.partition_point(|&u| u < child), node)))
            .collect();
        Ok(NodeKind::Struct(fields))
    }

    /// `ParquetVectorUpdaterFactory.getUpdater`; `None` if the types do not go together.
    fn conversion(&self, of: &Type, wanted: &SparkType) -> Option<Conversion> {
        use PhysicalType as P;
        use SparkType as S;
        let Type::PrimitiveType { physical_type, .. } = of else {
            return None;
        };
        let logical = Annotation::of(of);
        if logical == Annotation::Unknown && *wanted == S::Null {
            return Some(Conversion::Null);
        }
        Some(match (physical_type, wanted) {
            (P::BOOLEAN, S::Boolean) => Conversion::Same,
            (P::INT32, S::Int) => Conversion::Same,
            (P::INT32, S::Long) if logical == Annotation::Integer(32, false) => {
                Conversion::WidenUnsigned
            }
            (P::INT32, S::Long) => Conversion::Widen,
            (P::INT32, S::Byte | S::Short) => Conversion::Truncate,
            (P::INT32 | P::FLOAT, S::Double) => Conversion::ToDouble,
            (P::INT32, S::Date) => Conversion::Date(self.datetime.clone()),
            (P::INT32, S::TimestampNtz) if logical == Annotation::Date => {
                Conversion::DateToMicros(self.datetime.clone())
            }
            (P::INT64, S::Long) => Conversion::Same,
            (P::INT64, S::Timestamp) => match logical {
                Annotation::Micros => Conversion::Micros(self.datetime.clone()),
                Annotation::Millis => Conversion::Millis(self.datetime.clone()),
                _ => return None,
            },
            (P::INT64, S::TimestampNtz) => match logical {
                Annotation::Micros => Conversion::Micros(Rebase::Corrected),
                Annotation::Millis => Conversion::Millis(Rebase::Corrected),
                _ => return None,
            },
            (P::FLOAT, S::Float) | (P::DOUBLE, S::Double) => Conversion::Same,
            (P::INT96, S::Timestamp) => Conversion::Micros(self.int96.clone()),
            (P::INT96, S::TimestampNtz) => Conversion::Micros(Rebase::Corrected),
            (P::BYTE_ARRAY, S::String | S::Binary) => Conversion::Bytes,
            (P::FIXED_LEN_BYTE_ARRAY, S::Binary) => Conversion::Bytes,
            (_, S::Decimal { precision, scale }) => {
                let unsigned = logical == Annotation::Integer(64, false);
                if *physical_type == P::INT64 && unsigned && (*precision, *scale) == (20, 0) {
                    return Some(Conversion::Unsigned64);
                }
                let digits = i32::from(*precision) - i32::from(*scale);
                let scale_up = match (logical, physical_type) {
                    (
                        Annotation::Decimal(p, s),
                        P::INT32 | P::INT64 | P::BYTE_ARRAY | P::FIXED_LEN_BYTE_ARRAY,
                    ) => {
                        let more_scale = i32::from(*scale) - s;
                        let more_precision = i32::from(*precision) - p;
                        (more_scale >= 0 && more_precision >= more_scale).then_some(more_scale)?
                    }
                    (Annotation::None | Annotation::Integer(_, true), P::INT32) => {
                        (digits >= 10).then_some(i32::from(*scale))?
                    }
                    (Annotation::None | Annotation::Integer(_, true), P::INT64) => {
                        (digits >= 20).then_some(i32::from(*scale))?
                    }
                    _ => return None,
                };
                Conversion::Decimal {
                    scale_up: u32::try_from(scale_up).ok()?,
                }
            }
            _ => return None,
        })
    }
}

/// What a leaf's logical or converted type says, as far as conversions care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Annotation {
    None,
    Unknown,
    Integer(i32, bool),
    Decimal(i32, i32),
    Date,
    Millis,
    Micros,
    Other,
}

impl Annotation {
    pub(crate) fn of(leaf: &Type) -> Annotation {
        let Type::PrimitiveType {
            basic_info,
            precision,
            scale,
            ..
        } = leaf
        else {
            return Annotation::Other;
        };
        match basic_info.logical_type_ref() {
            Some(LogicalType::Unknown) => Annotation::Unknown,
            Some(LogicalType::Integer(i)) => {
                Annotation::Integer(i32::from(i.bit_width), i.is_signed)
            }
            Some(LogicalType::Decimal(d)) => Annotation::Decimal(d.precision, d.scale),
            Some(LogicalType::Date) => Annotation::Date,
            Some(LogicalType::Timestamp(t)) => match t.unit {
                TimeUnit::MILLIS => Annotation::Millis,
                TimeUnit::MICROS => Annotation::Micros,
                TimeUnit::NANOS => Annotation::Other,
            },
            Some(_) => Annotation::Other,
            None => match basic_info.converted_type() {
                ConvertedType::NONE => Annotation::None,
                ConvertedType::INT_8 => Annotation::Integer(8, true),
                ConvertedType::INT_16 => Annotation::Integer(16, true),
                ConvertedType::INT_32 => Annotation::Integer(32, true),
                ConvertedType::INT_64 => Annotation::Integer(64, true),
                ConvertedType::UINT_8 => Annotation::Integer(8, false),
                ConvertedType::UINT_16 => Annotation::Integer(16, false),
                ConvertedType::UINT_32 => Annotation::Integer(32, false),
                ConvertedType::UINT_64 => Annotation::Integer(64, false),
                ConvertedType::DECIMAL => Annotation::Decimal(*precision, *scale),
                ConvertedType::DATE => Annotation::Date,
                ConvertedType::TIMESTAMP_MILLIS => Annotation::Millis,
                ConvertedType::TIMESTAMP_MICROS => Annotation::Micros,
                _ => Annotation::Other,
            },
        }
    }
}

/// Whether a type is no struct and has no nested parts: only other types make Spark look into a
/// group of the file.
fn is_one_level(data_type: &SparkType) -> bool {
    match data_type {
        SparkType::Struct(_) => false,
        SparkType::Array(element) => !element.data_type.is_nested(),
        SparkType::Map(key, value) => !key.data_type.is_nested() && !value.data_type.is_nested(),
        _ => true,
    }
}

/// Leaves that tell which groups with these fields, whose leaves begin at `first`, are NULL: one
/// outside of lists if there is one; of a map a key and a value, without which it can't be read.
fn cheap_leaves(fields: &[TypePtr], first: usize) -> Vec<usize> {
    let starts = leaf_starts(fields, first);
    let is_plain =
        |f: &TypePtr| f.is_primitive() && f.get_basic_info().repetition() != Repetition::REPEATED;
    let chosen = fields.iter().position(is_plain).unwrap_or(0);
    let (Some(field), Some(&start)) = (fields.get(chosen), starts.get(chosen)) else {
        return Vec::new();
    };
    if field.is_primitive() {
        return vec![start];
    }
    let converted = field.get_basic_info().converted_type();
    let is_map = matches!(converted, ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE);
    match field.get_fields() {
        [entries] if is_map && entries.is_group() => {
            let parts = entries.get_fields();
            let starts = leaf_starts(parts, start);
            let parts = parts.iter().zip(starts);
            parts
                .flat_map(|(part, start)| cheap_leaves(std::slice::from_ref(part), start))
                .collect()
        }
        fields => cheap_leaves(fields, start),
    }
}

fn leaf_count(of: &Type) -> usize {
    match of {
        Type::PrimitiveType { .. } => 1,
        Type::GroupType { fields, .. } => fields.iter().map(|f| leaf_count(f)).sum(),
    }
}

/// The first leaf of each of the fields, the very first being `first`.
fn leaf_starts(fields: &[TypePtr], first: usize) -> Vec<usize> {
    let mut next = first;
    fields
        .iter()
        .map(|field| {
            let start = next;
            next += leaf_count(field);
            start
        })
        .collect()
}
