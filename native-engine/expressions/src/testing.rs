//! What the families' tests share: columns of options, and calls over all layouts.

use std::sync::Arc;

use arclight_columns::{
    Batch, BinaryViewArray, Column, FixedWidth, NullBuffer, Selection, SparkType,
};

use crate::expression::{EvalContext, EvalError, Expression, ExpressionRef, NoJvm};
use crate::leaf::{ColumnRef, Literal};
use crate::registry::{EvalMode, FunctionCall, build};

/// A flat column of optional values.
pub(crate) fn fixed<T: FixedWidth>(data_type: &SparkType, values: &[Option<T>]) -> Column {
    let validity = NullBuffer::from_iter(values.iter().map(Option::is_some));
    let values = values.iter().map(|v| v.unwrap_or_default()).collect();
    Column::fixed(data_type.clone(), values, Some(validity))
}

/// A flat column of optional strings.
pub(crate) fn strings(values: &[Option<&str>]) -> Column {
    let validity = NullBuffer::from_iter(values.iter().map(Option::is_some));
    let array =
        BinaryViewArray::from_iter_values(values.iter().map(|v| v.unwrap_or_default().as_bytes()));
    Column::bytes(SparkType::String, array, Some(validity))
}

/// A flat column of optional booleans.
pub(crate) fn booleans(values: &[Option<bool>]) -> Column {
    let validity = NullBuffer::from_iter(values.iter().map(Option::is_some));
    let bits: Vec<bool> = values.iter().map(|v| v.unwrap_or_default()).collect();
    Column::boolean(bits.into(), Some(validity))
}

/// The column as a dictionary: each row its own value, unless it is NULL.
pub(crate) fn dictionary(column: &Column) -> Column {
    let valid: Vec<u32> = (0..column.len() as u32)
        .filter(|&row| !column.is_null(row as usize))
        .collect();
    let values = column.take(&valid).unwrap();
    let mut next = 0;
    let codes: Vec<u32> = (0..column.len())
        .map(|row| {
            let code = next;
            next += u32::from(!column.is_null(row));
            code.min(valid.len().saturating_sub(1) as u32)
        })
        .collect();
    Column::dictionary(codes.into(), Arc::new(values), column.validity().cloned())
}

/// A call over columns of these types.
pub(crate) fn call(
    name: &str,
    arguments: &[Column],
    output: &SparkType,
    mode: EvalMode,
) -> ExpressionRef {
    let arguments = arguments
        .iter()
        .enumerate()
        .map(|(i, column)| -> ExpressionRef {
            match column.as_constant() {
                Some(value) => Arc::new(Literal::new(value.clone())),
                None => Arc::new(ColumnRef::new(i, column.data_type().clone())),
            }
        })
        .collect();
    build(&FunctionCall {
        name: name.to_string(),
        arguments,
        output: output.clone(),
        mode,
        zone: None,
    })
    .unwrap()
}

/// Evaluates an expression over the active rows of columns.
pub(crate) fn evaluate(
    expression: &dyn Expression,
    columns: &[Column],
    rows: &Selection,
) -> Result<Column, EvalError> {
    let batch = Batch::new(columns.to_vec(), rows.len());
    let result = expression.evaluate(&batch, rows, &mut EvalContext::new(&mut NoJvm));
    if let Ok(column) = &result {
        assert_eq!(column.data_type(), expression.data_type());
        assert_eq!(column.len(), rows.len());
    }
    result
}

/// Evaluates a call over all rows.
pub(crate) fn run(
    name: &str,
    arguments: &[Column],
    output: &SparkType,
    mode: EvalMode,
) -> Result<Column, EvalError> {
    let rows = Selection::all(arguments[0].len());
    evaluate(
        call(name, arguments, output, mode).as_ref(),
        arguments,
        &rows,
    )
}

/// The values of a fixed-width column, any layout.
pub(crate) fn values<T: FixedWidth>(column: &Column) -> Vec<Option<T>> {
    (0..column.len())
        .map(|row| (!column.is_null(row)).then(|| column.fixed_value::<T>(row).unwrap()))
        .collect()
}

/// The unscaled values of a decimal column of either width.
pub(crate) fn decimals(column: &Column) -> Vec<Option<i128>> {
    (0..column.len())
        .map(|row| {
            (!column.is_null(row)).then(|| {
                column
                    .fixed_value::<i64>(row)
                    .map(i128::from)
                    .or_else(|| column.fixed_value::<i128>(row))
                    .unwrap()
            })
        })
        .collect()
}

/// The values of a boolean column, any layout.
pub(crate) fn truths(column: &Column) -> Vec<Option<bool>> {
    (0..column.len())
        .map(|row| (!column.is_null(row)).then(|| column.boolean_value(row).unwrap()))
        .collect()
}

/// Evaluates a call over every layout of its arguments (flat; dictionaries; the first row's
/// constants) and over a selection, and checks that all agree with `expected`, given per row as
/// text; `None` is NULL.
#[track_caller]
pub(crate) fn check_layouts<R: PartialEq + std::fmt::Debug + Clone>(
    name: &str,
    arguments: &[Column],
    output: &SparkType,
    mode: EvalMode,
    read: impl Fn(&Column) -> Vec<R>,
    expected: &[R],
) {
    let flat = run(name, arguments, output, mode).unwrap();
    assert_eq!(read(&flat), expected, "{name}, flat");
    for index in 0..arguments.len() {
        let mut arguments = arguments.to_vec();
        arguments[index] = dictionary(&arguments[index]);
        let result = run(name, &arguments, output, mode).unwrap();
        assert_eq!(read(&result), expected, "{name}, dictionary {index}");
    }
    let len = arguments[0].len();
    for (row, value) in expected.iter().enumerate() {
        let constants: Vec<Column> = arguments
            .iter()
            .map(|a| Column::constant(a.take(&[row as u32]).unwrap(), 3))
            .collect();
        let result = run(name, &constants, output, mode).unwrap();
        assert_eq!(read(&result), vec![value.clone(); 3], "{name}, constants");
        if arguments.len() == 2 {
            // One side constant: only this row's result is known.
            for side in 0..2 {
                let mut mixed = arguments.to_vec();
                mixed[side] = Column::constant(arguments[side].take(&[row as u32]).unwrap(), len);
                let rows = Selection::from_rows(len, vec![row as u32]);
                let expression = call(name, &mixed, output, mode);
                let result = evaluate(expression.as_ref(), &mixed, &rows).unwrap();
                assert_eq!(read(&result)[row], *value, "{name}, constant {side}");
            }
        }
    }
    // A sparse selection and a dense one.
    for step in [2, 20] {
        let repeated: Vec<u32> = (0..len as u32 * 40).map(|row| row % len as u32).collect();
        let arguments: Vec<Column> = arguments
            .iter()
            .map(|a| a.take(&repeated).unwrap())
            .collect();
        let active: Vec<u32> = (0..repeated.len() as u32)
            .filter(|r| r % step == 0)
            .collect();
        let rows = Selection::from_rows(repeated.len(), active);
        let expression = call(name, &arguments, output, mode);
        let result = read(&evaluate(expression.as_ref(), &arguments, &rows).unwrap());
        rows.for_each(|row| assert_eq!(result[row], expected[row % len], "{name}, row {row}"));
    }
}

/// Asserts that a call fails at a row and at no other.
#[track_caller]
pub(crate) fn check_fails(name: &str, arguments: &[Column], output: &SparkType, row: usize) {
    let expression = call(name, arguments, output, EvalMode::Ansi);
    assert!(!expression.is_total());
    let len = arguments[0].len();
    match evaluate(expression.as_ref(), arguments, &Selection::all(len)) {
        Err(EvalError::Failed { row: failed }) => assert_eq!(failed, row),
        other => panic!("{name}: {other:?}"),
    }
    let others = Selection::all(len).filter(|r| r != row);
    evaluate(expression.as_ref(), arguments, &others).unwrap();
}
