//! Tables of broadcasts, built once in a process and shared by its tasks.
//!
//! The JVM owns a finished table: it holds its number in a block of Spark's storage memory, which
//! goes with the broadcast or is evicted, and then calls [`SharedTables::drop_table`]. A task that
//! uses a table keeps the block from eviction, and holds the table itself until it ends.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arclight_memory::{MemoryError, MemoryLimits, MemorySource, TaskMemory};
use parking_lot::{Condvar, Mutex};

use crate::broadcast::BroadcastSource;
use crate::operator::EngineError;
use crate::task::{Split, TaskContext};

/// How long a task waits for another one's table before it looks whether it was killed.
const PATIENCE: Duration = Duration::from_millis(20);

/// The step in which storage memory is taken for a table, in bytes.
const STEP: u64 = 256 << 10;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    broadcast: i64,
    /// What was done to the rows, and what kind of table it is.
    signature: String,
}

enum Entry {
    /// A task is at it.
    Building,
    Ready {
        number: u64,
        table: Arc<dyn Any + Send + Sync>,
    },
}

/// The tables of a process.
#[derive(Default)]
pub struct SharedTables {
    entries: Mutex<HashMap<Key, Entry>>,
    changed: Condvar,
    next: AtomicU64,
}

/// The process's tables.
pub fn shared_tables() -> &'static SharedTables {
    static TABLES: OnceLock<SharedTables> = OnceLock::new();
    TABLES.get_or_init(SharedTables::default)
}

/// What the map says of a key.
enum Found {
    Ready(u64, Arc<dyn Any + Send + Sync>),
    Ours,
    Busy,
}

impl SharedTables {
    /// The table of kind `kind` over the rows of `source`: found, or built by `build`, which gives
    /// the table and its bytes, from memory that no task owns. `None` if there is no such memory,
    /// or if the input is no broadcast in this task: the caller then builds a table of its own.
    ///
    /// `kind` names the type `T` and everything the table depends on beside its rows.
    pub fn get<T: Any + Send + Sync>(
        &self,
        task: &Arc<TaskContext>,
        source: &BroadcastSource,
        kind: &str,
        build: impl FnOnce(&Arc<TaskMemory>) -> Result<(T, u64), EngineError>,
    ) -> Result<Option<Arc<T>>, EngineError> {
        let &Split::Broadcast(broadcast) = task.split(source.input) else {
            return Ok(None);
        };
        if task.memory.refuses_once() {
            return Ok(None);
        }
        let key = Key {
            broadcast,
            signature: format!("{}{kind}", source.signature),
        };
        loop {
            match self.find(&key) {
                Found::Ready(number, table) => {
                    if task.with_host(|host| host.pin_table(source.input, number))? {
                        let table = table.downcast().map_err(|_| {
                            EngineError::Internal(format!("a shared table is no {kind}"))
                        })?;
                        return Ok(Some(table));
                    }
                    // The JVM has given it up, or never had it: an earlier application's.
                    self.drop_table(number);
                }
                Found::Ours => return self.build(task, source.input, key, build),
                Found::Busy => task.check_cancelled()?,
            }
        }
    }

    /// Waits a moment if another task builds the table.
    fn find(&self, key: &Key) -> Found {
        let mut entries = self.entries.lock();
        match entries.get(key) {
            Some(Entry::Ready { number, table }) => Found::Ready(*number, Arc::clone(table)),
            Some(Entry::Building) => {
                self.changed.wait_for(&mut entries, PATIENCE);
                Found::Busy
            }
            None => {
                entries.insert(key.clone(), Entry::Building);
                Found::Ours
            }
        }
    }

    fn build<T: Any + Send + Sync>(
        &self,
        task: &Arc<TaskContext>,
        input: u32,
        key: Key,
        build: impl FnOnce(&Arc<TaskMemory>) -> Result<(T, u64), EngineError>,
    ) -> Result<Option<Arc<T>>, EngineError> {
        let mut claim = Claim {
            tables: self,
            key: Some(key),
        };
        let storage = Arc::new(Storage {
            input,
            task: Mutex::new(Some(Arc::clone(task))),
        });
        // Whatever happens, the table's memory must not lead back to this task.
        let _detached = Detach(Arc::clone(&storage));
        let limits = MemoryLimits {
            step: STEP,
            refuse_once: false,
        };
        let memory = TaskMemory::new(Arc::clone(&storage) as Arc<dyn MemorySource>, limits);
        let (table, bytes) = match build(&memory) {
            Ok(built) => built,
            Err(EngineError::Memory(MemoryError::Exhausted { .. })) => {
                memory.trim();
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        storage.detach();
        let table = Arc::new(table);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // Found only when it can be pinned. If the JVM gives it up in between, pinning fails.
        if !task.with_host(|host| host.publish_table(input, number, bytes))? {
            return Ok(None);
        }
        claim.finish(number, Arc::clone(&table) as Arc<dyn Any + Send + Sync>);
        Ok(Some(table))
    }

    /// Forgets a table: it is freed when the last task that uses it ends.
    pub fn drop_table(&self, number: u64) {
        let mut entries = self.entries.lock();
        let key = entries.iter().find_map(|(key, entry)| match entry {
            Entry::Ready { number: found, .. } if *found == number => Some(key.clone()),
            _ => None,
        });
        let dropped = key.and_then(|key| entries.remove(&key));
        drop(entries);
        drop(dropped);
    }

    /// How many tables there are, finished or not.
    pub fn len(&self) -> usize {
        self.entries.lock().len()
    }

    /// Whether there is no table.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The right and duty to build a table. Dropped before it is there, the next task builds it.
struct Claim<'a> {
    tables: &'a SharedTables,
    key: Option<Key>,
}

impl Claim<'_> {
    fn finish(&mut self, number: u64, table: Arc<dyn Any + Send + Sync>) {
        if let Some(key) = self.key.take() {
            let mut entries = self.tables.entries.lock();
            entries.insert(key, Entry::Ready { number, table });
            self.tables.changed.notify_all();
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.tables.entries.lock().remove(&key);
            self.tables.changed.notify_all();
        }
    }
}

/// Spark's storage memory, through the task that builds a table. Once the table is published its
/// bytes are the JVM's business.
struct Storage {
    input: u32,
    task: Mutex<Option<Arc<TaskContext>>>,
}

impl Storage {
    fn detach(&self) {
        *self.task.lock() = None;
    }

    fn task(&self) -> Option<Arc<TaskContext>> {
        self.task.lock().clone()
    }
}

impl MemorySource for Storage {
    fn acquire(&self, bytes: u64) -> u64 {
        let granted = self
            .task()
            .map(|task| task.with_host(|host| host.acquire_storage(self.input, bytes)));
        // An exception here is kept by the bridge; the table is then built in the task's memory.
        let granted = matches!(granted, Some(Ok(true)));
        if granted { bytes } else { 0 }
    }
    fn release(&self, bytes: u64) {
        if let Some(task) = self.task() {
            // The host gives back what is left when the task ends.
            drop(task.with_host(|host| host.release_storage(bytes)));
        }
    }
}

struct Detach(Arc<Storage>);

impl Drop for Detach {
    fn drop(&mut self) {
        self.0.detach();
    }
}

#[cfg(test)]
mod tests;
