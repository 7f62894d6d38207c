"""The documents that go to MQTT: the table as JSON, unknown absent, whatever the rig says."""

import math
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.events import KINDS, Event
from stratoscope.fleet import Counters, Judged, PollStatus, RigSnapshot
from stratoscope.metrics import MARKET, SITE, SITE_MONEY, TABLE, Section, Tally, totals
from stratoscope.reading import Fan, Fault, Hashboard, PoolSlot, Reading
from stratoscope_exporters.mqtt.documents import RigDocuments, SiteDocuments, availability, event_document
from stratoscope_exporters.mqtt.topics import LONGEST, UNSAFE, Topics, level, rig_id, rig_level
from stratoscope_exporters.mqtt.tree import Branch

NOW = 1_760_000_000.0
ALL = frozenset({"windows", "pool_counters", "pool_users"})


def rig(**over) -> RigSnapshot:
    reading = Reading(
        driver="vnish",
        make="Antminer",
        model="S19 Pro",
        hashing=True,
        hashrate={"5m": 109.5e12},
        power=3250.0,
        boards=(Hashboard(index=0, hashrate=36.5e12, temperature_chip=71.5, chips=114), Hashboard(index=1)),
        fans=(Fan(index=0, rpm=5880), Fan(index=1, rpm=0)),
        pools=(
            PoolSlot(
                index=0, url="stratum+tcp://worker:secret@pool.example.net:3333/?key=1", user="acct.7", active=True
            ),
        ),
        faults=(Fault(code=110, component="fan"), Fault(code="E2")),
    )
    values = {
        "rig": "hall1-07",
        "state": "degraded",
        "identity": "mac:02:00:00:00:00:07",
        "at": NOW - 4,
        "reading": reading,
        "polling": PollStatus(
            address="10.1.0.7", interval=30.0, polls={"ok": 2, "timeout": 1}, last_attempt=NOW - 4, last_reason="ok"
        ),
        "judged": Judged(hashrate=109.5e12, power=3250.0, power_source="measured", reasons=("fan 1 stopped",)),
        "counters": Counters(accepted=10, hashes=1e18),
        "tags": {"group": "hall 1"},
        **over,
    }
    return RigSnapshot(**values)


def test_a_rigs_document_is_the_table_with_labels_as_levels() -> None:
    document = RigDocuments().document(rig(), 7, NOW)
    assert document == {
        "ts": NOW - 4,
        "age_s": 4.0,
        "seq": 7,
        "rig": "hall1-07",
        "id": "020000000007",
        "state": "degraded",
        "reasons": ["fan 1 stopped"],
        "up": 1,
        "info": {"make": "Antminer", "model": "S19 Pro", "driver": "vnish", "address": "10.1.0.7"},
        "hashrate_hashes_per_second": 109.5e12,
        "power_watts": 3250.0,
        "power_source": "measured",
        "work_hashes_total": 1e18,
        "flatline": 0,
        "faults": 2,
        "fault": [{"code": "110", "component": "fan"}, {"code": "E2"}],
        "shares_total": {"accepted": 10},
        "polls_total": {"ok": 2, "timeout": 1},
        "polls_skipped_total": 0,
        "defects_total": 0,
        "tags": {"group": "hall 1"},
        "boards": {"0": {"hashrate_hashes_per_second": 36.5e12, "chips": 114, "temperature_celsius": {"chip": 71.5}}},
        "fans": {"0": {"speed_rpm": 5880}, "1": {"speed_rpm": 0}},
        "pools": {"0": {"url": "stratum+tcp://pool.example.net:3333/", "active": 1}},
    }


def test_a_rig_that_is_not_heard_has_its_state_and_no_figures() -> None:
    away = rig(state="offline", reading=None, judged=Judged(), at=NOW - 900)
    document = RigDocuments().document(away, 8, NOW)
    assert document["state"] == "offline"
    assert document["ts"] == NOW - 4  # when it was asked last
    assert document.keys().isdisjoint({"age_s", "hashrate_hashes_per_second", "power_watts", "boards", "money", "fans"})


def test_worker_names_are_not_told_unless_wanted() -> None:
    assert b"acct.7" not in RigDocuments().encoded(rig(), 1, NOW)
    assert RigDocuments(ALL).document(rig(), 1, NOW)["pools"]["0"]["user"] == "acct.7"


def test_no_two_metrics_of_a_document_share_a_key() -> None:
    for families, begins in ((TABLE, "rig_"), (SITE, "site_"), (SITE_MONEY, "site_"), (MARKET, "")):
        seen: dict[tuple[object, ...], str] = {}
        for family in families:
            branch = Branch.of(family, None, begins)
            for metric, (key, _, _) in zip(family.metrics, branch.metrics, strict=True):
                assert seen.setdefault((branch.under, key), metric.series) == metric.series


def everything(text: str, number: float) -> RigSnapshot:
    """Return a rig whose every word and figure is the given one."""
    reading = Reading(
        driver=text,
        make=text,
        model=text,
        firmware=text,
        firmware_version=text,
        hashrate={"5m": number},
        uptime=number,
        power=number,
        temperature_inlet=number,
        hashing=True,
        hardware_errors=1 << 200,
        boards=(Hashboard(index=1 << 70, chips=1 << 70, voltage=number),),
        faults=(Fault(code=text, component=text),),
        pools=(PoolSlot(index=-1, url=text, user=text, accepted=1 << 90),),
        fans=(Fan(index=0, rpm=10**400),),
    )
    judged = Judged(hashrate=number, power=number, power_source="measured", reasons=(text,))
    return rig(
        rig=text or "x",
        reading=reading,
        judged=judged,
        tags={text: text},
        identity=f"serial:{text}",
        counters=Counters(accepted=1 << 70, energy=number),
    )


@given(st.text(st.characters(exclude_categories=()), max_size=80), st.floats())
def test_no_word_and_no_number_of_a_rig_breaks_a_document(text: str, number: float) -> None:
    def strict(value: object) -> None:
        assert value is not None
        assert not isinstance(value, float) or math.isfinite(value)
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            strict(part)

    documents = RigDocuments(ALL)
    strict(orjson.loads(documents.encoded(everything(text, number), 1, NOW)))
    event = Event(kind="fault_raised", at=NOW, text=text, rig=text, details={text: text, "n": number, "l": [number]})
    strict(orjson.loads(orjson.dumps(event_document(event, text))))


@pytest.mark.parametrize(
    ("state", "heard", "said"),
    [
        ("hashing", True, "online"),
        ("idle", True, "online"),
        ("degraded", True, "online"),
        ("suspect", True, "suspect"),
        ("offline", False, "offline"),
        ("locked", False, "offline"),
        ("identifying", False, "offline"),
        ("suspect", False, "offline"),
        ("identifying", True, "online"),
    ],
)
def test_availability_is_online_only_with_a_fresh_reading(state: str, heard: bool, said: str) -> None:
    snapshot = rig(state=state)
    assert availability(snapshot if heard else replace(snapshot, reading=None)) == said


def test_the_sites_document_says_how_many_rigs_its_sums_stand_for() -> None:
    sums = totals([Tally.of(rig()), Tally.of(rig(reading=None, state="offline"))])
    document = SiteDocuments("farm 1").document(sums, None, NOW)
    assert (document["expected"], document["fresh"], document["coverage_ratio"]) == (2, 1, 0.5)
    assert document["power_watts"] == 3250.0
    assert document["rigs"]["offline"] == 1
    assert "money" not in document


def test_a_section_that_has_nothing_to_tell_leaves_the_sites_document_alone() -> None:
    sums = totals([])
    assert SiteDocuments("a", (Section(MARKET, lambda: None),)).document(sums, None, NOW).keys() >= {"expected"}
    assert "power_watts" not in SiteDocuments("a").document(sums, None, NOW)


def test_an_event_keeps_one_schema() -> None:
    event = Event(kind="rig_down", at=NOW, rig="hall1-07", text="gone", details={"before": "hashing", "x": None})
    document = event_document(event, "farm1", "020000000007")
    assert document == {
        "event_id": event.event_id,
        "ts": NOW,
        "kind": "rig_down",
        "site": "farm1",
        "rig": "hall1-07",
        "id": "020000000007",
        "text": "gone",
        "details": {"before": "hashing"},
    }


def test_the_topics_are_those_of_the_documentation() -> None:
    topics = Topics("stratoscope", "farm1")
    assert topics.status == "stratoscope/v1/farm1/agent/status"
    assert topics.health == "stratoscope/v1/farm1/agent/health"
    assert topics.site_state == "stratoscope/v1/farm1/site/state"
    assert topics.rig_state("020000000007") == "stratoscope/v1/farm1/rig/020000000007/state"
    assert topics.rig_availability("a") == "stratoscope/v1/farm1/rig/a/availability"
    assert topics.event("rig_down") == "stratoscope/v1/farm1/event/rig_down"
    assert topics.batch(3) == "stratoscope/v1/farm1/batch/3"
    assert {topics.event(kind).rpartition("/")[2] for kind in KINDS} == set(KINDS)


@given(st.text(st.characters(exclude_categories=()), max_size=200))
def test_no_text_escapes_its_level_of_a_topic(text: str) -> None:
    made = level(text)
    assert 1 <= len(made) <= LONGEST
    assert not UNSAFE.search(made)


@given(st.lists(st.text(max_size=80), unique=True, max_size=20))
def test_two_texts_have_two_levels(texts: list[str]) -> None:
    assert len({level(text) for text in texts}) == len(texts)


def test_a_rigs_id_is_its_mac_and_nothing_while_it_was_never_heard() -> None:
    assert rig_level("mac:AA:BB:CC:00:11:22") == "aabbcc001122"
    assert rig_level("mac:AA:BB:CC:00:11:22@10.0.0.7") != "aabbcc001122"
    assert rig_level("address:10.0.0.7").startswith("address-10-0-0-7-")
    assert rig_level("mac:+/#") not in ("+/#", "")
    assert rig_id(rig(identity=None)) is None
