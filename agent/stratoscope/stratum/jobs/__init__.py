"""Decodes stratum jobs down to the coinbase outputs, and does share statistics. Pure."""
