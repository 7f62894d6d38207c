"""Every mistake in a config is reported with file, line, key, value and remedy, all at once."""

from pathlib import Path

import pytest

from stratoscope.config import Config, InvalidConfig, expand, load

FILE = "stratoscope.yaml"

MISTAKES = {
    "too short an interval": (
        "polling:\n  interval: 2s\n",
        "2: polling.interval is 2 s, the minimum is 5 s: rigs answer one request at a time, on slow controllers",
    ),
    "an interval that is not a duration": (
        "polling: {interval: soon}",
        '1: polling.interval is "soon", it must be a duration such as 30, 30s, 5m or 1h',
    ),
    "too long a timeout": ("polling:\n\n  timeout: 1h\n", '3: polling.timeout is "1h", the maximum is 120 s'),
    "true as a duration": (
        "polling: {interval: true}",
        "1: polling.interval is true, it must be a duration such as 30, 30s, 5m or 1h",
    ),
    "timeouts in the wrong order": (
        "polling:\n  timeout: 2\n",
        "1: polling has connect_timeout 3 s above timeout 2 s: timeout includes connecting, raise it",
    ),
    "true as a count": ("polling: {in_flight: true}", "1: polling.in_flight is true, it must be a whole number"),
    "a fraction as a count": ("polling: {in_flight: 1.5}", "1: polling.in_flight is 1.5, it must be a whole number"),
    "a count out of range": ("polling: {in_flight: 0}", "1: polling.in_flight is 0, it must be 1 to 4096"),
    "an invalid size": (
        "polling: {max_response: lots}",
        '1: polling.max_response is "lots", it must be a size such as 1048576, 512 KiB or 1 MiB',
    ),
    "a response size that is too small": (
        "polling: {max_response: 1 KiB}",
        "1: polling.max_response is 1024 bytes, it must be 65536 to 16777216",
    ),
    "an unknown key similar to a known one": (
        "polling:\n  intervall: 5\n",
        "2: polling.intervall is not a known key: did you mean interval?",
    ),
    "an unknown section": (
        "foo: 1",
        f"1: foo is not a known key: choose one of {', '.join(sorted(Config.model_fields))}",
    ),
    "a list where a section belongs": (
        "polling: [1]",
        "1: polling is a list, it must be a section of keys: write each as `key: value`, indented, on its own line",
    ),
    "text where a list belongs": (
        "rigs: 10.0.0.7",
        '1: rigs is "10.0.0.7", it must be a list: start each entry with `- `',
    ),
    "an unknown word": (
        "logging:\n  level: loud\n",
        '2: logging.level is "loud", it must be debug, info, warning or error',
    ),
    "not a boolean": ("asic_rs: maybe", '1: asic_rs is "maybe", it must be true or false'),
    "a number as text": ("site: 12", "1: site is 12, it must be text: put it in quotes"),
    "empty text": ('site: ""', '1: site is "", it must be 1 to 128 characters without control characters'),
    "control characters": (
        'site: "a\\x1b[31mb"',
        '1: site is "a[31mb", it must be 1 to 128 characters without control characters',
    ),
    "a key twice": (
        "site: a\npolling: {}\nsite: b\n",
        "3: site is written twice, first in line 1: keep one of them",
    ),
    "an anchor": (
        "site: &a north\n",
        "1: anchors (&name) and aliases (*name) are not supported: write the values out",
    ),
    "a tag": (
        "site: !!python/object:os.system x",
        "1: tags (!name) are not supported: a value that starts with ! needs quotes",
    ),
    "a second document": (
        "site: a\n---\nsite: b\n",
        "2: a second document starts here: keep one document per file, without `---`",
    ),
    "a list instead of a config": ("- a\n", "1: the file must be sections of keys, such as `rigs:`"),
    "a list as a key": ("? [a]\n: b\n", "1: a key must be a word, not a list or a section"),
    "an unclosed bracket": (
        "rigs: [a\nsite: b\n",
        "2: not valid YAML (expected ',' or ']', but got ':'): a bracket is not closed, or a comma is missing",
    ),
    "a colon in a value": (
        "site: a: b\n",
        (
            "1: not valid YAML (mapping values are not allowed here): put a value that contains `: ` in quotes, and "
            "each key on its own line"
        ),
    ),
    "a rig without an address": (
        "rigs:\n  - name: a\n",
        "2: rigs[0] has none of them: give exactly one of address, addresses, range, cidr, file",
    ),
    "a rig with two addresses": (
        "rigs:\n  - address: 10.0.0.1\n    cidr: 10.0.0.0/24\n",
        "2: rigs[0] has address and cidr: give exactly one of address, addresses, range, cidr, file",
    ),
    "one name for several rigs": (
        "rigs:\n  - {cidr: 10.0.0.0/30, name: a}\n",
        "2: rigs[0] has a name for several rigs: use `address`, or put names into addresses as `10.0.0.7 rig-7`",
    ),
    "an invalid address": (
        "rigs: [10.0.0.256]",
        '1: rigs[0].address is wrong: "10.0.0.256" is not a valid IPv4 address',
    ),
    "an invalid port": (
        "rigs:\n- address: 10.0.0.1:80a\n",
        '2: rigs[0].address is wrong: "10.0.0.1:80a" has "80a" instead of a port',
    ),
    "a port out of range": (
        "rigs: ['10.0.0.1:70000']",
        "1: rigs[0].address is wrong: port 70000 is outside 1 to 65535",
    ),
    "a multicast address": (
        "rigs: [224.0.0.1]",
        '1: rigs[0].address is wrong: "224.0.0.1" is not the address of a single machine',
    ),
    "a link-local address without its interface": (
        "rigs: ['fe80::1']",
        '1: rigs[0].address is wrong: "fe80::1" is link-local: add the interface, as in fe80::1%eth0',
    ),
    "too large a network": (
        "rigs: [{cidr: 10.0.0.0/8}]",
        (
            '1: rigs[0].cidr is wrong: "10.0.0.0/8" holds 16777214 addresses, the maximum is 65536 (a /16): split or '
            "narrow it"
        ),
    ),
    "too many networks together": (
        "rigs:\n- cidr: 10.0.0.0/16\n- cidr: 10.1.0.0/24\n",
        "3: rigs[1] brings the addresses in ranges and CIDRs to 65788, the maximum is 65536: narrow them",
    ),
    "a range backwards": (
        "rigs: [{range: 10.0.0.9-10.0.0.3}]",
        '1: rigs[0].range is wrong: "10.0.0.9-10.0.0.3" does not run from a lower to a higher address',
    ),
    "an invalid range": (
        "rigs: [{range: here-there}]",
        '1: rigs[0].range is wrong: "here-there" is not a range such as 10.0.0.10-10.0.0.90',
    ),
    "a rig twice": (
        "rigs:\n- 10.0.0.1\n- address: 10.0.0.1:4028\n",
        "3: 10.0.0.1 is listed twice, first at FILE:2: remove one of them",
    ),
    "one name twice": (
        "rigs:\n- {address: 10.0.0.1, name: a}\n- {address: 10.0.0.2, name: a}\n",
        "3: the name a is used twice, first at FILE:2: names must be unique, change one of them",
    ),
    "an unknown driver": (
        "rigs:\n- {address: 10.0.0.1, driver: espmner}\n",
        '2: rigs[0].driver is "espmner", which is not a driver: did you mean espminer?',
    ),
    "asic-rs while it is disabled": (
        "rigs:\n- {address: 10.0.0.1, driver: asic-rs}\n",
        "2: rigs[0].driver is asic-rs, which is disabled: set asic_rs: true",
    ),
    "a password without a user": (
        "rigs:\n- {address: 10.0.0.1, password: x}\n",
        "2: rigs[0] has a password without a user: add `user:`",
    ),
    "a secret that is not set": (
        "rigs:\n- {address: 10.0.0.1, user: a, password: 'env:NOT_THERE'}\n",
        (
            "2: rigs[0].password refers to environment variable NOT_THERE, which is not set: set it in the "
            "environment of the agent"
        ),
    ),
    "a credential outside systemd": (
        "rigs:\n- {address: 10.0.0.1, user: a, password: 'credential:x'}\n",
        (
            "2: rigs[0].password refers to a systemd credential, but $CREDENTIALS_DIRECTORY is not set: "
            "use LoadCredential="
        ),
    ),
    "an exporter that is not installed": (
        "exporters: {prometeus: {}}",
        "1: exporters.prometeus is not an exporter: did you mean prometheus?",
    ),
    "an exporter's own mistake": (
        "exporters:\n  prometheus:\n    part_size: 0\n",
        "3: exporters.prometheus.part_size is 0, it must be at least 1",
    ),
    "an exporter's unknown key": (
        "exporters:\n  prometheus:\n    lisen: x\n",
        "3: exporters.prometheus.lisen is not a known key: did you mean listen?",
    ),
    "too much power": (
        "rigs: [{address: a, power: {watts: 1e9}}]",
        "1: rigs[0].power.watts is 1e+09 W, it must be 1 to 100000 W",
    ),
    "too fast a scan": (
        "discovery: {rate: 51}",
        "1: discovery.rate is 51 connections per second, it must be 1 to 50 connections per second",
    ),
}


def problems(path: Path, environ: dict[str, str] | None = None) -> list[str]:
    try:
        load(path, environ or {})
    except InvalidConfig as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(("text", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_reported_with_place_key_value_and_remedy(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / FILE
    path.write_text(text)
    assert problems(path) == [f"{path}:{sentence}".replace("FILE", str(path))]


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text(
        "polling:\n  interval: 1\n  foo: 1\nrigs:\n  - 10.0.0.300\nexporters:\n  nope: {}\nlogging: {level: x}\n"
    )
    found = problems(path, {"STRATOSCOPE__POLING__INTERVAL": "1"})
    places = [problem.removeprefix(f"{path}:").split(":")[0] for problem in found]
    assert places == ["environment variable STRATOSCOPE__POLING__INTERVAL", "2", "3", "5", "7", "8"]


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", " is empty: see config.example.yaml for the keys"),
        (b"# only a comment\n", " is empty: see config.example.yaml for the keys"),
        (b"site: \xff\n", ":1: this line is not UTF-8 text: save the file as UTF-8"),
        (b"a: \x00\n", " contains control characters: save it as plain UTF-8 text"),
        (b"x" * (4 * 1024 * 1024 + 1), " is larger than 4 MiB: put long lists of rigs into files (rigs: - file: ...)"),
    ],
    ids=["empty", "comment", "not UTF-8", "NUL", "too large"],
)
def test_a_file_that_cannot_be_a_config_is_rejected(tmp_path: Path, raw: bytes, sentence: str) -> None:
    path = tmp_path / FILE
    path.write_bytes(raw)
    assert problems(path) == [f"{path}{sentence}"]


def test_a_missing_file_a_directory_and_a_pipe_are_reported(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    assert problems(tmp_path / "none") == [f"{tmp_path / 'none'} cannot be read: no such file or directory"]
    assert problems(tmp_path) == [f"{tmp_path} cannot be read: is a directory"]
    assert problems(tmp_path / "pipe") == [f"{tmp_path / 'pipe'} cannot be read: not a regular file"]


def test_s25_billion_laughs_is_rejected_at_the_first_anchor(tmp_path: Path) -> None:
    path = tmp_path / FILE
    rows = ["a0: &a0 [lol]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    path.write_text("\n".join(rows))
    assert problems(path) == [f"{path}:1: anchors (&name) and aliases (*name) are not supported: write the values out"]


def test_s25_deep_nesting_is_rejected_without_recursion(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text("a: " + "[" * 100_000)
    assert problems(path) == [f"{path}:1: values are nested deeper than 32 levels"]


def test_numbers_of_thousands_of_digits_are_a_mistake_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text(f"polling: {{interval: {'9' * 5000}, in_flight: {'9' * 5000}}}\n")
    assert len(problems(path)) == 2


def test_a_missing_library_is_reported_with_the_command_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    path = tmp_path / FILE
    path.write_text("asic_rs: true\n")
    assert problems(path) == [
        f"{path}:1: asic_rs is true, but pyasic-rs is not installed: pip install 'stratoscope[asic-rs]'"
    ]


def test_expand_reports_a_rig_file_that_breaks_after_loading(tmp_path: Path) -> None:
    (tmp_path / "rigs.txt").write_text("10.0.0.1\n")
    path = tmp_path / FILE
    path.write_text("rigs: [{file: rigs.txt}]\n")
    config = load(path, {})
    (tmp_path / "rigs.txt").write_text("10.0.0.1\n10.0.0.999\n")
    with pytest.raises(InvalidConfig) as caught:
        expand(config)
    assert caught.value.problems == (
        f'{tmp_path / "rigs.txt"}:2: address is wrong: "10.0.0.999" is not a valid IPv4 address',
    )
