//! `arclight`: explains a plan, and executes a captured stage outside Spark.

mod replay;

use std::path::PathBuf;
use std::process::ExitCode;

use arclight_plan::proto::StageBundle;
use arclight_plan::{PlanError, Stage};
use clap::{Parser, Subcommand};
use prost::Message;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Looks at stages outside Spark: plans, and bundles of a plan with its tasks (StageBundle).
#[derive(Parser)]
#[command(name = "arclight", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints a stage's operators, one a line. FILE is a captured stage or a substrait Plan.
    Explain {
        /// A serialized StageBundle or substrait Plan.
        file: PathBuf,
    },
    /// Executes a captured stage and prints rows and time per operator.
    Run {
        /// A captured stage.
        file: PathBuf,
        /// Tasks at a time.
        #[arg(long, default_value_t = 1)]
        threads: usize,
        /// Times to run it.
        #[arg(long, default_value_t = 1)]
        repetitions: usize,
    },
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is neither a captured stage nor a plan.
    #[error("{path} is neither a captured stage nor a substrait Plan: {source}")]
    Plan {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PlanError,
    },
    /// A task failed.
    #[error("task {task}: {source}")]
    Task {
        /// Its number.
        task: usize,
        /// Why.
        source: arclight_operators::EngineError,
    },
    /// A task's message cannot be decoded.
    #[error("task {task}: {source}")]
    TaskMessage {
        /// Its number.
        task: usize,
        /// Why.
        source: PlanError,
    },
    /// The stage needs Spark.
    #[error("{path} needs Spark to run: {}", obstacles.join("; "))]
    NeedsSpark {
        /// The file.
        path: PathBuf,
        /// What in it does.
        obstacles: Vec<String>,
    },
    /// A bare plan has no tasks to run.
    #[error("{path} is a plan without tasks: there is nothing to run")]
    NoTasks {
        /// The file.
        path: PathBuf,
    },
    /// A temporary file cannot be made.
    #[error("temporary file: {0}")]
    Temporary(#[from] std::io::Error),
}

fn read(path: &PathBuf) -> Result<Vec<u8>, RunnerError> {
    std::fs::read(path).map_err(|source| RunnerError::Read {
        path: path.clone(),
        source,
    })
}

/// A file's stage and tasks.
struct Captured {
    stage: std::sync::Arc<Stage>,
    tasks: Vec<Vec<u8>>,
    obstacles: Vec<String>,
}

/// A bundle whose plan decodes; a bare plan counts as a bundle without tasks.
fn captured(path: &PathBuf) -> Result<Captured, RunnerError> {
    let bytes = read(path)?;
    if let Ok(bundle) = StageBundle::decode(bytes.as_slice())
        && let Ok(stage) = Stage::decode(&bundle.plan)
    {
        return Ok(Captured {
            stage,
            tasks: bundle.tasks,
            obstacles: bundle.obstacles,
        });
    }
    let stage = Stage::decode(&bytes).map_err(|source| RunnerError::Plan {
        path: path.clone(),
        source,
    })?;
    Ok(Captured {
        stage,
        tasks: Vec::new(),
        obstacles: Vec::new(),
    })
}

fn execute(command: Command) -> Result<(), RunnerError> {
    match command {
        Command::Explain { file } => {
            let captured = captured(&file)?;
            print!("{}", captured.stage.explain());
            println!("{} task(s)", captured.tasks.len());
            for obstacle in captured.obstacles {
                println!("needs Spark: {obstacle}");
            }
            Ok(())
        }
        Command::Run {
            file,
            threads,
            repetitions,
        } => {
            let Captured {
                stage,
                tasks,
                obstacles,
            } = captured(&file)?;
            if !obstacles.is_empty() {
                return Err(RunnerError::NeedsSpark {
                    path: file,
                    obstacles,
                });
            }
            if tasks.is_empty() {
                return Err(RunnerError::NoTasks { path: file });
            }
            if stage.info.jvm_expressions > 0 {
                eprintln!(
                    "note: {} guard(s) by Spark's expressions; rows that need one fail here",
                    stage.info.jvm_expressions
                );
            }
            for _ in 0..repetitions.max(1) {
                let report = replay::run(&stage, &tasks, threads.max(1))?;
                print!("{report}");
            }
            Ok(())
        }
    }
}

fn main() -> ExitCode {
    match execute(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("arclight: {error}");
            ExitCode::FAILURE
        }
    }
}
