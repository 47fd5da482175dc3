//! Guards: Spark's own expression beside or instead of a kernel.

use arclight_columns::{Batch, Column, Selection, SparkType};

use crate::expression::{EvalContext, EvalError, Expression, ExpressionRef};

/// An expression evaluated by Spark's own generated code: one upcall a batch.
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

    #[test]
    fn scatters_to_positions() {
        let rows = Selection::from_rows(4, vec![1, 3]);
        let column = scatter(Column::fixed(SparkType::Int, vec![10, 30], None), &rows).unwrap();
        assert_eq!(column.as_slice::<i32>().unwrap()[1], 10);
        assert_eq!(column.as_slice::<i32>().unwrap()[3], 30);
    }
}
