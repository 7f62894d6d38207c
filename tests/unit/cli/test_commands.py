"""Every command works on simulated rigs, with the exit codes and streams that programs rely on."""

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fakes.addresses import free_base
from fakes.children import child
from stratoscope import __version__
from stratoscope.cli import app
from stratoscope.simulate.fleet import SimulatedFleet, SimulatedRig

COMMANDS = ("run", "demo", "scan", "read", "record", "simulate", "check-config", "metrics")


def call(*arguments: str, **environ: str) -> Any:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200", **environ})


def ports(rig: SimulatedRig) -> list[str]:
    return [part for usual, used in rig.ports.items() if usual != used for part in ("--port", f"{usual}={used}")]


def rig_of(fleet: SimulatedFleet, family: str) -> SimulatedRig:
    return next(rig for rig in fleet.rigs if rig.family == family)


def program(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stratoscope", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **more)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_documents_every_option(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    options = re.findall(r"^  (--[a-z-]+|-\w, --[a-z-]+)(?: [A-Z=<>a-z]+)?(.*)$", result.stdout, re.MULTILINE)
    assert options
    assert result.stdout.startswith("Usage: ")


def test_the_exit_codes_are_0_1_2_and_errors_go_to_stderr(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("rigs: [10.0.0.1]\n")
    (tmp_path / "bad.yaml").write_text("polling: {interval: 1}\n")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    expected = {
        ("check-config", str(tmp_path / "good.yaml")): 0,
        ("check-config", str(tmp_path / "bad.yaml")): 1,
        ("run", "--config", str(tmp_path / "bad.yaml")): 1,
        ("read", f"127.0.0.1:{port}", "--http-port", str(port), "--port", f"4433={port}", "--port", f"8080={port}"): 1,
        ("read", "10.0.0.1", "--driver", "nope"): 2,
        ("read", "not an address"): 2,
        ("read",): 2,
        ("scan", "10.0.0.0/8"): 2,
        ("nope",): 2,
    }
    for arguments, code in expected.items():
        result = call(*arguments)
        assert (arguments, result.exit_code) == (arguments, code), result.output
        assert bool(result.stderr) == (code != 0)
        assert bool(result.stdout) == (code == 0)


def test_a_program_sees_the_same_exit_codes_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("polling: {interval: 1}\n")
    expected = {("--version",): 0, ("run", "--config", str(tmp_path / "bad.yaml")): 1, ("scan", "10.0.0.0/8"): 2}
    for arguments, code in expected.items():
        result = program(*arguments)
        assert (arguments, result.returncode) == (arguments, code), result.stderr
        assert len(result.stderr.splitlines()) == (code != 0), "one clear sentence"
        assert bool(result.stdout) == (code == 0)


def test_the_version_is_printed() -> None:
    assert call("--version").stdout == f"stratoscope {__version__}\n"


def test_read_prints_one_json_document_with_the_values_of_the_rig(fleet: SimulatedFleet) -> None:
    rig = rig_of(fleet, "vnish")
    result = call("read", rig.address, *ports(rig), "--json")
    assert result.exit_code == 0, result.output
    reading = json.loads(result.stdout)
    truth = rig.truth()
    assert (reading["make"], reading["driver"], reading["hashing"]) == ("Antminer", "vnish", True)
    assert reading["hashrate"]["5s"] == pytest.approx(rig.nameplate, rel=0.3)
    assert reading["power_watts"] == pytest.approx(truth["power"], rel=0.05)
    efficiency = reading["efficiency_joules_per_terahash"]
    rates = [reading["power_watts"] / rate * 1e12 for rate in reading["hashrate"].values()]
    assert min(rates) * 0.999 <= efficiency <= max(rates) * 1.001
    assert result.stderr == ""


def test_read_shows_boards_fans_and_pools_with_units(fleet: SimulatedFleet) -> None:
    rig = rig_of(fleet, "vnish")
    result = call("read", rig.address, *ports(rig))
    assert result.exit_code == 0
    for word in ("TH/s", " W", "J/TH", "Hashboards", "°C", "Fans", "rpm", "Pools", "stratum.bigpool.net:3333"):
        assert word in result.stdout


def test_every_simulated_family_can_be_read(fleet: SimulatedFleet) -> None:
    for rig in {rig.family: rig for rig in fleet.rigs}.values():
        login = ["--user", rig.user, "--password", "env:RIG_PW"]
        result = call("read", rig.address, *ports(rig), *login, "--json", RIG_PW=rig.password)
        assert result.exit_code == 0, (rig.family, result.output)
        assert json.loads(result.stdout)["hashrate"], rig.family


def test_s15_a_password_on_the_command_line_is_rejected_without_printing_it() -> None:
    result = call("read", "127.0.0.1", "--user", "a", "--password", "CANARY")
    assert result.exit_code == 2
    assert "write env:NAME, file:/path or credential:name" in result.stderr
    assert "CANARY" not in result.output


def test_s10_text_from_a_rig_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    from stratoscope.cli.read import show
    from stratoscope.drivers import DRIVERS
    from stratoscope.reading import Defect, Fault, PoolSlot, Reading

    evil = "\x1b[2J\x1b]0;t\x07[bold red]x[/] :boom: \u202e\nnext"
    reading = Reading(
        driver="d",
        make=evil,
        model=evil,
        hostname=evil,
        firmware=evil,
        serial=evil,
        pools=(PoolSlot(index=0, url=evil, user=evil),),
        faults=(Fault(code=evil, message=evil),),
        defects=(Defect(evil, evil, evil),),
    )
    show(DRIVERS[0], reading, "10.0.0.1")
    shown = capsys.readouterr().out
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown) is None
    assert "[bold red]x[/] :boom:" in shown


def test_scan_adds_found_rigs_to_a_config_only_once(fleet: SimulatedFleet, tmp_path: Path) -> None:
    if any(usual != used for rig in fleet.rigs for usual, used in rig.ports.items()):
        pytest.skip("without root the simulated rigs are on other ports, where a scan does not look")
    network = fleet.rigs[0].address.rpartition(".")[0] + ".0/28"
    path = tmp_path / "c.yaml"
    path.write_text("# mine\nsite: x\n")
    result = call("scan", network, "--json", "--write", str(path))
    assert result.exit_code == 0, result.output
    found = {one["address"]: one for one in json.loads(result.stdout)}
    assert set(found) == {rig.address for rig in fleet.rigs}
    readable = [address for address, one in found.items() if "reading" in one]
    assert len(readable) >= 10
    assert path.read_text().startswith("# mine\nsite: x\n")
    assert path.read_text().count("- address:") == len(readable)
    again = call("scan", network, "--write", str(path))
    assert again.exit_code == 0
    assert f"0 of {len(readable)} rigs added" in again.stderr
    assert "TH/s" in again.stdout


def test_a_scan_without_results_fails_with_an_empty_list(fleet: SimulatedFleet) -> None:
    result = call("scan", fleet.rigs[0].address.rpartition(".")[0] + ".200/32", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (1, [])
    assert "no readable rig found" in result.stderr


def test_a_record_of_any_family_contains_no_identity_and_decodes_to_the_same_values(
    fleet: SimulatedFleet, tmp_path: Path
) -> None:
    for rig in {rig.family: rig for rig in fleet.rigs}.values():
        login = ["--user", rig.user, "--password", "env:RIG_PW"]
        before = json.loads(call("read", rig.address, *ports(rig), *login, "--json", RIG_PW=rig.password).stdout)
        folder = tmp_path / rig.family
        result = call("record", rig.address, "-o", str(folder), *ports(rig), *login, RIG_PW=rig.password)
        assert result.exit_code == 0, (rig.family, result.output)
        assert "left out" not in result.stderr, (rig.family, result.stderr)
        content = b"".join(file.read_bytes() for file in folder.iterdir()).decode().lower()
        identities = [before.get("mac"), before.get("serial"), before.get("hostname"), rig.name, "bigpool"]
        identities += [pool.get("user") for pool in before.get("pools", ())]
        if before.get("mac"):
            identities.append(before["mac"].replace(":", ""))
        assert [word for word in identities if word and word.lower() in content] == [], rig.family
        after = json.loads((folder / "reading.json").read_text())
        assert (after["make"], after.get("model"), after["driver"]) == (
            before["make"],
            before.get("model"),
            before["driver"],
        )
        assert len(after["hashrate"]) == len(before["hashrate"])
        assert len(after.get("boards", ())) == len(before.get("boards", ()))
        for window, rate in after["hashrate"].items():
            assert rate == pytest.approx(before["hashrate"][window], rel=0.2)


def test_record_does_not_write_into_a_folder_with_files(fleet: SimulatedFleet, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    rig = rig_of(fleet, "vnish")
    result = call("record", rig.address, *ports(rig), "-o", str(tmp_path))
    assert result.exit_code == 2
    assert "not empty" in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


def test_s01_the_command_line_only_reads(fleet: SimulatedFleet) -> None:
    assert fleet.privileged_seen == 0


def test_check_config_reports_to_programs_and_people(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("rigs: [10.0.0.1, {cidr: 10.0.1.0/30}, {address: a, user: b, password: literal}]\n")
    result = call("check-config", str(path))
    assert result.exit_code == 0
    assert result.stdout == f"{path} is fine: 2 rigs and 2 addresses to search for rigs; exporters: prometheus\n"
    assert "warning: " in result.stderr
    document = json.loads(call("check-config", str(path), "--json").stdout)
    assert (document["ok"], document["rigs"], document["addresses"]) == (True, 2, 2)
    assert len(document["warnings"]) == 1
    strict = call("check-config", str(path), "--strict")
    assert (strict.exit_code, strict.stdout) == (1, "")
    path.write_text("polling: {interval: 1, foo: 2}\n")
    document = json.loads(call("check-config", str(path), "--json").stdout)
    assert (document["ok"], len(document["problems"])) == (False, 2)


def test_metrics_prints_the_table_for_programs_and_people() -> None:
    rows = {row["name"]: row for row in json.loads(call("metrics", "--json").stdout)}
    assert rows["mining_rig_up"]["labels"] == ["rig"]
    assert rows["mining_hashboard_temperature_celsius"]["unit"] == "°C"
    assert rows["mining_rig_shares_total"]["type"] == "counter"
    shown = re.sub(r"\s", "", call("metrics").stdout)
    assert "mining_rig_up{rig}" in shown


def test_simulate_serves_rigs_writes_a_config_and_ends_on_sigterm(tmp_path: Path) -> None:
    path = tmp_path / "sim.yaml"
    command = [
        sys.executable,
        "-m",
        "stratoscope",
        "simulate",
        "--rigs",
        "3",
        "--bind",
        free_base(),
        "--write",
        str(path),
    ]
    with child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as simulator:
        assert simulator.stdout is not None
        for line in simulator.stdout:
            if "rigs added" in line:
                break
        assert call("check-config", str(path)).exit_code == 0
        assert json.loads(call("check-config", str(path), "--json").stdout)["rigs"] == 3
        simulator.send_signal(signal.SIGTERM)
        assert simulator.wait(60) == 0
        assert "Traceback" not in (simulator.stderr.read() if simulator.stderr else "")


def test_help_and_version_import_nothing_heavy() -> None:
    script = (
        "import sys\nfrom stratoscope.cli import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'rich', 'pydantic', 'aiohttp', 'structlog', 'asyncio', 'orjson', 'ruamel'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert result.stdout.endswith("heavy: []\n")
