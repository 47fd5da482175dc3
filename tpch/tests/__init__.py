"""Tests of the harness: `python -m pytest tpch`."""
