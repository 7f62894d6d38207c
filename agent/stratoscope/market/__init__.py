"""Provides the market: difficulty, fees and price from outside sources, and what hashrate earns and power costs."""
