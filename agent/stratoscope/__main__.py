"""Makes `python -m stratoscope` the same as the command `stratoscope`."""

from stratoscope.cli import main

if __name__ == "__main__":
    main()
