"""Finds rigs and identifies their firmware."""
