//! The one guarded door: every export runs in [`guarded`], so that an error becomes a Java
//! exception and a panic fails the task, not the process.

use std::any::Any;

use arclight_expressions::EvalError;
use arclight_memory::MemoryError;
use arclight_operators::{EngineError, ReadFileError};
use arclight_plan::PlanError;
use jni::errors::ErrorPolicy;
use jni::objects::{JObject, JThrowable, JValue};
use jni::refs::Global;
use jni::{Env, EnvUnowned, jni_sig, jni_str};

/// Kinds of `NativeEngineException`, numbered as there.
#[derive(Clone, Copy)]
enum Kind {
    Internal = 0,
    Cancelled = 1,
    OutOfMemory = 2,
    FileNotFound = 3,
    FileTypeMismatch = 4,
    FileCorrupt = 5,
    Io = 6,
    Expression = 7,
    FileDuplicateField = 8,
}

/// What an export may fail with.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// What an upcall threw, to be thrown again as the same object.
    #[error("exception of an upcall")]
    Thrown(Global<JThrowable<'static>>),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The plan or task message cannot be decoded.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// JNI itself failed.
    #[error(transparent)]
    Jni(#[from] jni::errors::Error),
}

impl DoorError {
    fn kind(&self) -> Kind {
        match self {
            DoorError::Engine(EngineError::Cancelled) => Kind::Cancelled,
            DoorError::Engine(EngineError::Memory(MemoryError::Exhausted { .. })) => {
                Kind::OutOfMemory
            }
            DoorError::Engine(EngineError::Memory(MemoryError::Io { .. }) | EngineError::Io(_)) => {
                Kind::Io
            }
            DoorError::Engine(EngineError::ReadFile { kind, .. }) => match kind {
                ReadFileError::NotFound => Kind::FileNotFound,
                ReadFileError::TypeMismatch(_) => Kind::FileTypeMismatch,
                ReadFileError::DuplicateField(_) => Kind::FileDuplicateField,
                ReadFileError::Corrupt => Kind::FileCorrupt,
            },
            DoorError::Engine(EngineError::Expression(
                EvalError::Failed { .. } | EvalError::Declined(_),
            )) => Kind::Expression,
            _ => Kind::Internal,
        }
    }

    fn path(&self) -> Option<&str> {
        match self {
            DoorError::Engine(EngineError::ReadFile { path, .. }) => Some(path),
            _ => None,
        }
    }

    /// What Spark's error of the kind is told, as `NativeEngineException` documents.
    fn parameters(&self) -> Vec<String> {
        match self {
            DoorError::Engine(EngineError::ReadFile {
                kind: ReadFileError::TypeMismatch(mismatch),
                ..
            }) => vec![
                mismatch.column.clone(),
                mismatch.expected.clone(),
                mismatch.found.clone(),
            ],
            DoorError::Engine(EngineError::ReadFile {
                kind: ReadFileError::DuplicateField(field),
                ..
            }) => vec![field.name.clone(), field.found.clone()],
            DoorError::Engine(EngineError::Memory(MemoryError::Exhausted {
                requested,
                received,
                ..
            })) => vec![requested.to_string(), received.to_string()],
            _ => Vec::new(),
        }
    }
}

/// Runs the body of an export. On failure the Java exception is pending and `T`'s default returned.
pub fn guarded<'local, T: Default>(
    mut env: EnvUnowned<'local>,
    body: impl FnOnce(&mut Env<'local>) -> Result<T, DoorError>,
) -> T {
    env.with_env(body).resolve::<ThrowNativeEngineException>()
}

/// Maps failures to exceptions.
struct ThrowNativeEngineException;

impl<T: Default> ErrorPolicy<T, DoorError> for ThrowNativeEngineException {
    type Captures<'unowned_env_local: 'native_method, 'native_method> = ();

    fn on_error<'unowned_env_local: 'native_method, 'native_method>(
        env: &mut Env<'unowned_env_local>,
        _captures: &mut (),
        error: DoorError,
    ) -> jni::errors::Result<T> {
        if env.exception_check() {
            return Ok(T::default());
        }
        let thrown = match &error {
            DoorError::Thrown(throwable) => env.throw(throwable),
            _ => throw(
                env,
                error.kind(),
                &error.to_string(),
                error.path(),
                &error.parameters(),
            ),
        };
        pending(thrown)
    }

    fn on_panic<'unowned_env_local: 'native_method, 'native_method>(
        env: &mut Env<'unowned_env_local>,
        _captures: &mut (),
        payload: Box<dyn Any + Send + 'static>,
    ) -> jni::errors::Result<T> {
        let text = payload
            .downcast_ref::<&str>()
            .map(|s| (*s).to_string())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "unknown panic".to_string());
        if env.exception_check() {
            env.exception_clear();
        }
        pending(throw(
            env,
            Kind::Internal,
            &format!("panic in the native engine: {text}"),
            None,
            &[],
        ))
    }
}

/// Throwing succeeds with an error that says that an exception is pending.
fn pending<T: Default>(thrown: jni::errors::Result<()>) -> jni::errors::Result<T> {
    match thrown {
        Ok(()) | Err(jni::errors::Error::JavaException) => Ok(T::default()),
        Err(error) => Err(error),
    }
}

fn throw(
    env: &mut Env<'_>,
    kind: Kind,
    text: &str,
    path: Option<&str>,
    parameters: &[String],
) -> jni::errors::Result<()> {
    let message = env.new_string(text)?;
    let path: JObject<'_> = match path {
        Some(path) => env.new_string(path)?.into(),
        None => JObject::null(),
    };
    let class = env.find_class(jni_str!("java/lang/String"))?;
    let array = env.new_object_array(parameters.len() as i32, class, JObject::null())?;
    for (i, parameter) in parameters.iter().enumerate() {
        let parameter = env.new_string(parameter)?;
        array.set_element(env, i, &parameter)?;
    }
    let exception = env.new_object(
        jni_str!("org/arclight/spark/jni/NativeEngineException"),
        jni_sig!("(ILjava/lang/String;Ljava/lang/String;[Ljava/lang/String;)V"),
        &[
            JValue::Int(kind as i32),
            JValue::Object(&message),
            JValue::Object(&path),
            JValue::Object(&array),
        ],
    )?;
    let exception = env.cast_local::<JThrowable>(exception)?;
    env.throw(&exception)
}
