"""Reads stratum: `protocol` connects and parses, `jobs` decodes, `watch` compares endpoints, `tap` relays miners."""
