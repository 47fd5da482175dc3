//! The columns of a batch: first those that filters ask for, then the others, of the rows that are
//! left.

use std::ops::Range;
use std::sync::Arc;

use arclight_columns::{Batch, Column, Selection, SparkType};
use arclight_operators::{
    EngineError, FileSplit, FilterTerms, OperatorMetrics, RuntimeFilter, TaskContext,
};

use crate::convert::{ConvertError, convert};
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

/// What is there of a batch, and which of its rows are left.
struct Remaining {
    /// By position in the scan's schema.
    columns: Vec<Option<Column>>,
    selection: Selection,
}

/// Reads a batch of a row group.
pub(crate) struct BatchReader<'a> {
    plan: &'a ScanPlan,
    split: &'a FileSplit,
    source: &'a FileSource,
    resolution: &'a Resolution,
    task: &'a TaskContext,
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
        task: &'a TaskContext,
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
            task,
            row_group,
            rows,
            count,
            decoded,
            few: None,
        })
    }

    /// The scan's columns of the rows that pass the filters of joins, and for which all terms are
    /// TRUE.
    pub(crate) fn read(
        mut self,
        filters: &[(usize, Arc<RuntimeFilter>)],
        terms: Option<&mut FilterTerms>,
        metrics: &OperatorMetrics,
    ) -> Result<Batch, EngineError> {
        let all = self.count;
        let mut rows = Remaining {
            columns: vec![None; self.plan.schema.len()],
            selection: Selection::all(all),
        };
        for (position, filter) in filters {
            if !filter.is_on() || rows.selection.is_empty() {
                continue;
            }
            let column = self.have(*position, &mut rows)?;
            rows.selection = filter.select(&column, &rows.selection)?;
        }
        let passed = rows.selection.count();
        OperatorMetrics::add(&metrics.filtered_rows, (all - passed) as u64);
        if passed > 0 {
            metrics.output(passed);
            self.narrow_to_few(&mut rows)?;
        }
        if let Some(terms) = terms {
            self.filter(terms, &mut rows)?;
        }
        let Remaining { columns, selection } = rows;
        let count = selection.count();
        if count == 0 {
            return Ok(Batch::new(Vec::new(), 0));
        }
        let columns = columns
            .into_iter()
            .enumerate()
            .map(|(position, column)| match column {
                Some(column) => Ok(column),
                None => self.column(position),
            })
            .collect::<Result<Vec<_>, EngineError>>()?;
        let batch = Batch::with_selection(columns, selection);
        Ok(match count * SPARSE < batch.len() {
            true => batch.compact()?,
            false => batch,
        })
    }

    /// Leaves out the rows for which a term is not TRUE.
    fn filter(&mut self, terms: &mut FilterTerms, rows: &mut Remaining) -> Result<(), EngineError> {
        let fields = &self.plan.schema.fields;
        for term in 0..terms.len() {
            if rows.selection.is_empty() {
                break;
            }
            for &position in terms.columns(term) {
                self.have(position, rows)?;
            }
            let columns = rows.columns.iter().zip(fields.iter());
            let columns = columns.map(|(column, field)| match column {
                Some(column) => column.clone(),
                // No term looks at it.
                None => Column::nulls(field.data_type.clone(), self.count),
            });
            let batch = Batch::new(columns.collect(), self.count);
            rows.selection = terms.select(term, &batch, &rows.selection, self.task)?;
            self.narrow_to_few(rows)?;
        }
        terms.end_batch();
        let count = rows.selection.count();
        if count > 0 {
            terms.metrics.output(count);
        }
        Ok(())
    }

    /// A column of the scan, kept among those that are there.
    fn have(&mut self, position: usize, rows: &mut Remaining) -> Result<Column, EngineError> {
        let column = match &rows.columns[position] {
            Some(column) => column.clone(),
            None => self.column(position)?,
        };
        rows.columns[position] = Some(column.clone());
        Ok(column)
    }

    /// Where few rows are left, goes on with these alone.
    fn narrow_to_few(&mut self, rows: &mut Remaining) -> Result<(), EngineError> {
        let count = rows.selection.count();
        if count == 0 || self.few.is_some() || count * FEW >= self.count {
            return Ok(());
        }
        let positions = rows.selection.to_rows();
        for column in rows.columns.iter_mut().flatten() {
            *column = column.take(&positions)?;
        }
        self.narrow(&positions);
        rows.selection = Selection::all(count);
        Ok(())
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
        let task = self.task;
        let path = &self.split.path;
        let (decoded, before) = self.decode(*root)?;
        let column = match decoded {
            Decoded::Array(array) => {
                convert(array, node, task).map_err(|failure| match failure {
                    ConvertError::Refused(refusal) => refused(path, refusal),
                    ConvertError::Host(error) => EngineError::Host(error),
                })?
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
