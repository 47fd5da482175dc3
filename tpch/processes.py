"""Starts a worker process for a job and hands out its events."""

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tpch.engines.base import Engine, Job

#: A worker that says nothing for this long is taken to hang. No query of ours takes that long.
SILENCE_SECONDS = 1800.0

#: Lines of a worker's standard error kept in a failure.
LOG_LINES = 15


class WorkerFailed(Exception):
    """A worker ended early; the message has the end of its log."""


def events(engine: Engine, job: Job) -> Iterator[dict[str, Any]]:
    """Runs the job in a fresh process on the job's cores; yields the worker's events.

    Raises WorkerFailed if the process ends without having closed its session, or hangs.
    """
    return worker_events(lambda job_file: engine.command(job, job_file), engine.environment(),
                         job.to_json(), job.cores)


def worker_events(command: Callable[[Path], list[str]], environment: dict[str, str],
                  job: dict[str, Any], cores: int,
                  silence_seconds: float = SILENCE_SECONDS) -> Iterator[dict[str, Any]]:
    """As `events`, of any worker that reads its job from a file."""
    with tempfile.TemporaryDirectory(prefix="arclight-worker-") as scratch:
        job_file = Path(scratch) / "job.json"
        job_file.write_text(json.dumps(job))
        log_file = Path(scratch) / "log"
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                command(job_file), env=environment, cwd=scratch,
                stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True,
                preexec_fn=lambda: start_on(cores))
        closed = False
        try:
            for line in lines(process, silence_seconds):
                event = parse(line)
                if event is None:
                    with log_file.open("a") as log:
                        log.write(line)
                    continue
                closed = closed or event["event"] == "closed"
                yield event
            if process.wait() != 0 or not closed:
                raise WorkerFailed(f"exit code {process.returncode}\n{end_of(log_file)}")
        except TimeoutError:
            raise WorkerFailed(
                f"silent for {silence_seconds:g} s\n{end_of(log_file)}") from None
        finally:
            stop(process)


def start_on(cores: int) -> None:
    """In the new process: its own group, and only the first of the allowed processors."""
    os.setsid()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def lines(process: subprocess.Popen, silence_seconds: float) -> Iterator[str]:
    """The process's output line by line. Raises TimeoutError when it is silent for so long."""
    received: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout:
            received.put(line)
        received.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = received.get(timeout=silence_seconds)
        except queue.Empty:
            raise TimeoutError from None
        if line is None:
            return
        yield line


def parse(line: str) -> dict[str, Any] | None:
    """The event in a line, or None if the line is something else an engine printed."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def stop(process: subprocess.Popen) -> None:
    """Ends the process and its group if it still runs."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    process.stdout.close()


def end_of(log_file: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log_file.read_text(errors="replace").splitlines()[-LOG_LINES:])
