"""Benchmarks: each prints one JSON document; none is a test."""
