//! What Spark's own expressions gave for a batch, so that equal ones are evaluated once a row.

use std::collections::HashMap;

use arclight_columns::{Column, Selection, SparkType};

use crate::conditional::{difference, merge};
use crate::expression::EvalError;

/// An expression of the stage's table and the batch's columns that it reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct JvmCall {
    pub(crate) index: u32,
    pub(crate) columns: Vec<usize>,
}

/// Results of one batch, each with the rows that it is of. Corresponds to Spark's elimination of
/// common subexpressions (`EquivalentExpressions`), which calls costly functions once a row, too.
#[derive(Debug, Default)]
pub struct JvmResults {
    by_call: HashMap<JvmCall, (Selection, Column)>,
}

impl JvmResults {
    /// The rows of `rows` of which nothing is known yet.
    pub(crate) fn missing(&self, call: &JvmCall, rows: &Selection) -> Selection {
        match self.by_call.get(call) {
            Some((known, _)) => difference(rows, known),
            None => rows.clone(),
        }
    }

    /// What is known of a call; specified at its rows alone.
    pub(crate) fn get(&self, call: &JvmCall) -> Option<&Column> {
        self.by_call.get(call).map(|(_, column)| column)
    }

    /// Takes in what a call gave at `rows`, of which nothing was known.
    pub(crate) fn add(
        &mut self,
        call: JvmCall,
        rows: Selection,
        found: Column,
        data_type: &SparkType,
    ) -> Result<(), EvalError> {
        let entry = match self.by_call.remove(&call) {
            None => (rows, found),
            Some((known, column)) => {
                let mut all: Vec<u32> = known.iter().chain(rows.iter()).map(|r| r as u32).collect();
                all.sort_unstable();
                let all = Selection::from_rows(rows.len(), all);
                let parts = [(known, column), (rows, found)];
                let merged = merge(data_type, &all, &parts)?;
                (all, merged)
            }
        };
        self.by_call.insert(call, entry);
        Ok(())
    }
}
