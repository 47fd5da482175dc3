//! Numbers for the values of keys that are byte strings, so that they have a fixed width. Where
//! columns are codes into dictionaries, a value is looked up once for each code, not for each row.

use std::cell::OnceCell;
use std::sync::{Arc, Weak};

use arclight_columns::{
    BooleanBuffer, Column, Data, NullBuffer, Physical, ScalarBuffer, Selection, SparkType,
};
use arclight_expressions::EvalError;

use super::bytes_table::BytesTable;
use super::packing::fits;
use crate::key_bytes::KeyHasher;

/// The most codes of a dictionary whose numbers are remembered.
const MOST_CODES: usize = 1 << 18;
/// Dictionaries whose numbers are remembered: inputs come in turns, as those of `Expand` do with
/// some columns NULL.
const REMEMBERED: usize = 16;
/// Columns that are numbered together at most: which of them are NULL is a word's bits.
const MAX_COLUMNS: usize = 32;
/// Rows after which it is seen how many of them were looked up in vain.
const TRIAL_ROWS: usize = 32_768;

/// What is known of a code: nothing, or the number of its values (one more, in the lower half), and
/// which columns were NULL (as bits, in the upper half).
#[derive(Clone, Copy, PartialEq, Eq)]
struct Translated(u64);

impl Translated {
    const UNKNOWN: Self = Translated(0);

    fn new(number: u32, nulls: u32) -> Self {
        Translated(u64::from(nulls) << 32 | (u64::from(number) + 1))
    }

    /// To be looked up once the batch has been gone through.
    fn claimed(nulls: u32) -> Self {
        Translated(u64::from(nulls) << 32 | u64::from(u32::MAX))
    }

    fn number(self) -> u32 {
        (self.0 as u32).wrapping_sub(1)
    }

    fn nulls(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// How the columns of a batch lie: codes, which they share, into a dictionary each; or nothing, for
/// a column that is NULL in all rows. Does not keep dictionaries alive.
struct Layout(Vec<Option<Weak<Column>>>);

impl Layout {
    /// The layout of columns and their codes, if there are any; `None` if they lie otherwise.
    fn of(columns: &[Column]) -> Option<(Self, Option<&[u32]>)> {
        let mut shared: Option<&[u32]> = None;
        let mut dictionaries = Vec::with_capacity(columns.len());
        for column in columns {
            match column.data() {
                Data::Constant(value) if value.is_null(0) => dictionaries.push(None),
                Data::Dictionary { codes, values } => {
                    let codes: &[u32] = codes;
                    if !std::ptr::eq(*shared.get_or_insert(codes), codes) {
                        return None;
                    }
                    dictionaries.push(Some(Arc::downgrade(values)));
                }
                _ => return None,
            }
        }
        Some((Layout(dictionaries), shared))
    }

    fn is(&self, other: &Layout) -> bool {
        self.0.iter().zip(&other.0).all(|pair| match pair {
            (Some(one), Some(other)) => Weak::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        })
    }
}

/// How many codes columns have that share them: a code is one of each column that is not NULL there.
fn codes_of(columns: &[Column]) -> usize {
    let dictionaries = columns.iter().filter_map(Column::as_dictionary);
    let codes = dictionaries.map(|(_, values)| values.len()).max();
    codes.unwrap_or(0)
}

/// For each active row the columns that are NULL in it, as bits; nothing if none ever is.
fn count_nulls(columns: &[Column], rows: &Selection) -> Option<Vec<u32>> {
    let mut nulls: Option<Vec<u32>> = None;
    for (bit, column) in columns.iter().enumerate() {
        let Some(valid) = column.validity() else {
            continue;
        };
        let nulls = nulls.get_or_insert_with(|| vec![0; rows.count()]);
        for (nulls, row) in nulls.iter_mut().zip(rows.iter()) {
            *nulls |= u32::from(valid.is_null(row)) << bit;
        }
    }
    nulls
}

/// The values of a set as columns.
struct Values {
    /// Without NULLs: those of one are of any value.
    values: Arc<Column>,
    valid: Option<NullBuffer>,
}

/// The numbers of a layout's codes.
struct Translation {
    layout: Layout,
    codes: Vec<Translated>,
    /// How many are known.
    known: usize,
}

/// Key columns whose values, taken together, are numbered `0, 1, …` in order of first appearance.
pub(super) struct NumberedKeys {
    /// Which of the keys.
    positions: Vec<usize>,
    types: Vec<SparkType>,
    numbers: BytesTable,
    translations: Vec<Translation>,
    /// The number of NULL in all columns.
    all_null: Option<u32>,
    /// Rows so far.
    rows: usize,
    /// Lookups so far that no row to come has a use for: of rows that had no codes, or codes of
    /// dictionaries that are forgotten.
    wasted: usize,
    values: OnceCell<Vec<Values>>,
}

impl NumberedKeys {
    /// The keys that are byte strings, those of which `keys` have the same codes together; `None` if
    /// looking them up by their codes promises nothing, or others have no fixed width.
    pub(super) fn sets(
        types: &[SparkType],
        keys: &[Column],
        hasher: &KeyHasher,
    ) -> Option<Vec<Self>> {
        let mut sets: Vec<(Option<&[u32]>, Vec<usize>)> = Vec::new();
        for (position, key) in keys.iter().enumerate() {
            if fits(&types[position]) {
                continue;
            }
            let codes = match key.data() {
                _ if types[position].physical() != Physical::Bytes => return None,
                Data::Dictionary { codes, .. } => Some(&codes[..]),
                Data::Constant(_) => None,
                Data::Flat(_) => return None,
            };
            let together = sets.iter_mut().find(|(shared, set)| {
                let same = matches!((shared, codes), (Some(a), Some(b)) if std::ptr::eq(*a, b));
                same && set.len() < MAX_COLUMNS
            });
            match together {
                Some((_, set)) => set.push(position),
                None => sets.push((codes, vec![position])),
            }
        }
        let by_codes = sets.is_empty() || sets.iter().any(|(codes, _)| codes.is_some());
        let set = |(_, positions): (_, Vec<usize>)| NumberedKeys {
            types: positions.iter().map(|&p| types[p].clone()).collect(),
            positions,
            numbers: BytesTable::new(hasher.clone()),
            translations: Vec::new(),
            all_null: None,
            rows: 0,
            wasted: 0,
            values: OnceCell::new(),
        };
        by_codes.then(|| sets.into_iter().map(set).collect())
    }

    /// The positions of these keys among all.
    pub(super) fn positions(&self) -> &[usize] {
        &self.positions
    }

    /// Whether it is too early to say, or few enough of the rows were looked up in vain.
    pub(super) fn pays(&self) -> bool {
        self.rows < TRIAL_ROWS || self.wasted * 2 < self.rows
    }

    /// Replaces `numbers` with those of the active rows' values.
    pub(super) fn number(&mut self, keys: &[Column], rows: &Selection, numbers: &mut Vec<u32>) {
        numbers.clear();
        if rows.is_empty() {
            return;
        }
        self.values.take();
        self.rows += rows.count();
        let columns: Vec<Column> = self.positions.iter().map(|&p| keys[p].clone()).collect();
        match Layout::of(&columns) {
            Some((_, None)) => {
                let number = self.look_up(&columns, rows.len(), rows.position(0));
                numbers.resize(rows.count(), number);
            }
            Some((layout, Some(codes))) if codes_of(&columns) <= MOST_CODES => {
                self.number_codes(&columns, layout, codes, rows, numbers);
            }
            _ => {
                self.wasted += rows.count();
                self.numbers.assign(&columns, rows, false, numbers);
            }
        }
    }

    /// The number of one row's values.
    fn look_up(&mut self, columns: &[Column], len: usize, row: usize) -> u32 {
        let mut number = Vec::with_capacity(1);
        let row = Selection::from_rows(len, vec![row as u32]);
        self.numbers.assign(columns, &row, false, &mut number);
        number.first().copied().unwrap_or_default()
    }

    fn number_codes(
        &mut self,
        columns: &[Column],
        layout: Layout,
        codes: &[u32],
        rows: &Selection,
        numbers: &mut Vec<u32>,
    ) {
        let dictionaries = layout.0.iter().enumerate();
        let all = dictionaries.fold(0, |all, (bit, d)| all | u32::from(d.is_some()) << bit);
        let mut translation = self.translation(layout, columns);
        let nulls = count_nulls(columns, rows);
        // Rows that are looked up, and those whose code another of them has.
        let (mut first, mut others) = (Vec::new(), Vec::new());
        for (index, row) in rows.iter().enumerate() {
            let nulls = nulls.as_ref().map_or(0, |nulls| nulls[index]);
            if nulls == all {
                let known = self.all_null;
                let number = known.unwrap_or_else(|| self.look_up(columns, rows.len(), row));
                self.all_null = Some(number);
                numbers.push(number);
                continue;
            }
            let code = &mut translation.codes[codes[row] as usize];
            numbers.push(code.number());
            if *code == Translated::UNKNOWN {
                *code = Translated::claimed(nulls);
                translation.known += 1;
                first.push(index as u32);
            } else if code.nulls() != nulls {
                self.wasted += 1;
                first.push(index as u32);
            } else if *code == Translated::claimed(nulls) {
                others.push(index as u32);
            }
        }
        if !first.is_empty() {
            let positions = first
                .iter()
                .map(|&index| rows.position(index as usize) as u32);
            let selection = Selection::from_rows(rows.len(), positions.collect());
            let mut found = Vec::with_capacity(first.len());
            self.numbers.assign(columns, &selection, false, &mut found);
            for ((&index, row), &number) in first.iter().zip(selection.iter()).zip(&found) {
                numbers[index as usize] = number;
                let nulls = nulls.as_ref().map_or(0, |nulls| nulls[index as usize]);
                let code = &mut translation.codes[codes[row] as usize];
                if *code == Translated::claimed(nulls) {
                    *code = Translated::new(number, nulls);
                }
            }
            for &index in &others {
                let code = codes[rows.position(index as usize)];
                numbers[index as usize] = translation.codes[code as usize].number();
            }
        }
        self.translations.push(translation);
    }

    /// The numbers of a layout's codes, taken out of those remembered.
    fn translation(&mut self, layout: Layout, columns: &[Column]) -> Translation {
        let mut known = self.translations.iter();
        if let Some(at) = known.position(|known| known.layout.is(&layout)) {
            return self.translations.remove(at);
        }
        if self.translations.len() >= REMEMBERED {
            self.wasted += self.translations.remove(0).known;
        }
        Translation {
            layout,
            codes: vec![Translated::UNKNOWN; codes_of(columns)],
            known: 0,
        }
    }

    /// The keys with these numbers, in the order of [`NumberedKeys::positions`].
    pub(super) fn columns(&self, numbers: Vec<u32>) -> Result<Vec<Column>, EvalError> {
        let values = match self.values.get() {
            Some(values) => values,
            None => {
                let columns = self.numbers.columns(0, self.numbers.len(), &self.types)?;
                self.values
                    .get_or_init(|| columns.iter().map(Values::of).collect())
            }
        };
        let codes: ScalarBuffer<u32> = numbers.into();
        Ok(values.iter().map(|values| values.at(&codes)).collect())
    }

    pub(super) fn memory_size(&self) -> usize {
        let translations = self.translations.iter();
        // Twice: as columns too, in the end.
        2 * self.numbers.memory_size()
            + translations
                .map(|translation| size_of::<Translated>() * translation.codes.len())
                .sum::<usize>()
    }
}

impl Values {
    fn of(column: &Column) -> Self {
        let values = column.as_flat().cloned();
        let values = values.unwrap_or(arclight_columns::Values::Null);
        let data_type = column.data_type().clone();
        Values {
            values: Arc::new(Column::flat(data_type, column.len(), values, None)),
            valid: column.validity().cloned(),
        }
    }

    fn at(&self, codes: &ScalarBuffer<u32>) -> Column {
        let valid = self.valid.as_ref().map(|valid| {
            NullBuffer::new(BooleanBuffer::collect_bool(codes.len(), |row| {
                valid.is_valid(codes[row] as usize)
            }))
        });
        Column::dictionary(codes.clone(), Arc::clone(&self.values), valid)
    }
}
