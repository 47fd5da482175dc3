//! Values of a chunk's rows by row number, for functions that look at a few rows at a time.

use arclight_columns::Column;

use super::store::{Loaded, Store};
use crate::operator::EngineError;

/// Tells of rows, mostly in order, whether a column is NULL there.
#[derive(Default)]
pub(super) struct NullCursor {
    loaded: Option<Loaded>,
}

impl NullCursor {
    /// Whether column `column` is NULL in row `row`.
    pub(super) fn is_null(
        &mut self,
        store: &mut Store,
        column: usize,
        row: u64,
    ) -> Result<bool, EngineError> {
        let loaded = match self.loaded.take() {
            Some(loaded) if (loaded.first..loaded.end()).contains(&row) => loaded,
            _ => store.load(store.block_of(row))?,
        };
        let null = loaded
            .batch
            .column(column)
            .is_null((row - loaded.first) as usize);
        self.loaded = Some(loaded);
        Ok(null)
    }

    /// Lets go of the rows it holds.
    pub(super) fn release(&mut self) {
        self.loaded = None;
    }
}

/// The values of column `column` in rows `wanted`. Where there is no row wanted, the value is that
/// of the same position in `otherwise`, or NULL.
pub(super) fn gather(
    store: &mut Store,
    column: usize,
    wanted: &[Option<u64>],
    otherwise: Option<&Column>,
) -> Result<Column, EngineError> {
    let mut blocks: Vec<usize> = Vec::new();
    let mut known = 0..0;
    for row in wanted.iter().flatten() {
        if !known.contains(row) {
            let block = store.block_of(*row);
            known = store.rows(block);
            blocks.push(block);
        }
    }
    blocks.sort_unstable();
    blocks.dedup();
    let mut places: Vec<u32> = vec![0; wanted.len()];
    let mut pieces: Vec<Column> = Vec::with_capacity(blocks.len() + 1);
    let mut taken = 0;
    for &block in &blocks {
        let loaded = store.load(block)?;
        let rows = loaded.first..loaded.end();
        let mut picked: Vec<u32> = Vec::new();
        for (place, row) in places.iter_mut().zip(wanted) {
            let Some(row) = row.filter(|row| rows.contains(row)) else {
                continue;
            };
            let row = (row - loaded.first) as u32;
            if picked.last() != Some(&row) {
                picked.push(row);
            }
            *place = (taken + picked.len() - 1) as u32;
        }
        taken += picked.len();
        pieces.push(loaded.batch.column(column).take(&picked)?);
    }
    let missing: Vec<u32> = (0u32..)
        .zip(wanted)
        .filter(|(_, row)| row.is_none())
        .map(|(position, _)| position)
        .collect();
    let data_type = match (pieces.first(), otherwise) {
        (Some(piece), _) => piece.data_type().clone(),
        (None, Some(otherwise)) => otherwise.data_type().clone(),
        (None, None) => {
            let block = store.load(0)?;
            block.batch.column(column).data_type().clone()
        }
    };
    if !missing.is_empty() {
        let piece = match otherwise {
            Some(otherwise) => otherwise.take(&missing)?,
            None => Column::nulls(data_type.clone(), 1),
        };
        let defaults = usize::from(otherwise.is_some());
        for (index, &position) in missing.iter().enumerate() {
            places[position as usize] = (taken + index * defaults) as u32;
        }
        pieces.push(piece);
    }
    let pieces: Vec<&Column> = pieces.iter().collect();
    Ok(Column::concat(&data_type, &pieces)?.take(&places)?)
}
