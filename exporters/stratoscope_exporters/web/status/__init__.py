"""Builds the status pages."""
