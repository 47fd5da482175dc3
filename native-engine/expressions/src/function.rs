//! Functions over evaluated columns: evaluates the arguments in Spark's order, then a kernel.

use std::fmt;
use std::sync::Arc;

use arclight_columns::{Batch, Column, Selection, SparkType};

use crate::expression::{EvalContext, EvalError, Expression, ExpressionRef};
use crate::registry::FunctionCall;

/// Computes a result from one evaluated argument.
type UnaryKernel =
    Box<dyn Fn(&Column, &Selection) -> Result<Column, EvalError> + Send + Sync + 'static>;

/// Computes a result from two evaluated arguments.
type BinaryKernel =
    Box<dyn Fn(&Column, &Column, &Selection) -> Result<Column, EvalError> + Send + Sync + 'static>;

/// Computes a result from all evaluated arguments.
type NaryKernel =
    Box<dyn Fn(&[Column], &Selection) -> Result<Column, EvalError> + Send + Sync + 'static>;

/// Whether a kernel can say that a row fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failing {
    /// Never.
    Never,
    /// At some values.
    Sometimes,
}

/// Which argument of a null-intolerant function Spark evaluates first; the other one is not
/// evaluated at rows where the first is NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    /// The left one.
    Left,
    /// The right one (division, remainder).
    Right,
}

/// A function of one argument.
struct UnaryFunction {
    name: String,
    argument: ExpressionRef,
    data_type: SparkType,
    failing: Failing,
    kernel: UnaryKernel,
}

/// A function of two arguments that is NULL where either is.
struct BinaryFunction {
    name: String,
    left: ExpressionRef,
    right: ExpressionRef,
    data_type: SparkType,
    failing: Failing,
    first: First,
    kernel: BinaryKernel,
}

/// Where a function of any number of arguments evaluates them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arguments {
    /// All at every row.
    Every,
    /// From the first to the last until one is NULL: the function is NULL where any is.
    UntilNull,
}

/// A function of any number of arguments.
struct NaryFunction {
    name: String,
    arguments: Vec<ExpressionRef>,
    evaluated: Arguments,
    data_type: SparkType,
    failing: Failing,
    kernel: NaryKernel,
}

/// An expression that applies `kernel` to the first argument of `call`.
pub(crate) fn unary(
    call: &FunctionCall,
    argument: &ExpressionRef,
    failing: Failing,
    kernel: impl Fn(&Column, &Selection) -> Result<Column, EvalError> + Send + Sync + 'static,
) -> ExpressionRef {
    Arc::new(UnaryFunction {
        name: call.name.clone(),
        argument: Arc::clone(argument),
        data_type: call.output.clone(),
        failing,
        kernel: Box::new(kernel),
    })
}

/// An expression that applies `kernel`, which is NULL where either argument is, to two arguments.
pub(crate) fn binary(
    call: &FunctionCall,
    (left, right): (&ExpressionRef, &ExpressionRef),
    first: First,
    failing: Failing,
    kernel: impl Fn(&Column, &Column, &Selection) -> Result<Column, EvalError> + Send + Sync + 'static,
) -> ExpressionRef {
    Arc::new(BinaryFunction {
        name: call.name.clone(),
        left: Arc::clone(left),
        right: Arc::clone(right),
        data_type: call.output.clone(),
        failing,
        first,
        kernel: Box::new(kernel),
    })
}

/// An expression that applies `kernel` to all arguments of `call`, each evaluated at every row.
pub(crate) fn nary(
    call: &FunctionCall,
    failing: Failing,
    kernel: impl Fn(&[Column], &Selection) -> Result<Column, EvalError> + Send + Sync + 'static,
) -> ExpressionRef {
    Arc::new(NaryFunction {
        name: call.name.clone(),
        arguments: call.arguments.clone(),
        evaluated: Arguments::Every,
        data_type: call.output.clone(),
        failing,
        kernel: Box::new(kernel),
    })
}

/// An expression that applies `kernel`, which is NULL where any argument is, to all arguments of
/// `call`. An argument is not evaluated at rows where one before it is NULL, if it can fail.
pub(crate) fn until_null(
    call: &FunctionCall,
    failing: Failing,
    kernel: impl Fn(&[Column], &Selection) -> Result<Column, EvalError> + Send + Sync + 'static,
) -> ExpressionRef {
    Arc::new(NaryFunction {
        name: call.name.clone(),
        arguments: call.arguments.clone(),
        evaluated: Arguments::UntilNull,
        data_type: call.output.clone(),
        failing,
        kernel: Box::new(kernel),
    })
}

/// The types a call must have, or the error for its signature.
pub(crate) fn signature(
    call: &FunctionCall,
    arguments: &[SparkType],
    output: &SparkType,
) -> Result<(), crate::BuildError> {
    let given = call.arguments.iter().map(|a| a.data_type());
    if given.eq(arguments.iter()) && call.output == *output {
        Ok(())
    } else {
        Err(call.unsupported())
    }
}

/// The two arguments of a call that has exactly two, or the error for its signature.
pub(crate) fn two(
    call: &FunctionCall,
) -> Result<(&ExpressionRef, &ExpressionRef), crate::BuildError> {
    match call.arguments.as_slice() {
        [left, right] => Ok((left, right)),
        _ => Err(call.unsupported()),
    }
}

/// The argument of a call that has exactly one, or the error for its signature.
pub(crate) fn one(call: &FunctionCall) -> Result<&ExpressionRef, crate::BuildError> {
    match call.arguments.as_slice() {
        [argument] => Ok(argument),
        _ => Err(call.unsupported()),
    }
}

/// `expression` at the rows where `guard` is not NULL: where it cannot fail, at all rows.
fn evaluate_where_valid(
    expression: &ExpressionRef,
    guard: &Column,
    batch: &Batch,
    rows: &Selection,
    context: &mut EvalContext<'_>,
) -> Result<Column, EvalError> {
    if expression.is_total() || !guard.has_nulls() {
        return expression.evaluate(batch, rows, context);
    }
    let rows = rows.filter(|row| !guard.is_null(row));
    if rows.is_empty() {
        return Ok(Column::nulls(expression.data_type().clone(), rows.len()));
    }
    expression.evaluate(batch, &rows, context)
}

impl Expression for UnaryFunction {
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }
    fn evaluate(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        let argument = self.argument.evaluate(batch, rows, context)?;
        (self.kernel)(&argument, rows)
    }
    fn children(&self) -> Vec<&ExpressionRef> {
        vec![&self.argument]
    }
    fn is_total(&self) -> bool {
        self.failing == Failing::Never && self.argument.is_total()
    }
}

impl Expression for BinaryFunction {
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }
    fn evaluate(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        let (left, right) = match self.first {
            First::Left => {
                let left = self.left.evaluate(batch, rows, context)?;
                let right = evaluate_where_valid(&self.right, &left, batch, rows, context)?;
                (left, right)
            }
            First::Right => {
                let right = self.right.evaluate(batch, rows, context)?;
                let left = evaluate_where_valid(&self.left, &right, batch, rows, context)?;
                (left, right)
            }
        };
        (self.kernel)(&left, &right, rows)
    }
    fn children(&self) -> Vec<&ExpressionRef> {
        vec![&self.left, &self.right]
    }
    fn is_total(&self) -> bool {
        self.failing == Failing::Never && self.left.is_total() && self.right.is_total()
    }
}

impl Expression for NaryFunction {
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }
    fn evaluate(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        let mut columns: Vec<Column> = Vec::with_capacity(self.arguments.len());
        let mut active = rows.clone();
        // How many columns' NULLs `active` is without.
        let mut seen = 0;
        for argument in &self.arguments {
            if self.evaluated == Arguments::UntilNull && !argument.is_total() {
                let nulls: Vec<&Column> =
                    columns[seen..].iter().filter(|c| c.has_nulls()).collect();
                if !nulls.is_empty() {
                    active = active.filter(|row| nulls.iter().all(|c| !c.is_null(row)));
                }
                seen = columns.len();
            }
            columns.push(if active.is_empty() && !rows.is_empty() {
                Column::nulls(argument.data_type().clone(), rows.len())
            } else {
                argument.evaluate(batch, &active, context)?
            });
        }
        // Rows that were left out are NULL in a column before.
        (self.kernel)(&columns, rows)
    }
    fn children(&self) -> Vec<&ExpressionRef> {
        self.arguments.iter().collect()
    }
    fn is_total(&self) -> bool {
        self.failing == Failing::Never && self.arguments.iter().all(|a| a.is_total())
    }
}

impl fmt::Debug for UnaryFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({:?})", self.name, self.argument)
    }
}

impl fmt::Debug for BinaryFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({:?}, {:?})", self.name, self.left, self.right)
    }
}

impl fmt::Debug for NaryFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({:?})", self.name, self.arguments)
    }
}
