//! Joins against a nested loop over rows as text.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arclight_columns::{Batch, Column, ColumnBuilder, Field, Selection, SparkType};
use arclight_expressions::{EvalMode, ExpressionRef, FunctionCall, build};
use arclight_memory::{MemoryLimits, MemorySource, UnboundedMemory};
use proptest::prelude::*;

use super::*;
use crate::runtime_filter::RuntimeFilter;
use crate::task::TaskSettings;
use crate::testing::{
    FailsAt, Limited, Memory, collect, column_ref, custom_task, ints, longs, rows, show,
    sorted_rows, strings, task, until_failure,
};

const KINDS: [JoinKind; 7] = [
    JoinKind::Inner,
    JoinKind::LeftOuter,
    JoinKind::RightOuter,
    JoinKind::FullOuter,
    JoinKind::LeftSemi,
    JoinKind::LeftAnti,
    JoinKind::LeftMark,
];
const SIDES: [JoinSide; 2] = [JoinSide::Left, JoinSide::Right];

fn spec(kind: JoinKind, build: JoinSide, keys: usize) -> JoinSpec {
    let keys: Vec<usize> = (0..keys).collect();
    JoinSpec::by_keys(kind, build, keys.clone(), keys)
}

fn less(left: usize, right: usize) -> ExpressionRef {
    build(&FunctionCall {
        name: "less_than".to_string(),
        arguments: vec![
            column_ref(left, SparkType::Int),
            column_ref(right, SparkType::Int),
        ],
        output: SparkType::Boolean,
        mode: EvalMode::Ansi,
        zone: None,
    })
    .unwrap()
}

/// A row: the key as text (`None`: one of the keys is NULL), all columns as text, the value of
/// the last column, an int.
struct Row {
    key: Option<String>,
    text: String,
    value: Option<i32>,
}

fn table(batches: &[Batch], keys: usize) -> Vec<Row> {
    let mut table = Vec::new();
    for batch in batches {
        batch.selection().for_each(|row| {
            let columns = batch.columns();
            let show_key =
                |c: &Column| (!c.is_null(row)).then(|| show(c, row).replace("-0.0", "0.0"));
            let key: Option<Vec<String>> = columns[..keys].iter().map(show_key).collect();
            let text: Vec<String> = columns.iter().map(|c| show(c, row)).collect();
            let last = &columns[columns.len() - 1];
            table.push(Row {
                key: key.map(|key| key.join("|")),
                text: text.join(","),
                value: (!last.is_null(row)).then(|| last.fixed_value::<i32>(row).unwrap()),
            });
        });
    }
    table
}

fn nulls(types: &[SparkType]) -> String {
    vec!["NULL"; types.len()].join(",")
}

/// What a nested loop gives. With `residual` the left value must be below the right one.
fn expected(
    kind: JoinKind,
    (left, left_types): (&[Row], &[SparkType]),
    (right, right_types): (&[Row], &[SparkType]),
    residual: bool,
) -> Vec<String> {
    let matches = |l: &Row, r: &Row| {
        l.key.is_some()
            && l.key == r.key
            && (!residual || l.value.zip(r.value).is_some_and(|(l, r)| l < r))
    };
    let mut output = Vec::new();
    for l in left {
        let matching = right.iter().filter(|r| matches(l, r));
        let any = right.iter().any(|r| matches(l, r));
        match kind {
            JoinKind::LeftSemi => output.extend(any.then(|| l.text.clone())),
            JoinKind::LeftAnti => output.extend((!any).then(|| l.text.clone())),
            JoinKind::LeftMark => output.push(format!("{},{any}", l.text)),
            _ => {
                output.extend(matching.map(|r| format!("{},{}", l.text, r.text)));
                if !any && matches!(kind, JoinKind::LeftOuter | JoinKind::FullOuter) {
                    output.push(format!("{},{}", l.text, nulls(right_types)));
                }
            }
        }
    }
    if matches!(kind, JoinKind::RightOuter | JoinKind::FullOuter) {
        let lonely = right.iter().filter(|r| !left.iter().any(|l| matches(l, r)));
        output.extend(lonely.map(|r| format!("{},{}", nulls(left_types), r.text)));
    }
    output.sort();
    output
}

/// How a test's task is.
#[derive(Debug, Clone, Copy)]
struct Run {
    batch_size: usize,
    equal_hashes: bool,
    refuse_once: bool,
    limit: Option<u64>,
}

const PLAIN: Run = Run {
    batch_size: 3,
    equal_hashes: false,
    refuse_once: false,
    limit: None,
};

impl Run {
    fn task(self) -> Arc<TaskContext> {
        let source: Arc<dyn MemorySource> = match self.limit {
            Some(bytes) => Limited::new(bytes),
            None => Arc::new(UnboundedMemory),
        };
        let settings = TaskSettings {
            batch_size: self.batch_size,
            equal_hashes: self.equal_hashes,
        };
        let limits = MemoryLimits {
            step: 1,
            refuse_once: self.refuse_once,
        };
        custom_task(settings, source, limits, Vec::new())
    }
}

/// Every kind and build side, against the nested loop. Gives how often there was a spill.
fn check(left: &[Batch], right: &[Batch], types: &[SparkType], residual: bool, run: Run) -> u64 {
    let keys = types.len() - 1;
    let (l, r) = (table(left, keys), table(right, keys));
    let mut spills = 0;
    for kind in KINDS {
        let wanted = expected(kind, (&l, types), (&r, types), residual);
        for build in SIDES {
            let mut spec = spec(kind, build, keys);
            if residual {
                spec.residual = Some(less(keys, types.len() + keys));
            }
            let join = HashJoin::new(
                0,
                Memory::typed(types.to_vec(), left.to_vec()),
                Memory::typed(types.to_vec(), right.to_vec()),
                spec,
            )
            .unwrap();
            let task = run.task();
            let output = collect(&join, &task).unwrap();
            assert_eq!(sorted_rows(&output), wanted, "{kind:?} {build:?} {run:?}");
            assert!(output.iter().all(|b| b.len() <= run.batch_size.max(64)));
            assert_eq!(task.memory.reserved(), 0, "{kind:?} {build:?} {run:?}");
            assert_eq!(
                task.metrics[0].output_rows.load(Relaxed),
                wanted.len() as u64
            );
            spills += task.metrics[0].spill_count.load(Relaxed);
        }
    }
    spills
}

fn batch(columns: Vec<Column>) -> Batch {
    let len = columns[0].len();
    Batch::new(columns, len)
}

const INT_TWICE: [SparkType; 2] = [SparkType::Int, SparkType::Int];

#[test]
fn joins_with_duplicates_and_nulls() {
    let left = [
        batch(vec![
            ints(&[Some(1), Some(2), None, Some(2)]),
            ints(&[Some(1), Some(2), Some(3), Some(4)]),
        ]),
        Batch::with_selection(
            vec![
                ints(&[Some(9), Some(3), Some(1)]),
                ints(&[None, Some(6), Some(7)]),
            ],
            Selection::from_rows(3, vec![1, 2]),
        ),
    ];
    let right = [batch(vec![
        ints(&[Some(2), Some(3), Some(2), None, Some(8)]),
        ints(&[Some(3), Some(6), Some(9), Some(1), None]),
    ])];
    for residual in [false, true] {
        assert_eq!(check(&left, &right, &INT_TWICE, residual, PLAIN), 0);
        check(&left, &[], &INT_TWICE, residual, PLAIN);
        check(&[], &right, &INT_TWICE, residual, PLAIN);
        check(&[], &[], &INT_TWICE, residual, PLAIN);
        let refused = Run {
            refuse_once: true,
            ..PLAIN
        };
        assert!(check(&left, &right, &INT_TWICE, residual, refused) > 0);
    }
}

#[test]
fn distinct_build_keys_leave_the_probe_columns_as_they_are() {
    let left = batch(vec![
        longs(&[Some(5), Some(7), Some(5)]),
        ints(&[Some(1), Some(2), None]),
    ]);
    let right = batch(vec![longs(&[Some(7), Some(5)]), ints(&[Some(8), Some(9)])]);
    let join = HashJoin::new(
        0,
        Memory::of(vec![left]),
        Memory::of(vec![right]),
        spec(JoinKind::Inner, JoinSide::Right, 1),
    )
    .unwrap();
    let output = collect(&join, &task(10)).unwrap();
    assert_eq!(rows(&output), ["5,1,5,9", "7,2,7,8", "5,NULL,5,9"]);
    assert_eq!(output.len(), 1);
}

#[test]
fn keeps_the_order_of_the_probe_side() {
    let left = batch(vec![
        ints(&[Some(4), Some(1), None, Some(2), Some(1)]),
        ints(&[Some(1), Some(2), Some(3), Some(4), Some(5)]),
    ]);
    let right = batch(vec![
        ints(&[Some(1), Some(2), Some(1)]),
        ints(&[Some(3), Some(0), Some(6)]),
    ]);
    let run = |residual| {
        let mut spec = spec(JoinKind::LeftOuter, JoinSide::Right, 1);
        spec.residual = residual;
        spec.emit = Some(vec![1, 3]);
        let (left, right) = (
            Memory::of(vec![left.clone()]),
            Memory::of(vec![right.clone()]),
        );
        let join = HashJoin::new(0, left, right, spec).unwrap();
        rows(&collect(&join, &task(2)).unwrap())
    };
    assert_eq!(
        run(None),
        ["1,NULL", "2,6", "2,3", "3,NULL", "4,0", "5,6", "5,3"]
    );
    assert_eq!(
        run(Some(less(1, 3))),
        ["1,NULL", "2,6", "2,3", "3,NULL", "4,NULL", "5,6"]
    );
}

#[test]
fn one_giant_key_streams() {
    let column = |n: i32| ints(&vec![Some(7); n as usize]);
    let value = |n: i32| ints(&(0..n).map(Some).collect::<Vec<_>>());
    let (left, right) = (
        [batch(vec![column(50), value(50)])],
        [batch(vec![column(40), value(40)])],
    );
    for residual in [false, true] {
        for (refuse_once, equal_hashes) in [(false, false), (true, false), (true, true)] {
            let run = Run {
                batch_size: 16,
                refuse_once,
                equal_hashes,
                limit: None,
            };
            check(&left, &right, &INT_TWICE, residual, run);
        }
    }
}

#[test]
fn joins_what_memory_never_holds_in_parts() {
    let batches = |rows: i32, keys: i32| -> Vec<Batch> {
        (0..rows / 50)
            .map(|b| {
                let key = |i: i32| (i % 11 != 0).then_some((b * 50 + i) % keys);
                batch(vec![
                    ints(&(0..50).map(key).collect::<Vec<_>>()),
                    ints(&(0..50).map(|i| Some((b + i) % 40)).collect::<Vec<_>>()),
                ])
            })
            .collect()
    };
    for (keys, limit) in [
        (1, 9_000),
        (3, 9_000),
        (400, 12_000),
        (400, 3_000),
        (400, 0),
    ] {
        let (left, right) = (batches(600, keys), batches(400, keys));
        for residual in [false, true] {
            let run = Run {
                batch_size: 64,
                limit: Some(limit),
                ..PLAIN
            };
            assert!(check(&left, &right, &INT_TWICE, residual, run) > 0);
        }
    }
}

#[test]
fn matches_nothing_with_only_null_keys() {
    let column = ints(&[None; 20]);
    let value = ints(&(0..20).map(Some).collect::<Vec<_>>());
    let side = [batch(vec![column, value])];
    for refuse_once in [false, true] {
        let run = Run {
            refuse_once,
            ..PLAIN
        };
        check(&side, &side, &INT_TWICE, false, run);
    }
}

#[test]
fn an_empty_build_side_leaves_the_probe_side_alone() {
    let nothing = Memory::typed(INT_TWICE.to_vec(), Vec::new());
    for (kind, pulled) in [
        (JoinKind::Inner, 0),
        (JoinKind::LeftSemi, 0),
        (JoinKind::RightOuter, 0),
        (JoinKind::LeftAnti, 1),
    ] {
        let left = Memory::of(vec![batch(vec![ints(&[Some(1)]), ints(&[Some(1)])])]);
        let spec = spec(kind, JoinSide::Right, 1);
        let join = HashJoin::new(0, left.clone(), nothing.clone(), spec).unwrap();
        collect(&join, &task(3)).unwrap();
        assert_eq!(left.pulled(), pulled, "{kind:?}");
    }
}

fn null_aware(left: &[Option<i32>], right: &[Option<i32>], refuse_once: bool) -> Vec<String> {
    let mut spec = spec(JoinKind::LeftAnti, JoinSide::Right, 1);
    spec.null_aware = true;
    let side = |values: &[Option<i32>]| {
        Memory::typed(vec![SparkType::Int], vec![batch(vec![ints(values)])])
    };
    let join = HashJoin::new(0, side(left), side(right), spec).unwrap();
    let run = Run {
        refuse_once,
        ..PLAIN
    };
    sorted_rows(&collect(&join, &run.task()).unwrap())
}

#[test]
fn null_aware_anti_joins() {
    let left = [Some(1), None, Some(2), Some(3)];
    for refuse in [false, true] {
        assert_eq!(null_aware(&left, &[], refuse), ["1", "2", "3", "NULL"]);
        assert_eq!(null_aware(&left, &[Some(2)], refuse), ["1", "3"]);
        assert!(null_aware(&left, &[Some(2), None], refuse).is_empty());
        assert!(null_aware(&left, &[None], refuse).is_empty());
        assert!(null_aware(&[], &[Some(1)], refuse).is_empty());
    }
}

#[test]
fn floats_match_normalised_and_come_out_as_they_were() {
    let types = [SparkType::Double, SparkType::Int];
    let doubles = |values: &[f64]| Column::fixed(SparkType::Double, values.to_vec(), None);
    let left = [batch(vec![
        doubles(&[0.0, f64::NAN, 1.5]),
        ints(&[Some(1), Some(2), Some(3)]),
    ])];
    let right = [batch(vec![
        doubles(&[-0.0, -f64::NAN, 2.5, 0.0]),
        ints(&[Some(4), Some(5), Some(6), Some(7)]),
    ])];
    check(&left, &right, &types, false, PLAIN);
    let join = HashJoin::new(
        0,
        Memory::of(left.to_vec()),
        Memory::of(right.to_vec()),
        spec(JoinKind::Inner, JoinSide::Right, 1),
    )
    .unwrap();
    let output = sorted_rows(&collect(&join, &task(3)).unwrap());
    assert_eq!(output, ["0.0,1,-0.0,4", "0.0,1,0.0,7", "NaN,2,NaN,5"]);
}

fn structs(values: &[Option<(Option<i32>, &str)>]) -> (SparkType, Column) {
    let data_type = SparkType::Struct(Arc::new([
        Field::new("a", SparkType::Int, true),
        Field::new("b", SparkType::String, true),
    ]));
    let mut builder = ColumnBuilder::new(data_type.clone(), values.len());
    for value in values {
        let Some((a, b)) = value else {
            builder.push_null();
            continue;
        };
        let fields = builder.struct_fields().unwrap();
        match a {
            Some(a) => fields[0].push_i32(*a),
            None => fields[0].push_null(),
        }
        fields[1].push_bytes(b.as_bytes());
        builder.finish_struct();
    }
    (data_type, builder.finish())
}

#[test]
fn nested_keys_match_with_nulls_inside() {
    let (data_type, keys) = structs(&[Some((Some(1), "x")), Some((None, "y")), None]);
    let (_, others) = structs(&[None, Some((None, "y")), Some((Some(1), "z"))]);
    let value = ints(&[Some(1), Some(2), Some(3)]);
    let types = [data_type, SparkType::Int];
    for refuse_once in [false, true] {
        let run = Run {
            refuse_once,
            ..PLAIN
        };
        check(
            &[batch(vec![keys.clone(), value.clone()])],
            &[batch(vec![others.clone(), value.clone()])],
            &types,
            true,
            run,
        );
    }
}

#[test]
fn dictionaries_and_constants_join() {
    let values = Arc::new(strings(&[
        Some("a string beyond a view"),
        Some("b"),
        Some("c"),
    ]));
    let valid = Some([true, true, false, true].into_iter().collect());
    let codes = Column::dictionary(vec![0, 1, 0, 1].into(), Arc::clone(&values), valid);
    let constant = Column::constant(strings(&[Some("b")]), 4);
    let value = ints(&[Some(1), Some(2), None, Some(4)]);
    let types = [SparkType::String, SparkType::Int];
    let left = [
        batch(vec![codes, value.clone()]),
        batch(vec![constant, value.clone()]),
    ];
    let other = Column::dictionary(vec![1, 1, 0, 2].into(), values, None);
    let right = [batch(vec![other, value])];
    for residual in [false, true] {
        check(&left, &right, &types, residual, PLAIN);
        check(&right, &left, &types, residual, PLAIN);
    }
}

#[test]
fn emits_the_columns_asked_for() {
    let left = batch(vec![
        ints(&[Some(1), Some(2)]),
        strings(&[Some("x"), Some("y")]),
    ]);
    let right = batch(vec![
        strings(&[Some("p"), Some("q")]),
        ints(&[Some(2), Some(1)]),
    ]);
    for build in SIDES {
        let mut spec = spec(JoinKind::Inner, build, 1);
        spec.right_keys = vec![1];
        spec.emit = Some(vec![2, 1, 2]);
        let (left, right) = (
            Memory::of(vec![left.clone()]),
            Memory::of(vec![right.clone()]),
        );
        let join = HashJoin::new(0, left, right, spec).unwrap();
        assert_eq!(join.schema().len(), 3);
        let output = sorted_rows(&collect(&join, &task(3)).unwrap());
        assert_eq!(output, ["p,y,p", "q,x,q"]);
    }
}

#[test]
fn refuses_what_cannot_be() {
    let side = || Memory::of(vec![batch(vec![ints(&[]), longs(&[])])]);
    let fails = |change: &dyn Fn(&mut JoinSpec)| {
        let mut spec = spec(JoinKind::Inner, JoinSide::Right, 1);
        change(&mut spec);
        HashJoin::new(0, side(), side(), spec).is_err()
    };
    assert!(!fails(&|_| {}));
    assert!(fails(&|spec| spec.right_keys = vec![1]));
    assert!(fails(&|spec| spec.right_keys = vec![2]));
    assert!(fails(&|spec| spec.left_keys = vec![]));
    assert!(fails(&|spec| spec.null_aware = true));
    assert!(fails(&|spec| spec.emit = Some(vec![4])));
    assert!(fails(
        &|spec| spec.residual = Some(column_ref(0, SparkType::Int))
    ));
    assert!(fails(
        &|spec| spec.residual = Some(column_ref(9, SparkType::Boolean))
    ));
}

/// Gives one table to all.
#[derive(Debug)]
struct Given(Arc<JoinTable>);

impl TableProvider for Given {
    fn table(
        &self,
        _: &Arc<TaskContext>,
        keys: &[usize],
    ) -> Result<Option<Arc<JoinTable>>, EngineError> {
        assert_eq!(keys, self.0.keys());
        Ok(Some(Arc::clone(&self.0)))
    }
}

/// Has no memory for a table.
#[derive(Debug)]
struct Nothing;

impl TableProvider for Nothing {
    fn table(
        &self,
        _: &Arc<TaskContext>,
        _: &[usize],
    ) -> Result<Option<Arc<JoinTable>>, EngineError> {
        Ok(None)
    }
}

#[test]
fn shares_a_table_among_tasks() {
    let right = batch(vec![
        ints(&[Some(1), None, Some(2), Some(1)]),
        ints(&[Some(5), Some(6), Some(7), Some(8)]),
    ]);
    let left = batch(vec![
        ints(&[Some(1), Some(3), None]),
        ints(&[Some(6), Some(1), Some(1)]),
    ]);
    let shared = JoinTable::build(&INT_TWICE, &[0], vec![right.clone()], false).unwrap();
    assert!(shared.has_null_keys() && !shared.is_unique() && shared.len() == 4);
    let provider = Arc::new(Given(Arc::new(shared)));
    for kind in KINDS {
        for residual in [None, Some(less(1, 3))] {
            let mut spec = spec(kind, JoinSide::Right, 1);
            let wanted = expected(
                kind,
                (&table(std::slice::from_ref(&left), 1), &INT_TWICE),
                (&table(std::slice::from_ref(&right), 1), &INT_TWICE),
                residual.is_some(),
            );
            spec.residual = residual;
            let unread = Memory::typed(INT_TWICE.to_vec(), Vec::new());
            let join = HashJoin::new(0, Memory::of(vec![left.clone()]), unread, spec).unwrap();
            let join = join.with_shared_build(provider.clone()).unwrap();
            for _ in 0..2 {
                let output = collect(&join, &task(3)).unwrap();
                assert_eq!(sorted_rows(&output), wanted, "{kind:?}");
            }
        }
    }
}

/// Batches of keys, some of them twice or NULL, and numbers.
fn few_keys() -> Vec<Batch> {
    let batches = (0..4).map(|b| {
        batch(vec![
            ints(&[Some(b), Some(b + 1), Some(1), None, Some(10 + b)]),
            ints(&[Some(b), Some(2), Some(3), Some(4), Some(5)]),
        ])
    });
    batches.collect()
}

#[test]
fn a_shared_table_that_cannot_be_had_is_the_tasks_own_and_spills() {
    let batches = few_keys();
    let rows = table(&batches, 1);
    for kind in KINDS {
        let wanted = expected(kind, (&rows, &INT_TWICE), (&rows, &INT_TWICE), false);
        for before in [9, 2, 4] {
            let input = Memory::of(batches.clone());
            let build = Arc::new(Asking { input, before });
            let left = Memory::of(batches.clone());
            let join = HashJoin::new(0, left, build, spec(kind, JoinSide::Right, 1)).unwrap();
            let join = join.with_shared_build(Arc::new(Nothing)).unwrap();
            let task = task(64);
            let output = collect(&join, &task).unwrap();
            assert_eq!(sorted_rows(&output), wanted, "{kind:?} {before}");
            let spilled = task.metrics[0].spill_count.load(Relaxed) > 0;
            assert_eq!(spilled, before < 9, "{kind:?} {before}");
            assert_eq!(task.memory.reserved(), 0);
        }
    }
}

#[test]
fn a_join_that_keeps_the_order_never_goes_to_disk() {
    let keys: Vec<Option<i32>> = (0..100).map(Some).collect();
    let backwards: Vec<Option<i32>> = keys.iter().rev().copied().collect();
    let build = batch(vec![ints(&keys), ints(&keys)]);
    let probe = batch(vec![ints(&backwards), ints(&keys)]);
    let join = |before| {
        let input = Memory::of(vec![build.clone()]);
        let left = Memory::of(vec![probe.clone(), probe.clone()]);
        let mut spec = spec(JoinKind::Inner, JoinSide::Right, 1);
        spec.keeps_order = true;
        let left = Arc::new(Asking {
            input: left,
            before,
        });
        let join = HashJoin::new(0, left, input, spec).unwrap();
        join.with_shared_build(Arc::new(Nothing)).unwrap()
    };
    let task = task(64);
    let output = rows(&collect(&join(1), &task).unwrap());
    let wanted = rows(&[probe.clone(), probe.clone()]);
    assert_eq!(output.len(), wanted.len());
    for (given, wanted) in output.iter().zip(&wanted) {
        assert!(given.starts_with(&format!("{wanted},")), "{given} {wanted}");
    }
    assert_eq!(task.metrics[0].spill_count.load(Relaxed), 0);

    let limits = MemoryLimits {
        step: 1,
        refuse_once: false,
    };
    let settings = TaskSettings::default();
    let tight = custom_task(settings, Limited::new(100), limits, Vec::new());
    assert!(matches!(
        collect(&join(9), &tight),
        Err(EngineError::Memory(_))
    ));
}

/// An input that, before some batch, has the task asked for its memory.
#[derive(Debug)]
struct Asking {
    input: OperatorRef,
    before: usize,
}

impl Operator for Asking {
    fn name(&self) -> &'static str {
        "Asking"
    }
    fn schema(&self) -> &Schema {
        self.input.schema()
    }
    fn children(&self) -> Vec<&OperatorRef> {
        vec![&self.input]
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        Ok(Box::new(AskingStream {
            input: self.input.open(task)?,
            before: self.before,
            task: Arc::clone(task),
        }))
    }
}

struct AskingStream {
    input: Box<dyn BatchStream>,
    before: usize,
    task: Arc<TaskContext>,
}

impl BatchStream for AskingStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        if self.before == 0 {
            self.task.memory.spill(u64::MAX);
        }
        self.before = self.before.wrapping_sub(1);
        self.input.next_batch()
    }
}

#[test]
fn gives_its_memory_back_when_asked() {
    let batches = few_keys();
    let rows = table(&batches, 1);
    for kind in KINDS {
        let wanted = expected(kind, (&rows, &INT_TWICE), (&rows, &INT_TWICE), false);
        for build in SIDES {
            for (left_before, right_before) in [(2, 9), (9, 2), (0, 0), (4, 4)] {
                let input = |before| -> OperatorRef {
                    let input = Memory::of(batches.clone());
                    Arc::new(Asking { input, before })
                };
                let (left, right) = (input(left_before), input(right_before));
                let join = HashJoin::new(0, left, right, spec(kind, build, 1)).unwrap();
                let task = task(64);
                let output = collect(&join, &task).unwrap();
                assert_eq!(sorted_rows(&output), wanted, "{kind:?} {build:?}");
                assert!(task.metrics[0].spill_count.load(Relaxed) > 0);
                assert_eq!(task.memory.reserved(), 0);
            }
        }
    }
}

/// An input that is a scan to joins, and keeps to its filters.
#[derive(Debug)]
struct Scan {
    input: Arc<Memory>,
    id: usize,
}

impl Operator for Scan {
    fn name(&self) -> &'static str {
        "Scan"
    }
    fn schema(&self) -> &Schema {
        self.input.schema()
    }
    fn children(&self) -> Vec<&OperatorRef> {
        Vec::new()
    }
    fn scan_column(&self, column: usize) -> Option<ScanColumn> {
        Some(ScanColumn {
            scan: self.id,
            column,
        })
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        Ok(Box::new(ScanStream {
            input: self.input.open(task)?,
            filters: task.runtime_filters.of_scan(self.id),
            metrics: task.operator_metrics(self.id),
        }))
    }
}

struct ScanStream {
    input: Box<dyn BatchStream>,
    filters: Vec<(usize, Arc<RuntimeFilter>)>,
    metrics: Arc<crate::OperatorMetrics>,
}

impl BatchStream for ScanStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        let Some(batch) = self.input.next_batch()? else {
            return Ok(None);
        };
        let mut rows = batch.selection().clone();
        for (column, filter) in &self.filters {
            rows = filter.select(batch.column(*column), &rows)?;
        }
        self.metrics.output(rows.count());
        Ok(Some(batch.select(rows)))
    }
}

#[test]
fn filters_the_scan_where_rows_without_a_match_vanish() {
    let left: Vec<Option<i32>> = (0..20).map(|k| (k % 5 != 4).then_some(k)).collect();
    let left = [batch(vec![ints(&left), ints(&[Some(0); 20])])];
    let right = [batch(vec![
        ints(&[Some(2), None, Some(8), Some(17), Some(33)]),
        ints(&[Some(1); 5]),
    ])];
    let (l, r) = (table(&left, 1), table(&right, 1));
    let scan = |id, batches: &[Batch]| -> OperatorRef {
        let input = Memory::of(batches.to_vec());
        // Below what lets a filter through.
        let scan = Arc::new(Scan { input, id });
        let yes = Column::boolean([true].into_iter().collect(), None);
        let yes = Arc::new(arclight_expressions::Literal::new(yes));
        let columns = vec![column_ref(0, SparkType::Int), column_ref(1, SparkType::Int)];
        let schema = scan.schema().clone();
        let filter = Arc::new(crate::Filter::new(3, scan, yes));
        Arc::new(crate::Project::new(3, filter, columns, schema))
    };
    for kind in KINDS {
        for build in SIDES {
            let (left, right) = (scan(1, &left), scan(2, &right));
            let join = HashJoin::new(0, left, right, spec(kind, build, 1)).unwrap();
            let task = task(64);
            let output = sorted_rows(&collect(&join, &task).unwrap());
            let wanted = expected(kind, (&l, &INT_TWICE), (&r, &INT_TWICE), false);
            assert_eq!(output, wanted, "{kind:?} {build:?}");
            let given = |id: usize| task.metrics[id].output_rows.load(Relaxed);
            let wanted = match (kind, build) {
                (JoinKind::Inner | JoinKind::LeftSemi | JoinKind::RightOuter, JoinSide::Right) => {
                    (3, 5)
                }
                (_, JoinSide::Right) => (20, 5),
                (JoinKind::RightOuter | JoinKind::FullOuter, JoinSide::Left) => (20, 5),
                (_, JoinSide::Left) => (20, 3),
            };
            assert_eq!((given(1), given(2)), wanted, "{kind:?} {build:?}");
        }
    }
}

#[test]
fn filters_reach_scans_through_other_joins() {
    let side = |id, keys: &[i32]| -> OperatorRef {
        let keys: Vec<Option<i32>> = keys.iter().copied().map(Some).collect();
        let input = Memory::of(vec![batch(vec![ints(&keys), ints(&keys)])]);
        Arc::new(Scan { input, id })
    };
    for kind in [JoinKind::Inner, JoinKind::LeftOuter, JoinKind::FullOuter] {
        for build in SIDES {
            let (left, right) = (side(1, &[1, 2, 3, 4]), side(2, &[2, 3, 4, 5]));
            let lower = HashJoin::new(3, left, right, spec(kind, build, 1)).unwrap();
            // The upper join's key comes from the right side of the lower one.
            let mut upper = spec(JoinKind::Inner, JoinSide::Right, 1);
            upper.left_keys = vec![3];
            let few = side(9, &[3, 7]);
            let join = HashJoin::new(0, Arc::new(lower), few, upper).unwrap();
            let task = task(64);
            let output = sorted_rows(&collect(&join, &task).unwrap());
            assert_eq!(output, ["3,3,3,3,3,3"], "{kind:?} {build:?}");
            assert_eq!(task.metrics[2].output_rows.load(Relaxed), 1);
        }
    }
}

/// Rows for which Spark would have raised are not left out.
#[test]
fn filters_do_not_pass_what_may_fail() {
    let side = |id, keys: &[i32]| -> OperatorRef {
        let keys: Vec<Option<i32>> = keys.iter().copied().map(Some).collect();
        let input = Memory::of(vec![batch(vec![ints(&keys), ints(&keys)])]);
        Arc::new(Scan { input, id })
    };
    let fails = || Arc::new(FailsAt::new(0, SparkType::Int, 4));
    let left = || side(1, &[1, 2, 3, 4]);
    let filter = {
        let fails = Arc::new(FailsAt::new(0, SparkType::Boolean, 4));
        crate::Filter::new(3, left(), fails)
    };
    let project = {
        let columns: Vec<ExpressionRef> = vec![column_ref(0, SparkType::Int), fails()];
        crate::Project::new(3, left(), columns, left().schema().clone())
    };
    let join = {
        let mut spec = spec(JoinKind::LeftOuter, JoinSide::Right, 1);
        spec.residual = Some(Arc::new(FailsAt::new(0, SparkType::Boolean, 4)));
        HashJoin::new(3, left(), side(2, &[2, 3, 4, 5]), spec).unwrap()
    };
    let below: [OperatorRef; 3] = [Arc::new(filter), Arc::new(project), Arc::new(join)];
    for below in below {
        let name = below.name();
        let spec = spec(JoinKind::Inner, JoinSide::Right, 1);
        let join = HashJoin::new(0, below, side(9, &[3, 7]), spec).unwrap();
        let task = task(64);
        let (rows, failed) = until_failure(&join, &task);
        assert!(rows.len() <= 1 && failed, "{name}: {rows:?}");
        assert_eq!(task.metrics[1].output_rows.load(Relaxed), 4, "{name}");
    }
}

/// The types of the keys and how a small number becomes one.
#[derive(Debug, Clone, Copy)]
enum KeyType {
    Int,
    SparseLong,
    Double,
    String,
    WideDecimal,
    IntAndShort,
    LongAndString,
    TwoLongs,
    Boolean,
    Array,
}

const KEY_TYPES: [KeyType; 10] = [
    KeyType::Int,
    KeyType::SparseLong,
    KeyType::Double,
    KeyType::String,
    KeyType::WideDecimal,
    KeyType::IntAndShort,
    KeyType::LongAndString,
    KeyType::TwoLongs,
    KeyType::Boolean,
    KeyType::Array,
];

fn array_type() -> SparkType {
    SparkType::Array(Arc::new(Field::new("element", SparkType::Double, true)))
}

impl KeyType {
    fn types(self) -> Vec<SparkType> {
        match self {
            KeyType::Int => vec![SparkType::Int],
            KeyType::SparseLong => vec![SparkType::Long],
            KeyType::Double => vec![SparkType::Double],
            KeyType::String => vec![SparkType::String],
            KeyType::WideDecimal => vec![SparkType::decimal(30, 2)],
            KeyType::IntAndShort => vec![SparkType::Date, SparkType::Short],
            KeyType::LongAndString => vec![SparkType::Timestamp, SparkType::String],
            KeyType::TwoLongs => vec![SparkType::Long, SparkType::decimal(18, 4)],
            KeyType::Boolean => vec![SparkType::Boolean],
            KeyType::Array => vec![array_type()],
        }
    }

    fn columns(self, keys: &[Option<i8>]) -> Vec<Column> {
        self.types()
            .into_iter()
            .enumerate()
            .map(|(part, data_type)| {
                let mut builder = ColumnBuilder::new(data_type, keys.len());
                for key in keys {
                    match key {
                        Some(key) => self.push(*key, part, &mut builder),
                        None => builder.push_null(),
                    }
                }
                builder.finish()
            })
            .collect()
    }

    fn push(self, key: i8, part: usize, builder: &mut ColumnBuilder) {
        let k = key;
        match (self, part) {
            (KeyType::Int, _) => builder.push_i32(i32::from(k)),
            (KeyType::SparseLong, _) => builder.push_i64(i64::from(k) * (1 << 55) + 3),
            (KeyType::Double, _) => builder.push_f64(match k {
                0 => -0.0,
                1 => 0.0,
                2 => f64::NAN,
                k => f64::from(k) * 1e300,
            }),
            (KeyType::String, _) | (KeyType::LongAndString, 1) => {
                builder.push_bytes(
                    "a string that is "
                        .repeat((k.unsigned_abs() % 3).into())
                        .as_bytes(),
                );
            }
            (KeyType::WideDecimal, _) => builder.push_i128(i128::from(k) << 80),
            (KeyType::IntAndShort, 0) => builder.push_i32(i32::from(k) << 20),
            (KeyType::IntAndShort, _) => builder.push_i16(i16::from(k)),
            (KeyType::LongAndString, _) => builder.push_i64(i64::from(k)),
            (KeyType::TwoLongs, 0) => builder.push_i64(i64::from(k) << 58),
            (KeyType::TwoLongs, _) => builder.push_i64(i64::from(k / 2) << 50),
            (KeyType::Boolean, _) => builder.push_bool(k % 2 == 0),
            (KeyType::Array, _) => {
                if let Some(elements) = builder.list_elements() {
                    elements.push_f64(if k == 0 { -0.0 } else { f64::from(k / 2) });
                    elements.push_null();
                }
                builder.finish_list();
            }
        }
    }

    fn batch(self, rows: &[(Option<i8>, Option<i32>)]) -> Batch {
        let keys: Vec<Option<i8>> = rows.iter().map(|row| row.0).collect();
        let mut columns = self.columns(&keys);
        columns.push(ints(&rows.iter().map(|row| row.1).collect::<Vec<_>>()));
        // The last row is not active, so that selections are met too.
        let active = (0..rows.len().saturating_sub(1) as u32).collect();
        Batch::with_selection(columns, Selection::from_rows(rows.len(), active))
    }
}

fn side() -> impl Strategy<Value = Vec<Vec<(Option<i8>, Option<i32>)>>> {
    // Few keys, some of them often: skew.
    let key = prop_oneof![
        4 => (-6..7i8).prop_map(Some),
        2 => Just(Some(1)),
        1 => Just(None),
    ];
    let row = (key, proptest::option::of(-20..20i32));
    proptest::collection::vec(proptest::collection::vec(row, 0..24), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn agrees_with_a_nested_loop(
        key_type in proptest::sample::select(&KEY_TYPES[..]),
        left in side(),
        right in side(),
        residual: bool,
        batch_size in 1..9usize,
        equal_hashes: bool,
        refuse_once: bool,
        limit in proptest::option::of(0..6000u64),
    ) {
        let mut types = key_type.types();
        types.push(SparkType::Int);
        let batches = |side: &[Vec<_>]| -> Vec<Batch> {
            side.iter().map(|rows| key_type.batch(rows)).collect()
        };
        let run = Run { batch_size, equal_hashes, refuse_once, limit };
        check(&batches(&left), &batches(&right), &types, residual, run);
    }
}

/// Rows before one for which the residual condition fails come first.
#[test]
fn what_comes_before_a_failing_row_is_given_out() {
    let left = || {
        let values = [1, 2, -3, 4, 5, 6].map(Some);
        let columns = vec![ints(&[Some(0); 6]), ints(&values)];
        Memory::of(vec![Batch::new(columns, 6)])
    };
    let right = |rows: usize| {
        let values: Vec<_> = (0..rows as i32).map(Some).collect();
        let columns = vec![ints(&vec![Some(0); rows]), ints(&values)];
        Memory::of(vec![Batch::new(columns, rows)])
    };
    let run = |kind, rows, column, failing, batch_size| {
        let mut spec = spec(kind, JoinSide::Right, 1);
        spec.residual = Some(Arc::new(FailsAt::new(column, SparkType::Boolean, failing)));
        let join = HashJoin::new(0, left(), right(rows), spec).unwrap();
        let (rows, failed) = until_failure(&join, &task(batch_size));
        assert!(failed);
        rows
    };
    let semi = ["0,1", "0,2", "0,4"];
    assert_eq!(run(JoinKind::LeftSemi, 1, 1, 5, 100), semi);
    assert_eq!(run(JoinKind::LeftSemi, 3, 1, 5, 100), semi);
    assert_eq!(run(JoinKind::LeftAnti, 3, 1, 5, 100), ["0,-3"]);
    // The table's key is there once, then twice.
    assert_eq!(
        run(JoinKind::Inner, 1, 1, 5, 100),
        ["0,1,0,0", "0,2,0,0", "0,4,0,0"]
    );
    for batch_size in [2, 3, 100] {
        let rows = run(JoinKind::LeftOuter, 2, 1, 4, batch_size);
        assert_eq!(rows.len(), 5);
        assert_eq!(rows[4], "0,-3,NULL,NULL");
    }
    // The pair that fails is the second of the first row.
    let rows = run(JoinKind::Inner, 3, 3, 1, 100);
    assert!(
        rows.len() < 3 && rows.iter().all(|row| row.starts_with("0,1,0,2")),
        "{rows:?}"
    );
}
