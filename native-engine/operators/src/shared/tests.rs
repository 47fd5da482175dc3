use std::sync::atomic::AtomicBool;

use arclight_columns::{Batch, Column, Field, Schema, SparkType};
use arclight_expressions::{EvalError, JvmExpressions, NoJvm};
use arclight_memory::{SpillDirectories, UnboundedMemory};

use super::*;
use crate::broadcast::BroadcastInput;
use crate::host::{FileFailure, HostError, HostServices, RowBlock};
use crate::join::{HashJoin, JoinKind, JoinSide, JoinSpec};
use crate::nested_loop::{NestedLoopJoin, NestedLoopKind};
use crate::operator::OperatorRef;
use crate::task::TaskSettings;
use crate::testing::{Memory, collect, ints, rows};

/// What the JVM of several tasks knows.
struct Jvm {
    free: Mutex<u64>,
    published: Mutex<HashMap<u64, u64>>,
    killed: AtomicBool,
    /// How often the broadcast's rows were read.
    read: AtomicU64,
}

impl Jvm {
    fn with(bytes: u64) -> Arc<Self> {
        Arc::new(Jvm {
            free: Mutex::new(bytes),
            published: Mutex::default(),
            killed: AtomicBool::new(false),
            read: AtomicU64::new(0),
        })
    }

    /// Gives up all tables, as Spark does with their broadcast.
    fn evict(&self, tables: &SharedTables) {
        for (table, bytes) in self.published.lock().drain() {
            *self.free.lock() += bytes;
            tables.drop_table(table);
        }
    }
}

struct Host {
    jvm: Arc<Jvm>,
    acquired: u64,
    broadcast: Option<Batch>,
}

impl JvmExpressions for Host {
    fn evaluate(&mut self, i: u32, inputs: &Batch, t: &SparkType) -> Result<Column, EvalError> {
        NoJvm.evaluate(i, inputs, t)
    }
}

impl HostServices for Host {
    fn is_cancelled(&mut self) -> bool {
        self.jvm.killed.load(Ordering::Relaxed)
    }
    fn next_rows(&mut self, _: u32) -> Result<Option<RowBlock>, HostError> {
        Ok(None)
    }
    fn next_broadcast(&mut self, _: u32, _: &[SparkType]) -> Result<Option<Batch>, HostError> {
        Ok(self.broadcast.take())
    }
    fn rewind_broadcast(&mut self, _: u32) -> Result<(), HostError> {
        self.broadcast = Some(broadcast());
        self.jvm.read.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
    fn shuffle_files(&mut self, _: u32) -> Result<crate::ShuffleFiles, HostError> {
        Ok(crate::ShuffleFiles::default())
    }
    fn next_shuffle_stream(&mut self, _: u32) -> Result<bool, HostError> {
        Ok(false)
    }
    fn read_shuffle(&mut self, _: u32, _: &mut [u8]) -> Result<usize, HostError> {
        Ok(0)
    }
    fn shuffle_block_failed(&mut self, _: u32, _: Option<usize>, reason: &str) -> HostError {
        HostError(reason.to_string())
    }
    fn open_file(&mut self, path: &str) -> Result<(u64, u64), FileFailure> {
        Err(FileFailure::Missing(path.to_string()))
    }
    fn read_file(&mut self, _: u64, _: u64, _: &mut [u8]) -> Result<(), FileFailure> {
        Ok(())
    }
    fn file_failed(&mut self) -> Option<HostError> {
        None
    }
    fn close_file(&mut self, _: u64) {}
    fn acquire_storage(&mut self, _input: u32, bytes: u64) -> Result<bool, HostError> {
        let mut free = self.jvm.free.lock();
        if *free < bytes {
            return Ok(false);
        }
        *free -= bytes;
        self.acquired += bytes;
        Ok(true)
    }
    fn release_storage(&mut self, bytes: u64) -> Result<(), HostError> {
        *self.jvm.free.lock() += bytes;
        self.acquired -= bytes;
        Ok(())
    }
    fn publish_table(&mut self, _: u32, table: u64, bytes: u64) -> Result<bool, HostError> {
        let mut free = self.jvm.free.lock();
        *free += self.acquired;
        self.acquired = 0;
        if *free < bytes {
            return Ok(false);
        }
        *free -= bytes;
        self.jvm.published.lock().insert(table, bytes);
        Ok(true)
    }
    fn pin_table(&mut self, _: u32, table: u64) -> Result<bool, HostError> {
        Ok(self.jvm.published.lock().contains_key(&table))
    }
}

/// The rows 1, 2 and NULL.
fn broadcast() -> Batch {
    Batch::new(vec![ints(&[Some(1), Some(2), None])], 3)
}

/// A task that has a broadcast.
fn task(jvm: &Arc<Jvm>) -> Arc<TaskContext> {
    TaskContext::new(
        TaskSettings::default(),
        TaskMemory::new(Arc::new(UnboundedMemory), MemoryLimits::default()),
        SpillDirectories::new(Vec::new()),
        0,
        vec![Split::Broadcast(7), Split::Rows],
        1,
        Box::new(Host {
            jvm: Arc::clone(jvm),
            acquired: 0,
            broadcast: None,
        }),
    )
}

fn source() -> BroadcastSource {
    BroadcastSource {
        input: 0,
        signature: String::new(),
    }
}

/// A table of one number and the bytes it is charged with.
fn built(memory: &Arc<TaskMemory>, bytes: u64) -> Result<(u64, u64), EngineError> {
    let mut reservation = memory.reservation("test");
    reservation.grow(bytes)?;
    Ok((bytes, bytes))
}

#[test]
fn builds_once_for_many_tasks() {
    let (tables, jvm) = (SharedTables::default(), Jvm::with(1 << 20));
    let builds = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let table = tables.get(&task(&jvm), &source(), "test", |memory| {
                    builds.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(50));
                    built(memory, 1000)
                });
                assert_eq!(*table.unwrap().unwrap(), 1000);
            });
        }
    });
    assert_eq!(builds.load(Ordering::Relaxed), 1);
    assert_eq!(*jvm.free.lock(), (1 << 20) - 1000);
    jvm.evict(&tables);
    assert!(tables.is_empty());
    assert_eq!(*jvm.free.lock(), 1 << 20);
}

#[test]
fn tells_kinds_and_broadcasts_apart() {
    let (tables, jvm) = (SharedTables::default(), Jvm::with(1 << 20));
    let task = task(&jvm);
    let get = |kind, bytes| {
        let table = tables.get(&task, &source(), kind, |memory| built(memory, bytes));
        *table.unwrap().unwrap()
    };
    assert_eq!((get("a", 1), get("b", 2), get("a", 3)), (1, 2, 1));
    let projected = BroadcastSource {
        input: 0,
        signature: "projection 1/".to_string(),
    };
    let other = tables.get(&task, &projected, "a", |memory| built(memory, 4));
    assert_eq!(*other.unwrap().unwrap(), 4);
    assert_eq!(tables.len(), 3);
}

#[test]
fn after_a_failure_the_next_task_builds() {
    let (tables, jvm) = (SharedTables::default(), Jvm::with(1 << 20));
    let failed = tables.get::<u64>(&task(&jvm), &source(), "test", |_| {
        Err(EngineError::Cancelled)
    });
    assert!(matches!(failed.err(), Some(EngineError::Cancelled)));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        tables
            .get::<u64>(&task(&jvm), &source(), "test", |_| panic!("in a test"))
            .map(|_| ())
    }));
    assert!(panicked.is_err());
    assert!(tables.is_empty());
    let table = tables.get(&task(&jvm), &source(), "test", |memory| built(memory, 5));
    assert_eq!(*table.unwrap().unwrap(), 5);
}

#[test]
fn a_killed_task_stops_waiting() {
    let (tables, jvm, patient) = (
        SharedTables::default(),
        Jvm::with(1 << 20),
        Jvm::with(1 << 20),
    );
    tables.entries.lock().insert(
        Key {
            broadcast: 7,
            signature: "test".to_string(),
        },
        Entry::Building,
    );
    patient.killed.store(true, Ordering::Relaxed);
    let killed = tables.get(&task(&patient), &source(), "test", |memory| {
        built(memory, 1)
    });
    assert!(matches!(killed.err(), Some(EngineError::Cancelled)));
    drop(jvm);
}

#[test]
fn without_storage_memory_there_is_no_shared_table() {
    let (tables, jvm) = (SharedTables::default(), Jvm::with(STEP));
    let refused = tables.get(&task(&jvm), &source(), "test", |memory| {
        let first = built(memory, 1000)?;
        built(memory, 1 << 30)?;
        Ok(first)
    });
    assert!(refused.unwrap().is_none());
    assert!(tables.is_empty());
    assert_eq!(*jvm.free.lock(), STEP);
}

#[test]
fn a_table_given_up_is_built_again_and_stays_with_who_uses_it() {
    let (tables, jvm) = (SharedTables::default(), Jvm::with(1 << 20));
    let first = tables.get(&task(&jvm), &source(), "test", |memory| built(memory, 1));
    let first = first.unwrap().unwrap();
    // Without telling the tables: as if it were an earlier application's.
    jvm.published.lock().clear();
    let second = tables.get(&task(&jvm), &source(), "test", |memory| built(memory, 2));
    assert_eq!((*first, *second.unwrap().unwrap()), (1, 2));
    assert_eq!(tables.len(), 1);
}

#[test]
fn joins_of_a_broadcast_read_it_once() {
    let jvm = Jvm::with(1 << 30);
    let schema = |names: &[&'static str]| {
        let field = |name: &&'static str| Field::new(*name, SparkType::Int, true);
        Schema::new(names.iter().map(field).collect())
    };
    let broadcast: OperatorRef = Arc::new(BroadcastInput::new(0, 0, schema(&["b"])));
    let left: OperatorRef = Memory::of(vec![Batch::new(vec![ints(&[Some(2), Some(3)])], 2)]);
    let spec = JoinSpec::by_keys(JoinKind::LeftOuter, JoinSide::Right, vec![0], vec![0]);
    let by_key = HashJoin::new(0, Arc::clone(&left), Arc::clone(&broadcast), spec).unwrap();
    let all = NestedLoopJoin::new(
        0,
        left,
        broadcast,
        false,
        NestedLoopKind::Inner,
        None,
        schema(&["a", "b"]),
    );
    for _ in 0..3 {
        let task = task(&jvm);
        assert_eq!(rows(&collect(&by_key, &task).unwrap()), ["2,2", "3,NULL"]);
        assert_eq!(rows(&collect(&all, &task).unwrap()).len(), 6);
    }
    assert_eq!(jvm.read.load(Ordering::Relaxed), 2);
    jvm.evict(shared_tables());
    assert_eq!(*jvm.free.lock(), 1 << 30);
}

#[test]
fn a_join_that_must_give_rows_of_a_broadcast_is_refused() {
    let field = |name: &'static str| Field::new(name, SparkType::Int, true);
    let broadcast: OperatorRef = Arc::new(BroadcastInput::new(0, 0, Schema::new(vec![field("b")])));
    let left: OperatorRef = Memory::of(vec![Batch::new(vec![ints(&[Some(2)])], 1)]);
    let spec = JoinSpec::by_keys(JoinKind::FullOuter, JoinSide::Right, vec![0], vec![0]);
    assert!(HashJoin::new(0, left, broadcast, spec).is_err());
}

#[test]
fn only_a_broadcast_is_shared() {
    let (tables, jvm) = (SharedTables::default(), Jvm::with(1 << 20));
    let rows = BroadcastSource {
        input: 1,
        signature: String::new(),
    };
    let table = tables.get(&task(&jvm), &rows, "test", |memory| built(memory, 1));
    assert!(table.unwrap().is_none());
}
