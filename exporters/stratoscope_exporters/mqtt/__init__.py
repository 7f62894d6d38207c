"""Publishes rigs, site and events to an MQTT broker."""
