"""Test processes share no address or port, and leave no process behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

from fakes.addresses import free_block, free_port
from fakes.children import child
from fakes.order import dealt

OTHER = "from fakes.addresses import free_block, free_port; print(free_block(), *(free_port() for _ in range(9)))"


def other_process() -> list[str]:
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", OTHER], env=environ, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_another_process_gets_other_addresses_and_ports():
    block, *ports = other_process()
    assert block.split(".")[1] != free_block().split(".")[1]
    assert not {int(port) for port in ports} & {free_port() for _ in range(200)}


def test_blocks_of_one_process_differ():
    blocks = [free_block() for _ in range(5)]
    assert len(set(blocks)) == 5


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def test_grandchildren_end_with_the_block_even_if_it_fails():
    try:
        with child(["sh", "-c", "sleep 300 & echo $!; wait"], stdout=subprocess.PIPE, text=True) as process:
            grandchild = int(process.stdout.readline())
            assert is_running(grandchild)
            raise ValueError("the test fails")
    except ValueError:
        pass
    end = time.monotonic() + 60
    while is_running(grandchild):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_each_worker_gets_its_share_of_the_long_waits_first():
    seconds = {"a": 10, "b": 9, "c": 1, "d": 1}
    ordered = dealt(["x1", "a", "x2", "b", "x3", "c", "x4", "d", "x5"], 3, lambda item: seconds.get(item, 0))
    assert ordered == ["a", "d", "x1", "b", "c", "x2", "x3", "x4", "x5"]
