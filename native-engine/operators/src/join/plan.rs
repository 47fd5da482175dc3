//! What the tasks of a join share: its kind, its keys, and where each column comes from.

use std::collections::BTreeSet;

use arclight_columns::{Field, Schema, SparkType};
use arclight_expressions::{ExpressionRef, columns_read};

/// Which rows a join gives (Spark's `JoinType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// The matching pairs.
    Inner,
    /// Also left rows without a match, with NULLs.
    LeftOuter,
    /// Also right rows without a match, with NULLs.
    RightOuter,
    /// Also rows of both sides without a match, with NULLs.
    FullOuter,
    /// Left rows with a match, once each.
    LeftSemi,
    /// Left rows without a match.
    LeftAnti,
    /// Left rows, each with whether it has a match (Spark's `ExistenceJoin`).
    LeftMark,
}

/// One of a join's inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinSide {
    /// The first input.
    Left,
    /// The second input.
    Right,
}

/// A join as a plan declares it.
#[derive(Debug, Clone)]
pub struct JoinSpec {
    /// Which rows it gives.
    pub kind: JoinKind,
    /// The side whose rows are kept in memory and indexed.
    pub build: JoinSide,
    /// Positions of the keys in the left input's columns.
    pub left_keys: Vec<usize>,
    /// Positions of the keys in the right input's columns, one for each of the left.
    pub right_keys: Vec<usize>,
    /// A further condition on pairs whose keys are equal, over the left columns and then the right
    /// ones. Pairs for which it is not TRUE do not match.
    pub residual: Option<ExpressionRef>,
    /// Spark's NOT IN (`BroadcastHashJoinExec.isNullAwareAntiJoin`).
    pub null_aware: bool,
    /// Rows come in the order of the side that is not built: where memory is refused, the join
    /// fails instead of going through the disk.
    pub keeps_order: bool,
    /// Positions of the output columns among those that the kind gives (left and right ones; for
    /// semi and anti the left ones; for mark the left ones and the mark); `None`: all, in order.
    pub emit: Option<Vec<usize>>,
}

impl JoinSpec {
    /// A join by its keys alone, which gives all columns.
    pub fn by_keys(
        kind: JoinKind,
        build: JoinSide,
        left_keys: Vec<usize>,
        right_keys: Vec<usize>,
    ) -> Self {
        JoinSpec {
            kind,
            build,
            left_keys,
            right_keys,
            residual: None,
            null_aware: false,
            keeps_order: false,
            emit: None,
        }
    }
}

/// A join that cannot be: the planner and the engine disagree.
#[derive(Debug, thiserror::Error)]
#[error("a join {0}")]
pub struct JoinSpecError(pub(super) String);

/// What becomes of probe rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProbeOutput {
    /// Nothing.
    None,
    /// The pairs.
    Pairs,
    /// The pairs, and rows without a match with NULLs.
    PairsAndUnmatched,
    /// Rows with a match.
    Matched,
    /// Rows without a match.
    Unmatched,
    /// All rows, with whether there is a match.
    Marked,
}

impl ProbeOutput {
    /// Whether what a row leaves is only known once all of the build side was probed.
    pub(super) fn waits_for_all(self) -> bool {
        !matches!(self, ProbeOutput::None | ProbeOutput::Pairs)
    }

    /// Whether a row without a match leaves something.
    pub(super) fn needs_unmatched(self) -> bool {
        matches!(
            self,
            ProbeOutput::PairsAndUnmatched | ProbeOutput::Unmatched | ProbeOutput::Marked
        )
    }
}

/// Which of the build side's rows are given after all probing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BuildOutput {
    /// None.
    None,
    /// Those with a match.
    Matched,
    /// Those without a match.
    Unmatched,
    /// All, with whether there is a match.
    Marked,
}

/// Where an output column comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Column of the probe side, by its position among those kept.
    Probe(usize),
    /// Column of the build side, by its position among those kept.
    Build(usize),
    /// The mark.
    Mark,
}

/// The columns that a join keeps of one of its inputs.
#[derive(Debug)]
pub(super) struct SideColumns {
    /// Their positions in the input, ascending.
    pub(super) kept: Vec<usize>,
    /// Their types.
    pub(super) types: Vec<SparkType>,
    /// Positions of the keys among them.
    pub(super) keys: Vec<usize>,
}

impl SideColumns {
    fn new(schema: &Schema, keys: &[usize], needed: impl Fn(usize) -> bool) -> Self {
        let kept: Vec<usize> = (0..schema.len())
            .filter(|position| keys.contains(position) || needed(*position))
            .collect();
        let at = |key: &usize| kept.partition_point(|position| position < key);
        SideColumns {
            types: kept
                .iter()
                .map(|&position| schema.fields[position].data_type.clone())
                .collect(),
            keys: keys.iter().map(at).collect(),
            kept,
        }
    }

    fn find(&self, position: usize) -> Option<usize> {
        self.kept.binary_search(&position).ok()
    }
}

/// The residual condition and how the batch it is evaluated over is made.
#[derive(Debug)]
pub(super) struct Residual {
    pub(super) expression: ExpressionRef,
    /// A column for each of the left and right ones; `Err` for those that are not read.
    pub(super) columns: Vec<Result<Source, SparkType>>,
}

#[derive(Debug)]
pub(super) struct JoinPlan {
    pub(super) spec: JoinSpec,
    pub(super) probe: SideColumns,
    pub(super) build: SideColumns,
    pub(super) residual: Option<Residual>,
    pub(super) output: Vec<Source>,
    pub(super) schema: Schema,
    pub(super) probe_output: ProbeOutput,
    pub(super) build_output: BuildOutput,
}

/// Whether two types hold the same values, whatever their fields are called.
fn same_values(left: &SparkType, right: &SparkType) -> bool {
    match (left, right) {
        (SparkType::Array(l), SparkType::Array(r)) => same_values(&l.data_type, &r.data_type),
        (SparkType::Struct(l), SparkType::Struct(r)) => {
            l.len() == r.len()
                && l.iter()
                    .zip(r.iter())
                    .all(|(l, r)| same_values(&l.data_type, &r.data_type))
        }
        (SparkType::Map(..), _) => false,
        _ => left == right,
    }
}

impl JoinPlan {
    /// The plan of a join of inputs with these columns. `keep_all`: the build side's rows come
    /// with all their columns, because others use them too.
    pub(super) fn new(
        left: &Schema,
        right: &Schema,
        spec: JoinSpec,
        keep_all: bool,
    ) -> Result<Self, JoinSpecError> {
        check(left, right, &spec)?;
        let width = left.len();
        let read = spec.residual.as_ref().map(columns_read).unwrap_or_default();
        if let Some(position) = read.iter().find(|&&p| p >= width + right.len()) {
            return Err(JoinSpecError(format!(
                "whose condition reads column {position}"
            )));
        }
        let given = given_columns(left, right, spec.kind);
        let emit = match &spec.emit {
            Some(emit) => emit.clone(),
            None => (0..given.len()).collect(),
        };
        let fields = emit
            .iter()
            .map(|&position| {
                given
                    .get(position)
                    .cloned()
                    .ok_or_else(|| JoinSpecError(format!("that gives its column {position}")))
            })
            .collect::<Result<Vec<Field>, _>>()?;
        let has_mark = spec.kind == JoinKind::LeftMark;
        let is_mark = |position: usize| has_mark && position == width;
        let needed: BTreeSet<usize> = emit
            .iter()
            .copied()
            .filter(|&position| !is_mark(position))
            .chain(read.iter().copied())
            .collect();
        let keeps = |side: JoinSide| keep_all && spec.build == side;
        let left_columns = SideColumns::new(left, &spec.left_keys, |position| {
            keeps(JoinSide::Left) || needed.contains(&position)
        });
        let right_columns = SideColumns::new(right, &spec.right_keys, |position| {
            keeps(JoinSide::Right) || needed.contains(&(width + position))
        });
        let source = |position: usize| {
            let (side, found) = match position < width {
                true => (JoinSide::Left, left_columns.find(position)),
                false => (JoinSide::Right, right_columns.find(position - width)),
            };
            found.map(|at| match side == spec.build {
                true => Source::Build(at),
                false => Source::Probe(at),
            })
        };
        let output = emit
            .iter()
            .map(|&position| match is_mark(position) {
                true => Ok(Source::Mark),
                false => source(position)
                    .ok_or_else(|| JoinSpecError(format!("that lost its column {position}"))),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let residual = spec.residual.as_ref().map(|expression| Residual {
            expression: ExpressionRef::clone(expression),
            columns: left
                .fields
                .iter()
                .chain(right.fields.iter())
                .enumerate()
                .map(|(position, field)| match read.contains(&position) {
                    true => source(position).ok_or_else(|| field.data_type.clone()),
                    false => Err(field.data_type.clone()),
                })
                .collect(),
        });
        let (probe_output, build_output) = outputs(spec.kind, spec.build);
        let (probe, build) = match spec.build {
            JoinSide::Left => (right_columns, left_columns),
            JoinSide::Right => (left_columns, right_columns),
        };
        Ok(JoinPlan {
            spec,
            probe,
            build,
            residual,
            output,
            schema: Schema::new(fields),
            probe_output,
            build_output,
        })
    }

    /// Whether it must be known which of the build side's rows match.
    pub(super) fn marks_build_rows(&self) -> bool {
        self.build_output != BuildOutput::None
    }

    /// Whether all rows of a key are looked at, or else its first one alone.
    pub(super) fn walks_chains(&self) -> bool {
        let pairs = matches!(
            self.probe_output,
            ProbeOutput::Pairs | ProbeOutput::PairsAndUnmatched
        );
        pairs || self.residual.is_some() || self.marks_build_rows()
    }

    /// The types of the build side's rows on disk: with whether they have a match, if that counts.
    pub(super) fn spilled_build_types(&self) -> Vec<SparkType> {
        let mut types = self.build.types.clone();
        if self.marks_build_rows() {
            types.push(SparkType::Boolean);
        }
        types
    }
}

fn check(left: &Schema, right: &Schema, spec: &JoinSpec) -> Result<(), JoinSpecError> {
    let error = |message: String| Err(JoinSpecError(message));
    if spec.left_keys.is_empty() || spec.left_keys.len() != spec.right_keys.len() {
        let (left, right) = (spec.left_keys.len(), spec.right_keys.len());
        return error(format!("of {left} left and {right} right keys"));
    }
    for (&l, &r) in spec.left_keys.iter().zip(&spec.right_keys) {
        let types = left.fields.get(l).zip(right.fields.get(r));
        let Some((l, r)) = types.map(|(l, r)| (&l.data_type, &r.data_type)) else {
            return error(format!("by columns {l} and {r}, one of which is not there"));
        };
        if !same_values(l, r) {
            return error(format!("by {l} and {r}"));
        }
    }
    if let Some(residual) = &spec.residual
        && !matches!(residual.data_type(), SparkType::Boolean | SparkType::Null)
    {
        return error(format!("with a condition of type {}", residual.data_type()));
    }
    let null_aware_fits = spec.kind == JoinKind::LeftAnti
        && spec.build == JoinSide::Right
        && spec.left_keys.len() == 1
        && spec.residual.is_none();
    if spec.null_aware && !null_aware_fits {
        return error(format!("of kind {:?} that is null-aware", spec.kind));
    }
    Ok(())
}

/// The columns of a kind before some are picked.
fn given_columns(left: &Schema, right: &Schema, kind: JoinKind) -> Vec<Field> {
    let side = |schema: &Schema, outer: bool| {
        let fields = schema.fields.iter().cloned();
        fields
            .map(|mut field| {
                field.nullable |= outer;
                field
            })
            .collect::<Vec<_>>()
    };
    let left_outer = matches!(kind, JoinKind::RightOuter | JoinKind::FullOuter);
    let mut fields = side(left, left_outer);
    match kind {
        JoinKind::LeftSemi | JoinKind::LeftAnti => {}
        JoinKind::LeftMark => fields.push(Field::new("exists", SparkType::Boolean, false)),
        JoinKind::Inner | JoinKind::RightOuter => fields.extend(side(right, false)),
        JoinKind::LeftOuter | JoinKind::FullOuter => fields.extend(side(right, true)),
    }
    fields
}

fn outputs(kind: JoinKind, build: JoinSide) -> (ProbeOutput, BuildOutput) {
    use BuildOutput as B;
    use ProbeOutput as P;
    match (kind, build) {
        (JoinKind::Inner, _) => (P::Pairs, B::None),
        (JoinKind::LeftOuter, JoinSide::Right) => (P::PairsAndUnmatched, B::None),
        (JoinKind::LeftOuter, JoinSide::Left) => (P::Pairs, B::Unmatched),
        (JoinKind::RightOuter, JoinSide::Right) => (P::Pairs, B::Unmatched),
        (JoinKind::RightOuter, JoinSide::Left) => (P::PairsAndUnmatched, B::None),
        (JoinKind::FullOuter, _) => (P::PairsAndUnmatched, B::Unmatched),
        (JoinKind::LeftSemi, JoinSide::Right) => (P::Matched, B::None),
        (JoinKind::LeftSemi, JoinSide::Left) => (P::None, B::Matched),
        (JoinKind::LeftAnti, JoinSide::Right) => (P::Unmatched, B::None),
        (JoinKind::LeftAnti, JoinSide::Left) => (P::None, B::Unmatched),
        (JoinKind::LeftMark, JoinSide::Right) => (P::Marked, B::None),
        (JoinKind::LeftMark, JoinSide::Left) => (P::None, B::Marked),
    }
}
