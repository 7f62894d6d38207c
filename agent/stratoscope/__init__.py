"""Stratoscope: a read-only, stratum-aware telemetry agent for Bitcoin mining rigs."""

__version__ = "0.1.0"
