"""Announces rigs and site to Home Assistant through MQTT discovery."""
