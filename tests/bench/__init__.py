"""Benchmarks of the hot path, as ratios against other ways to do the same work."""
