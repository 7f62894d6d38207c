"""Puts the rooms together and runs them: the only place that knows them all."""

from stratoscope.app.demo import demo
from stratoscope.app.run import run

__all__ = ["demo", "run"]
