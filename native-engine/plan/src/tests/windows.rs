use substrait_prost::consistent_partition_window_rel::WindowRelFunction;
use substrait_prost::expression::window_function::bound::{
    CurrentRow, Following, Kind as BoundKind, Preceding, Unbounded,
};
use substrait_prost::expression::window_function::{Bound, BoundsType};
use substrait_prost::sort_field::{SortDirection, SortKind};
use substrait_prost::r#type::I64;
use substrait_prost::{ConsistentPartitionWindowRel, SortField, SortRel};

use super::*;
use crate::proto::WindowGroupLimit;
use crate::proto::window_group_limit::RankFunction;

pub(super) const ROW_NUMBER: u32 = 4;
pub(super) const SUM: u32 = 5;
pub(super) const OFFSET: u32 = 6;
pub(super) const NTILE: u32 = 7;
pub(super) const NTH_VALUE: u32 = 8;

fn function(anchor: u32, arguments: Vec<Expression>) -> WindowRelFunction {
    let long = I64 {
        nullability: Nullability::Nullable as i32,
        ..Default::default()
    };
    WindowRelFunction {
        function_reference: anchor,
        arguments: values(arguments),
        output_type: Some(Type {
            kind: Some(Kind::I64(long)),
        }),
        ..Default::default()
    }
}

fn bound(kind: BoundKind) -> Option<Bound> {
    Some(Bound { kind: Some(kind) })
}

fn framed(unit: BoundsType, lower: BoundKind, upper: BoundKind) -> WindowRelFunction {
    WindowRelFunction {
        bounds_type: unit as i32,
        lower_bound: bound(lower),
        upper_bound: bound(upper),
        ..function(SUM, vec![column(0)])
    }
}

#[allow(deprecated)]
fn preceding(rows: i64) -> BoundKind {
    BoundKind::Preceding(Box::new(Preceding {
        offset: 0,
        offset_expr: Some(Box::new(long(rows))),
    }))
}

#[allow(deprecated)]
fn following(rows: i64) -> BoundKind {
    BoundKind::Following(Box::new(Following {
        offset: 0,
        offset_expr: Some(Box::new(long(rows))),
    }))
}

fn unbounded() -> BoundKind {
    BoundKind::Unbounded(Unbounded {})
}

fn current() -> BoundKind {
    BoundKind::CurrentRow(CurrentRow {})
}

/// Functions over `range(100)` in the order of its ids.
fn window(functions: Vec<WindowRelFunction>) -> Result<Arc<Stage>, PlanError> {
    let rel = ConsistentPartitionWindowRel {
        common: common(0),
        input: Some(Box::new(range(1, 0, 0))),
        window_functions: functions,
        partition_expressions: vec![],
        sorts: vec![SortField {
            expr: Some(column(0)),
            sort_kind: None,
        }],
        advanced_extension: None,
    };
    Stage::decode(&plan_of(RelType::Window(Box::new(rel))))
}

#[test]
fn decodes_and_runs_windows() {
    use BoundsType::{Range, Rows};
    let functions = vec![
        function(ROW_NUMBER, vec![]),
        function(NTILE, vec![long(3)]),
        function(OFFSET, vec![column(0), long(-1)]),
        function(OFFSET, vec![column(0), long(1), long(7)]),
        WindowRelFunction {
            function_reference: NTH_VALUE,
            arguments: function(NTH_VALUE, vec![column(0), long(2)]).arguments,
            ..framed(Rows, preceding(2), following(3))
        },
        framed(Rows, unbounded(), unbounded()),
        framed(Range, unbounded(), current()),
        framed(Rows, following(1), unbounded()),
    ];
    let stage = window(functions).unwrap();
    assert_eq!(stage.root.schema().len(), 9);
    assert_eq!(rows(&stage, Split::Slice(0)), 100);
    assert!(stage.explain().starts_with("Window [RowNumber, NTile(3)"));
}

#[test]
fn refuses_windows_it_does_not_know() {
    let unsupported = |f| matches!(window(vec![f]), Err(PlanError::Unsupported(_)));
    let by_range = framed(BoundsType::Range, preceding(1), current());
    assert!(unsupported(by_range));
    let unspecified = framed(BoundsType::Unspecified, unbounded(), current());
    assert!(unsupported(unspecified));
    assert!(unsupported(function(NTILE, vec![column(0)])));
    let missing = window(vec![function(OFFSET, vec![column(0)])]);
    assert!(matches!(missing, Err(PlanError::Missing(_))));
    let none = window(vec![function(NTILE, vec![long(0)])]);
    assert!(matches!(none, Err(PlanError::Literal(_))));
    let unknown = window(vec![function(NOT, vec![column(0)])]);
    assert!(matches!(unknown, Err(PlanError::Build(_))), "{unknown:?}");
    let dangling = window(vec![function(99, vec![])]);
    assert!(matches!(dangling, Err(PlanError::Dangling(_))));
}

#[test]
fn partitions_are_limited() {
    let limit = |column_: i32| {
        over_range(
            1,
            &WindowGroupLimit {
                partitions: vec![],
                sorts: vec![SortField {
                    expr: Some(column(column_)),
                    sort_kind: None,
                }],
                function: RankFunction::RowNumber as i32,
                limit: 7,
            },
        )
    };
    let stage = Stage::decode(&plan_of(limit(0))).unwrap();
    assert!(stage.explain().starts_with("WindowGroupLimit RowNumber 7"));
    assert_eq!(rows(&stage, Split::Slice(0)), 7);
    assert!(Stage::decode(&plan_of(limit(3))).is_err());
}

#[test]
fn a_sort_knows_of_the_limit_of_its_groups() {
    let field = |column_: i32, direction: SortDirection| SortField {
        expr: Some(column(column_)),
        sort_kind: Some(SortKind::Direction(direction as i32)),
    };
    let limited = |sorts: Vec<SortField>| {
        let sort = SortRel {
            common: common(1),
            input: Some(Box::new(range(0, 0, 0))),
            sorts,
            ..Default::default()
        };
        let limit = WindowGroupLimit {
            partitions: vec![column(0)],
            sorts: vec![field(0, SortDirection::DescNullsLast)],
            function: RankFunction::Rank as i32,
            limit: 2,
        };
        let limited = RelType::ExtensionSingle(Box::new(ExtensionSingleRel {
            common: common(2),
            input: Some(Box::new(Rel {
                rel_type: Some(RelType::Sort(Box::new(sort))),
            })),
            detail: Some(any(&limit)),
        }));
        let stage = Stage::decode(&plan_of(limited)).unwrap();
        stage.explain().contains(" below GroupLimit ")
    };
    let group = field(0, SortDirection::AscNullsFirst);
    let order = field(0, SortDirection::DescNullsLast);
    assert!(limited(vec![group.clone(), order.clone()]));
    // Another order, and one more key.
    assert!(!limited(vec![order.clone(), order.clone()]));
    assert!(!limited(vec![group.clone(), group.clone()]));
    assert!(!limited(vec![group, order.clone(), order]));
}
