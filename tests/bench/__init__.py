"""Benchmarks of the hot path, as ratios to other implementations of the same work."""
