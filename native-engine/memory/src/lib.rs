//! Memory of a task: reservations shared with Spark, spilling, and spill files.
//!
//! Two phases, as in Photon: first *reserve* (which may spill this or another operator of the
//! task, and may be refused), then *allocate* (which may not fail). Spilling never reserves.

mod allocator;
mod reservation;
mod spill;

pub use allocator::{
    CountingAllocator, allocated_bytes, peak_allocated_bytes, reset_peak_allocated_bytes,
};
pub use reservation::{
    MemoryError, MemoryLimits, MemorySource, Reservation, TaskMemory, UnboundedMemory,
};
pub use spill::{SpillDirectories, SpillFile, Spillable};
