"""Benchmark and verification harness: TPC-H and TPC-DS on Arclight and its peers."""
