//! What an expression is, and how it fails.

use std::collections::BTreeSet;
use std::sync::Arc;

use arclight_columns::{Batch, Column, ColumnError, Selection, SparkType};

use crate::jvm_results::JvmResults;

/// Why an expression gave no column.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// Spark would raise an error at this row. Which error only Spark's own expression says, so
    /// the batch is evaluated there.
    #[error("row {row} fails")]
    Failed {
        /// Position in the batch of a failing active row (the first the kernel saw).
        row: usize,
    },
    /// The kernel leaves this batch to Spark's own expression (a rare case it does not cover).
    #[error("left to Spark: {0}")]
    Declined(&'static str),
    /// An exception of the JVM crossed an upcall; the bridge holds the throwable itself.
    #[error("exception in the JVM: {0}")]
    Jvm(String),
    /// A column was not what its type says: a defect of the engine.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// A defect of the engine.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Evaluates Spark's own expressions over a batch. Implemented over JNI by the bridge.
pub trait JvmExpressions {
    /// Evaluates expression `index` of the stage's table over the active rows of `inputs`
    /// (the columns the expression reads, in its order). Returns a column of type `data_type`
    /// with one row per *active* row, in order, or [`EvalError::Jvm`] when Spark raised.
    fn evaluate(
        &mut self,
        index: u32,
        inputs: &Batch,
        data_type: &SparkType,
    ) -> Result<Column, EvalError>;
}

/// Where no JVM is at hand (the runner, unit tests): failures stay failures.
pub struct NoJvm;

impl JvmExpressions for NoJvm {
    fn evaluate(&mut self, index: u32, _: &Batch, _: &SparkType) -> Result<Column, EvalError> {
        Err(EvalError::Internal(format!(
            "expression {index} needs the JVM, and there is none here"
        )))
    }
}

/// What an evaluation may use beside its batch.
pub struct EvalContext<'a> {
    /// Spark's own expressions.
    pub jvm: &'a mut dyn JvmExpressions,
    /// What these gave for the batch, which may be known of other evaluations over it.
    pub results: JvmResults,
    /// Batches whose failed kernel Spark's expression did not confirm (a defect: tests fail).
    pub kernel_disagreements: u64,
    /// Rows evaluated by Spark's own expressions.
    pub jvm_rows: u64,
}

impl<'a> EvalContext<'a> {
    /// A context over `jvm`.
    pub fn new(jvm: &'a mut dyn JvmExpressions) -> Self {
        EvalContext {
            jvm,
            results: JvmResults::default(),
            kernel_disagreements: 0,
            jvm_rows: 0,
        }
    }
}

/// An expression over the columns of a batch. Immutable and shared by tasks.
pub trait Expression: Send + Sync + std::fmt::Debug {
    /// The type of the result.
    fn data_type(&self) -> &SparkType;

    /// Evaluates over the rows in `rows` (a subset of the batch's positions; the batch's own
    /// selection is not looked at). The result has `rows.len()` rows, is specified only at `rows`
    /// and may be flat, dictionary or constant. An expression raises only for rows in `rows`.
    fn evaluate(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError>;

    /// Every expression it evaluates over the batch: which columns are read is known from these.
    fn children(&self) -> Vec<&ExpressionRef> {
        Vec::new()
    }

    /// The position in the batch, if this is a plain column of it.
    fn column(&self) -> Option<usize> {
        None
    }

    /// The expressions that are all TRUE exactly where this one is, if it is their AND.
    fn conjuncts(&self) -> Option<&[ExpressionRef]> {
        None
    }

    /// Whether evaluation can never give [`EvalError::Failed`]. Such an expression may be
    /// evaluated for more rows than asked.
    fn is_total(&self) -> bool {
        false
    }
}

/// The positions of the batch's columns that an expression reads, ascending.
pub fn columns_read(expression: &ExpressionRef) -> BTreeSet<usize> {
    let mut read = BTreeSet::new();
    let mut open = vec![expression];
    while let Some(expression) = open.pop() {
        read.extend(expression.column());
        open.extend(expression.children());
    }
    read
}

/// A shared expression.
pub type ExpressionRef = Arc<dyn Expression>;
