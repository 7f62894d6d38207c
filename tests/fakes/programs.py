"""Starts real programs on loopback ports of their own, and ends them by their pid."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fakes.addresses import free_port
from fakes.children import kill_group


def get(url: str, **headers: str) -> tuple[int, bytes]:
    """Return status and body of `url`."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def eventually(condition: Callable[[], Any], seconds: float = 120.0, what: str = "it") -> Any:
    """Return the first true value of `condition`; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        try:
            value = condition()
        except (OSError, ValueError, KeyError, IndexError):
            value = None
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not come to pass within {seconds:g} s"
        time.sleep(0.1)


class Program:
    """A child process with its output in a file."""

    def __init__(self, command: list[str], folder: Path, name: str, **environ: str) -> None:
        self.output = folder / f"{name}.log"
        self._file = self.output.open("wb")
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environ},
            start_new_session=True,
        )

    def until_ready(self, condition: Callable[[], Any], what: str) -> None:
        """Wait until it can be used; it is gone if it never can."""
        try:
            eventually(condition, what=what)
        except BaseException:
            self.stop()
            raise

    def stop(self, patience: float = 30.0) -> int:
        """End it and return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        kill_group(self.process)
        self._file.close()
        return code

    def log(self) -> str:
        """Return what it printed."""
        return self.output.read_text(errors="replace")


class Prometheus(Program):
    """The Debian Prometheus with one scrape config, and the rule files that are given."""

    def __init__(
        self, folder: Path, scrape_configs: list[dict[str, Any]], interval: str = "1s", rules: Sequence[Path] = ()
    ) -> None:
        self.port = free_port()
        config = {
            "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
            "rule_files": [str(file) for file in rules],
            "scrape_configs": scrape_configs,
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))
        super().__init__(
            [
                "prometheus",
                "--config.file=prometheus.yml",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            folder,
            "prometheus",
        )
        self.until_ready(lambda: get(f"http://127.0.0.1:{self.port}/-/ready")[0] == 200, what="Prometheus")

    def query(self, expression: str) -> dict[str, float]:
        """Return an instant query as {rig or "" (or the labels as text): value}."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        answer = json.loads(get(url)[1])
        assert answer["status"] == "success", answer
        rows = answer["data"]["result"]
        return {self._key(row["metric"]): float(row["value"][1]) for row in rows}

    @staticmethod
    def _key(labels: dict[str, str]) -> str:
        rest = {k: v for k, v in labels.items() if k not in ("__name__", "instance", "job", "site")}
        if set(rest) <= {"rig"}:
            return rest.get("rig", "")
        return ",".join(f"{k}={v}" for k, v in sorted(rest.items()))


class Agent(Program):
    """`stratoscope run` on a config file, as a user starts it."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.port = free_port()
        config = {"state_dir": str(folder / "state"), **config}
        config["exporters"] = {**config.get("exporters", {}), "prometheus": {"listen": f"127.0.0.1:{self.port}"}}
        self.config = folder / "stratoscope.yaml"
        self.config.write_text(json.dumps(config))
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "stratoscope", "run", "--config", str(self.config)]
        super().__init__(command, folder, "agent")
        self.until_ready(self._alive, what="the agent")

    def _alive(self) -> bool:
        assert self.process.poll() is None, self.log()
        return get(f"{self.url}/-/healthy")[0] == 200
