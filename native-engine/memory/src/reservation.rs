//! Reservations of a task, backed by a [`MemorySource`] (Spark's TaskMemoryManager).

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::spill::Spillable;

/// Why memory could not be had.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The source refused and nothing of the operator itself was left to spill.
    #[error(
        "{operator} cannot reserve {requested} bytes (reserved by the task: {reserved}): give the executor more off-heap memory (spark.memory.offHeap.size) or more partitions"
    )]
    Exhausted {
        /// The operator that asked.
        operator: &'static str,
        /// Bytes it asked for.
        requested: u64,
        /// Bytes that could still be had of them.
        received: u64,
        /// Bytes the task holds.
        reserved: u64,
    },
    /// Making, writing or reading a spill file failed.
    #[error("spill file in {}: {error}", directory.display())]
    Io {
        /// The local directory that the file is in.
        directory: PathBuf,
        /// What the operating system says.
        error: std::io::Error,
    },
}

/// Where a task's memory comes from. In Spark: the task's `TaskMemoryManager` in off-heap mode.
pub trait MemorySource: Send + Sync {
    /// Asks for `bytes` more; returns what was granted (possibly less, possibly 0). The call may
    /// come back into the task to spill.
    fn acquire(&self, bytes: u64) -> u64;
    /// Gives `bytes` back.
    fn release(&self, bytes: u64);
}

/// A source that grants everything: the runner and unit tests.
#[derive(Debug, Default)]
pub struct UnboundedMemory;

impl MemorySource for UnboundedMemory {
    fn acquire(&self, bytes: u64) -> u64 {
        bytes
    }
    fn release(&self, _bytes: u64) {}
}

/// Settings of a task's memory.
#[derive(Debug, Clone, Copy)]
pub struct MemoryLimits {
    /// The largest step in which memory is taken from the source, in bytes: fewer, larger upcalls.
    /// A task that holds less than four of them takes smaller ones.
    pub step: u64,
    /// Test setting: every first reservation of an operator is refused once.
    pub refuse_once: bool,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        // Spark's own pages are at most 64 MiB; 4 MiB keeps upcalls rare and waste small.
        MemoryLimits {
            step: 4 << 20,
            refuse_once: false,
        }
    }
}

/// The least step in which memory is taken from the source, in bytes.
const LEAST_STEP_BYTES: u64 = 64 << 10;

#[derive(Default)]
struct Ledger {
    /// Bytes taken from the source.
    acquired: u64,
    /// Bytes handed out to reservations.
    reserved: u64,
}

/// The one pool of a task. Only the task's thread may grow reservations.
pub struct TaskMemory {
    source: Arc<dyn MemorySource>,
    limits: MemoryLimits,
    ledger: Mutex<Ledger>,
    spillables: Mutex<Vec<Weak<dyn Spillable>>>,
    peak: AtomicU64,
}

impl TaskMemory {
    /// A pool over `source`.
    pub fn new(source: Arc<dyn MemorySource>, limits: MemoryLimits) -> Arc<Self> {
        Arc::new(TaskMemory {
            source,
            limits,
            ledger: Mutex::new(Ledger::default()),
            spillables: Mutex::new(Vec::new()),
            peak: AtomicU64::new(0),
        })
    }

    /// A pool that is never refused.
    pub fn unbounded() -> Arc<Self> {
        Self::new(Arc::new(UnboundedMemory), MemoryLimits::default())
    }

    /// An empty reservation for `operator`.
    pub fn reservation(self: &Arc<Self>, operator: &'static str) -> Reservation {
        Reservation {
            memory: Arc::clone(self),
            operator,
            bytes: 0,
            excused: 0,
            refuse_next: self.limits.refuse_once,
        }
    }

    /// Registers state that can be spilled on Spark's request.
    pub fn register(&self, spillable: Weak<dyn Spillable>) {
        let mut spillables = self.spillables.lock();
        spillables.retain(|s| s.strong_count() > 0);
        spillables.push(spillable);
    }

    /// Spark asks for `bytes`: spills registered state until that much is freed, and returns what
    /// was given back to the source. State in use on the call stack answers 0.
    pub fn spill(&self, bytes: u64) -> u64 {
        let before = self.ledger.lock().acquired;
        let spillables: Vec<_> = self
            .spillables
            .lock()
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        let freed = || {
            self.trim();
            before.saturating_sub(self.ledger.lock().acquired)
        };
        for spillable in spillables {
            let so_far = freed();
            if so_far >= bytes {
                break;
            }
            spillable.spill(bytes - so_far);
        }
        freed()
    }

    /// Returns to the source what is acquired but not reserved; gives the bytes returned.
    pub fn trim(&self) -> u64 {
        let spare = {
            let mut ledger = self.ledger.lock();
            let spare = ledger.acquired - ledger.reserved;
            ledger.acquired = ledger.reserved;
            spare
        };
        if spare > 0 {
            self.source.release(spare);
        }
        spare
    }

    /// Test setting: whether every first reservation of an operator is refused once.
    pub fn refuses_once(&self) -> bool {
        self.limits.refuse_once
    }

    /// Bytes reserved now.
    pub fn reserved(&self) -> u64 {
        self.ledger.lock().reserved
    }

    /// The most bytes that were reserved at any time.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// Reserves `bytes`; refused, it says how many could be had.
    fn grow(&self, bytes: u64) -> Result<(), u64> {
        // What is at hand is reserved before the source is asked: the source may call back into
        // `spill`, which gives back what nobody has reserved, only for the source to grant it again.
        let (taken, reserved) = {
            let mut ledger = self.ledger.lock();
            let taken = bytes.min(ledger.acquired - ledger.reserved);
            ledger.reserved += taken;
            (taken, ledger.reserved)
        };
        let wanted = bytes - taken;
        // No lock is held while asking.
        let granted = match wanted {
            0 => 0,
            _ => self.source.acquire(wanted.max(self.step(reserved))),
        };
        let mut ledger = self.ledger.lock();
        ledger.acquired += granted;
        if granted < wanted {
            ledger.reserved -= taken;
            drop(ledger);
            self.trim();
            return Err(taken + granted);
        }
        ledger.reserved += wanted;
        self.peak.fetch_max(ledger.reserved, Ordering::Relaxed);
        Ok(())
    }

    fn shrink(&self, bytes: u64) {
        let (spare, reserved) = {
            let mut ledger = self.ledger.lock();
            ledger.reserved -= bytes.min(ledger.reserved);
            (ledger.acquired - ledger.reserved, ledger.reserved)
        };
        // Keep a step of slack so that growing and shrinking operators don't call up each time.
        if spare > 2 * self.step(reserved) {
            self.trim();
        }
    }

    /// The step in which memory is taken while `reserved` bytes are in use: a share of them, since
    /// other tasks can't have what this one has taken and doesn't use.
    fn step(&self, reserved: u64) -> u64 {
        (reserved / 4).max(LEAST_STEP_BYTES).min(self.limits.step)
    }
}

/// Bytes an operator holds. Dropped, they go back to the task's pool.
pub struct Reservation {
    memory: Arc<TaskMemory>,
    operator: &'static str,
    bytes: u64,
    /// The level of working memory that was refused and is used all the same.
    excused: u64,
    refuse_next: bool,
}

impl Reservation {
    /// How much working memory an operator may use of what was refused to it.
    pub const WORKING_BYTES: u64 = 16 << 20;

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Tries to hold `bytes` more. `false` means refused: spill, and try again.
    #[must_use]
    pub fn try_grow(&mut self, bytes: u64) -> bool {
        if bytes == 0 {
            return true;
        }
        if std::mem::take(&mut self.refuse_next) {
            return false;
        }
        self.grow_once(bytes).is_ok()
    }

    fn grow_once(&mut self, bytes: u64) -> Result<(), u64> {
        self.memory.grow(bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Holds `bytes` more or fails, for what cannot be spilled.
    pub fn grow(&mut self, bytes: u64) -> Result<(), MemoryError> {
        if self.try_grow(bytes) {
            return Ok(());
        }
        self.grow_once(bytes)
            .map_err(|received| MemoryError::Exhausted {
                operator: self.operator,
                requested: bytes,
                received,
                reserved: self.memory.reserved(),
            })
    }

    /// Holds at least `bytes`, for working memory: what an operator needs of a file, a block or
    /// rows on their way, can't spill and soon uses again. Refused even after others have spilled,
    /// up to [`Reservation::WORKING_BYTES`] of it are used all the same: Spark's own readers don't
    /// ask for theirs, and a query that Spark can run must not fail for so little. The source is
    /// asked once for a level, since it has others spill each time.
    pub fn hold(&mut self, bytes: u64) -> Result<(), MemoryError> {
        let missing = bytes.saturating_sub(self.bytes);
        if missing == 0 || bytes <= self.excused {
            return Ok(());
        }
        match self.grow(missing) {
            Err(MemoryError::Exhausted { .. }) if missing <= Self::WORKING_BYTES => {
                self.excused = bytes;
                Ok(())
            }
            result => result,
        }
    }

    /// Makes the reservation exactly `bytes`, or fails: for what cannot be spilled.
    pub fn resize(&mut self, bytes: u64) -> Result<(), MemoryError> {
        match bytes.checked_sub(self.bytes) {
            Some(more) if more > 0 => self.grow(more),
            _ => {
                self.shrink(self.bytes - bytes);
                Ok(())
            }
        }
    }

    /// Makes the reservation exactly `bytes`; `false` if growing was refused.
    #[must_use]
    pub fn try_resize(&mut self, bytes: u64) -> bool {
        if bytes > self.bytes {
            return self.try_grow(bytes - self.bytes);
        }
        self.shrink(self.bytes - bytes);
        true
    }

    /// Gives back what is beyond `bytes`.
    pub fn shrink_to(&mut self, bytes: u64) {
        self.shrink(self.bytes.saturating_sub(bytes));
    }

    /// Gives `bytes` back.
    pub fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.memory.shrink(bytes);
    }

    /// Gives everything back.
    pub fn free(&mut self) {
        self.shrink(self.bytes);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.free();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Grants up to a fixed number of bytes.
    struct Limited(Mutex<u64>);

    impl MemorySource for Limited {
        fn acquire(&self, bytes: u64) -> u64 {
            let mut left = self.0.lock();
            let granted = bytes.min(*left);
            *left -= granted;
            granted
        }
        fn release(&self, bytes: u64) {
            *self.0.lock() += bytes;
        }
    }

    #[test]
    fn a_little_working_memory_is_used_though_refused() {
        const MIB: u64 = 1 << 20;
        let source = Arc::new(Limited(Mutex::new(4 * MIB)));
        let memory = TaskMemory::new(source.clone(), MemoryLimits::default());
        let mut working = memory.reservation("scan");
        working.hold(3 * MIB).unwrap();
        assert_eq!(working.bytes(), 3 * MIB);
        working.hold(2 * MIB).unwrap();
        assert_eq!(working.bytes(), 3 * MIB, "it does not sink");
        working.hold(19 * MIB).unwrap();
        assert_eq!(working.bytes(), 3 * MIB);
        // What was refused once is not asked for again, though it could be had now.
        *source.0.lock() += 20 * MIB;
        working.hold(19 * MIB).unwrap();
        assert_eq!(working.bytes(), 3 * MIB);
        working.hold(20 * MIB).unwrap();
        assert_eq!(working.bytes(), 20 * MIB);
        let error = working.hold(20 * MIB + Reservation::WORKING_BYTES + 4 * MIB);
        assert!(matches!(error, Err(MemoryError::Exhausted { .. })));
        drop(working);
        memory.trim();
        assert_eq!(*source.0.lock(), 24 * MIB);
    }

    #[test]
    fn refusal_leaves_nothing_acquired() {
        let source = Arc::new(Limited(Mutex::new(100)));
        let memory = TaskMemory::new(
            source.clone(),
            MemoryLimits {
                step: 10,
                refuse_once: false,
            },
        );
        let mut reservation = memory.reservation("test");
        assert!(reservation.try_grow(60));
        assert!(!reservation.try_grow(60));
        assert_eq!(memory.reserved(), 60);
        match reservation.grow(60) {
            Err(MemoryError::Exhausted {
                requested,
                received,
                ..
            }) => assert_eq!((requested, received), (60, 40)),
            other => panic!("{other:?}"),
        }
        reservation.resize(10).unwrap();
        assert_eq!(memory.reserved(), 10);
        reservation.resize(60).unwrap();
        drop(reservation);
        memory.trim();
        assert_eq!(*source.0.lock(), 100);
        assert_eq!(memory.peak(), 60);
    }

    #[test]
    fn what_lies_unused_is_a_share_of_what_is_used() {
        const MIB: u64 = 1 << 20;
        let source = Arc::new(Limited(Mutex::new(1 << 30)));
        let memory = TaskMemory::new(source.clone(), MemoryLimits::default());
        let taken = || (1 << 30) - *source.0.lock();
        let mut reservation = memory.reservation("test");
        reservation.grow(1).unwrap();
        assert_eq!(taken(), LEAST_STEP_BYTES);
        reservation.grow(8 * MIB).unwrap();
        reservation.grow(MIB).unwrap();
        assert!(taken() <= 12 * MIB, "{}", taken());
        reservation.grow(100 * MIB).unwrap();
        reservation.grow(1).unwrap();
        assert!(taken() <= 114 * MIB, "{}", taken());
        reservation.shrink_to(MIB);
        assert!(taken() <= 2 * MIB, "{}", taken());
    }

    struct State(Mutex<Option<Reservation>>);

    impl Spillable for State {
        fn spill(&self, _bytes: u64) {
            if let Some(mut state) = self.0.try_lock() {
                *state = None;
            }
        }
    }

    #[test]
    fn spills_registered_state_unless_in_use() {
        let memory = TaskMemory::new(
            Arc::new(Limited(Mutex::new(1000))),
            MemoryLimits {
                step: 1,
                refuse_once: false,
            },
        );
        let mut reservation = memory.reservation("test");
        assert!(reservation.try_grow(500));
        let state = Arc::new(State(Mutex::new(Some(reservation))));
        let weak = Arc::downgrade(&state);
        memory.register(weak);
        let in_use = state.0.lock();
        assert_eq!(memory.spill(100), 0);
        drop(in_use);
        assert_eq!(memory.spill(100), 500);
        assert_eq!(memory.reserved(), 0);
    }

    /// Has the task spill before it grants less than it is asked for, as Spark does.
    struct Spilling {
        left: Limited,
        task: Mutex<Weak<TaskMemory>>,
    }

    impl MemorySource for Spilling {
        fn acquire(&self, bytes: u64) -> u64 {
            let granted = self.left.acquire(bytes);
            let task = self.task.lock().upgrade();
            match task {
                Some(task) if granted < bytes => {
                    task.spill(bytes - granted);
                    granted + self.left.acquire(bytes - granted)
                }
                _ => granted,
            }
        }
        fn release(&self, bytes: u64) {
            self.left.release(bytes);
        }
    }

    #[test]
    fn what_is_at_hand_is_not_given_back_for_more() {
        let source = Arc::new(Spilling {
            left: Limited(Mutex::new(100)),
            task: Mutex::new(Weak::new()),
        });
        let limits = MemoryLimits {
            step: 10,
            refuse_once: false,
        };
        let memory = TaskMemory::new(source.clone(), limits);
        *source.task.lock() = Arc::downgrade(&memory);
        let (mut first, mut second) = (memory.reservation("first"), memory.reservation("second"));
        assert!(first.try_grow(80));
        // Spare are 5 bytes of a step; 20 more are left.
        assert!(first.try_grow(5));
        assert!(!second.try_grow(30));
        assert!(second.try_grow(15));
        assert_eq!(memory.reserved(), 100);
    }

    #[test]
    fn refuses_once_when_told() {
        let memory = TaskMemory::new(
            Arc::new(UnboundedMemory),
            MemoryLimits {
                step: 1,
                refuse_once: true,
            },
        );
        let mut reservation = memory.reservation("test");
        assert!(!reservation.try_grow(1));
        assert!(reservation.try_grow(1));
    }
}
