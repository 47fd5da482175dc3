//! The native methods of `org.arclight.spark.jni.NativeLibrary`, and nothing but marshalling.

use std::sync::{Arc, OnceLock};

use arclight_expressions::aggregates::aggregate_functions;
use arclight_expressions::scalar_functions;
use arclight_operators::{EngineError, shared_tables};
use arclight_plan::{Digest, PlanCache, Stage};
use jni::objects::{JByteArray, JClass, JLongArray, JObject, JObjectArray, JString};
use jni::sys::{jint, jlong};
use jni::{Env, EnvUnowned};

use crate::door::{DoorError, guarded};
use crate::frames::frame_rows;
use crate::task::TaskHandle;

fn plans() -> &'static PlanCache {
    static PLANS: OnceLock<PlanCache> = OnceLock::new();
    PLANS.get_or_init(PlanCache::default)
}

fn internal(text: &str) -> DoorError {
    DoorError::Engine(EngineError::Internal(text.to_string()))
}

/// Borrows the task behind a handle for one call.
fn task(handle: jlong) -> Result<Arc<TaskHandle>, DoorError> {
    if handle == 0 {
        return Err(internal("the task is closed"));
    }
    let pointer = handle as *const TaskHandle;
    // SAFETY: a handle that is not 0 came from Arc::into_raw in openTask and is not yet closed
    // (the JVM side sets it to 0 when it closes it, and calls from one thread at a time); the
    // count is raised before the Arc is made, so the JVM's own reference stays.
    unsafe {
        Arc::increment_strong_count(pointer);
        Ok(Arc::from_raw(pointer))
    }
}

/// The library's version.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_version<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> JString<'local> {
    guarded(env, |env| Ok(env.new_string(env!("CARGO_PKG_VERSION"))?))
}

/// Opens a task.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_openTask<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    digest: JByteArray<'local>,
    plan: JByteArray<'local>,
    message: JByteArray<'local>,
    callbacks: JObject<'local>,
) -> jlong {
    guarded(env, |env| {
        let digest: Digest = env
            .convert_byte_array(&digest)?
            .try_into()
            .map_err(|_| internal("a digest has 16 bytes"))?;
        let plan = env.convert_byte_array(&plan)?;
        let message = env.convert_byte_array(&message)?;
        let handle = TaskHandle::open(env, plans(), digest, &plan, &message, &callbacks)?;
        Ok(Arc::into_raw(handle) as jlong)
    })
}

/// The next rows.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_nextRows<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    handle: jlong,
    block: JLongArray<'local>,
) -> jint {
    guarded(env, |env| {
        let rows = task(handle)?.next_rows()?;
        block.set_region(env, 0, &rows.addresses)?;
        jint::try_from(rows.count).map_err(|_| internal("too many rows in a batch"))
    })
}

/// The next rows as a frame.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_nextFrame<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    handle: jlong,
    sizes: JLongArray<'local>,
) -> JByteArray<'local> {
    guarded(env, |env| match task(handle)?.next_frame()? {
        None => Ok(JByteArray::default()),
        Some(frame) => {
            let numbers = [frame.rows as jlong, frame.unsafe_row_bytes as jlong];
            sizes.set_region(env, 0, &numbers)?;
            bytes(env, &frame.bytes)
        }
    })
}

/// A frame's rows from one on, as UnsafeRows.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_frameRows<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    schema: JByteArray<'local>,
    frame: JByteArray<'local>,
    from: jint,
) -> JByteArray<'local> {
    guarded(env, |env| {
        let schema = env.convert_byte_array(&schema)?;
        let frame = env.convert_byte_array(&frame)?;
        let from = usize::try_from(from).map_err(|_| internal("a row's number is negative"))?;
        bytes(env, &frame_rows(&schema, &frame, from)?)
    })
}

fn bytes<'local>(env: &mut Env<'local>, bytes: &[u8]) -> Result<JByteArray<'local>, DoorError> {
    Ok(env.byte_array_from_slice(bytes)?)
}

/// Runs a task that ends in a shuffle write.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_shuffleWrite<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    handle: jlong,
) -> JByteArray<'local> {
    guarded(env, |env| {
        let result = task(handle)?.shuffle_write()?;
        bytes(env, &result)
    })
}

/// The metrics so far.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_metrics<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    handle: jlong,
) -> JByteArray<'local> {
    guarded(env, |env| {
        let metrics = task(handle)?.metrics();
        bytes(env, &metrics)
    })
}

/// Spills.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_spill<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    handle: jlong,
    wanted: jlong,
) -> jlong {
    guarded(env, |_| {
        Ok(task(handle)?.spill(wanted.max(0) as u64) as jlong)
    })
}

/// Frees a task.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_closeTask<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    handle: jlong,
) {
    guarded(env, |_| {
        let open = task(handle)?;
        open.close();
        // SAFETY: takes back the reference openTask gave out; the JVM calls this once per handle.
        drop(unsafe { Arc::from_raw(handle as *const TaskHandle) });
        Ok(())
    });
}

/// Gives up a table that the JVM owned.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_dropTable<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    table: jlong,
) {
    guarded(env, |_| {
        shared_tables().drop_table(table as u64);
        Ok(())
    });
}

/// How many shared tables there are.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_tables<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> jint {
    guarded(env, |_| {
        jint::try_from(shared_tables().len()).map_err(|_| internal("too many tables"))
    })
}

/// A plan in words.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_explain<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    plan: JByteArray<'local>,
) -> JString<'local> {
    guarded(env, |env| {
        let plan = env.convert_byte_array(&plan)?;
        let text = Stage::decode(&plan)?.explain();
        Ok(env.new_string(text)?)
    })
}

/// Names of the functions with a kernel: scalar, then aggregate, each sorted.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_functions<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> JObjectArray<'local> {
    guarded(env, |env| {
        let scalar: Vec<&str> = scalar_functions().keys().copied().collect();
        let aggregate: Vec<&str> = aggregate_functions().keys().copied().collect();
        let lists = [strings(env, scalar)?, strings(env, aggregate)?];
        let class = env.find_class(jni::jni_str!("[Ljava/lang/String;"))?;
        let outer = env.new_object_array(lists.len() as i32, class, JObject::null())?;
        for (i, list) in lists.iter().enumerate() {
            outer.set_element(env, i, list)?;
        }
        Ok(outer)
    })
}

fn strings<'local>(
    env: &mut Env<'local>,
    mut names: Vec<&str>,
) -> Result<JObjectArray<'local>, DoorError> {
    names.sort_unstable();
    let class = env.find_class(jni::jni_str!("java/lang/String"))?;
    let array = env.new_object_array(names.len() as i32, class, JObject::null())?;
    for (i, name) in names.iter().enumerate() {
        let name = env.new_string(name)?;
        array.set_element(env, i, &name)?;
    }
    Ok(array)
}

/// The bytes that the library holds.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_allocatedBytes<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> jlong {
    guarded(env, |_| Ok(arclight_memory::allocated_bytes() as jlong))
}

/// The most bytes that the library held since the last reset.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_peakAllocatedBytes<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> jlong {
    guarded(
        env,
        |_| Ok(arclight_memory::peak_allocated_bytes() as jlong),
    )
}

/// Makes what the library holds now the peak.
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_arclight_spark_jni_NativeLibrary_resetPeakAllocatedBytes<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
) {
    guarded(env, |_| {
        arclight_memory::reset_peak_allocated_bytes();
        Ok(())
    });
}
