"""Serves metrics, service discovery, health and the status page over HTTP."""
