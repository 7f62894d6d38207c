"""Limits and failures of the metrics page: series limits, internal errors, parts and shared pages."""

import asyncio
import gzip
import zlib

import pytest

from stratoscope.fleet import Fleet
from stratoscope.reading import Fan, Fault, PoolSlot
from stratoscope_exporters.exposition.page import PageRequest, parse_part
from stratoscope_exporters.exposition.text import PageFormat
from unit.export.farm import NOW, antminer, board, farm
from unit.export.test_page import samples


def of(page: str, name: str, **labels) -> float | None:
    return samples(page).get((name, tuple(sorted(labels.items()))))


async def test_failing_family_is_left_out_and_counted(exporter):
    class Wicked(Fan):
        @property
        def rpm(self):
            raise RuntimeError("boom")

    fleet = farm()
    broken = antminer("broken")
    object.__setattr__(broken.reading, "fans", (Wicked.__new__(Wicked),))
    object.__setattr__(broken.reading.fans[0], "index", 0)
    fleet.publish(broken)
    _, pages, meters = exporter(fleet)
    page = b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode()
    assert of(page, "mining_fan_speed_rpm", rig="broken", fan="0") is None
    assert of(page, "mining_rig_hashrate_hashes_per_second", rig="broken") == 109.5e12
    assert of(page, "mining_fan_speed_rpm", rig="hall1-07", fan="0") == 5880
    assert meters.errors["fan"] == 1


async def test_rig_that_cannot_be_rendered_is_left_out_and_counted(exporter):
    fleet = farm()
    renderer, pages, meters = exporter(fleet)
    await pages.get(PageRequest(PageFormat.TEXT))
    fleet.publish(antminer(at=NOW - 1, judged=None))
    page = b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode()
    assert "hall1-07" not in page
    assert of(page, "mining_rig_up", rig="hall1-08") == 1
    assert meters.errors["rig"] == 1
    fleet.publish(antminer())
    page = b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode()
    assert of(page, "mining_rig_up", rig="hall1-07") == 1
    assert renderer.series == sum(1 for _, labels in samples(page) if "rig" in dict(labels))


async def test_failing_collector_leaves_the_fleet_on_the_page(exporter):
    class Broken:
        def collect(self):
            raise RuntimeError("boom")

    _, pages, meters = exporter(farm())
    pages._registry.register(type("Quiet", (Broken,), {"describe": lambda self: []})())
    page = b"".join(await pages.get(PageRequest(PageFormat.OPENMETRICS))).decode()
    assert ("mining_rig_up", (("rig", "hall1-07"),)) in samples(page, PageFormat.OPENMETRICS)
    assert meters.errors["own"] == 1


async def test_rig_above_its_series_limit_loses_whole_metrics(exporter):
    rig = antminer("wide")
    object.__setattr__(rig.reading, "boards", tuple(board(n) for n in range(40)))
    object.__setattr__(rig.reading, "fans", tuple(Fan(index=n, rpm=1) for n in range(99)))
    fleet = Fleet()
    fleet.publish(rig)
    _, pages, meters = exporter(fleet)
    found = samples(b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode())
    mine = [key for key in found if ("rig", "wide") in key[1]]
    assert len(mine) <= 128
    assert meters.dropped["rig_limit"] > 0
    boards = {name: sum(1 for other, _ in mine if other == name) for name, labels in mine if "board" in dict(labels)}
    assert boards
    assert set(boards.values()) == {16}
    assert not [name for name, _ in mine if name == "mining_fan_speed_rpm"]


@pytest.mark.parametrize("boards", [3, 4, 6])
async def test_typical_rig_with_money_is_within_the_series_limit(exporter, boards):
    fleet, rig = Fleet(), antminer()
    object.__setattr__(rig.reading, "boards", tuple(board(n) for n in range(boards)))
    fleet.publish(rig)
    _, pages, meters = exporter(fleet)
    await pages.get(PageRequest(PageFormat.TEXT))
    assert meters.dropped["rig_limit"] == 0


async def test_too_many_label_values_become_other(exporter, clock):
    fleet = Fleet()
    _, pages, meters = exporter(fleet)
    names: set[tuple] = set()
    for at in range(400):
        clock.now = at
        rig = antminer(at=NOW + at)
        object.__setattr__(rig.reading, "model", f"S{at}")
        object.__setattr__(rig.reading, "faults", (Fault(code=at), Fault(code=-at)))
        object.__setattr__(
            rig.reading, "pools", tuple(PoolSlot(index=at * n, url=f"p{at}", active=True) for n in (1, 2))
        )
        fleet.publish(rig)
        names |= samples(b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode()).keys()
    assert len(names) < 128 + 5 * 40 + 30
    assert ("mining_rig_pool_active", (("rig", "hall1-07"), ("slot", "other-2"), ("url", "other"))) in names
    assert meters.dropped["label_churn"] > 300


async def test_global_series_limit_is_enforced(exporter):
    fleet = Fleet()
    for number in range(40):
        fleet.publish(antminer(f"rig-{number}"))
    renderer, pages, meters = exporter(fleet, max_series=1000)
    page = b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode()
    assert renderer.series <= 1000
    assert len([1 for _, labels in samples(page) if "rig" in dict(labels)]) == renderer.series
    assert meters.dropped["global_limit"] > 0


async def test_parts_contain_each_rig_once_and_the_site_only_on_the_first(exporter):
    fleet = farm()
    for number in range(60):
        fleet.publish(antminer(f"rig-{number}"))
    _, pages, _ = exporter(fleet)
    whole = samples(b"".join(await pages.get(PageRequest(PageFormat.TEXT))).decode())
    parts = [
        samples(b"".join(await pages.get(PageRequest(PageFormat.TEXT, part=(k, 4)))).decode()) for k in range(1, 5)
    ]
    assert sum(len(part) for part in parts) == len(whole)
    assert {key: value for part in parts for key, value in part.items()} == whole
    assert all(any("rig" in dict(labels) for _, labels in part) for part in parts)
    assert [any(name.startswith("mining_site") for name, _ in part) for part in parts] == [True, False, False, False]


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "1/0", "-1/2", "1/1001", "a/b", "1/2/3", "１/２", "1/99999"])
def test_invalid_part_is_rejected_with_a_remedy(text):
    with pytest.raises(ValueError, match="1 <= k <= n"):
        parse_part(text)


async def test_fifty_scrapers_share_one_page(exporter):
    _, pages, _ = exporter(farm())
    answers = await asyncio.gather(*(pages.get(PageRequest(PageFormat.TEXT, gzip=True)) for _ in range(50)))
    assert len({id(answer) for answer in answers}) == 1
    assert b"mining_rig_up" in gzip.decompress(b"".join(answers[0]))


async def test_compressed_and_plain_page_are_identical(exporter):
    _, pages, _ = exporter(farm())
    plain = b"".join(await pages.get(PageRequest(PageFormat.OPENMETRICS)))
    assert zlib.decompress(b"".join(await pages.get(PageRequest(PageFormat.OPENMETRICS, gzip=True))), 31) == plain


async def test_number_of_shared_pages_is_limited(exporter):
    _, pages, _ = exporter(farm())
    for n in range(1, 60):
        await pages.get(PageRequest(PageFormat.TEXT, part=(1, n)))
    assert len(pages._shared) <= 17
