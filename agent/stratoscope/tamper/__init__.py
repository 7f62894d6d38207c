"""Detects stolen hashrate: where rigs send their work, and whether accepted shares support the reported hashrate."""
