"""Tests of the random queries that need no Spark."""
