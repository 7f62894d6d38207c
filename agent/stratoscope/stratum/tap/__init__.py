"""Relays miners to their pool byte for byte, and counts the result of every share."""
