"""The table of rigs on the status page: sorting, filters and pages."""

from unit.economics.money_bench import MoneyBench
from unit.export.farm import farm
from unit.export.test_browser import crowd


async def rows(session, path: str) -> list[str]:
    async with session.get(path) as answer:
        text = await answer.text()
    return [line.partition("</a>")[0].rpartition(">")[2] for line in text.splitlines() if '<td class="name">' in line]


async def test_table_is_sorted_filtered_and_paged_on_the_server(site):
    session, _ = await site(crowd())
    assert await rows(session, "/") != await rows(session, "/?page=2")
    assert len(await rows(session, "/")) == 100
    assert len(await rows(session, "/?page=3")) == 45
    assert await rows(session, "/?page=9999") == await rows(session, "/?page=3")
    assert (await rows(session, "/?sort=power&order=desc"))[0].startswith("hall-")
    assert (await rows(session, "/?sort=power"))[0] == "desk"
    assert (await rows(session, "/?sort=hashrate&page=3"))[-1] in {"hall1-09", "hall1-10"} | {
        f"hall-{a}-{b}" for a in range(1, 5) for b in range(1, 61)
    }
    assert await rows(session, "/?state=identifying") == ["hall1-10"]
    assert await rows(session, "/?q=GAMMA") == ["desk"]
    assert await rows(session, "/?q=10.1.0.8") == ["hall1-08"]
    assert len(await rows(session, "/?q=group%3Dhall-4")) == 60
    assert await rows(session, "/?q=nothing+like+it") == []


async def test_rigs_without_a_value_are_last_in_both_orders(site):
    session, _ = await site(farm())
    for order in ("asc", "desc"):
        assert set((await rows(session, f"/?sort=hashrate&order={order}"))[-2:]) == {"hall1-09", "hall1-10"}


async def test_table_sorts_by_revenue_and_margin_with_a_tariff(site):
    fleet = crowd()
    session, _ = await site(fleet, economist=MoneyBench().economist)
    for key, figure in (("revenue", "revenue_per_day"), ("margin", "gross_margin_ratio")):
        shown = await rows(session, f"/?sort={key}&order=desc")
        values = [getattr(fleet.snapshots[rig].economics, figure) for rig in shown]
        assert values == sorted(values, reverse=True)
        assert len(values) == 100
    async with session.get("/") as answer:
        text = await answer.text()
    assert 'class="cards money"' in text
    assert ">4.22 USD<" in text
    assert "margin loss" in text
    session, _ = await site(fleet)
    async with session.get("/?sort=revenue") as answer:
        text = await answer.text()
    assert "Revenue" not in text
    assert "USD" not in text
