"""The `rigs` section expands into one entry per address, with files, ranges and overrides."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stratoscope.config import Config, ConfigSource, InvalidConfig, RigEntry, expand, load
from stratoscope.config.addresses import host_and_port


def entries(*rigs: Any, **rest: Any) -> list[RigEntry]:
    return expand(Config.model_validate({"rigs": rigs, **rest}))


def test_an_entry_has_all_settings_of_its_group() -> None:
    settings = {
        "addresses": ["10.0.0.1 one", "10.0.0.2:14028"],
        "driver": "generic-cgminer",
        "ports": {80: 10080},
        "user": "u",
        "password": "literal",
        "interval": "1m",
        "power": {"watts": 3250},
        "tariff_group": "night",
        "tags": {"rack": "7"},
        "group": "hall",
    }
    one, two = entries(settings)
    shared = {
        "driver": "generic-cgminer",
        "user": "u",
        "password": "literal",
        "interval": 60.0,
        "power_watts": 3250.0,
        "tariff_group": "night",
        "tags": {"rack": "7"},
        "group": "hall",
    }
    assert one == RigEntry(address="10.0.0.1", name="one", ports={80: 10080}, **shared)
    assert two == RigEntry(address="10.0.0.2", ports={4028: 14028, 80: 10080}, **shared)


def test_a_rig_without_an_interval_uses_that_of_polling() -> None:
    assert [entry.interval for entry in entries("10.0.0.1", polling={"interval": "45s"})] == [45.0]


def test_a_single_port_replaces_the_first_port_of_the_driver() -> None:
    ports = {
        entry.address: entry.ports
        for entry in entries(
            "10.0.0.1:1000",
            {"address": "10.0.0.2", "port": 1000, "driver": "espminer"},
            {"address": "10.0.0.3", "port": 1000, "driver": "epic"},
            {"address": "10.0.0.4:4028"},
            {"address": "10.0.0.5:80", "driver": "espminer"},
        )
    }
    assert ports == {
        "10.0.0.1": {4028: 1000},
        "10.0.0.2": {80: 1000},
        "10.0.0.3": {4028: 1000},
        "10.0.0.4": {},
        "10.0.0.5": {},
    }


def test_ranges_and_networks_contain_hosts_only_which_are_not_expected_to_be_rigs() -> None:
    found = entries(
        {"range": "10.0.0.9-10.0.0.11"}, {"range": "10.0.1.9-10"}, {"cidr": "10.0.2.0/30"}, {"cidr": "10.0.3.7/32"}
    )
    assert [entry.address for entry in found] == [
        "10.0.0.9",
        "10.0.0.10",
        "10.0.0.11",
        "10.0.1.9",
        "10.0.1.10",
        "10.0.2.1",
        "10.0.2.2",
        "10.0.3.7",
    ]
    assert not any(entry.expected for entry in found)


def test_a_rig_listed_by_address_takes_precedence_over_a_network_in_any_order() -> None:
    found = {e.address: e for e in entries({"cidr": "10.0.0.0/30"}, {"address": "10.0.0.2", "name": "mine"})}
    assert [(e.name, e.expected) for e in found.values()] == [("mine", True), (None, False)]
    assert set(found) == {"10.0.0.1", "10.0.0.2"}


def test_a_whole_slash_16_is_accepted() -> None:
    assert len(entries({"cidr": "10.7.0.0/16"})) == 65_534


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("10.0.0.7", "10.0.0.7", None),
        ("10.0.0.7:4029", "10.0.0.7", 4029),
        ("2001:DB8::7", "2001:db8::7", None),
        ("[2001:db8::7]:4029", "2001:db8::7", 4029),
        ("::ffff:10.0.0.7", "10.0.0.7", None),
        ("[::ffff:10.0.0.7]:80", "10.0.0.7", 80),
        ("fe80::1%eth0", "fe80::1%eth0", None),
        ("Miner-7.Farm.Local.", "miner-7.farm.local", None),
        ("s9_old", "s9_old", None),
    ],
)
def test_f60_addresses_become_canonical(text: str, host: str, port: int | None) -> None:
    assert host_and_port(text) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "10.0.0",
        "010.0.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "a b",
        "-a",
        "a..b",
        "[::1",
        "::1]:80",
        "x" * 64,
        "10.0.0.1:",
        "10.0.0.1:0",
        "a:b:c",
        "http://10.0.0.1",
        "10.0.0.1/24",
        "a@b",
        "a\x00b",
    ],
)
def test_an_address_that_is_not_of_a_machine_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        host_and_port(text)


def test_a_rig_file_accepts_addresses_ports_names_and_comments(tmp_path: Path) -> None:
    (tmp_path / "rigs.txt").write_text(
        "# hall 1\n\n10.0.0.1\n10.0.0.2:14028 two  # the loud one\r\n[2001:db8::1]:80\tthree\n"
    )
    path = tmp_path / "c.yaml"
    path.write_text("rigs: [{file: rigs.txt, group: hall}]\n")
    found = expand(load(path, {}))
    assert [(e.key, e.name, e.group, e.expected) for e in found] == [
        ("10.0.0.1", None, "hall", True),
        ("10.0.0.2:14028", "two", "hall", True),
        ("[2001:db8::1]:80", "three", "hall", True),
    ]


def test_a_csv_of_rigs_overrides_its_group_and_adds_tags(tmp_path: Path) -> None:
    (tmp_path / "rigs.csv").write_text(
        "Address,name,port,interval,power_watts,user,password,tag.rack\n"
        '10.0.0.1,"one, big",14028,2m,3000,bob,env:PW,A1\n'
        "10.0.0.2,,,,,,,\n"
    )
    path = tmp_path / "c.yaml"
    path.write_text("rigs: [{file: rigs.csv, user: alice, password: 'env:PW', tags: {owner: carol, rack: none}}]\n")
    one, two = expand(load(path, {"PW": "s3cret"}))
    assert (one.name, one.ports, one.interval, one.power_watts, one.user, one.password, one.tags) == (
        "one, big",
        {4028: 14028},
        120.0,
        3000.0,
        "bob",
        "s3cret",
        {"owner": "carol", "rack": "A1"},
    )
    assert (two.name, two.ports, two.interval, two.user, two.tags) == (
        None,
        {},
        30.0,
        "alice",
        {"owner": "carol", "rack": "none"},
    )


def test_every_bad_line_of_a_rig_file_is_reported(tmp_path: Path) -> None:
    rigs = tmp_path / "rigs.csv"
    rigs.write_text("address,name,interval\n10.0.0.1,a,1s\n10.0.0.1,b\n10.0.0.300,c,30\n")
    path = tmp_path / "c.yaml"
    path.write_text("rigs: [{file: rigs.csv}]\n")
    with pytest.raises(InvalidConfig) as caught:
        load(path, {})
    assert caught.value.problems == (f"{rigs}:3: this line has 2 columns, the header has 3",)
    rigs.write_text("address,name,interval\n10.0.0.1,a,1s\n10.0.0.300,c,30\n10.0.0.2,d,30\n10.0.0.2,e,30\n")
    with pytest.raises(InvalidConfig) as caught:
        load(path, {})
    assert caught.value.problems == (
        f"{rigs}:2: interval is 1 s, the minimum is 5 s: rigs answer one request at a time, on slow controllers",
        f'{rigs}:3: address is wrong: "10.0.0.300" is not a valid IPv4 address',
        f"{rigs}:5: 10.0.0.2 is listed twice, first at {rigs}:4: remove one of them",
    )
    rigs.write_text("address,nmae,nmae\n")
    with pytest.raises(InvalidConfig) as caught:
        load(path, {})
    assert f"{rigs}:1: column nmae is unknown: did you mean name?" in caught.value.problems


class Difference(NamedTuple):
    """The difference between two inventories; `changed` has the new entries of addresses in both."""

    added: list[RigEntry]
    removed: list[RigEntry]
    changed: list[RigEntry]


def compare(old: Iterable[RigEntry], new: Iterable[RigEntry]) -> Difference:
    """Return which entries to start, stop and restart when the inventory changes from `old` to `new`."""
    before = {entry.key: entry for entry in old}
    after = {entry.key: entry for entry in new}
    return Difference(
        added=[entry for key, entry in after.items() if key not in before],
        removed=[entry for key, entry in before.items() if key not in after],
        changed=[entry for key, entry in after.items() if key in before and before[key] != entry],
    )


def test_f49_a_reload_lists_only_the_changed_rigs() -> None:
    old = entries("10.0.0.1", "10.0.0.2", {"address": "10.0.0.3", "interval": 60})
    new = entries("10.0.0.2", {"address": "10.0.0.3", "interval": 90}, "10.0.0.4", "10.0.0.2:14028")
    added, removed, changed = compare(old, new)
    assert [e.key for e in added] == ["10.0.0.4", "10.0.0.2:14028"]
    assert [e.key for e in removed] == ["10.0.0.1"]
    assert [(e.key, e.interval) for e in changed] == [("10.0.0.3", 90.0)]


def test_f49_removing_and_adding_5000_rigs_does_not_change_the_other_5000() -> None:
    old = entries({"range": "10.0.0.1-10.0.39.16"})
    new = entries({"range": "10.0.19.137-10.0.58.152"})
    added, removed, changed = compare(old, new)
    assert (len(old), len(new), len(added), len(removed), changed) == (10_000, 10_000, 5_000, 5_000, [])


def test_a_source_detects_changes_of_config_rig_list_and_secret_only(tmp_path: Path) -> None:
    path, rigs, secret = tmp_path / "c.yaml", tmp_path / "rigs.txt", tmp_path / "pw"
    path.write_text("rigs: [{file: rigs.txt, user: a, password: 'file:pw'}]\n")
    rigs.write_text("10.0.0.1\n")
    secret.write_text("one\n")
    secret.chmod(0o600)
    source = ConfigSource(path, {})
    assert source.changed()
    assert expand(source.load())[0].password == "one"
    assert not source.changed()
    for file, text in ((rigs, "10.0.0.1\n10.0.0.2\n"), (secret, "another\n"), (path, path.read_text() + "site: x\n")):
        file.write_text(text)
        assert source.changed()
        source.load()
        assert not source.changed()
    (tmp_path / "other").write_text("x")
    assert not source.changed()


def test_f48_a_fixed_file_applies_after_a_bad_one(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    source = ConfigSource(path, {})
    bad = [
        "",
        "site: [",
        "polling: {interval: x}\n",
        "rigs: [{file: missing.txt}]\n",
        "rigs: [{address: a, user: b, password: 'file:no'}]\n",
    ]
    for round_, text in enumerate(bad * 4):
        path.write_text(text + "#" * round_)
        assert source.changed()
        with pytest.raises(InvalidConfig):
            source.load()
        assert not source.changed(), "the same bad file is not tried again"
        path.write_text(f"site: good-{round_}\n")
        assert source.changed()
        assert source.load().site == f"good-{round_}"


def test_a_missing_rig_file_is_loaded_once_it_appears(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("rigs: [{file: rigs.txt}]\n")
    source = ConfigSource(path, {})
    with pytest.raises(InvalidConfig, match=r"rigs\.txt cannot be read: no such file"):
        source.load()
    assert not source.changed()
    (tmp_path / "rigs.txt").write_text("10.0.0.1\n")
    assert source.changed()
    assert len(expand(source.load())) == 1
