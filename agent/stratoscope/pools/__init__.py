"""Queries mining pools and reads what they report about accounts and workers."""
