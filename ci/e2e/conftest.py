"""Runs small jobs as a user would: `spark-submit`, the jar, one conf line."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyspark
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
JAR = Path(os.environ.get("ARCLIGHT_JAR") or REPOSITORY / "target" / "arclight.jar")
JOBS = Path(__file__).resolve().parent / "jobs"
SPARK_HOME = Path(pyspark.__file__).resolve().parent

PLUGIN = {"spark.plugins": "org.arclight.spark.ArclightPlugin"}
TIMEOUT_SECONDS = 300


@dataclass
class Outcome:
    """What a job printed after `RESULT `, and everything that Spark logged."""

    result: dict
    log: str

    def warnings(self) -> list[str]:
        """The plugin's warnings."""
        return [line for line in self.log.splitlines() if " WARN Arclight" in line]

    def is_on(self) -> bool:
        """Whether the driver's plugin set itself up."""
        return "Arclight 0.1.0 is on and has set " in self.log


def linked_spark(home: Path, added_jars: tuple[Path, ...]) -> Path:
    """A Spark of links, so that what workers write, and jars that are added, stay there."""
    home.mkdir()
    for entry in SPARK_HOME.iterdir():
        if entry.name not in ("conf", "jars", "work"):
            (home / entry.name).symlink_to(entry)
    (home / "jars").mkdir()
    for jar in [*(SPARK_HOME / "jars").iterdir(), *added_jars]:
        (home / "jars" / jar.name).symlink_to(jar)
    return home


@pytest.fixture
def submit(tmp_path):
    """Submits a job of `jobs/` and returns its outcome."""

    def run(
        job: str,
        *arguments: str,
        conf: dict[str, str] | None = None,
        master: str = "local[2]",
        jar: bool = True,
        more_jars: tuple[Path, ...] = (),
        jars_folder: tuple[Path, ...] = (),
        installed: bool = False,
        environment: dict[str, str] | None = None,
    ) -> Outcome:
        assert JAR.exists(), f"{JAR} is missing: run ci/build"
        spark_home = linked_spark(tmp_path / "spark", jars_folder)
        if installed:
            # As in an image: the jar and the conf line are Spark's own.
            (spark_home / "conf").mkdir()
            subprocess.run(
                ["sh", str(REPOSITORY / "ci" / "install-plugin"), str(JAR), str(spark_home)],
                check=True,
            )
        temporary = tmp_path / "tmp"
        temporary.mkdir(exist_ok=True)
        settings = {
            "spark.ui.enabled": "false",
            "spark.sql.warehouse.dir": str(tmp_path / "warehouse"),
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.extraJavaOptions": f"-Djava.io.tmpdir={temporary}",
            "spark.executor.extraJavaOptions": f"-Djava.io.tmpdir={temporary}",
            **({} if installed else PLUGIN),
            **(conf or {}),
        }
        command = [str(spark_home / "bin" / "spark-submit"), "--master", master]
        jars = [*([JAR] if jar and not installed else []), *more_jars]
        if jars:
            command += ["--jars", ",".join(map(str, jars))]
        for key, value in settings.items():
            command += ["--conf", f"{key}={value}"]
        command += [str(JOBS / job), str(tmp_path / "data"), *arguments]
        finished = subprocess.run(
            command,
            cwd=tmp_path,
            env={
                **os.environ,
                "SPARK_HOME": str(spark_home),
                "SPARK_LOCAL_IP": "127.0.0.1",
                "PYSPARK_PYTHON": sys.executable,
                "PYSPARK_DRIVER_PYTHON": sys.executable,
                **(environment or {}),
            },
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-6000:]
        results = [
            line.removeprefix("RESULT ")
            for line in finished.stdout.splitlines()
            if line.startswith("RESULT ")
        ]
        assert len(results) == 1, finished.stdout
        left = [path.name for path in temporary.iterdir() if path.name.startswith("arclight-")]
        assert not left, f"left in the temporary folder: {left}"
        return Outcome(json.loads(results[0]), finished.stderr)

    return run
