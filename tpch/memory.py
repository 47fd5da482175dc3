"""What a query used, from Linux's /proc: peak resident memory and CPU time, its own and others'."""

import os
from pathlib import Path

PROC = Path("/proc")
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

#: Writing this to /proc/PID/clear_refs sets VmHWM back to the present VmRSS; see proc(5).
RESET_PEAK = "5"

UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def parse_bytes(text: str) -> int:
    """Spark's notation for sizes: `512m`, `8g`, plain bytes. Raises ValueError on any other."""
    lowered = text.strip().lower().removesuffix("b")
    number = lowered.rstrip("kmgt")
    unit = lowered[len(number):]
    if not number.isdigit() or unit not in UNITS:
        raise ValueError(f"not a size such as 512m or 8g: {text!r}")
    return int(number) * UNITS[unit]


def reset_peak(process: int) -> None:
    """Makes the process's peak its present resident memory. Raises OSError where Linux refuses."""
    (PROC / str(process) / "clear_refs").write_text(RESET_PEAK)


def resident_bytes(process: int) -> int:
    """The process's resident memory now (VmRSS)."""
    return _status_bytes(process, "VmRSS")


def peak_resident_bytes(process: int) -> int:
    """The process's highest resident memory since its start or the last reset (VmHWM)."""
    return _status_bytes(process, "VmHWM")


def _status_bytes(process: int, field: str) -> int:
    for line in (PROC / str(process) / "status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {process} has no {field}")


def process_tree(root: int) -> list[int]:
    """The process and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    tree = [root]
    for process in tree:
        tree.extend(children.get(process, []))
    return tree


def cpu_seconds(root: int) -> float:
    """User and system time of the process, its living descendants and its reaped children."""
    ticks = 0
    for process in process_tree(root):
        fields = _stat(process)
        if fields:
            ticks += sum(int(value) for value in fields[11:15])
    return ticks / CLOCK_TICKS


def machine_busy_seconds() -> float:
    """Time all processors together have worked since the system started, for whomever."""
    fields = (PROC / "stat").read_text().splitlines()[0].split()[1:]
    idle, waiting = int(fields[3]), int(fields[4])
    # The last two fields, guests' time, are part of the first two.
    return (sum(map(int, fields[:8])) - idle - waiting) / CLOCK_TICKS


def _stat(process: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the third (state) on; None if the process is gone."""
    try:
        text = (PROC / str(process) / "stat").read_text()
    except OSError:
        return None
    return text.rsplit(")", 1)[1].split()
