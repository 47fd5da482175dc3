"""The ways in which the plugin starts, or stays off."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from conftest import JAR, REPOSITORY

EXTENSIONS = "org.arclight.spark.ArclightExtensions"
SHUFFLE_MANAGER = "org.arclight.spark.shuffle.ArclightShuffleManager"

INSTALL = REPOSITORY / "ci" / "install-plugin"

#: Rows of jobs/totals.py, from arithmetic alone.
TOTALS = [
    [key, sum(1.5 * number for number in range(100, 10_000) if number % 5 == key), 1980]
    for key in range(5)
]


def assert_native(outcome) -> None:
    """The engine ran the query, not when switched off, and again when switched on."""
    assert outcome.is_on(), outcome.log[-4000:]
    assert outcome.warnings() == []
    assert outcome.result["first"]["rows"] == TOTALS
    assert outcome.result["switched_off"]["rows"] == TOTALS
    assert outcome.result["again"]["rows"] == TOTALS
    assert "NativeStage" in outcome.result["first"]["plan"]
    assert "Native" not in outcome.result["switched_off"]["plan"]
    assert "NativeStage" in outcome.result["again"]["plan"]


def assert_as_without_plugin(outcome) -> None:
    """The rows are right, and nothing was set but what the user set."""
    assert not outcome.is_on()
    assert outcome.result["first"]["rows"] == TOTALS
    assert "Native" not in outcome.result["first"]["plan"]
    conf = outcome.result["conf"]
    assert "spark.sql.extensions" not in conf
    assert "spark.shuffle.manager" not in conf
    assert "spark.memory.offHeap.size" not in conf


def test_one_conf_line(submit):
    outcome = submit("totals.py")
    assert_native(outcome)
    conf = outcome.result["conf"]
    assert conf["spark.sql.extensions"] == EXTENSIONS
    assert conf["spark.shuffle.manager"] == SHUFFLE_MANAGER
    assert conf["spark.memory.offHeap.enabled"] == "true"
    assert conf["spark.memory.offHeap.size"].endswith("m")


def test_jar_in_the_jars_folder(submit):
    assert_native(submit("totals.py", jar=False, jars_folder=(JAR,)))


def test_installed_as_in_an_image(submit):
    assert_native(submit("totals.py", installed=True))


def test_installing_keeps_settings(tmp_path):
    """What spark-defaults.conf says stays; other plugins too; a second time changes nothing."""
    home = tmp_path / "spark"
    (home / "jars").mkdir(parents=True)
    (home / "conf").mkdir()
    (home / "jars" / "arclight-0.0.1.jar").write_text("an older one")
    defaults = home / "conf" / "spark-defaults.conf"
    defaults.write_text("spark.ui.enabled false\nspark.plugins  com.example.Other\n")
    for _ in range(2):
        subprocess.run(["sh", str(INSTALL), str(JAR), str(home)], check=True)
        assert defaults.read_text() == (
            "spark.ui.enabled false\n"
            "spark.plugins  com.example.Other,org.arclight.spark.ArclightPlugin\n"
        )
        assert [jar.name for jar in (home / "jars").iterdir()] == ["arclight.jar"]


def test_two_executors(submit):
    outcome = submit("totals.py", master="local-cluster[2,1,1024]")
    assert_native(outcome)
    assert outcome.result["executors"] == 2
    conf = outcome.result["conf"]
    assert conf["spark.executor.memory"] == "512m"
    assert conf["spark.memory.offHeap.size"] == "512m"


def test_library_missing(submit, tmp_path):
    outcome = submit(
        "totals.py", conf={"spark.arclight.native.library": str(tmp_path / "missing.so")}
    )
    assert_as_without_plugin(outcome)
    [warning] = outcome.warnings()
    assert "missing.so could not be loaded" in warning


def test_library_of_another_program(submit, tmp_path):
    libraries = sorted(Path("/").glob("lib/*-linux-gnu/libz.so.1")) + sorted(
        Path("/").glob("lib/*-linux-gnu/libm.so.6")
    )
    if not libraries:
        pytest.skip("no library found to stand in")
    outcome = submit("totals.py", conf={"spark.arclight.native.library": str(libraries[0])})
    assert_as_without_plugin(outcome)
    [warning] = outcome.warnings()
    assert "is not a library of Arclight" in warning


def test_library_missing_on_executors_only(submit, tmp_path):
    """The driver finds the library in its working folder, executors not: Spark does the work."""
    with zipfile.ZipFile(JAR) as jar:
        library, *_ = sorted(n for n in jar.namelist() if n.endswith("/libarclight.so"))
        (tmp_path / "libarclight.so").write_bytes(jar.read(library))
    outcome = submit(
        "totals.py",
        master="local-cluster[1,1,1024]",
        conf={"spark.arclight.native.library": "libarclight.so"},
    )
    assert outcome.is_on()
    assert outcome.result["first"]["rows"] == TOTALS
    assert "Native" not in outcome.result["first"]["plan"]
    assert any("is off from now on, because on executor" in line for line in outcome.warnings())


def test_off_heap_forbidden(submit):
    outcome = submit("totals.py", conf={"spark.memory.offHeap.enabled": "false"})
    assert_as_without_plugin(outcome)
    [warning] = outcome.warnings()
    assert "spark.memory.offHeap.enabled is false" in warning


def test_disabled_from_the_start(submit):
    outcome = submit("totals.py", conf={"spark.arclight.enabled": "false"})
    assert outcome.result["first"]["rows"] == TOTALS
    assert "Native" not in outcome.result["first"]["plan"]


def test_other_shuffle_manager(submit):
    outcome = submit("totals.py", conf={"spark.shuffle.manager": "sort"})
    assert outcome.is_on()
    assert outcome.result["first"]["rows"] == TOTALS
    assert outcome.result["conf"]["spark.shuffle.manager"] == "sort"


def test_plugin_twice(submit):
    plugin = "org.arclight.spark.ArclightPlugin"
    outcome = submit("totals.py", conf={"spark.plugins": f"{plugin},{plugin}"})
    assert outcome.result["first"]["rows"] == TOTALS
    assert outcome.result["conf"]["spark.sql.extensions"] == EXTENSIONS
