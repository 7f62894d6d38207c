"""Redaction removes all identities and secrets of a rig and keeps its mining data."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.cli.redact import Redactor, kind_of

CANARIES = {
    "mac": "AC:DE:48:12:34:56",
    "serial": "NGSBYTJBDAJBE0AZ1",
    "ip": "10.11.12.13",
    "ipv6": "fd00:1234::77",
    "host": "bobs-basement-s19",
    "user": "bobthebuilder.cellar07",
    "payout": "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "legacy": "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    "pool": "private-pool.bob.farm",
    "ssid": "BobsHomeNet",
    "password": "s3cretpass!",
    "token": "9f8e7d6c5b4a39281706f5e4d3c2b1a0",
    "email": "bob@builder.example.org",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJl",
}


def answers() -> dict[str, Any]:
    c = CANARIES
    return {
        "version": {"VERSION": [{"CGMiner": "4.11.1", "Type": "Antminer S19 Pro", "Miner": "1.2.3.4", "API": "3.1"}]},
        "system": {
            "macaddr": c["mac"],
            "serinum": c["serial"],
            "minersn": c["serial"],
            "hostname": c["host"],
            "ipaddress": c["ip"],
            "netmask": "255.255.255.0",
            "gateway": "10.11.12.1",
            "dns": [c["ip"], "127.0.0.1"],
            "ipv6": c["ipv6"],
            "ssid": c["ssid"],
            "wifiPass": c["password"],
            "apiToken": c["token"],
        },
        "pools": {
            "POOLS": [
                {"POOL": 0, "URL": f"stratum+tcp://{c['pool']}:3333", "User": c["user"], "Pass": c["password"]},
                {
                    "POOL": 1,
                    "URL": f"stratum+ssl://{c['payout']}:x@{c['pool']}:443/?token={c['token']}",
                    "User": c["payout"],
                    "Accepted": 7,
                },
                {
                    "POOL": 2,
                    "User": f"{c['legacy']}.{c['host']}",
                    "URL": f"stratum2+tcp://{c['pool']}/9awtMD5KQgvRUh2yFbjVeT7b6hjipWcAsQHd6wEhgtDT9soosna",
                },
            ]
        },
        "stats": {
            "STATS": [
                {
                    "MM ID0": f"Ver[1246-90] DNA[{c['serial']}] MAC[{c['mac']}] GHSavg[90000.5] MW[123456]",
                    "free": f"{c['user']} logged in from {c['ip']}, {c['email']}, {c['mac'].lower().replace(':', '')}",
                    "session": c["jwt"],
                    "note": c["jwt"],
                    "chain_rate1": "37603.30",
                    "temp": 71.5,
                    "ok": True,
                }
            ]
        },
        "workers": {c["user"]: {"hashrate": 1.5e14}},
    }


def redactor() -> Redactor:
    made = Redactor({"10.11.12.13": "host"})
    for key, answer in answers().items():
        made.learn(answer, f"/{key}")
    return made.finish_learning()


def numbers(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [] if isinstance(value, str) else [value]


def survivors(text: str) -> list[str]:
    """Return the canaries that are still in `text`, also in pieces and other spellings."""
    parts = [
        *CANARIES.values(),
        CANARIES["mac"].replace(":", ""),
        CANARIES["mac"].replace(":", "-"),
        "bobthebuilder",
        "cellar07",
        "10.11.12.1",
        "bob.farm",
        "builder.example",
    ]
    return [part for part in parts if part.lower() in text.lower()]


def test_no_canary_survives_in_parsed_answers() -> None:
    made = redactor()
    for key, answer in answers().items():
        assert survivors(json.dumps(made.value(answer, f"/{key}"))) == []


def test_no_canary_survives_in_raw_bytes_however_they_are_escaped() -> None:
    made = redactor()
    for answer in answers().values():
        plain = json.dumps(answer)
        escaped = plain.replace("/", "\\/")
        for raw in (plain, escaped, plain.replace("}, {", "}{") + "\x00", plain.replace('"', '\\"')):
            assert survivors(made.raw(raw.encode()).decode()) == []
            assert made.leaks(made.raw(raw.encode())) == []


def test_no_canary_survives_in_pipe_text() -> None:
    c, made = CANARIES, redactor()
    raw = f"STATUS=S,When=1|POOL=0,URL=stratum+tcp://{c['pool']}:3333,Status=Alive,User={c['user']},Accepted=4182|\x00"
    redacted = made.raw(raw.encode()).decode()
    assert survivors(redacted) == []
    assert redacted.endswith(",Accepted=4182|\x00")
    assert "URL=stratum+tcp://pool-1.example:3333,Status=Alive" in redacted


def test_numbers_and_mining_data_are_kept() -> None:
    made = redactor()
    for key, answer in answers().items():
        assert numbers(made.value(answer, f"/{key}")) == numbers(answer)
    assert made.value(answers()["version"], "/version") == answers()["version"], "1.2.3.4 is a version there"
    stats = made.value(answers()["stats"], "/stats")["STATS"][0]
    assert stats["chain_rate1"] == "37603.30"
    assert stats["MM ID0"].startswith("Ver[1246-90] DNA[")
    assert stats["MM ID0"].endswith("] GHSavg[90000.5] MW[123456]")
    assert made.value(answers()["system"], "/system")["netmask"] == "255.255.255.0"


def test_the_same_original_has_the_same_placeholder_everywhere_in_its_own_form() -> None:
    made = redactor()
    system = made.value(answers()["system"], "/system")
    stats = made.value(answers()["stats"], "/stats")["STATS"][0]
    pools = made.value(answers()["pools"], "/pools")["POOLS"]
    assert system["serinum"] == system["minersn"]
    assert f"DNA[{system['serinum']}]" in stats["MM ID0"]
    assert len(system["serinum"]) == len(CANARIES["serial"])
    assert system["macaddr"] == "02:00:00:00:00:01"
    assert "MAC[02:00:00:00:00:01]" in stats["MM ID0"]
    assert "020000000001" in stats["free"]
    assert system["ipaddress"] == system["dns"][0] == "192.0.2.1"
    assert system["dns"][1] == "127.0.0.1"
    assert pools[0]["User"].count(".") == 1
    assert pools[1]["User"] != pools[0]["User"]
    assert pools[0]["URL"] == "stratum+tcp://pool-1.example:3333"
    assert list(made.value(answers()["workers"], "/workers")) == [pools[0]["User"]]


def test_raw_and_parsed_responses_are_redacted_alike() -> None:
    made = redactor()
    for key, answer in answers().items():
        raw = made.raw(json.dumps(answer).encode())
        assert json.loads(raw) == made.value(answer, f"/{key}")


def test_redacting_twice_changes_nothing_more() -> None:
    made = redactor()
    for key, answer in answers().items():
        once = made.value(answer, f"/{key}")
        assert made.value(once, f"/{key}") == once


def test_default_words_do_not_erase_the_model() -> None:
    made = Redactor()
    answer = {"hostname": "Antminer", "minertype": "Antminer S19", "user": "root", "pool_user": "Antminer"}
    made.learn(answer)
    redacted = made.finish_learning().value(answer)
    assert redacted["minertype"] == "Antminer S19"
    assert redacted["hostname"] == "rig-1"
    assert redacted["user"] == "root"


def test_a_short_name_is_replaced_under_its_key_only() -> None:
    made = Redactor()
    answer = {"user": "ann", "text": "annual channel", "elapsed": 12, "User2": "ann.1"}
    made.learn(answer)
    redacted = made.finish_learning().value(answer)
    assert redacted["text"] == "annual channel"
    assert redacted["user"].startswith("account-")
    assert redacted["User2"].startswith(redacted["user"] + ".")


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        *((key, "mac") for key in ("MAC", "macAddr", "eth_mac")),
        *((key, "serial") for key in ("SN", "PCB SN", "Serial No", "chain_sn", "serinum")),
        *((key, "user") for key in ("User", "stratumUser", "worker_name")),
        *((key, "pool") for key in ("URL", "stratumURL", "Stratum URL")),
        ("ssid", "network"),
        ("hostname", "host"),
        ("Pass", "password"),
        ("apiToken", "token"),
        *(
            (key, None)
            for key in (
                "hash_algorithm",
                "machine",
                "Accepted",
                "GHS av",
                "Pool Stale%",
                "temp_sensor",
                "Difficulty Accepted",
                "fan1",
                "Device Hardware%",
                "Type",
                "Msg",
            )
        ),
    ],
)
def test_keys_are_classified_by_what_they_identify(key: str, kind: str | None) -> None:
    assert kind_of(key) == kind


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.ip_addresses().map(str),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
        max_leaves=20,
    )
)
def test_any_response_is_redacted_without_an_error_and_keeps_its_numbers(answer: Any) -> None:
    made = Redactor()
    made.learn(answer)
    made.finish_learning()
    assert numbers(made.value(answer)) == numbers(answer)
    made.leaks(made.raw(json.dumps(answer).encode()))


@given(st.binary(max_size=300))
def test_any_bytes_are_redacted_without_an_error(raw: bytes) -> None:
    Redactor({"10.0.0.1": "host"}).finish_learning().raw(raw)


@pytest.mark.shelf
def test_recorded_rigs_lose_their_identity_and_keep_their_numbers(shelf: Path) -> None:
    folders = [path.parent for path in sorted((shelf / "captures").glob("*/reading.json"))]
    assert len(folders) >= 15
    for folder in folders:
        files = [path for path in folder.glob("*.json") if not path.name.startswith(("reading", "meta"))]
        captured = {path.stem: json.loads(path.read_text()) for path in files}
        reading = json.loads((folder / "reading.json").read_text())
        made = Redactor()
        for key, answer in captured.items():
            made.learn(answer, f"/{key}")
        made.finish_learning()
        identities = [
            reading.get("mac"),
            reading.get("serial"),
            *(pool.get("user") for pool in reading.get("pools", ())),
        ]
        identities += [reading["mac"].replace(":", "")] if reading.get("mac") else []
        for key, answer in captured.items():
            redacted = made.value(answer, f"/{key}")
            assert numbers(redacted) == numbers(answer), (folder.name, key)
            text = json.dumps(redacted).lower()
            words = [
                word for word in identities if word and len(word) > 6 and word.lower() in text
            ]  # "DevFee" identifies nobody
            assert words == [], (folder.name, key)
            assert made.leaks(json.dumps(redacted).encode()) == [], (folder.name, key)
            assert json.loads(made.raw(json.dumps(answer).encode())) == redacted, (folder.name, key)
