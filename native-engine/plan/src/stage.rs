//! A stage: the operators of a plan and where their rows go.

use std::sync::Arc;

use arclight_operators::{OperatorRef, TaskSettings};
use arclight_shuffle::ShuffleWriter;
use prost::Message;
use substrait_prost::plan_rel::RelType as PlanRelType;
use substrait_prost::rel::RelType;
use substrait_prost::{Plan, Rel};

use crate::decoder::Decoder;
use crate::error::PlanError;
use crate::proto::StageInfo;
use crate::relations::relation;
use crate::sink::{is_sink, sink};

/// A decoded plan, shared by all tasks of a stage on an executor.
#[derive(Debug)]
pub struct Stage {
    /// The operator at the top; below the sink, if there is one.
    pub root: OperatorRef,
    /// Where rows go; `None`: to the JVM, as rows.
    pub sink: Option<ShuffleWriter>,
    /// Settings.
    pub info: StageInfo,
}

impl Stage {
    /// Decodes a serialized substrait `Plan`.
    pub fn decode(bytes: &[u8]) -> Result<Arc<Self>, PlanError> {
        let plan = Plan::decode(bytes)?;
        let decoder = Decoder::new(&plan)?;
        let [only] = plan.relations.as_slice() else {
            return Err(PlanError::Unsupported(
                "a stage has one relation".to_string(),
            ));
        };
        let rel: &Rel = match &only.rel_type {
            Some(PlanRelType::Root(root)) => root.input.as_ref(),
            Some(PlanRelType::Rel(rel)) => Some(rel),
            None => None,
        }
        .ok_or(PlanError::Missing("root"))?;
        let (root, sink) = match &rel.rel_type {
            Some(RelType::ExtensionSingle(write)) if is_sink(write) => {
                let input = write.input.as_deref().ok_or(PlanError::Missing("input"))?;
                let root = relation(&decoder, input)?;
                let sink = sink(&decoder, write, Arc::clone(&root))?;
                (root, Some(sink))
            }
            _ => (relation(&decoder, rel)?, None),
        };
        Ok(Arc::new(Stage {
            root,
            sink,
            info: decoder.info,
        }))
    }

    /// The settings its tasks run with.
    pub fn settings(&self) -> TaskSettings {
        let defaults = TaskSettings::default();
        let batch_size = match self.info.batch_size {
            0 => defaults.batch_size,
            size => size as usize,
        };
        TaskSettings {
            batch_size,
            equal_hashes: self.info.equal_hashes,
        }
    }

    /// The operators in words: one a line, inputs indented below.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        let mut depth = 0;
        if let Some(sink) = &self.sink {
            text.push_str(&format!("{}\n", sink.describe()));
            depth = 1;
        }
        let mut open = vec![(&self.root, depth)];
        while let Some((operator, depth)) = open.pop() {
            text.push_str(&format!("{}{}\n", "  ".repeat(depth), operator.describe()));
            open.extend(
                operator
                    .children()
                    .into_iter()
                    .rev()
                    .map(|child| (child, depth + 1)),
            );
        }
        text
    }
}
