//! What decoding a plan carries along: function names by anchor and the session's settings.

use std::collections::HashMap;
use std::sync::Arc;

use arclight_expressions::{EvalMode, ZoneRules};
use prost::{Message, Name};
use prost_types::Any;
use substrait_prost::extensions::AdvancedExtension;
use substrait_prost::extensions::simple_extension_declaration::MappingType;
use substrait_prost::{FunctionOption, Plan, RelCommon};

use crate::error::PlanError;
use crate::proto::{OperatorInfo, StageInfo};

/// The URN of our function catalogue (`proto/functions/*.yaml`).
pub const CATALOGUE: &str = "extension:org.arclight:functions";

/// Names, zone and stage settings of one plan.
pub struct Decoder {
    functions: HashMap<u32, String>,
    /// Settings of the stage.
    pub info: StageInfo,
    /// The session's time zone.
    pub zone: Option<Arc<ZoneRules>>,
}

impl Decoder {
    /// Reads the declarations of a plan.
    pub fn new(plan: &Plan) -> Result<Self, PlanError> {
        let ours = plan.extension_urns.iter().find(|u| u.urn == CATALOGUE);
        let mut functions = HashMap::new();
        for declaration in &plan.extensions {
            if let Some(MappingType::ExtensionFunction(f)) = &declaration.mapping_type {
                if ours.is_none_or(|u| u.extension_urn_anchor != f.extension_urn_reference) {
                    return Err(PlanError::Dangling(format!(
                        "the catalogue of function {}",
                        f.name
                    )));
                }
                functions.insert(f.function_anchor, f.name.clone());
            }
        }
        let info: StageInfo = enhancement(&plan.advanced_extensions)?;
        let zone = info.time_zone.as_ref().map(|zone| {
            Arc::new(ZoneRules {
                id: zone.id.clone(),
                transitions: zone.transitions.clone(),
                offsets: zone.offsets.clone(),
                valid_until: zone.valid_until,
            })
        });
        if let Some(zone) = &zone
            && zone.offsets.len() != zone.transitions.len() + 1
        {
            return Err(PlanError::Literal(format!(
                "rules of time zone {}",
                zone.id
            )));
        }
        Ok(Decoder {
            functions,
            info,
            zone,
        })
    }

    /// The function an anchor names.
    pub fn function(&self, anchor: u32) -> Result<&str, PlanError> {
        self.functions
            .get(&anchor)
            .map(String::as_str)
            .ok_or_else(|| PlanError::Dangling(format!("function anchor {anchor}")))
    }
}

/// Unpacks a detail message, checking its type.
pub fn detail<M: Message + Name + Default>(any: &Any) -> Result<M, PlanError> {
    if !is_detail(any, &M::full_name()) {
        return Err(PlanError::Unsupported(format!(
            "{} for {}",
            any.type_url,
            M::full_name()
        )));
    }
    Ok(M::decode(any.value.as_slice())?)
}

/// The enhancement of an extension; its default if there is none.
pub fn enhancement<M: Message + Name + Default>(
    extension: &Option<AdvancedExtension>,
) -> Result<M, PlanError> {
    match extension.as_ref().and_then(|e| e.enhancement.as_ref()) {
        Some(any) => detail(any),
        None => Ok(M::default()),
    }
}

/// Whether a detail is of this message type.
pub fn is_detail(any: &Any, full_name: &str) -> bool {
    any.type_url.rsplit('/').next() == Some(full_name)
}

/// The evaluation mode in a call's options.
pub fn eval_mode(options: &[FunctionOption]) -> Result<EvalMode, PlanError> {
    let preference = options
        .iter()
        .find(|o| o.name == "eval_mode")
        .and_then(|o| o.preference.first());
    match preference.map(String::as_str) {
        None | Some("LEGACY") => Ok(EvalMode::Legacy),
        Some("ANSI") => Ok(EvalMode::Ansi),
        Some("TRY") => Ok(EvalMode::Try),
        Some(other) => Err(PlanError::Unsupported(format!("eval_mode {other}"))),
    }
}

/// Whether a boolean option is set to `true`.
pub fn flag(options: &[FunctionOption], name: &str) -> bool {
    options
        .iter()
        .any(|o| o.name == name && o.preference.first().is_some_and(|p| p == "true"))
}

/// The operator id of a relation.
pub fn operator_id(common: &Option<RelCommon>) -> Result<usize, PlanError> {
    let extension = common.as_ref().and_then(|c| c.advanced_extension.as_ref());
    let info = extension
        .and_then(|e| e.optimization.first())
        .ok_or(PlanError::Missing("OperatorInfo"))?;
    Ok(detail::<OperatorInfo>(info)?.id as usize)
}
