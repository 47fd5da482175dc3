use arclight_columns::{Batch, Column, Field, Selection, SparkType};
use arclight_expressions::{EvalContext, EvalError, Expression};
use arclight_memory::{MemoryLimits, UnboundedMemory};
use proptest::prelude::*;

use super::*;
use crate::task::TaskSettings;
use crate::testing::{
    FailsAt, Limited, Memory, collect, custom_task, ints, rows, sorted_rows, strings, task,
    until_failure,
};

/// Whether the one column is less than the other: NULL where one is.
#[derive(Debug)]
struct Less {
    smaller: usize,
    larger: usize,
    /// What `is_total` says.
    total: bool,
}

impl Expression for Less {
    fn data_type(&self) -> &SparkType {
        &SparkType::Boolean
    }
    fn evaluate(
        &self,
        batch: &Batch,
        _rows: &Selection,
        _context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        let (a, b) = (batch.column(self.smaller), batch.column(self.larger));
        let mut builder = arclight_columns::ColumnBuilder::new(SparkType::Boolean, batch.len());
        for row in 0..batch.len() {
            if a.is_null(row) || b.is_null(row) {
                builder.push_null();
                continue;
            }
            builder.push_bool(a.fixed_value::<i32>(row) < b.fixed_value::<i32>(row));
        }
        Ok(builder.finish())
    }
    fn is_total(&self) -> bool {
        self.total
    }
}

type Row = (Option<i32>, Option<String>);

fn batch(rows: &[Row]) -> Batch {
    let numbers: Vec<_> = rows.iter().map(|r| r.0).collect();
    let texts: Vec<_> = rows.iter().map(|r| r.1.as_deref()).collect();
    Batch::new(vec![ints(&numbers), strings(&texts)], rows.len())
}

fn input(rows: &[Row], chunk: usize) -> OperatorRef {
    let types = vec![SparkType::Int, SparkType::String];
    Memory::typed(types, rows.chunks(chunk).map(batch).collect())
}

fn join(
    streamed: OperatorRef,
    held: OperatorRef,
    held_left: bool,
    kind: NestedLoopKind,
    condition: Option<ExpressionRef>,
) -> NestedLoopJoin {
    let mut types = streamed.schema().types();
    match kind {
        NestedLoopKind::Inner | NestedLoopKind::Outer => types.extend(held.schema().types()),
        NestedLoopKind::Existence => types.push(SparkType::Boolean),
        NestedLoopKind::Semi | NestedLoopKind::Anti => {}
    }
    let field = |t: SparkType| Field::new("c", t, true);
    let schema = Schema::new(types.into_iter().map(field).collect());
    NestedLoopJoin::new(0, streamed, held, held_left, kind, condition, schema)
}

fn show(row: &Row) -> String {
    let number = row.0.map_or("NULL".to_string(), |n| n.to_string());
    format!("{number},{}", row.1.as_deref().unwrap_or("NULL"))
}

/// What Spark gives, in its order. The condition is that the left number is less than the right.
fn oracle(
    streamed: &[Row],
    held: &[Row],
    held_left: bool,
    kind: NestedLoopKind,
    conditional: bool,
) -> Vec<String> {
    let beside = |s: String, h: String| {
        if held_left {
            format!("{h},{s}")
        } else {
            format!("{s},{h}")
        }
    };
    let mut output = Vec::new();
    for s in streamed {
        let matches: Vec<&Row> = held
            .iter()
            .filter(|h| {
                let (left, right) = if held_left { (h.0, s.0) } else { (s.0, h.0) };
                !conditional || matches!((left, right), (Some(l), Some(r)) if l < r)
            })
            .collect();
        match kind {
            NestedLoopKind::Semi if matches.is_empty() => {}
            NestedLoopKind::Anti if !matches.is_empty() => {}
            NestedLoopKind::Semi | NestedLoopKind::Anti => output.push(show(s)),
            NestedLoopKind::Existence => {
                output.push(format!("{},{}", show(s), !matches.is_empty()));
            }
            NestedLoopKind::Outer if matches.is_empty() => {
                output.push(beside(show(s), "NULL,NULL".to_string()));
            }
            NestedLoopKind::Inner | NestedLoopKind::Outer => {
                output.extend(matches.iter().map(|h| beside(show(s), show(h))));
            }
        }
    }
    output
}

/// The left number is column 0 and the right one column 2, whichever side is held.
fn condition(total: bool) -> ExpressionRef {
    Arc::new(Less {
        smaller: 0,
        larger: 2,
        total,
    })
}

fn any_rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    let row = (
        proptest::option::weighted(0.8, -4i32..5),
        proptest::option::weighted(0.8, "[a-c]{0,14}"),
    );
    proptest::collection::vec(row, 0..most)
}

fn any_kind() -> impl Strategy<Value = NestedLoopKind> {
    prop_oneof![
        Just(NestedLoopKind::Inner),
        Just(NestedLoopKind::Outer),
        Just(NestedLoopKind::Semi),
        Just(NestedLoopKind::Anti),
        Just(NestedLoopKind::Existence),
    ]
}

proptest! {
    #[test]
    fn gives_what_the_oracle_gives_in_its_order(
        streamed in any_rows(30),
        held in any_rows(30),
        sides in any::<bool>(),
        kind in any_kind(),
        conditional in any::<bool>(),
        total in any::<bool>(),
        batch_size in 1usize..9,
        chunk in 1usize..9,
    ) {
        let held_left = sides && kind.gives_pairs();
        let plan = join(
            input(&streamed, chunk),
            input(&held, chunk),
            held_left,
            kind,
            conditional.then(|| condition(total)),
        );
        let output = collect(&plan, &task(batch_size)).unwrap();
        prop_assert!(output.iter().all(|b| !kind.gives_pairs() || b.len() <= batch_size));
        prop_assert_eq!(rows(&output), oracle(&streamed, &held, held_left, kind, conditional));
    }

    #[test]
    fn gives_the_same_from_disk(
        streamed in any_rows(30),
        held in any_rows(30),
        held_left in any::<bool>(),
        conditional in any::<bool>(),
        bytes in 0u64..2000,
    ) {
        let kind = NestedLoopKind::Inner;
        let condition = conditional.then(|| condition(true));
        let plan = join(input(&streamed, 7), input(&held, 5), held_left, kind, condition);
        let limits = MemoryLimits { step: 1, refuse_once: false };
        let settings = TaskSettings { batch_size: 4, equal_hashes: false };
        let source = Limited::new(bytes);
        let task = custom_task(settings, source, limits, Vec::new());
        let output = collect(&plan, &task).unwrap();
        let mut expected = oracle(&streamed, &held, held_left, kind, conditional);
        expected.sort();
        prop_assert_eq!(sorted_rows(&output), expected);
        prop_assert_eq!(task.memory.reserved(), 0);
    }
}

fn numbers(values: impl IntoIterator<Item = i32>) -> Vec<Row> {
    values.into_iter().map(|n| (Some(n), None)).collect()
}

#[test]
fn spills_an_inner_join_and_says_so() {
    let (streamed, held) = (numbers(0..10), numbers(0..100));
    let plan = join(
        input(&streamed, 4),
        input(&held, 16),
        false,
        NestedLoopKind::Inner,
        None,
    );
    let limits = MemoryLimits {
        step: 1,
        refuse_once: true,
    };
    let task = custom_task(
        TaskSettings::default(),
        Arc::new(UnboundedMemory),
        limits,
        Vec::new(),
    );
    assert_eq!(rows(&collect(&plan, &task).unwrap()).len(), 1000);
    let spilled = &task.metrics[0].spilled_bytes;
    assert!(spilled.load(std::sync::atomic::Ordering::Relaxed) > 0);
}

#[test]
fn fails_without_memory_for_a_broadcast() {
    let (streamed, held) = (numbers(0..3), numbers(0..1000));
    let plan = join(
        input(&streamed, 4),
        input(&held, 16),
        false,
        NestedLoopKind::Semi,
        None,
    );
    let limits = MemoryLimits {
        step: 1,
        refuse_once: false,
    };
    let task = custom_task(
        TaskSettings::default(),
        Limited::new(100),
        limits,
        Vec::new(),
    );
    let error = collect(&plan, &task).unwrap_err();
    assert!(matches!(error, EngineError::Memory(_)), "{error}");
    assert_eq!(task.memory.reserved(), 0);
}

#[test]
fn does_not_look_beyond_the_first_match() {
    // The streamed row 1 matches 5; meeting 7 would raise, as would 0 meeting anything.
    let raises: ExpressionRef = Arc::new(RaisesAt(7));
    for (held, matches) in [(numbers([5, 7]), true), (numbers([0, 7]), false)] {
        let plan = join(
            input(&numbers([1]), 1),
            input(&held, 1),
            false,
            NestedLoopKind::Semi,
            Some(Arc::clone(&raises)),
        );
        match collect(&plan, &task(4)) {
            Ok(output) => assert!(matches && rows(&output) == ["1,NULL"]),
            Err(error) => assert!(!matches, "{error}"),
        }
    }
}

/// Whether column 0 is less than column 2, which must not be a certain value.
#[derive(Debug)]
struct RaisesAt(i32);

impl Expression for RaisesAt {
    fn data_type(&self) -> &SparkType {
        &SparkType::Boolean
    }
    fn evaluate(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        let right = batch.column(2);
        match rows
            .iter()
            .find(|&r| right.fixed_value::<i32>(r) == Some(self.0))
        {
            Some(row) => Err(EvalError::Failed { row }),
            None => Less {
                smaller: 0,
                larger: 2,
                total: true,
            }
            .evaluate(batch, rows, context),
        }
    }
}

#[test]
fn joins_many_rows_of_both_orientations() {
    // Fewer held rows than streamed ones, and more; more than one batch of each.
    for (streamed, held) in [(3000, 20), (20, 3000)] {
        let (s, h) = (numbers(0..streamed), numbers(0..held));
        for kind in [
            NestedLoopKind::Inner,
            NestedLoopKind::Outer,
            NestedLoopKind::Existence,
        ] {
            let condition = Some(condition(true));
            let plan = join(input(&s, 1000), input(&h, 1000), false, kind, condition);
            let output = collect(&plan, &task(512)).unwrap();
            assert_eq!(rows(&output), oracle(&s, &h, false, kind, true));
        }
    }
}

/// Pairs before one for which the condition fails come first, whichever side's row it is.
#[test]
fn what_comes_before_a_failing_pair_is_given_out() {
    let row = |value: i32| (Some(value), None);
    let streamed: Vec<Row> = [1, -1, 2, 3, 4].map(row).to_vec();
    let held: Vec<Row> = [5, 6, 7].map(row).to_vec();
    let run = |kind, column, failing| {
        let fails = Arc::new(FailsAt::new(column, SparkType::Boolean, failing));
        let join = join(
            input(&streamed, 5),
            input(&held, 3),
            false,
            kind,
            Some(fails),
        );
        until_failure(&join, &task(100))
    };
    // Above 0 is TRUE.
    let (rows, failed) = run(NestedLoopKind::Inner, 0, 3);
    let pairs = |streamed: &[i32]| -> Vec<String> {
        let with = |s: &i32| [5, 6, 7].map(|h| format!("{s},NULL,{h},NULL"));
        streamed.iter().flat_map(with).collect()
    };
    assert_eq!((rows, failed), (pairs(&[1, 2]), true));
    let (rows, failed) = run(NestedLoopKind::Inner, 2, 7);
    assert_eq!((rows, failed), (pairs(&[1])[..2].to_vec(), true));
    let (rows, failed) = run(NestedLoopKind::Outer, 0, 2);
    let lonely = "-1,NULL,NULL,NULL".to_string();
    assert_eq!((rows, failed), ([pairs(&[1]), vec![lonely]].concat(), true));
    let (rows, failed) = run(NestedLoopKind::Semi, 0, 4);
    let expected = ["1,NULL", "2,NULL", "3,NULL"].map(str::to_string).to_vec();
    assert_eq!((rows, failed), (expected, true));
}
