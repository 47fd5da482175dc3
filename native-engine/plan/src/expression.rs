//! Expressions: one function per kind of Substrait expression; function names go through the
//! registry of `arclight-expressions`.

use std::sync::Arc;

use arclight_columns::{Schema, SparkType};
use arclight_expressions::{
    CaseWhen, ColumnRef, EvalMode, ExpressionRef, FunctionCall, InExpressions, InList,
    JvmExpression, JvmFallback, Literal, StructField, build,
};
use substrait_prost::Expression;
use substrait_prost::FunctionArgument;
use substrait_prost::expression::cast::FailureBehavior;
use substrait_prost::expression::field_reference::{ReferenceType, RootType};
use substrait_prost::expression::reference_segment;
use substrait_prost::expression::{
    Cast, FieldReference, IfThen, RexType, ScalarFunction, SingularOrList,
};
use substrait_prost::function_argument::ArgType;

use crate::decoder::{Decoder, eval_mode};
use crate::error::PlanError;
use crate::literal::literal;
use crate::types::required_type;

/// Levels of nesting that decoding and evaluating are known to bear on a 1 MiB stack.
pub const MAX_DEPTH: usize = 256;

/// Guard: `jvm_fallback(index, kernel expression, inputs…)`.
const JVM_FALLBACK: &str = "jvm_fallback";
/// Stand-in: `jvm_expression(index, inputs…)`.
const JVM_EXPRESSION: &str = "jvm_expression";

/// Decodes an expression over columns of `input`.
pub fn expression(
    decoder: &Decoder,
    input: &Schema,
    expression: &Expression,
) -> Result<ExpressionRef, PlanError> {
    Scope { decoder, input }.expression(expression, 0)
}

/// Decodes several expressions over the same input.
pub fn expressions<'a>(
    decoder: &Decoder,
    input: &Schema,
    list: impl IntoIterator<Item = &'a Expression>,
) -> Result<Vec<ExpressionRef>, PlanError> {
    list.into_iter()
        .map(|e| expression(decoder, input, e))
        .collect()
}

struct Scope<'a> {
    decoder: &'a Decoder,
    input: &'a Schema,
}

impl Scope<'_> {
    fn expression(&self, e: &Expression, depth: usize) -> Result<ExpressionRef, PlanError> {
        if depth > MAX_DEPTH {
            return Err(PlanError::TooDeep(MAX_DEPTH));
        }
        match e
            .rex_type
            .as_ref()
            .ok_or(PlanError::Missing("Expression.rex_type"))?
        {
            RexType::Literal(value) => Ok(Arc::new(Literal::new(literal(value)?))),
            RexType::Selection(reference) => self.field(reference, depth),
            RexType::ScalarFunction(call) => self.call(call, depth),
            RexType::Cast(cast) => self.cast(cast, depth),
            RexType::IfThen(case) => self.case(case, depth),
            RexType::SingularOrList(list) => self.in_list(list, depth),
            other => Err(PlanError::Unsupported(format!("expression {other:?}"))),
        }
    }

    fn boxed(&self, e: &Option<Box<Expression>>, depth: usize) -> Result<ExpressionRef, PlanError> {
        self.expression(
            e.as_deref().ok_or(PlanError::Missing("expression"))?,
            depth + 1,
        )
    }

    fn optional(&self, e: &Option<Expression>, depth: usize) -> Result<ExpressionRef, PlanError> {
        self.expression(
            e.as_ref().ok_or(PlanError::Missing("expression"))?,
            depth + 1,
        )
    }

    fn field(&self, reference: &FieldReference, depth: usize) -> Result<ExpressionRef, PlanError> {
        let Some(ReferenceType::DirectReference(segment)) = &reference.reference_type else {
            return Err(PlanError::Unsupported("masked reference".to_string()));
        };
        let Some(reference_segment::ReferenceType::StructField(field)) = &segment.reference_type
        else {
            return Err(PlanError::Unsupported(
                "reference into a list or map".to_string(),
            ));
        };
        let index = field.field as usize;
        if let Some(RootType::Expression(structure)) = &reference.root_type {
            let structure = self.expression(structure, depth + 1)?;
            return Ok(Arc::new(StructField::new(structure, index)?));
        }
        let column = self.input.fields.get(index).ok_or_else(|| {
            PlanError::Dangling(format!("column {index} of {}", self.input.len()))
        })?;
        Ok(Arc::new(ColumnRef::new(index, column.data_type.clone())))
    }

    fn arguments(
        &self,
        list: &[FunctionArgument],
        depth: usize,
    ) -> Result<Vec<ExpressionRef>, PlanError> {
        list.iter()
            .map(|argument| match &argument.arg_type {
                Some(ArgType::Value(value)) => self.expression(value, depth + 1),
                _ => Err(PlanError::Unsupported("enum or type argument".to_string())),
            })
            .collect()
    }

    fn call(&self, call: &ScalarFunction, depth: usize) -> Result<ExpressionRef, PlanError> {
        let name = self.decoder.function(call.function_reference)?;
        let mut arguments = self.arguments(&call.arguments, depth)?;
        let output = required_type(&call.output_type)?;
        match name {
            JVM_EXPRESSION => {
                let index = self.jvm_index(call)?;
                let inputs = arguments.split_off(1);
                Ok(Arc::new(JvmExpression::new(index, inputs, output)))
            }
            JVM_FALLBACK => {
                let index = self.jvm_index(call)?;
                if arguments.len() < 2 {
                    return Err(PlanError::Missing("kernel of jvm_fallback"));
                }
                let inputs = arguments.split_off(2);
                let kernel = arguments.swap_remove(1);
                let jvm = JvmExpression::new(index, inputs, output);
                Ok(Arc::new(JvmFallback::new(kernel, jvm)))
            }
            _ => Ok(build(&FunctionCall {
                name: name.to_string(),
                arguments,
                output,
                mode: eval_mode(&call.options)?,
                zone: self.decoder.zone.clone(),
            })?),
        }
    }

    /// The first argument of a guard: a literal index into the stage's table.
    fn jvm_index(&self, call: &ScalarFunction) -> Result<u32, PlanError> {
        use substrait_prost::expression::literal::LiteralType;
        let first = call.arguments.first().and_then(|a| match &a.arg_type {
            Some(ArgType::Value(value)) => value.rex_type.as_ref(),
            _ => None,
        });
        let Some(RexType::Literal(index)) = first else {
            return Err(PlanError::Missing("index of a JVM expression"));
        };
        match index.literal_type {
            Some(LiteralType::I32(index))
                if index >= 0 && (index as u32) < self.decoder.info.jvm_expressions =>
            {
                Ok(index as u32)
            }
            _ => Err(PlanError::Dangling("index of a JVM expression".to_string())),
        }
    }

    fn cast(&self, cast: &Cast, depth: usize) -> Result<ExpressionRef, PlanError> {
        let mode = match FailureBehavior::try_from(cast.failure_behavior) {
            Ok(FailureBehavior::ThrowException) => EvalMode::Ansi,
            Ok(FailureBehavior::ReturnNull) => EvalMode::Try,
            _ => EvalMode::Legacy,
        };
        Ok(build(&FunctionCall {
            name: "cast".to_string(),
            arguments: vec![self.boxed(&cast.input, depth)?],
            output: required_type(&cast.r#type)?,
            mode,
            zone: self.decoder.zone.clone(),
        })?)
    }

    fn case(&self, case: &IfThen, depth: usize) -> Result<ExpressionRef, PlanError> {
        let branches = case
            .ifs
            .iter()
            .map(|clause| {
                Ok((
                    self.optional(&clause.r#if, depth)?,
                    self.optional(&clause.then, depth)?,
                ))
            })
            .collect::<Result<Vec<_>, PlanError>>()?;
        let otherwise = match &case.r#else {
            Some(e) => Some(self.expression(e, depth + 1)?),
            None => None,
        };
        let output: SparkType = branches
            .first()
            .map(|(_, value)| value.data_type().clone())
            .ok_or(PlanError::Missing("IfThen.ifs"))?;
        Ok(Arc::new(CaseWhen::new(branches, otherwise, output)))
    }

    fn in_list(&self, list: &SingularOrList, depth: usize) -> Result<ExpressionRef, PlanError> {
        let value = self.boxed(&list.value, depth)?;
        let literals = list
            .options
            .iter()
            .map(|option| match &option.rex_type {
                Some(RexType::Literal(value)) => Some(literal(value)),
                _ => None,
            })
            .collect::<Option<Result<Vec<_>, _>>>();
        if let Some(options) = literals {
            return Ok(Arc::new(InList::new(value, options?)?));
        }
        let options = list
            .options
            .iter()
            .map(|option| self.expression(option, depth + 1))
            .collect::<Result<Vec<_>, PlanError>>()?;
        Ok(Arc::new(InExpressions::new(value, options)?))
    }
}
