"""Carries questions to rigs and brings their bytes back: the only room that opens a socket to a rig."""
