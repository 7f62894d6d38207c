"""Defines the dashboards, one module per dashboard; large ones have their rows in further modules."""
