"""Derives canonical values, identity, counters, share progress and state from readings. All pure."""
