"""Detects stolen hashrate: unknown pools and accounts, unknown payout addresses, and shares that are missing."""
