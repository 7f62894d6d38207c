"""Renders the metric table as Prometheus text: one chunk per rig on change, joined on scrape."""
