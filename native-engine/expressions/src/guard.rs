//! Guards: Spark's own expression beside or instead of a kernel.

use arclight_columns::{Batch, Column, Selection, SparkType};

use crate::expression::{EvalContext, EvalError, Expression, ExpressionRef};
use crate::jvm_results::JvmCall;

/// An expression evaluated by Spark's own generated code: one upcall a batch, and none for rows of
/// which an equal one gave its result already.
#[derive(Debug)]
pub struct JvmExpression {
    index: u32,
    inputs: Vec<ExpressionRef>,
    data_type: SparkType,
}

impl JvmExpression {
    /// Expression `index` of the stage's table, which reads `inputs` in that order.
    pub fn new(index: u32, inputs: Vec<ExpressionRef>, data_type: SparkType) -> Self {
        JvmExpression {
            index,
            inputs,
            data_type,
        }
    }

    /// The call that equal expressions make, too.
    fn as_call(&self) -> Option<JvmCall> {
        let columns = self.inputs.iter().map(|input| input.column());
        Some(JvmCall {
            index: self.index,
            columns: columns.collect::<Option<Vec<_>>>()?,
        })
    }

    fn evaluate_anew(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        let columns = self
            .inputs
            .iter()
            .map(|input| input.evaluate(batch, rows, context))
            .collect::<Result<Vec<_>, _>>()?;
        let inputs = Batch::with_selection(columns, rows.clone());
        context.jvm_rows += rows.count() as u64;
        let result = context.jvm.evaluate(self.index, &inputs, &self.data_type)?;
        if result.len() != rows.count() {
            return Err(EvalError::Internal(format!(
                "expression {} gave {} rows for {}",
                self.index,
                result.len(),
                rows.count()
            )));
        }
        scatter(result, rows)
    }
}

impl Expression for JvmExpression {
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }

    fn evaluate(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        if rows.is_empty() {
            return Ok(Column::nulls(self.data_type.clone(), rows.len()));
        }
        let Some(call) = self.as_call() else {
            return self.evaluate_anew(batch, rows, context);
        };
        let missing = context.results.missing(&call, rows);
        if !missing.is_empty() {
            let found = self.evaluate_anew(batch, &missing, context)?;
            let results = &mut context.results;
            results.add(call.clone(), missing, found, &self.data_type)?;
        }
        let result = context.results.get(&call).cloned();
        result.ok_or_else(|| EvalError::Internal("a result is gone".to_string()))
    }

    fn children(&self) -> Vec<&ExpressionRef> {
        self.inputs.iter().collect()
    }
}

/// A kernel guarded by Spark's own expression: where the kernel fails or declines, Spark
/// evaluates the batch, and raises what it raises.
#[derive(Debug)]
pub struct JvmFallback {
    kernel: ExpressionRef,
    jvm: JvmExpression,
}

impl JvmFallback {
    /// `kernel`, guarded by `jvm`.
    pub fn new(kernel: ExpressionRef, jvm: JvmExpression) -> Self {
        JvmFallback { kernel, jvm }
    }
}

impl Expression for JvmFallback {
    fn data_type(&self) -> &SparkType {
        self.kernel.data_type()
    }

    fn evaluate(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        match self.kernel.evaluate(batch, rows, context) {
            Err(EvalError::Failed { .. }) => {
                let result = self.jvm.evaluate(batch, rows, context)?;
                context.kernel_disagreements += 1;
                Ok(result)
            }
            Err(EvalError::Declined(_)) => self.jvm.evaluate(batch, rows, context),
            other => other,
        }
    }

    fn children(&self) -> Vec<&ExpressionRef> {
        std::iter::once(&self.kernel)
            .chain(&self.jvm.inputs)
            .collect()
    }

    fn is_total(&self) -> bool {
        self.kernel.is_total()
    }
}

/// Brings one value per active row back to the rows' positions; other rows repeat a value.
pub fn scatter(values: Column, rows: &Selection) -> Result<Column, EvalError> {
    let Some(active) = rows.rows() else {
        return Ok(values);
    };
    let mut source = vec![0u32; rows.len()];
    active
        .iter()
        .enumerate()
        .for_each(|(i, &row)| source[row as usize] = i as u32);
    if values.is_empty() {
        return Ok(Column::nulls(values.data_type().clone(), rows.len()));
    }
    Ok(values.take(&source)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JvmExpressions;
    use crate::leaf::ColumnRef;
    use std::sync::Arc;

    /// Twice the number, and how many rows were asked for.
    #[derive(Default)]
    struct Twice {
        asked: usize,
    }

    impl JvmExpressions for Twice {
        fn evaluate(&mut self, _: u32, inputs: &Batch, t: &SparkType) -> Result<Column, EvalError> {
            self.asked += inputs.active_rows();
            let numbers = inputs.column(0).as_slice::<i32>().unwrap();
            let twice = inputs.selection().iter().map(|row| 2 * numbers[row]);
            Ok(Column::fixed(t.clone(), twice.collect(), None))
        }
    }

    #[test]
    fn equal_expressions_are_evaluated_once_a_row() {
        let numbers = Column::fixed(SparkType::Int, (0..6).collect::<Vec<i32>>(), None);
        let batch = Batch::new(vec![numbers.clone(), numbers], 6);
        let twice_of = |column| {
            let input: ExpressionRef = Arc::new(ColumnRef::new(column, SparkType::Int));
            JvmExpression::new(3, vec![input], SparkType::Int)
        };
        let mut host = Twice::default();
        let mut context = EvalContext::new(&mut host);
        let mut check = |column, rows: &[u32]| {
            let rows = Selection::from_rows(6, rows.to_vec());
            let result = twice_of(column).evaluate(&batch, &rows, &mut context);
            let result = result.unwrap().flatten();
            let values = result.as_slice::<i32>().unwrap();
            rows.for_each(|row| assert_eq!(values[row], 2 * row as i32));
            context.jvm_rows
        };
        assert_eq!(check(0, &[1, 4]), 2);
        assert_eq!(check(0, &[4]), 2);
        assert_eq!(check(0, &[0, 4, 5]), 4);
        assert_eq!(check(0, &[0, 1, 2, 3, 4, 5]), 6);
        assert_eq!(check(0, &[2, 3]), 6);
        // The same of another column is another call.
        assert_eq!(check(1, &[2, 3]), 8);
        assert_eq!(host.asked, 8);
    }

    #[test]
    fn scatters_to_positions() {
        let rows = Selection::from_rows(4, vec![1, 3]);
        let column = scatter(Column::fixed(SparkType::Int, vec![10, 30], None), &rows).unwrap();
        assert_eq!(column.as_slice::<i32>().unwrap()[1], 10);
        assert_eq!(column.as_slice::<i32>().unwrap()[3], 30);
    }
}
