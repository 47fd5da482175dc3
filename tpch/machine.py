"""What a report says of where it was made."""

import os
import platform
import shlex
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tpch.paths import REPOSITORY, impersonal


def description() -> dict[str, Any]:
    """CPU, memory, system, JDK, commit, time and command line."""
    return {
        "cpu": cpu_model(),
        "processors": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "jdk": output(["java", "-version"]).splitlines()[-1:],
        "python": platform.python_version(),
        "commit": commit(),
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": impersonal(shlex.join(["python", "-m", "tpch", *sys.argv[1:]])),
    }


def cpu_model() -> str:
    """The processor's name as the kernel has it, with family and model, which clouds tend to hide."""
    fields: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    name = fields.get("model name", platform.processor() or "unknown")
    if "cpu family" in fields and "model" in fields:
        name += f" (family {fields['cpu family']}, model {fields['model']})"
    return name


def commit() -> str:
    """The commit the repository stands at, marked if files differ from it."""
    head = output(["git", "-C", str(REPOSITORY), "rev-parse", "HEAD"]).strip()
    changed = output(["git", "-C", str(REPOSITORY), "status", "--porcelain", "-uno"]).strip()
    return f"{head} with changes" if head and changed else head or "unknown"


def output(command: list[str]) -> str:
    """What the command prints on both outputs; empty if it cannot run."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return run.stdout + run.stderr
