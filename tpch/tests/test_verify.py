"""What a verification asks of an engine's results and of its folder."""

from pathlib import Path

import pytest

from tpch.verify import left_behind, peak_bytes


def test_a_share_of_memory_needs_an_engine_that_counts_it():
    assert peak_bytes({"measured": {"allocator_peak_bytes": 1024}}) == 1024
    with pytest.raises(ValueError, match="doesn't count"):
        peak_bytes({"measured": {"seconds": 1.0}})


def test_files_left_behind_are_found_wherever_they_are(tmp_path: Path):
    assert left_behind(tmp_path) == []
    (tmp_path / "blocks" / "0c").mkdir(parents=True)
    assert left_behind(tmp_path) == []
    (tmp_path / "blocks" / "0c" / "shuffle_0_1_0.data").touch()
    assert left_behind(tmp_path) == ["blocks/0c/shuffle_0_1_0.data"]
