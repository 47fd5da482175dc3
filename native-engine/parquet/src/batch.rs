//! The columns of a batch: first those that filters of joins ask for, then the others, of the rows
//! that are left.

use std::ops::Range;
use std::sync::Arc;

use arclight_columns::{Batch, Column, Selection, SparkType};
use arclight_operators::{EngineError, FileSplit, OperatorMetrics, RuntimeFilter};

use crate::convert::convert;
use crate::flat::Decoded;
use crate::ranges;
use crate::resolve::{FileColumn, Resolution};
use crate::row_group::RowGroupReader;
use crate::scan::ScanPlan;
use crate::source::FileSource;
use crate::stream::refused;

/// Below one row in this many that passes the filters, those that do are taken out of the batch.
const SPARSE: usize = 8;

/// Below one row in this many, only those are decoded of the other columns: row by row, which
/// takes several times as long for each.
const FEW: usize = 64;

/// Reads a batch of a row group.
pub(crate) struct BatchReader<'a> {
    plan: &'a ScanPlan,
    split: &'a FileSplit,
    source: &'a FileSource,
    resolution: &'a Resolution,
    row_group: &'a mut RowGroupReader,
    /// The batch's rows in the row group.
    rows: Vec<Range<u64>>,
    count: usize,
    /// By position among the roots that are read, and whether of the rows before they became few.
    decoded: Vec<Option<(Decoded, bool)>>,
    /// The positions of the few rows that are left, if they are, among those before.
    few: Option<Vec<u32>>,
}

impl<'a> BatchReader<'a> {
    /// A reader of the rows that the row group's reader handed out last.
    pub(crate) fn new(
        plan: &'a ScanPlan,
        (split, source, resolution): (&'a FileSplit, &'a FileSource, &'a Resolution),
        row_group: &'a mut RowGroupReader,
        rows: Vec<Range<u64>>,
    ) -> Result<Self, EngineError> {
        let count = ranges::count(&rows) as usize;
        // What arrow-rs reads it reads batch by batch.
        let others = row_group.read_others(count).map_err(|e| source.error(e))?;
        let decoded = others.into_iter().map(|d| d.map(|d| (d, true))).collect();
        Ok(BatchReader {
            plan,
            split,
            source,
            resolution,
            row_group,
            rows,
            count,
            decoded,
            few: None,
        })
    }

    /// The scan's columns of the rows that pass the filters.
    pub(crate) fn read(
        mut self,
        filters: &[(usize, Arc<RuntimeFilter>)],
        metrics: &OperatorMetrics,
    ) -> Result<Batch, EngineError> {
        let all = self.count;
        let mut columns: Vec<Option<Column>> = vec![None; self.plan.schema.len()];
        let mut selection = Selection::all(all);
        for (position, filter) in filters {
            if !filter.is_on() || selection.is_empty() {
                continue;
            }
            let column = match columns[*position].take() {
                Some(column) => column,
                None => self.column(*position)?,
            };
            selection = filter.select(&column, &selection)?;
            columns[*position] = Some(column);
        }
        let count = selection.count();
        OperatorMetrics::add(&metrics.filtered_rows, (all - count) as u64);
        if count == 0 {
            return Ok(Batch::new(Vec::new(), 0));
        }
        metrics.output(count);
        if count * FEW < all {
            let rows = selection.to_rows();
            for column in columns.iter_mut().flatten() {
                *column = column.take(&rows)?;
            }
            self.narrow(&rows);
        }
        let columns = columns
            .into_iter()
            .enumerate()
            .map(|(position, column)| match column {
                Some(column) => Ok(column),
                None => self.column(position),
            })
            .collect::<Result<Vec<_>, EngineError>>()?;
        if self.few.is_some() || count == all {
            return Ok(Batch::new(columns, count));
        }
        let batch = Batch::with_selection(columns, selection);
        Ok(match count * SPARSE < all {
            true => batch.compact()?,
            false => batch,
        })
    }

    /// Goes on with the batch's rows at these positions alone.
    fn narrow(&mut self, positions: &[u32]) {
        let all: Vec<u64> = self.rows.iter().cloned().flatten().collect();
        let mut rows = Vec::with_capacity(positions.len());
        for &position in positions {
            let row = all[position as usize];
            ranges::append(&mut rows, row..row + 1);
        }
        self.rows = rows;
        self.count = positions.len();
        self.few = Some(positions.to_vec());
    }

    /// A column of the scan.
    fn column(&mut self, position: usize) -> Result<Column, EngineError> {
        let options = &self.plan.options;
        let field = &self.plan.schema.fields[position];
        if options.row_index_column == Some(position) {
            let first = self.row_group.first_row();
            let rows = self.rows.iter().cloned().flatten();
            let index: Vec<i64> = rows.map(|row| (first + row) as i64).collect();
            return Ok(Column::fixed(SparkType::Long, index, None));
        }
        if position >= options.file_columns {
            return self.constant(position);
        }
        let resolution = self.resolution;
        let Some(FileColumn::Read(root, node)) = resolution.columns.get(position) else {
            return Ok(Column::nulls(field.data_type.clone(), self.count));
        };
        let (decoded, before) = self.decode(*root)?;
        let column = match decoded {
            Decoded::Array(array) => {
                convert(array, node).map_err(|refusal| refused(&self.split.path, refusal))?
            }
            Decoded::Codes(column) if column.data_type() == &field.data_type => column.clone(),
            // Another column of the scan reads the same as string or binary.
            Decoded::Codes(column) => column.clone().with_type(field.data_type.clone()),
        };
        match &self.few {
            Some(rows) if before => Ok(column.take(rows)?),
            _ => Ok(column),
        }
    }

    /// What is decoded of a root, and whether before the rows became few.
    fn decode(&mut self, root: usize) -> Result<(&Decoded, bool), EngineError> {
        let missing = || EngineError::Internal(format!("root {root} was not read"));
        let decoded = self.decoded.get_mut(root).ok_or_else(missing)?;
        if decoded.is_none() {
            let read = self.row_group.read_flat(root, &self.rows);
            let read = read.map_err(|e| self.source.error(e))?;
            *decoded = read.map(|read| (read, self.few.is_none()));
        }
        let (decoded, before) = decoded.as_ref().ok_or_else(missing)?;
        Ok((decoded, *before))
    }

    /// A partition column or a file's metadata.
    fn constant(&self, position: usize) -> Result<Column, EngineError> {
        let (schema, options) = (&self.plan.schema, &self.plan.options);
        let constants = &self.split.constants;
        // The row index has a constant's place only if the file columns do not include it.
        let skips_row_index = constants.len() + options.file_columns < schema.len();
        let before = options.file_columns..position;
        let index = before
            .filter(|&p| !(skips_row_index && options.row_index_column == Some(p)))
            .count();
        let constant = constants.get(index).ok_or_else(|| {
            let name = &schema.fields[position].name;
            EngineError::Internal(format!("no constant for column {name}"))
        })?;
        Ok(Column::constant(constant.clone(), self.count))
    }
}
