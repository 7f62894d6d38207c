"""Serves the recorded rigs of the reference shelf over real sockets, with its own replay tool."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes.addresses import free_block

OFFSET = 0 if os.geteuid() == 0 else 20_000
"""Port 80 needs root; elsewhere every port is moved up."""

PORTS = {port: port + OFFSET for port in (4028, 4433, 80, 8080, 8359)} if OFFSET else {}


@dataclass(frozen=True)
class Replayed:
    """One recorded device on an address."""

    name: str
    variant: str | None
    host: str
    folder: Path
    expected: Path | None


def recordings(shelf: Path) -> list[Replayed]:
    """Return every recording (and its variants) with the address it is served on."""
    found: list[Replayed] = []
    block = free_block()
    for folder in sorted((shelf / "captures").iterdir()):
        if not (folder / "meta.json").is_file():
            continue
        readings = sorted(folder.glob("reading*.json")) or [None]
        for reading in readings:
            variant = reading.name.removeprefix("reading.").removesuffix(".json") if reading else ""
            variant = "" if variant == "json" or (reading and reading.name == "reading.json") else variant
            host = f"{block}.{len(found) + 1}"
            found.append(Replayed(folder.name, variant or None, host, folder, reading))
    return found


class ReplayServer:
    """The replay tool as a child process; `requests` is what it logged."""

    def __init__(self, shelf: Path, devices: list[dict[str, Any]], folder: Path) -> None:
        self.log = folder / "requests.jsonl"
        plan = folder / "map.json"
        plan.write_text(json.dumps(devices))
        command = [sys.executable, str(shelf / "tools" / "replay_rig.py"), "--map", str(plan), "--log", str(self.log)]
        self.process = subprocess.Popen([*command, "--port-offset", str(OFFSET)], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("READY"):
                break
        else:
            raise RuntimeError(f"the replay tool ended with {self.process.wait()}")

    def requests(self) -> list[dict[str, Any]]:
        """Return every request logged so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def stop(self) -> None:
        """End the tool by its pid."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        time.sleep(0)
