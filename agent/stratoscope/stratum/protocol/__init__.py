"""Parses and builds the messages of stratum V1 and V2, and parses the URLs of endpoints. No sockets."""
