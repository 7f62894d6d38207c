"""Builds the agent from all packages and runs it: the only package that imports all the others."""

from stratoscope.app.demo import demo
from stratoscope.app.run import run

__all__ = ["demo", "run"]
