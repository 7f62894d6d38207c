"""Polls every rig on its own grid, within a budget of sockets, and publishes the judged readings."""
