"""Concludes from readings what is true: canonical values, identity, counters, progress. All pure."""
