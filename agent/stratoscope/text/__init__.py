"""Formats values for people."""
