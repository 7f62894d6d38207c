"""Lets `python -m stratoscope` do what the command `stratoscope` does."""

from stratoscope.cli import main

if __name__ == "__main__":
    main()
