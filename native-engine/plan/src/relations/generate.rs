//! `Generate` in an `ExtensionSingleRel`: several rows for each input row.

use std::sync::Arc;

use arclight_columns::Schema;
use arclight_operators::{Generate, Generator, OperatorRef};
use substrait_prost::{Expression, ExtensionSingleRel};

use super::{column, input};
use crate::decoder::{Decoder, operator_id};
use crate::error::PlanError;
use crate::expression::{expression, expressions};
use crate::proto;

pub(super) fn decode(
    decoder: &Decoder,
    rel: &ExtensionSingleRel,
    generate: &proto::Generate,
) -> Result<OperatorRef, PlanError> {
    let child = input(decoder, &rel.input)?;
    let generator = generator(decoder, child.schema(), generate)?;
    let kept = generate.kept.iter().map(|&kept| column(&child, kept));
    let kept = kept.collect::<Result<_, _>>()?;
    let operator = Generate::new(
        operator_id(&rel.common)?,
        child,
        kept,
        generate.outer,
        generator,
    );
    let operator =
        operator.map_err(|what| PlanError::Unsupported(format!("Generate of {what}")))?;
    Ok(Arc::new(operator))
}

fn generator(
    decoder: &Decoder,
    schema: &Schema,
    generate: &proto::Generate,
) -> Result<Generator, PlanError> {
    use proto::generate::Generator as Kind;
    let one = |e: &Option<Expression>| {
        let e = e
            .as_ref()
            .ok_or(PlanError::Missing("argument of Generate"))?;
        expression(decoder, schema, e)
    };
    Ok(
        match generate
            .generator
            .as_ref()
            .ok_or(PlanError::Missing("Generate.generator"))?
        {
            Kind::Explode(explode) => Generator::Explode {
                collection: one(&explode.collection)?,
                position: explode.position,
            },
            Kind::Inline(inline) => Generator::Inline(one(&inline.structs)?),
            Kind::Stack(stack) => Generator::Stack {
                rows: stack.rows as usize,
                values: expressions(decoder, schema, &stack.values)?,
            },
            Kind::ReplicateRows(replicate) => Generator::ReplicateRows {
                count: one(&replicate.count)?,
                values: expressions(decoder, schema, &replicate.values)?,
            },
        },
    )
}
