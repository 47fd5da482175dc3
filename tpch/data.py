"""Makes tables as Snappy-compressed Parquet: TPC-H and TPC-DS with tpcgen-cli, those of micro-queries with DuckDB.

A data set is a folder with one folder of Parquet files per table. It is made in a temporary
folder beside its final place and then renamed, so a data set that exists is complete, and two
makers at once cannot mix their files.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tpch import micro
from tpch.paths import CACHE

BENCHMARKS = ("tpch", "tpcds", "micro")

#: Files per table and unit of scale: a lineitem file is then about 130 MB, the size of a Spark
#: split (spark.sql.files.maxPartitionBytes).
PARTS_PER_SCALE = 1.6

#: Tables tpcgen-cli makes that no query reads.
UNUSED_TABLES = ("dbgen_version",)


def scale_name(scale: float) -> str:
    """The scale as it stands in folder names: 1, 10, 0.01."""
    return f"{scale:g}"


def default_folder(benchmark: str, scale: float) -> Path:
    """The cached data set's folder for a benchmark at a scale."""
    return CACHE / "data" / f"{benchmark}-sf{scale_name(scale)}"


def make(benchmark: str, scale: float, output: Path | None = None) -> Path:
    """Makes the data set unless it exists; returns its folder.

    Without `output` it is made in the cache. Raises `CalledProcessError` if the generator fails;
    nothing is left at the final place then.
    """
    folder = Path(output) if output else default_folder(benchmark, scale)
    if folder.exists() and any(folder.iterdir()):
        check_description(folder, benchmark, scale)
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        description = {"benchmark": benchmark, "scale": scale}
        if benchmark == "micro":
            micro.make(scratch, scale)
        else:
            description |= generate(scratch, benchmark, scale)
        # A leading underscore hides a file from Spark and Hadoop.
        (scratch / "_description.json").write_text(json.dumps(description) + "\n")
        scratch.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        scratch.rename(folder)
    except OSError:
        # Somebody else may have put the same data set there meanwhile.
        if not (folder / "_description.json").exists():
            raise
        check_description(folder, benchmark, scale)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def generate(folder: Path, benchmark: str, scale: float) -> dict[str, object]:
    """Has tpcgen-cli make the tables; returns how."""
    parts = max(1, round(PARTS_PER_SCALE * scale))
    command = [
        generator(), benchmark, "parquet", "--compression=SNAPPY",
        f"--scale-factor={scale_name(scale)}", f"--parts={parts}", "--quiet",
        f"--output-dir={folder}",
    ]
    subprocess.run(command, check=True, stdout=sys.stderr)
    for table in UNUSED_TABLES:
        shutil.rmtree(folder / table, ignore_errors=True)
    return {"parts": parts, "generator": generator_version()}


def check_description(folder: Path, benchmark: str, scale: float) -> None:
    """Raises ValueError unless the folder holds this benchmark at this scale."""
    description_file = folder / "_description.json"
    if not description_file.exists():
        raise ValueError(f"{folder} exists but is no data set of this harness")
    found = json.loads(description_file.read_text())
    if (found["benchmark"], found["scale"]) != (benchmark, scale):
        raise ValueError(
            f"{folder} holds {found['benchmark']} at scale {found['scale']}, "
            f"not {benchmark} at scale {scale_name(scale)}")


def tables(folder: Path) -> dict[str, str]:
    """Table name → folder of its Parquet files."""
    return {entry.name: str(entry) for entry in sorted(folder.iterdir()) if entry.is_dir()}


def generator() -> str:
    """tpcgen-cli of the environment this Python runs in, else of PATH."""
    beside = Path(sys.executable).parent / "tpcgen-cli"
    return str(beside) if beside.exists() else "tpcgen-cli"


def generator_version() -> str:
    """What `tpcgen-cli --version` prints."""
    run = subprocess.run([generator(), "--version"], check=True, capture_output=True, text=True)
    return run.stdout.strip()
