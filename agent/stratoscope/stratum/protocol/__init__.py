"""Speaks stratum V1 and V2: messages, endpoints, connections and observing sessions that never submit a share."""
