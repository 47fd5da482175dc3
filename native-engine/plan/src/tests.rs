use std::sync::Arc;

use arclight_memory::{SpillDirectories, TaskMemory};
use arclight_operators::{NoHost, Split, TaskContext};
use prost::{Message, Name};
use prost_types::Any;
use substrait_prost::comparison_join_key::comparison_type::InnerType;
use substrait_prost::comparison_join_key::{ComparisonType, SimpleComparisonType};
use substrait_prost::expression::field_reference::{ReferenceType, RootReference, RootType};
use substrait_prost::expression::literal::LiteralType;
use substrait_prost::expression::{
    FieldReference, Literal, ReferenceSegment, RexType, ScalarFunction, reference_segment,
};
use substrait_prost::extensions::simple_extension_declaration::{ExtensionFunction, MappingType};
use substrait_prost::extensions::{
    AdvancedExtension, SimpleExtensionDeclaration, SimpleExtensionUrn,
};
use substrait_prost::function_argument::ArgType;
use substrait_prost::hash_join_rel::{BuildInput, JoinType};
use substrait_prost::rel::RelType;
use substrait_prost::rel_common::{Direct, Emit, EmitKind};
use substrait_prost::r#type::{Boolean, Kind, Nullability};
use substrait_prost::{
    ComparisonJoinKey, Expression, ExtensionLeafRel, ExtensionSingleRel, FilterRel,
    FunctionArgument, HashJoinRel, Plan, PlanRel, Rel, RelCommon, RelRoot, Type, plan_rel,
};

use crate::proto::{CollectKeys, FilterByKeys, JoinInfo, OperatorInfo, RangeInput, StageInfo};
use crate::{CATALOGUE, PlanError, Stage};

mod windows;

const GREATER_THAN: u32 = 1;
const AND: u32 = 2;
const NOT: u32 = 3;

fn any<M: Message + Name>(message: &M) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{}", M::full_name()),
        value: message.encode_to_vec(),
    }
}

fn common(id: u32) -> Option<RelCommon> {
    let info = OperatorInfo {
        id,
        name: "Test".to_string(),
    };
    Some(RelCommon {
        emit_kind: Some(EmitKind::Direct(Direct {})),
        advanced_extension: Some(AdvancedExtension {
            optimization: vec![any(&info)],
            enhancement: None,
        }),
        ..Default::default()
    })
}

fn values(arguments: Vec<Expression>) -> Vec<FunctionArgument> {
    let value = |e| FunctionArgument {
        arg_type: Some(ArgType::Value(e)),
    };
    arguments.into_iter().map(value).collect()
}

fn call(anchor: u32, arguments: Vec<Expression>) -> Expression {
    let boolean = Boolean {
        nullability: Nullability::Nullable as i32,
        ..Default::default()
    };
    Expression {
        rex_type: Some(RexType::ScalarFunction(ScalarFunction {
            function_reference: anchor,
            arguments: values(arguments),
            output_type: Some(Type {
                kind: Some(Kind::Bool(boolean)),
            }),
            ..Default::default()
        })),
    }
}

fn column(index: i32) -> Expression {
    let field = reference_segment::StructField {
        field: index,
        child: None,
    };
    let segment = ReferenceSegment {
        reference_type: Some(reference_segment::ReferenceType::StructField(Box::new(
            field,
        ))),
    };
    Expression {
        rex_type: Some(RexType::Selection(Box::new(FieldReference {
            reference_type: Some(ReferenceType::DirectReference(segment)),
            root_type: Some(RootType::RootReference(RootReference {})),
        }))),
    }
}

fn long(value: i64) -> Expression {
    let literal = Literal {
        literal_type: Some(LiteralType::I64(value)),
        ..Default::default()
    };
    Expression {
        rex_type: Some(RexType::Literal(literal)),
    }
}

/// `range(start, start + 100)`, read from `input`.
fn range(id: u32, input: u32, start: i64) -> Rel {
    let range = RangeInput {
        input,
        start,
        step: 1,
        slices: 1,
        count_low: 100,
        count_high: 0,
    };
    let leaf = ExtensionLeafRel {
        common: common(id),
        detail: Some(any(&range)),
    };
    Rel {
        rel_type: Some(RelType::ExtensionLeaf(leaf)),
    }
}

/// `SELECT id FROM range(100) WHERE condition`.
fn plan(condition: Expression) -> Vec<u8> {
    let filter = FilterRel {
        common: common(0),
        input: Some(Box::new(range(1, 0, 0))),
        condition: Some(Box::new(condition)),
        ..Default::default()
    };
    plan_of(RelType::Filter(Box::new(filter)))
}

fn plan_of(rel: RelType) -> Vec<u8> {
    let root = RelRoot {
        input: Some(Rel {
            rel_type: Some(rel),
        }),
        names: vec!["id".to_string()],
    };
    let functions = [
        (GREATER_THAN, "greater_than"),
        (AND, "and"),
        (NOT, "not"),
        (windows::ROW_NUMBER, "row_number"),
        (windows::SUM, "sum"),
        (windows::OFFSET, "offset"),
        (windows::NTILE, "ntile"),
        (windows::NTH_VALUE, "nth_value"),
    ];
    let info = StageInfo {
        operators: 3,
        ..Default::default()
    };
    Plan {
        extension_urns: vec![SimpleExtensionUrn {
            extension_urn_anchor: 1,
            urn: CATALOGUE.to_string(),
        }],
        extensions: functions
            .map(|(anchor, name)| SimpleExtensionDeclaration {
                mapping_type: Some(MappingType::ExtensionFunction(ExtensionFunction {
                    extension_urn_reference: 1,
                    function_anchor: anchor,
                    name: name.to_string(),
                })),
            })
            .to_vec(),
        relations: vec![PlanRel {
            rel_type: Some(plan_rel::RelType::Root(root)),
        }],
        advanced_extensions: Some(AdvancedExtension {
            optimization: vec![],
            enhancement: Some(any(&info)),
        }),
        ..Default::default()
    }
    .encode_to_vec()
}

fn rows(stage: &Stage, split: Split) -> usize {
    rows_of(stage, vec![split])
}

fn rows_of(stage: &Stage, splits: Vec<Split>) -> usize {
    let task = TaskContext::new(
        stage.settings(),
        TaskMemory::unbounded(),
        SpillDirectories::new(Vec::new()),
        0,
        splits,
        stage.info.operators as usize,
        Box::new(NoHost),
    );
    let mut stream = stage.root.open(&task).unwrap();
    let mut rows = 0;
    while let Some(batch) = stream.next_batch().unwrap() {
        rows += batch.active_rows();
    }
    rows
}

fn above(value: i64) -> Expression {
    call(GREATER_THAN, vec![column(0), long(value)])
}

#[test]
fn decodes_and_runs() {
    let stage = Stage::decode(&plan(above(89))).unwrap();
    assert_eq!(rows(&stage, Split::Slice(0)), 10);
    assert_eq!(rows(&stage, Split::Absent), 0);
    assert_eq!(stage.explain().lines().count(), 2);
}

#[test]
fn a_thousand_terms_decode_and_run() {
    let terms = (0..1000).map(|i| above(i % 50)).collect();
    let stage = Stage::decode(&plan(call(AND, terms))).unwrap();
    assert_eq!(rows(&stage, Split::Slice(0)), 50);
}

#[test]
fn refuses_what_is_nested_too_deep() {
    let deep = (0..1000).fold(above(0), |e, _| call(NOT, vec![e]));
    assert!(matches!(
        Stage::decode(&plan(deep)),
        Err(PlanError::TooDeep(_))
    ));
}

#[test]
fn refuses_dangling_references() {
    let unknown = call(99, vec![column(0), long(0)]);
    assert!(matches!(
        Stage::decode(&plan(unknown)),
        Err(PlanError::Dangling(_))
    ));
    let outside = call(GREATER_THAN, vec![column(7), long(0)]);
    assert!(matches!(
        Stage::decode(&plan(outside)),
        Err(PlanError::Dangling(_))
    ));
}

fn key(column_of_side: i32, comparison: SimpleComparisonType) -> ComparisonJoinKey {
    let side = || match column(column_of_side).rex_type {
        Some(RexType::Selection(reference)) => Some(*reference),
        _ => None,
    };
    ComparisonJoinKey {
        left: side(),
        right: side(),
        comparison: Some(ComparisonType {
            inner_type: Some(InnerType::Simple(comparison as i32)),
        }),
    }
}

/// A join of `range(100)` and `range(90, 190)` by id.
fn join(kind: JoinType, change: impl Fn(&mut HashJoinRel)) -> Result<Arc<Stage>, PlanError> {
    let mut rel = HashJoinRel {
        common: common(0),
        left: Some(Box::new(range(1, 0, 0))),
        right: Some(Box::new(range(2, 1, 90))),
        keys: vec![key(0, SimpleComparisonType::Eq)],
        r#type: kind as i32,
        ..Default::default()
    };
    change(&mut rel);
    Stage::decode(&plan_of(RelType::HashJoin(Box::new(rel))))
}

#[test]
fn decodes_and_runs_joins() {
    let run = |kind, change: &dyn Fn(&mut HashJoinRel)| {
        let stage = join(kind, change).unwrap();
        rows_of(&stage, vec![Split::Slice(0), Split::Slice(0)])
    };
    for build in [BuildInput::Left, BuildInput::Right, BuildInput::Unspecified] {
        let built = |rel: &mut HashJoinRel| rel.build_input = build as i32;
        assert_eq!(run(JoinType::Inner, &built), 10);
        assert_eq!(run(JoinType::Left, &built), 100);
        assert_eq!(run(JoinType::Right, &built), 100);
        assert_eq!(run(JoinType::Outer, &built), 190);
        assert_eq!(run(JoinType::LeftSemi, &built), 10);
        assert_eq!(run(JoinType::LeftAnti, &built), 90);
        assert_eq!(run(JoinType::LeftMark, &built), 100);
    }
    // The condition is over the columns of both sides: the right id is above 94.
    let residual = |rel: &mut HashJoinRel| {
        let condition = call(GREATER_THAN, vec![column(1), long(94)]);
        rel.residual_expression = Some(Box::new(condition));
    };
    assert_eq!(run(JoinType::Inner, &residual), 5);
    assert_eq!(run(JoinType::LeftAnti, &residual), 95);
}

#[test]
fn joins_say_what_they_do() {
    let stage = join(JoinType::LeftAnti, |rel| {
        rel.advanced_extension = Some(AdvancedExtension {
            optimization: vec![],
            enhancement: Some(any(&JoinInfo {
                null_aware_anti: true,
                keeps_order: false,
            })),
        });
        if let Some(common) = &mut rel.common {
            common.emit_kind = Some(EmitKind::Emit(Emit {
                output_mapping: vec![0, 0],
            }));
        }
    })
    .unwrap();
    assert_eq!(stage.root.schema().len(), 2);
    let text = stage.explain();
    let first = text.lines().next().unwrap();
    assert_eq!(
        first,
        "HashJoin LeftAnti null-aware by left 0 = 0 right, build Right, gives [0, 0]"
    );
}

#[test]
fn refuses_joins_it_does_not_know() {
    let fails = |kind, change: &dyn Fn(&mut HashJoinRel)| {
        matches!(join(kind, change), Err(PlanError::Unsupported(_)))
    };
    assert!(fails(JoinType::LeftSingle, &|_| {}));
    assert!(fails(JoinType::Inner, &|rel| rel.keys.clear()));
    assert!(fails(JoinType::Inner, &|rel| rel.keys =
        vec![key(7, SimpleComparisonType::Eq)]));
    assert!(fails(JoinType::Inner, &|rel| {
        rel.keys = vec![key(0, SimpleComparisonType::IsNotDistinctFrom)];
    }));
    assert!(fails(JoinType::Inner, &|rel| {
        rel.post_join_filter = Some(Box::new(above(1)));
    }));
}

#[test]
fn refuses_damaged_plans() {
    let bytes = plan(above(0));
    for length in [1, bytes.len() / 2, bytes.len() - 1] {
        assert!(Stage::decode(&bytes[..length]).is_err());
    }
    assert!(Stage::decode(&[]).is_err());
}

#[test]
fn a_plan_is_decoded_once_per_digest() {
    let cache = crate::PlanCache::default();
    let first = cache.get([7; 16], &plan(above(1))).unwrap();
    // The bytes of a known digest are not even looked at.
    let second = cache.get([7; 16], &[]).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
}

fn over_range<M: Message + Name>(id: u32, detail: &M) -> RelType {
    RelType::ExtensionSingle(Box::new(ExtensionSingleRel {
        common: common(id),
        input: Some(Box::new(range(0, 0, 0))),
        detail: Some(any(detail)),
    }))
}

fn by_keys(column: u32, key_sets: Vec<Vec<u8>>) -> RelType {
    let filter = crate::proto::filter_by_keys::Filter { column, key_sets };
    let filters = vec![filter];
    over_range(1, &FilterByKeys { filters })
}

#[test]
fn keys_of_another_stage_filter() {
    // 5 as its distance from the smallest integer.
    let five = vec![0x85, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
    let stage = Stage::decode(&plan_of(by_keys(0, vec![five, Vec::new()]))).unwrap();
    assert!(stage.explain().starts_with("FilterByKeys [0]"));
    assert_eq!(rows(&stage, Split::Slice(0)), 1);
}

#[test]
fn keys_of_columns_are_collected() {
    let collect = |columns| over_range(1, &CollectKeys { columns, limit: 9 });
    let stage = Stage::decode(&plan_of(collect(vec![0]))).unwrap();
    assert!(stage.explain().starts_with("CollectKeys of [0], up to 9"));
    assert!(Stage::decode(&plan_of(collect(vec![0, 1]))).is_err());
}

#[test]
fn keys_must_be_of_a_column_that_is_there() {
    assert!(Stage::decode(&plan_of(by_keys(1, Vec::new()))).is_err());
    assert!(Stage::decode(&plan_of(by_keys(0, vec![vec![0x80]]))).is_err());
}

#[test]
fn large_plans_make_room_for_others() {
    let cache = crate::PlanCache::default();
    let large = |start: u8| {
        // As many keys as bytes.
        let mut keys = vec![1u8; 3 << 20];
        keys[0] = start;
        plan_of(by_keys(0, vec![keys]))
    };
    let first = cache.get([1; 16], &large(1)).unwrap();
    let second = cache.get([2; 16], &large(2)).unwrap();
    cache.get([3; 16], &large(3)).unwrap();
    assert!(
        cache
            .get([2; 16], &[])
            .is_ok_and(|plan| Arc::ptr_eq(&plan, &second))
    );
    assert!(cache.get([1; 16], &[]).is_err());
    assert_eq!(Arc::strong_count(&first), 1);
}
