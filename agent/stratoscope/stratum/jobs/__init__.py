"""Decodes stratum jobs down to their coinbase outputs, and estimates hashrate from shares. Pure."""
