//! Upcalls: `org.arclight.spark.jni.TaskCallbacks` as the engine's [`HostServices`] and
//! [`MemorySource`].

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use arclight_columns::{Batch, Column, SparkType};
use arclight_expressions::{EvalError, JvmExpressions};
use arclight_memory::MemorySource;
use arclight_operators::{
    FileFailure, HostError, HostServices, RowBlock, ShuffleBlock, ShuffleFiles,
};
use arclight_rows::{RowBuffer, RowDecoder, RowEncoder};
use jni::objects::{JByteArray, JLongArray, JObject, JString, JThrowable, JValue};
use jni::refs::Global;
use jni::{Env, JavaVM, jni_sig, jni_str};
use parking_lot::Mutex;

use crate::frames::read_frame;

/// The way to a task's callbacks. Shared by its host services and its memory.
pub struct Upcalls {
    callbacks: Global<JObject<'static>>,
    /// Receives addresses (`long[2]`).
    block: Global<JLongArray<'static>>,
    /// What an upcall threw; rethrown at the door as the same object.
    thrown: Mutex<Option<Global<JThrowable<'static>>>>,
}

impl Upcalls {
    /// The way to `callbacks`.
    pub fn new(env: &mut Env<'_>, callbacks: &JObject<'_>) -> jni::errors::Result<Arc<Self>> {
        let block = JLongArray::new(env, 2)?;
        Ok(Arc::new(Upcalls {
            callbacks: env.new_global_ref(callbacks)?,
            block: env.new_global_ref(block)?,
            thrown: Mutex::new(None),
        }))
    }

    /// What an upcall threw since the last time.
    pub fn take_thrown(&self) -> Option<Global<JThrowable<'static>>> {
        self.thrown.lock().take()
    }

    /// Forgets what was thrown, if it is a `java.lang.Exception`. Whether nothing is kept now.
    fn forget_exception(&self) -> bool {
        let mut thrown = self.thrown.lock();
        let Some(throwable) = thrown.as_ref() else {
            return true;
        };
        let is_exception = JavaVM::singleton().and_then(|vm| {
            vm.attach_current_thread(|env| {
                env.is_instance_of(throwable, jni_str!("java/lang/Exception"))
            })
        });
        let forgotten = is_exception.unwrap_or(false);
        if forgotten {
            *thrown = None;
        }
        forgotten
    }

    /// Makes one upcall in a local frame of its own; an exception is kept and cleared.
    fn call<T>(
        &self,
        body: impl FnOnce(&mut Env<'_>, &JObject<'_>) -> jni::errors::Result<T>,
    ) -> Result<T, HostError> {
        let result = JavaVM::singleton().and_then(|vm| {
            vm.attach_current_thread(|env| {
                let result = body(env, &self.callbacks);
                if let Some(throwable) = env.exception_occurred() {
                    env.exception_clear();
                    let throwable = env.new_global_ref(throwable)?;
                    self.thrown.lock().get_or_insert(throwable);
                }
                result
            })
        });
        result.map_err(|error| HostError(error.to_string()))
    }

    /// The two addresses the last call stored.
    fn addresses(&self, env: &Env<'_>) -> jni::errors::Result<[i64; 2]> {
        let mut addresses = [0i64; 2];
        self.block.get_region(env, 0, &mut addresses)?;
        Ok(addresses)
    }
}

/// The numbers that describe a block in `ShuffleFiles.blocks`.
const SHUFFLE_NUMBERS: usize = 4;

/// Results of `openFile` and `readFile`, as `TaskCallbacks` numbers them.
const FILE_MISSING: i64 = -1;
const FILE_UNREADABLE: i64 = -2;

/// Spark's memory manager, through the task's callbacks.
pub struct SparkMemory(pub Arc<Upcalls>);

impl MemorySource for SparkMemory {
    fn acquire(&self, bytes: u64) -> u64 {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let granted = self.0.call(|env, callbacks| {
            env.call_method(
                callbacks,
                jni_str!("acquire"),
                jni_sig!("(J)J"),
                &[JValue::Long(bytes)],
            )?
            .j()
        });
        // An exception here (a killed task) is kept, and rethrown when the refusal fails the task.
        granted.map_or(0, |granted| u64::try_from(granted).unwrap_or(0))
    }

    fn release(&self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let released = self.0.call(|env, callbacks| {
            env.call_method(
                callbacks,
                jni_str!("release"),
                jni_sig!("(J)V"),
                &[JValue::Long(bytes)],
            )
            .map(|_| ())
        });
        // Giving back never throws in Spark; if it did, the exception is kept for the door.
        drop(released);
    }
}

/// The engine's view of the JVM for one task.
pub struct SparkHost {
    upcalls: Arc<Upcalls>,
    /// Reused buffers of expression inputs.
    buffer: RowBuffer,
    encoders: HashMap<u32, RowEncoder>,
}

impl SparkHost {
    /// A view through `upcalls`.
    pub fn new(upcalls: Arc<Upcalls>) -> Self {
        SparkHost {
            upcalls,
            buffer: RowBuffer::new(),
            encoders: HashMap::new(),
        }
    }
}

impl JvmExpressions for SparkHost {
    fn evaluate(
        &mut self,
        index: u32,
        inputs: &Batch,
        data_type: &SparkType,
    ) -> Result<Column, EvalError> {
        let internal = |text: String| EvalError::Internal(text);
        let encoder = self.encoders.entry(index).or_insert_with(|| {
            RowEncoder::new(
                inputs
                    .columns()
                    .iter()
                    .map(|c| c.data_type().clone())
                    .collect(),
            )
        });
        self.buffer.clear();
        encoder
            .encode(inputs, &mut self.buffer)
            .map_err(|e| internal(e.to_string()))?;
        let (rows, lengths) = (
            self.buffer.bytes().as_ptr() as i64,
            self.buffer.lengths().as_ptr() as i64,
        );
        let count = self.buffer.count() as i32;
        let upcalls = Arc::clone(&self.upcalls);
        let (results, [rows, lengths]) = upcalls
            .call(|env, callbacks| {
                let arguments = [
                    JValue::Int(index as i32),
                    JValue::Int(count),
                    JValue::Long(rows),
                    JValue::Long(lengths),
                    JValue::Object(&upcalls.block),
                ];
                let signature = jni_sig!("(IIJJ[J)I");
                let results = env
                    .call_method(callbacks, jni_str!("evaluate"), signature, &arguments)?
                    .i()?;
                Ok((results, upcalls.addresses(env)?))
            })
            .map_err(|HostError(text)| EvalError::Jvm(text))?;
        let results = usize::try_from(results).map_err(|e| internal(e.to_string()))?;
        let decoder = RowDecoder::new(vec![data_type.clone()]);
        // SAFETY: the JVM lends `results` rows and lengths at these addresses until the next call.
        let columns = unsafe {
            let lengths = lent(lengths as *const i32, results);
            decoder.decode(rows as *const u8, lengths)
        };
        let mut columns = columns.map_err(|e| internal(e.to_string()))?;
        columns
            .pop()
            .ok_or_else(|| internal("an expression gave no column".to_string()))
    }
}

/// A slice lent by the JVM; empty if there is nothing.
///
/// # Safety
/// `address` holds `count` values that live as long as the caller uses the slice.
pub unsafe fn lent<'a, T>(address: *const T, count: usize) -> &'a [T] {
    if count == 0 || address.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(address, count) }
}

impl HostServices for SparkHost {
    fn is_cancelled(&mut self) -> bool {
        self.upcalls
            .call(|env, callbacks| {
                env.call_method(callbacks, jni_str!("isCancelled"), jni_sig!("()Z"), &[])?
                    .z()
            })
            .unwrap_or(true)
    }

    fn forget_exception(&mut self) -> bool {
        self.upcalls.forget_exception()
    }

    fn next_rows(&mut self, input: u32) -> Result<Option<RowBlock>, HostError> {
        let upcalls = &self.upcalls;
        let (count, [rows, lengths]) = upcalls.call(|env, callbacks| {
            let arguments = [JValue::Int(input as i32), JValue::Object(&upcalls.block)];
            let count = env
                .call_method(
                    callbacks,
                    jni_str!("nextRows"),
                    jni_sig!("(I[J)I"),
                    &arguments,
                )?
                .i()?;
            Ok((count, upcalls.addresses(env)?))
        })?;
        let count = usize::try_from(count).map_err(|e| HostError(e.to_string()))?;
        Ok((count > 0).then_some(RowBlock {
            count,
            rows: rows as *const u8,
            lengths: lengths as *const i32,
        }))
    }

    fn shuffle_files(&mut self, input: u32) -> Result<ShuffleFiles, HostError> {
        let (paths, numbers, by_partition) = self.upcalls.call(|env, callbacks| {
            let files = env
                .call_method(
                    callbacks,
                    jni_str!("shuffleFiles"),
                    jni_sig!("(I)Lorg/arclight/spark/jni/ShuffleFiles;"),
                    &[JValue::Int(input as i32)],
                )?
                .l()?;
            let paths = env
                .get_field(&files, jni_str!("paths"), jni_sig!("Ljava/lang/String;"))?
                .l()?;
            let paths = env.cast_local::<JString>(paths)?.try_to_string(env)?;
            let blocks = env
                .get_field(&files, jni_str!("blocks"), jni_sig!("[J"))?
                .l()?;
            let blocks = env.cast_local::<JLongArray>(blocks)?;
            let mut numbers = vec![0i64; blocks.len(env)?];
            blocks.get_region(env, 0, &mut numbers)?;
            let by_partition = env
                .get_field(&files, jni_str!("byPartition"), jni_sig!("Z"))?
                .z()?;
            Ok((paths, numbers, by_partition))
        })?;
        let block = |&[file, offset, length, partition]: &[i64; SHUFFLE_NUMBERS]| ShuffleBlock {
            file: file as usize,
            offset: offset as u64,
            length: length as u64,
            partition: partition as u32,
        };
        Ok(ShuffleFiles {
            paths: paths.split('\0').map(PathBuf::from).collect(),
            blocks: numbers
                .as_chunks::<SHUFFLE_NUMBERS>()
                .0
                .iter()
                .map(block)
                .collect(),
            by_partition,
        })
    }

    fn next_shuffle_stream(&mut self, input: u32) -> Result<bool, HostError> {
        self.upcalls.call(|env, callbacks| {
            let arguments = [JValue::Int(input as i32)];
            env.call_method(
                callbacks,
                jni_str!("nextShuffleStream"),
                jni_sig!("(I)Z"),
                &arguments,
            )?
            .z()
        })
    }

    fn read_shuffle(&mut self, input: u32, buffer: &mut [u8]) -> Result<usize, HostError> {
        let length = i32::try_from(buffer.len()).unwrap_or(i32::MAX);
        let address = buffer.as_mut_ptr() as i64;
        let read = self.upcalls.call(|env, callbacks| {
            let arguments = [
                JValue::Int(input as i32),
                JValue::Long(address),
                JValue::Int(length),
            ];
            env.call_method(
                callbacks,
                jni_str!("readShuffle"),
                jni_sig!("(IJI)I"),
                &arguments,
            )?
            .i()
        })?;
        Ok(usize::try_from(read).unwrap_or(0).min(buffer.len()))
    }

    fn shuffle_block_failed(
        &mut self,
        input: u32,
        block: Option<usize>,
        reason: &str,
    ) -> HostError {
        let failed = self.upcalls.call(|env, callbacks| {
            let reason = env.new_string(reason)?;
            let arguments = [
                JValue::Int(input as i32),
                JValue::Int(block.map_or(-1, |position| position as i32)),
                JValue::Object(&reason),
            ];
            let signature = jni_sig!("(IILjava/lang/String;)V");
            env.call_method(
                callbacks,
                jni_str!("shuffleBlockFailed"),
                signature,
                &arguments,
            )
            .map(|_| ())
        });
        failed
            .err()
            .unwrap_or_else(|| HostError(reason.to_string()))
    }

    fn open_file(&mut self, path: &str) -> Result<(u64, u64), FileFailure> {
        let upcalls = &self.upcalls;
        let (handle, [length, _]) = upcalls.call(|env, callbacks| {
            let path = env.new_string(path)?;
            let arguments = [JValue::Object(&path), JValue::Object(&upcalls.block)];
            let signature = jni_sig!("(Ljava/lang/String;[J)J");
            let handle = env
                .call_method(callbacks, jni_str!("openFile"), signature, &arguments)?
                .j()?;
            Ok((handle, upcalls.addresses(env)?))
        })?;
        match handle {
            FILE_MISSING => Err(FileFailure::Missing(format!("{path} is not there"))),
            FILE_UNREADABLE => Err(FileFailure::Unreadable(format!("cannot open {path}"))),
            _ => Ok((handle as u64, length as u64)),
        }
    }

    fn read_file(
        &mut self,
        handle: u64,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<(), FileFailure> {
        let mut done = 0usize;
        while done < buffer.len() {
            let part = (buffer.len() - done).min(1 << 30);
            let address = buffer[done..].as_mut_ptr() as i64;
            let result = self.upcalls.call(|env, callbacks| {
                let arguments = [
                    JValue::Long(handle as i64),
                    JValue::Long((offset + done as u64) as i64),
                    JValue::Long(address),
                    JValue::Int(part as i32),
                ];
                env.call_method(
                    callbacks,
                    jni_str!("readFile"),
                    jni_sig!("(JJJI)J"),
                    &arguments,
                )?
                .j()
            })?;
            match result {
                FILE_MISSING => return Err(FileFailure::Missing("the file is gone".to_string())),
                FILE_UNREADABLE => {
                    return Err(FileFailure::Unreadable(
                        "the file cannot be read".to_string(),
                    ));
                }
                _ => done += part,
            }
        }
        Ok(())
    }

    fn file_failed(&mut self) -> Option<HostError> {
        let thrown = self.upcalls.call(|env, callbacks| {
            env.call_method(callbacks, jni_str!("fileFailed"), jni_sig!("()V"), &[])
                .map(|_| ())
        });
        thrown.err()
    }

    fn close_file(&mut self, handle: u64) {
        let closed = self.upcalls.call(|env, callbacks| {
            let arguments = [JValue::Long(handle as i64)];
            env.call_method(
                callbacks,
                jni_str!("closeFile"),
                jni_sig!("(J)V"),
                &arguments,
            )
            .map(|_| ())
        });
        // Closing a file that was only read loses nothing.
        drop(closed);
    }

    fn rebase_micros(&mut self, zone: Option<&str>, micros: &mut [i64]) -> Result<(), HostError> {
        let address = micros.as_mut_ptr() as i64;
        // Arrow counts a column's values, those in lists too, in 32 bits.
        let count = micros.len() as i32;
        self.upcalls.call(|env, callbacks| {
            let zone = match zone {
                Some(zone) => env.new_string(zone)?.into(),
                None => JObject::null(),
            };
            let arguments = [
                JValue::Object(&zone),
                JValue::Long(address),
                JValue::Int(count),
            ];
            env.call_method(
                callbacks,
                jni_str!("rebaseMicros"),
                jni_sig!("(Ljava/lang/String;JI)V"),
                &arguments,
            )
            .map(|_| ())
        })
    }

    fn next_broadcast(
        &mut self,
        input: u32,
        types: &[SparkType],
    ) -> Result<Option<Batch>, HostError> {
        let frame = self.upcalls.call(|env, callbacks| {
            let arguments = [JValue::Int(input as i32)];
            let signature = jni_sig!("(I)[B");
            let frame = env
                .call_method(callbacks, jni_str!("nextBroadcast"), signature, &arguments)?
                .l()?;
            if frame.is_null() {
                return Ok(None);
            }
            let frame = env.cast_local::<JByteArray>(frame)?;
            env.convert_byte_array(&frame).map(Some)
        })?;
        frame
            .map(|frame| read_frame(&frame, types))
            .transpose()
            .map_err(|error| HostError(error.to_string()))
    }

    fn rewind_broadcast(&mut self, input: u32) -> Result<(), HostError> {
        self.upcalls.call(|env, callbacks| {
            let arguments = [JValue::Int(input as i32)];
            env.call_method(
                callbacks,
                jni_str!("rewindBroadcast"),
                jni_sig!("(I)V"),
                &arguments,
            )
            .map(|_| ())
        })
    }

    fn acquire_storage(&mut self, input: u32, bytes: u64) -> Result<bool, HostError> {
        self.upcalls.call(|env, callbacks| {
            let arguments = [JValue::Int(input as i32), JValue::Long(bytes as i64)];
            env.call_method(
                callbacks,
                jni_str!("acquireStorage"),
                jni_sig!("(IJ)Z"),
                &arguments,
            )?
            .z()
        })
    }

    fn release_storage(&mut self, bytes: u64) -> Result<(), HostError> {
        self.upcalls.call(|env, callbacks| {
            let arguments = [JValue::Long(bytes as i64)];
            env.call_method(
                callbacks,
                jni_str!("releaseStorage"),
                jni_sig!("(J)V"),
                &arguments,
            )
            .map(|_| ())
        })
    }

    fn publish_table(&mut self, input: u32, table: u64, bytes: u64) -> Result<bool, HostError> {
        self.upcalls.call(|env, callbacks| {
            let arguments = [
                JValue::Int(input as i32),
                JValue::Long(table as i64),
                JValue::Long(bytes as i64),
            ];
            env.call_method(
                callbacks,
                jni_str!("publishTable"),
                jni_sig!("(IJJ)Z"),
                &arguments,
            )?
            .z()
        })
    }

    fn pin_table(&mut self, input: u32, table: u64) -> Result<bool, HostError> {
        self.upcalls.call(|env, callbacks| {
            let arguments = [JValue::Int(input as i32), JValue::Long(table as i64)];
            env.call_method(
                callbacks,
                jni_str!("pinTable"),
                jni_sig!("(IJ)Z"),
                &arguments,
            )?
            .z()
        })
    }
}
