//! A task as the JVM holds it: a handle.

use std::sync::Arc;

use arclight_memory::{MemoryLimits, Reservation, SpillDirectories, TaskMemory};
use arclight_operators::{BatchStream, EngineError, TaskContext};
use arclight_plan::{Digest, PlanCache, Stage, Task, encode_metrics, encode_write_result};
use arclight_rows::{RowBuffer, RowEncoder};
use jni::Env;
use jni::objects::JObject;
use parking_lot::Mutex;

use crate::door::DoorError;
use crate::frames::{Frame, next_frame};
use crate::upcalls::{SparkHost, SparkMemory, Upcalls};

/// What changes while a task runs.
struct Running {
    stream: Option<Box<dyn BatchStream>>,
    encoder: RowEncoder,
    buffer: RowBuffer,
    /// For the buffer.
    memory: Reservation,
}

/// One task. The JVM holds it as a raw `Arc`.
pub struct TaskHandle {
    stage: Arc<Stage>,
    task: Task,
    context: Arc<TaskContext>,
    upcalls: Arc<Upcalls>,
    running: Mutex<Running>,
}

/// Rows for the JVM: their number and the addresses of rows and lengths.
pub struct Rows {
    /// Number of rows; 0 at the end.
    pub count: usize,
    /// Addresses of rows and lengths.
    pub addresses: [i64; 2],
}

impl TaskHandle {
    /// Opens a task of the stage `plan`.
    pub fn open(
        env: &mut Env<'_>,
        plans: &PlanCache,
        digest: Digest,
        plan: &[u8],
        task: &[u8],
        callbacks: &JObject<'_>,
    ) -> Result<Arc<Self>, DoorError> {
        let stage = plans.get(digest, plan)?;
        let mut task = Task::decode(task)?;
        let upcalls = Upcalls::new(env, callbacks)?;
        let limits = MemoryLimits {
            refuse_once: stage.info.refuse_reservations_once,
            ..MemoryLimits::default()
        };
        let memory = TaskMemory::new(Arc::new(SparkMemory(Arc::clone(&upcalls))), limits);
        let context = TaskContext::new(
            stage.settings(),
            memory,
            SpillDirectories::new(std::mem::take(&mut task.spill_directories)),
            task.partition,
            std::mem::take(&mut task.splits),
            stage.info.operators as usize,
            Box::new(SparkHost::new(Arc::clone(&upcalls))),
        );
        let encoder = RowEncoder::new(stage.root.schema().types());
        let running = Mutex::new(Running {
            stream: None,
            encoder,
            buffer: RowBuffer::new(),
            memory: context.memory.reservation("rows output"),
        });
        Ok(Arc::new(TaskHandle {
            stage,
            task,
            context,
            upcalls,
            running,
        }))
    }

    /// An engine error, or the exception of an upcall behind it.
    fn failure(&self, error: EngineError) -> DoorError {
        match self.upcalls.take_thrown() {
            Some(throwable) => DoorError::Thrown(throwable),
            None => DoorError::Engine(error),
        }
    }

    /// The stage's stream, which is opened when it is first pulled.
    fn opened<'a>(
        &self,
        stream: &'a mut Option<Box<dyn BatchStream>>,
    ) -> Result<&'a mut dyn BatchStream, EngineError> {
        let stream = match stream {
            Some(stream) => stream,
            none => none.insert(self.stage.root.open(&self.context)?),
        };
        Ok(stream.as_mut())
    }

    /// The next rows of a stage without sink.
    pub fn next_rows(&self) -> Result<Rows, DoorError> {
        let mut running = self.running.lock();
        self.pull(&mut running).map_err(|error| self.failure(error))
    }

    fn pull(&self, running: &mut Running) -> Result<Rows, EngineError> {
        let Running {
            stream,
            encoder,
            buffer,
            memory,
        } = running;
        let stream = self.opened(stream)?;
        buffer.clear();
        loop {
            self.context.check_cancelled()?;
            let Some(batch) = stream.next_batch()? else {
                break;
            };
            if batch.is_empty() {
                continue;
            }
            encoder
                .encode(&batch, buffer)
                .map_err(|error| EngineError::Internal(error.to_string()))?;
            // A batch's rows are known only once they are written.
            memory.hold(buffer.memory_size() as u64)?;
            let addresses = [
                buffer.bytes().as_ptr() as i64,
                buffer.lengths().as_ptr() as i64,
            ];
            return Ok(Rows {
                count: buffer.count(),
                addresses,
            });
        }
        Ok(Rows {
            count: 0,
            addresses: [0, 0],
        })
    }

    /// The next rows of a stage without sink, for the driver.
    pub fn next_frame(&self) -> Result<Option<Frame>, DoorError> {
        let mut running = self.running.lock();
        let types = self.stage.root.schema().types();
        self.opened(&mut running.stream)
            .and_then(|stream| next_frame(stream, &types, &self.context))
            .map_err(|error| self.failure(error))
    }

    /// Runs a stage that ends in a shuffle write; gives the serialized result.
    pub fn shuffle_write(&self) -> Result<Vec<u8>, DoorError> {
        let sink = self.stage.sink.as_ref().ok_or_else(|| {
            DoorError::Engine(EngineError::Internal("the stage has no sink".to_string()))
        })?;
        let path = self.task.shuffle_data_file.as_ref().ok_or_else(|| {
            DoorError::Engine(EngineError::Internal(
                "the task has no data file".to_string(),
            ))
        })?;
        sink.run(&self.context, path)
            .map(|result| encode_write_result(&result, &self.context.collected_keys))
            .map_err(|error| self.failure(error))
    }

    /// The serialized metrics so far.
    pub fn metrics(&self) -> Vec<u8> {
        encode_metrics(&self.context.metrics, self.context.memory.peak())
    }

    /// Spills on Spark's request. May be called from within an upcall of this task.
    pub fn spill(&self, bytes: u64) -> u64 {
        self.context.memory.spill(bytes)
    }

    /// Ends the task: closes its streams, which frees what they reserved.
    pub fn close(&self) {
        let mut running = self.running.lock();
        running.stream = None;
        running.buffer = RowBuffer::new();
        running.memory.free();
        self.context.memory.trim();
    }
}
