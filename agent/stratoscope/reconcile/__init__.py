"""Compares what pools credit and pay with what the rigs reported. Pure: no sockets, no clock."""
