"""Finds rigs and tells which firmware they run."""
