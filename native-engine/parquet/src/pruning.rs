//! Which rows cannot pass, by statistics of row groups and pages and by Bloom filters. Never by
//! guess: what is not proven is read.

use arclight_columns::Column;
use arclight_operators::RuntimeFilter;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use crate::bloom::may_contain;
use crate::bounds::{Bounds, Value, bounds};
use crate::footer::Footer;
use crate::resolve::{Conversion, FileColumn, Node, NodeKind, Resolution};
use crate::source::FileReader;

/// A comparison of a column with a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompareOperator {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A condition on one column of the scan's schema that every row must meet (be TRUE, not NULL).
/// Literals are columns of length 1 of the column's own type; one of another type prunes nothing.
#[derive(Debug, Clone)]
pub enum PruningTerm {
    /// `column operator literal`.
    Compare {
        /// Position in the scan's schema.
        column: usize,
        /// The comparison.
        operator: CompareOperator,
        /// A column of length 1.
        literal: Column,
    },
    /// `column IN (literals)`.
    In {
        /// Position in the scan's schema.
        column: usize,
        /// Columns of length 1.
        literals: Vec<Column>,
    },
    /// `column IS NULL`.
    IsNull {
        /// Position in the scan's schema.
        column: usize,
    },
    /// `column IS NOT NULL`.
    IsNotNull {
        /// Position in the scan's schema.
        column: usize,
    },
}

/// Terms that all must hold.
#[derive(Debug, Clone, Default)]
pub struct Pruning {
    /// The conjunction; empty holds always.
    pub terms: Vec<PruningTerm>,
}

impl PruningTerm {
    /// The position of its column in the scan's schema.
    pub(crate) fn column(&self) -> usize {
        match self {
            PruningTerm::Compare { column, .. }
            | PruningTerm::In { column, .. }
            | PruningTerm::IsNull { column }
            | PruningTerm::IsNotNull { column } => *column,
        }
    }
}

/// Where a column of the scan is in a row group, as far as there are statistics of it.
pub(crate) enum Place<'a> {
    /// Nowhere: every row is NULL.
    Missing,
    /// In a leaf of which there are none, or none that are of use.
    Unknown,
    /// In this leaf.
    Leaf(Leaf<'a>),
}

/// A column that is a leaf outside of lists and maps.
pub(crate) struct Leaf<'a> {
    pub(crate) index: usize,
    pub(crate) chunk: &'a ColumnChunkMetaData,
    conversion: &'a Conversion,
    node: &'a Node,
}

/// The place of a column of the scan.
pub(crate) fn place<'a>(
    column: usize,
    resolution: &'a Resolution,
    row_group: &'a RowGroupMetaData,
) -> Place<'a> {
    let node = match resolution.columns.get(column) {
        Some(FileColumn::Missing) => return Place::Missing,
        Some(FileColumn::Read(_, node)) => node,
        _ => return Place::Unknown,
    };
    let NodeKind::Leaf { leaf, conversion } = &node.kind else {
        return Place::Unknown;
    };
    match row_group.columns().get(*leaf) {
        Some(chunk) if chunk.column_descr().max_rep_level() == 0 => Place::Leaf(Leaf {
            index: *leaf,
            chunk,
            conversion,
            node,
        }),
        _ => Place::Unknown,
    }
}

/// Whether some row of a row group may meet all terms.
pub(crate) fn may_match(
    pruning: &Pruning,
    resolution: &Resolution,
    footer: &Footer,
    row_group: &RowGroupMetaData,
    reader: &FileReader,
) -> bool {
    let rows = u64::try_from(row_group.num_rows()).ok();
    let mut terms = pruning.terms.iter();
    terms.all(|term| match place(term.column(), resolution, row_group) {
        Place::Missing => matches!(term, PruningTerm::IsNull { .. }),
        Place::Unknown => true,
        Place::Leaf(leaf) => {
            leaf.may_match(term, footer, leaf.chunk.statistics(), rows)
                && leaf.may_contain(term, reader)
        }
    })
}

/// Whether some row of a row group may pass a join's filter of this column.
pub(crate) fn key_may_pass(
    column: usize,
    filter: &RuntimeFilter,
    resolution: &Resolution,
    footer: &Footer,
    row_group: &RowGroupMetaData,
) -> bool {
    match place(column, resolution, row_group) {
        // NULL is no key.
        Place::Missing => false,
        Place::Unknown => true,
        Place::Leaf(leaf) => {
            let rows = u64::try_from(row_group.num_rows()).ok();
            leaf.may_pass(filter, footer, leaf.chunk.statistics(), rows)
        }
    }
}

impl Leaf<'_> {
    /// Whether some of `rows` rows with these statistics, in this leaf, may meet a term.
    pub(crate) fn may_match(
        &self,
        term: &PruningTerm,
        footer: &Footer,
        statistics: Option<&Statistics>,
        rows: Option<u64>,
    ) -> bool {
        let nulls = statistics.and_then(Statistics::null_count_opt);
        if nulls.is_some() && nulls == rows && !matches!(term, PruningTerm::IsNull { .. }) {
            return false;
        }
        match term {
            PruningTerm::IsNull { .. } => nulls != Some(0),
            PruningTerm::IsNotNull { .. } => true,
            PruningTerm::Compare {
                operator, literal, ..
            } => self
                .bounds(footer, statistics)
                .is_none_or(|b| b.may_match(*operator, literal, self.node)),
            PruningTerm::In { literals, .. } => {
                self.bounds(footer, statistics).is_none_or(|b| {
                    literals.iter().any(|l| {
                        // NULL in the list makes no row pass.
                        let null =
                            l.len() == 1 && l.is_null(0) && l.data_type() == &self.node.data_type;
                        !null && b.may_match(CompareOperator::Equal, l, self.node)
                    })
                })
            }
        }
    }

    /// Whether some of `rows` rows with these statistics, in this leaf, may pass a join's filter.
    pub(crate) fn may_pass(
        &self,
        filter: &RuntimeFilter,
        footer: &Footer,
        statistics: Option<&Statistics>,
        rows: Option<u64>,
    ) -> bool {
        let nulls = statistics.and_then(Statistics::null_count_opt);
        if nulls.is_some() && nulls == rows {
            return false;
        }
        let Some(bounds) = self.bounds(footer, statistics) else {
            return true;
        };
        match (bounds.minimum, bounds.maximum) {
            (Value::Integer(smallest), Value::Integer(largest)) => {
                match (i64::try_from(smallest), i64::try_from(largest)) {
                    (Ok(smallest), Ok(largest)) => filter.overlaps(smallest, largest),
                    _ => true,
                }
            }
            _ => true,
        }
    }

    fn bounds(&self, footer: &Footer, statistics: Option<&Statistics>) -> Option<Bounds> {
        let order = footer.column_order(self.index);
        let annotation = footer.annotation(self.index);
        let length = self.chunk.column_descr().type_length();
        bounds(
            statistics?,
            order,
            annotation,
            usize::try_from(length).ok(),
            self.conversion,
            &self.node.data_type,
        )
    }

    /// Whether the chunk's Bloom filter lets a term's literals be among its values.
    fn may_contain(&self, term: &PruningTerm, reader: &FileReader) -> bool {
        let contain =
            |literals| may_contain(reader, self.chunk, self.conversion, self.node, literals);
        match term {
            PruningTerm::Compare {
                operator: CompareOperator::Equal,
                literal,
                ..
            } => literal.is_null(0) || contain(std::slice::from_ref(literal)),
            PruningTerm::In { literals, .. } => contain(literals),
            _ => true,
        }
    }
}
