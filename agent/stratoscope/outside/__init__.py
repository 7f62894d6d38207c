"""Asks services beside and beyond the site over HTTP, calmly and with caps; knows nothing of what they answer."""
