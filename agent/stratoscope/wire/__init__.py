"""Sends commands to rigs and returns their answers: the only package that opens sockets to rigs."""
