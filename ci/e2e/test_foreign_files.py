"""Files that other writers than Spark's have written."""

import json
from decimal import Decimal

import pyarrow
import pyarrow.parquet
import pytest

ROWS = 3_000


def row(number: int) -> dict:
    """A row of nested values, NULL at every level."""
    return {
        "id": number,
        "words": None if number % 5 == 0 else [None, f"word {number % 7}", ""][: number % 4],
        "structs": None
        if number % 7 == 1
        else [
            None if part == 2 else {"number": number * part, "text": f"t{part}" if part else None}
            for part in range(number % 4)
        ],
        "lists": None if number % 6 == 2 else [None, [], [number, None]][: number % 4],
        "map": None if number % 4 == 3 else [(f"k{key}", None if key else number) for key in range(number % 3)],
        "deep": None
        if number % 3 == 0
        else {"price": Decimal(number) / 100, "inner": None if number % 2 else {"flag": number % 5 == 0}},
    }


TYPES = pyarrow.schema(
    [
        ("id", pyarrow.int64()),
        ("words", pyarrow.list_(pyarrow.string())),
        ("structs", pyarrow.list_(pyarrow.struct([("number", pyarrow.int64()), ("text", pyarrow.string())]))),
        ("lists", pyarrow.list_(pyarrow.list_(pyarrow.int64()))),
        ("map", pyarrow.map_(pyarrow.string(), pyarrow.int64())),
        (
            "deep",
            pyarrow.struct(
                [
                    ("price", pyarrow.decimal128(20, 2)),
                    ("inner", pyarrow.struct([("flag", pyarrow.bool_())])),
                ]
            ),
        ),
    ]
)

WRITERS = {
    "plain": {"use_dictionary": False},
    "version 2 pages": {"data_page_version": "2.0", "row_group_size": 700, "data_page_size": 500},
    "other names in lists": {"use_compliant_nested_type": False, "compression": "zstd"},
}


@pytest.mark.parametrize("writer", WRITERS)
def test_nested_columns_of_pyarrow(submit, tmp_path, writer):
    rows = [row(number) for number in range(ROWS)]
    path = tmp_path / "foreign.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, TYPES), path, **WRITERS[writer])
    outcome = submit("read_nested.py", str(path))
    native, spark = outcome.result["native"], outcome.result["spark"]
    assert "NativeStage" in native["plan"] and "Native" not in spark["plan"]
    assert native["rows"] == spark["rows"]
    assert native["exploded"] == spark["exploded"]
    for entry in rows:
        entry["map"] = None if entry["map"] is None else dict(entry["map"])
    assert native["rows"] == json.loads(json.dumps(rows, default=lambda value: f"{value:.2f}"))
