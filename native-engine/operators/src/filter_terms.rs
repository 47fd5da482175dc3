//! The terms of a condition, in the order in which they leave out most rows in least time.

use std::sync::Arc;
use std::time::Instant;

use arclight_columns::{Batch, Selection};
use arclight_expressions::{ExpressionRef, columns_read};

use crate::filter::select_total;
use crate::metrics::OperatorMetrics;
use crate::operator::EngineError;
use crate::task::TaskContext;

/// Batches after which the order is chosen anew.
const LOOK: u32 = 8;

/// What is remembered of earlier batches when the order is chosen.
const MEMORY: f64 = 0.5;

/// A condition's terms, which must all be TRUE, for whoever evaluates them in an order of its own.
/// Each stream has a copy, and learns by itself.
#[derive(Debug, Clone)]
pub struct FilterTerms {
    terms: Vec<Term>,
    /// The filter's, to which time and rows are counted.
    pub metrics: Arc<OperatorMetrics>,
    batches: u32,
}

/// A term, and what became of the rows that came to it.
#[derive(Debug, Clone)]
struct Term {
    expression: ExpressionRef,
    columns: Vec<usize>,
    rows: f64,
    kept: f64,
    nanos: f64,
}

impl FilterTerms {
    /// The terms of `predicate`, which never fails.
    pub(crate) fn new(predicate: &ExpressionRef, metrics: Arc<OperatorMetrics>) -> Self {
        let mut terms = Vec::new();
        let mut open = vec![predicate];
        while let Some(expression) = open.pop() {
            match expression.conjuncts() {
                Some(conjuncts) => open.extend(conjuncts.iter().rev()),
                None => terms.push(Term {
                    columns: columns_read(expression).into_iter().collect(),
                    expression: Arc::clone(expression),
                    rows: 0.0,
                    kept: 0.0,
                    nanos: 0.0,
                }),
            }
        }
        FilterTerms {
            terms,
            metrics,
            batches: 0,
        }
    }

    /// How many terms there are.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there is no term.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The columns that term `term` of the current order reads, ascending.
    pub fn columns(&self, term: usize) -> &[usize] {
        &self.terms[term].columns
    }

    /// The rows of `within` for which term `term` of the current order is TRUE. Of `batch` only
    /// the term's columns are looked at.
    pub fn select(
        &mut self,
        term: usize,
        batch: &Batch,
        within: &Selection,
        task: &TaskContext,
    ) -> Result<Selection, EngineError> {
        let term = &mut self.terms[term];
        let start = Instant::now();
        let kept = select_total(task, &term.expression, batch, within, &self.metrics)?;
        let nanos = start.elapsed().as_nanos() as u64;
        OperatorMetrics::add(&self.metrics.elapsed_nanos, nanos);
        term.rows += within.count() as f64;
        term.kept += kept.count() as f64;
        term.nanos += nanos as f64;
        Ok(kept)
    }

    /// A batch is done: once in a while the order is chosen by what the terms did.
    pub fn end_batch(&mut self) {
        self.batches += 1;
        if self.batches == 1 || self.batches.is_multiple_of(LOOK) {
            self.terms.sort_by(|a, b| b.worth().total_cmp(&a.worth()));
            for term in &mut self.terms {
                term.rows *= MEMORY;
                term.kept *= MEMORY;
                term.nanos *= MEMORY;
            }
        }
    }
}

impl Term {
    /// The rows that it leaves out in a nanosecond. Of a term that no row came to nothing is known:
    /// it comes first.
    fn worth(&self) -> f64 {
        if self.rows == 0.0 {
            return f64::MAX;
        }
        (self.rows - self.kept) / self.nanos.max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FailsAt, ints, task};
    use arclight_columns::SparkType;
    use arclight_expressions::{EvalMode, FunctionCall, build};

    fn above_zero(column: usize) -> ExpressionRef {
        Arc::new(FailsAt::new(column, SparkType::Boolean, i32::MIN))
    }

    fn and(arguments: Vec<ExpressionRef>) -> ExpressionRef {
        build(&FunctionCall {
            name: "and".to_string(),
            arguments,
            output: SparkType::Boolean,
            mode: EvalMode::Legacy,
            zone: None,
        })
        .unwrap()
    }

    #[test]
    fn the_term_that_leaves_out_most_comes_first() {
        let predicate = and(vec![above_zero(0), and(vec![above_zero(1), above_zero(2)])]);
        let task = task(8);
        let mut terms = FilterTerms::new(&predicate, task.operator_metrics(0));
        let order = |terms: &FilterTerms| -> Vec<usize> {
            (0..terms.len())
                .flat_map(|term| terms.columns(term).to_vec())
                .collect()
        };
        assert_eq!(order(&terms), [0, 1, 2]);
        let column = |some: i32| ints(&(0..100).map(|i| Some(i % some)).collect::<Vec<_>>());
        // 50, 99 and 0 of a hundred are above zero.
        let batch = Batch::new(vec![column(2), column(100), ints(&[Some(0); 100])], 100);
        for _ in 0..2 {
            let mut rows = Selection::all(100);
            for term in 0..terms.len() {
                rows = terms.select(term, &batch, &rows, &task).unwrap();
            }
            assert!(rows.is_empty());
            // A nanosecond a row: what the machine took is no matter of the test.
            for term in &mut terms.terms {
                term.nanos = term.rows;
            }
            terms.end_batch();
        }
        assert_eq!(terms.columns(0), [2]);
    }

    #[test]
    fn a_dear_term_behind_a_selective_one_stays_there() {
        let term = |rows: f64, kept: f64, nanos: f64| Term {
            expression: above_zero(0),
            columns: Vec::new(),
            rows,
            kept,
            nanos,
        };
        // One of a thousand rows comes to the second, of which it leaves out a fifth.
        let (first, second) = (term(8192.0, 8.0, 41_000.0), term(8.0, 6.0, 1600.0));
        assert!(first.worth() > second.worth());
    }
}
