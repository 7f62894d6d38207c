"""Connects to services outside the agent: HTTP requests with limits, and MQTT brokers. Does not interpret responses."""
