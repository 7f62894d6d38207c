"""Exporters: how the fleet leaves the agent (Prometheus and the status page)."""
