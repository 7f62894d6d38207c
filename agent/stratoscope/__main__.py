"""Runs the command line as `python -m stratoscope`."""

from stratoscope.cli import main

main()
