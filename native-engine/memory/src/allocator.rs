//! A global allocator that counts what is allocated through it.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// What a thread counts by itself before it tells all: the counts are that much off per thread.
const STEP_BYTES: u64 = 64 << 10;

static ALLOCATED: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

thread_local! {
    // Constant and without a destructor: an allocator may not allocate to count.
    static PENDING: Cell<i64> = const { Cell::new(0) };
}

/// Another allocator, with its bytes counted. What C libraries allocate is not seen.
#[derive(Debug, Default)]
pub struct CountingAllocator<A>(A);

impl<A> CountingAllocator<A> {
    /// Counts what goes through `allocator`.
    pub const fn new(allocator: A) -> Self {
        CountingAllocator(allocator)
    }
}

/// The bytes that are allocated now, to within 64 KiB a thread.
pub fn allocated_bytes() -> u64 {
    ALLOCATED.load(Relaxed).max(0) as u64
}

/// The most bytes that were allocated at once since the start or the last reset, as exactly.
pub fn peak_allocated_bytes() -> u64 {
    PEAK.load(Relaxed).max(ALLOCATED.load(Relaxed)).max(0) as u64
}

/// Makes what is allocated now the peak.
pub fn reset_peak_allocated_bytes() {
    PEAK.store(ALLOCATED.load(Relaxed), Relaxed);
}

fn count(bytes: i64) {
    let _ = PENDING.try_with(|pending| {
        let sum = pending.get() + bytes;
        if sum.unsigned_abs() < STEP_BYTES {
            pending.set(sum);
        } else {
            pending.set(0);
            let now = ALLOCATED.fetch_add(sum, Relaxed) + sum;
            PEAK.fetch_max(now, Relaxed);
        }
    });
}

// SAFETY: every method passes its arguments on as they came and gives back what it got; counting
// neither allocates nor unwinds.
unsafe impl<A: GlobalAlloc> GlobalAlloc for CountingAllocator<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        let pointer = unsafe { self.0.alloc(layout) };
        if !pointer.is_null() {
            count(layout.size() as i64);
        }
        pointer
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        let pointer = unsafe { self.0.alloc_zeroed(layout) };
        if !pointer.is_null() {
            count(layout.size() as i64);
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { self.0.dealloc(pointer, layout) };
        count(-(layout.size() as i64));
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `realloc`.
        let moved = unsafe { self.0.realloc(pointer, layout, new_size) };
        if !moved.is_null() {
            count(new_size as i64 - layout.size() as i64);
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use super::*;

    #[test]
    fn counts_what_is_held_and_the_most_that_was() {
        let allocator = CountingAllocator::new(System);
        let layout = Layout::array::<u8>(1 << 20).unwrap();
        let before = allocated_bytes();
        reset_peak_allocated_bytes();
        // SAFETY: the layout has a size, and the pointer is freed with the layout it then has.
        unsafe {
            let pointer = allocator.alloc(layout);
            assert!(!pointer.is_null());
            assert_eq!(allocated_bytes(), before + (1 << 20));
            let larger = allocator.realloc(pointer, layout, 3 << 20);
            assert!(!larger.is_null());
            assert_eq!(allocated_bytes(), before + (3 << 20));
            allocator.dealloc(larger, Layout::array::<u8>(3 << 20).unwrap());
        }
        assert_eq!(allocated_bytes(), before);
        assert_eq!(peak_allocated_bytes(), before + (3 << 20));
        reset_peak_allocated_bytes();
        assert_eq!(peak_allocated_bytes(), before);
    }
}
