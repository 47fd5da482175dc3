//! The JNI library: marshalling between `org.arclight.spark.jni.NativeLibrary` and the engine.

mod door;
mod exports;
mod frames;
mod task;
mod upcalls;

/// Frees large pages back to the system late: a task's buffers are reused by the next batch.
#[global_allocator]
static ALLOCATOR: arclight_memory::CountingAllocator<mimalloc::MiMalloc> =
    arclight_memory::CountingAllocator::new(mimalloc::MiMalloc);
