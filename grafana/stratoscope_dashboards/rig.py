"""Lays out the page of one rig: what it does, per hashboard and fan, its pools, faults, polls and money."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope_dashboards.catalogue import Catalogue
from stratoscope_dashboards.choosers import MAKE, MODEL, RIG, SITE
from stratoscope_dashboards.levels import OF_NAMEPLATE, REJECTED
from stratoscope_dashboards.page import Row, cell_link, page
from stratoscope_dashboards.panels import DASHED, Placed, Query, lines, stat_of, timeline, words
from stratoscope_dashboards.states import RUNNING, STATE_WORDS, YES_NO, states_as_number
from stratoscope_dashboards.tables import Key, Value, table_of

THIS: Final = 'rig="$rig"'
PER: Final = "[$__rate_interval]"
CHIP: Final = 'sensor="chip"'
BOARD: Final = 'sensor="board"'


def rig(book: Catalogue) -> Dashboard:
    """Return the dashboard."""
    rows = [
        Row("$rig", [*_now(book), *_who(book)]),
        Row("Output and power", _output(book)),
        Row("Hashboards and fans", _parts(book)),
        Row("Pools and shares", _pools(book)),
        Row("Faults and polls", _polls(book)),
        Row("Money", _money(book)),
    ]
    text = "Everything of one rig: hashboards, fans, pools, faults, polls and money."
    return page("rig", "Rig", text, (SITE, MAKE, MODEL, RIG), rows)


def _now(book: Catalogue) -> list[Placed]:
    def one(title: str, name: str, **options: object) -> Placed:
        return stat_of(title, book[name], Query(f"max({book.select(name, THIS)})"), width=3, **options)  # type: ignore[arg-type]

    hashrate, plate = book["mining_rig_hashrate_hashes_per_second"], "mining_rig_nameplate_hashes_per_second"
    chip, seen = book["mining_hashboard_temperature_celsius"], book["mining_rig_last_success_timestamp_seconds"]
    state = book["mining_rig_state"]
    return [
        stat_of("State", state, Query(states_as_number(state.of(THIS))), mappings=STATE_WORDS,
                width=3, graph=False, text="The state the rig is in now."),
        one("Hashrate", hashrate.name),
        stat_of("Of nameplate", hashrate, Query(
            f"max({hashrate.of(THIS)}) / max({book.select(plate, THIS)})"
        ), unit="percentunit", levels=OF_NAMEPLATE, width=3, decimals=1, text="Hashrate by the data sheet's."),
        one("Power", "mining_rig_power_watts"),
        one("Efficiency", "mining_rig_efficiency_joules_per_terahash", decimals=1),
        stat_of("Hottest chip", chip, Query(f"max({chip.of(THIS, CHIP)})"), width=3),
        one("Uptime", "mining_rig_uptime_seconds", graph=False),
        stat_of("Good answer", seen, Query(f"max({seen.of(THIS)}) * 1000"), width=3, graph=False),
    ]  # fmt: skip


def _who(book: Catalogue) -> list[Placed]:
    info = book["mining_rig_info"]
    to_model = cell_link("The fleet's rigs of this model", "fleet", "model=Model")
    keys = [Key("make", "Make"), Key("model", "Model", to_model), Key("firmware", "Firmware"),
            Key("firmware_version", "Version"), Key("algorithm", "Algorithm"), Key("driver", "Driver"),
            Key("address", "Address"), Key("site", "Site")]  # fmt: skip
    labels = ", ".join(key.label for key in keys)
    value = Value("", info, f"max by ({labels}) ({info.of(THIS)})")
    return [table_of("Identity", keys, [value], text="Who the rig is.", sort="Make", height=4, figures=False)]


def _output(book: Catalogue) -> list[Placed]:
    select = book.select
    hashrate, power = book["mining_rig_hashrate_hashes_per_second"], book["mining_rig_power_watts"]
    efficiency = book["mining_rig_efficiency_joules_per_terahash"]
    board = book["mining_hashboard_hashrate_hashes_per_second"]
    return [
        lines("Hashrate", hashrate, Query(hashrate.of(THIS), "reported"),
              Query(select("mining_rig_expected_hashes_per_second", THIS), "expected by the firmware"),
              Query(select("mining_rig_nameplate_hashes_per_second", THIS), "nameplate"), zero=True,
              overrides=[("^(nameplate|expected.*)$", DASHED)]),
        lines("Hashrate by hashboard", board, Query(board.of(THIS), "board {{board}}"), stack=True,
              zero=True),
        lines("Power", power, Query(power.of(THIS), "power"), zero=True),
        lines("Efficiency", efficiency, Query(efficiency.of(THIS), "efficiency"), text="Lower is better."),
    ]  # fmt: skip


def _parts(book: Catalogue) -> list[Placed]:
    def of_boards(title: str, name: str, text: str = "") -> Placed:
        return lines(title, book[name], Query(book.select(name, THIS), "board {{board}}"), text=text, width=6, height=7)

    select = book.select
    heat = book["mining_hashboard_temperature_celsius"]
    fans = book["mining_fan_speed_rpm"]
    air = "mining_rig_temperature_celsius"
    errors = book["mining_hashboard_hardware_errors_total"]
    return [
        lines("Chips", heat, Query(heat.of(THIS, CHIP), "board {{board}}"), marks=True, width=8,
              text="Hottest chip of each hashboard."),
        lines("Boards and air", heat, Query(heat.of(THIS, BOARD), "board {{board}}"),
              Query(select(air, THIS), "{{sensor}}"), width=8, text="Hottest sensor of each board, and the air or "
              "coolant that enters and leaves."),
        lines("Fans", fans, Query(fans.of(THIS), "fan {{fan}}"), zero=True, width=8),
        of_boards("Chips that answer", "mining_hashboard_chips"),
        of_boards("Frequency", "mining_hashboard_frequency_hertz"),
        of_boards("Voltage", "mining_hashboard_voltage_volts"),
        lines("Hardware errors", errors, Query(f"rate({errors.of(THIS)}{PER})", "board {{board}}"), width=6,
              height=7, unit="cps", zero=True, text="Per second."),
    ]  # fmt: skip


def _pools(book: Catalogue) -> list[Placed]:
    active = book["mining_rig_pool_active"]
    alive = book["mining_rig_pool_alive"]
    shares = book["mining_rig_shares_total"]
    rate = f"rate({shares.of(THIS)}{PER})"
    bad = "rate(" + shares.of(THIS, 'result!="accepted"') + PER + ")"
    flat = book["mining_rig_flatline"]
    return [
        timeline("Pool in use", active, Query(active.of(THIS) + " == 1", "{{slot}}: {{url}}"), width=12,
                 height=6, mappings=words((1, "in use", "green")), text="Which pool slot the rig works for."),
        timeline("Pools reachable", alive, Query(alive.of(THIS), "{{slot}}: {{url}}"), width=12,
                 height=6, mappings=YES_NO, text="Which pools the rig finds reachable."),
        lines("Shares", shares, Query(rate + " * 60", "{{result}}"), width=16, unit="cpm", zero=True,
              text="Per minute."),
        stat_of("Rejected and stale", shares, Query(f"sum({bad}) / sum({rate})"), unit="percentunit", levels=REJECTED,
                width=4, height=8, decimals=2, text="Part of all shares."),
        stat_of("Flatline", flat, Query(f"max({flat.of(THIS)})"), width=4, height=8, graph=False,
                mappings=words((0, "no", "green"), (1, "YES", "red"))),
    ]  # fmt: skip


def _polls(book: Catalogue) -> list[Placed]:
    state = book["mining_rig_state"]
    polls = book["mining_rig_polls_total"]
    took = book["mining_rig_poll_duration_seconds"]
    fault, defects = book["mining_rig_fault_info"], book["mining_rig_defects_total"]
    keys = [Key("component", "Component"), Key("code", "Code")]
    return [
        timeline("State", state, Query(states_as_number(state.of(THIS)), "{{rig}}"), mappings=STATE_WORDS,
                 height=4, text="The state the rig was in."),
        table_of("Faults reported now", keys, [
            Value("", fault, f"max by (component, code) ({fault.of(THIS)})")
        ], text="With the vendor's own codes.", sort="Component", width=6, height=7, figures=False),
        lines("Polls", polls, Query(f"rate({polls.of(THIS)}{PER}) * 60 > 0", "{{outcome}}"), width=6,
              height=7, unit="cpm", zero=True, text="Per minute, by outcome."),
        lines("Duration of a poll", took, Query(took.of(THIS), "last poll"), width=6, height=7, zero=True),
        lines("Unreadable fields", defects, Query(f"increase({defects.of(THIS)}{PER})", "fields"), width=6,
              height=7, zero=True),
    ]  # fmt: skip


def _money(book: Catalogue) -> list[Placed]:
    select = book.select
    money = {what: f"mining_rig_{what}_fiat_per_day" for what in ("revenue", "power_cost", "margin")}
    margin, ratio = book[money["margin"]], book["mining_rig_gross_margin_ratio"]
    advice, paid = book["mining_rig_curtail_advised"], book["mining_rig_power_cost_fiat_total"]
    price, earned = book["mining_rig_power_price_fiat_per_kwh"], book["mining_rig_revenue_fiat_total"]
    limits = ("breakeven_power_price", "strike_price")
    return [
        stat_of("Advice", advice, Query(f"max({advice.of(THIS)})"), mappings=RUNNING, width=4, graph=False),
        stat_of("Gross margin", ratio, Query(f"max({ratio.of(THIS)})"), width=4, decimals=1),
        stat_of("Margin", margin, Query(f"max by (currency) ({margin.of(THIS)})", "{{currency}} per day"),
                names=True, width=4, decimals=2),
        stat_of("Earned in this time", earned, Query(
            f"sum by (currency) (increase({earned.of(THIS)}[$__range]))", "{{currency}}"
        ), names=True, width=4, decimals=2, graph=False),
        stat_of("Power paid in this time", paid, Query(
            f"sum by (currency) (increase({paid.of(THIS)}[$__range]))", "{{currency}}"
        ), names=True, width=4, decimals=2, graph=False),
        stat_of("Paid back in", book["mining_rig_payback_seconds"], Query(
            f"min({select('mining_rig_payback_seconds', THIS)})"
        ), width=4, graph=False, text="Empty while the rig never pays itself back."),
        lines("Per day", margin, *(Query(select(name, THIS), what.replace("_", " ") + ", {{currency}}")
                                   for what, name in money.items()), marks=True),
        lines("Price of power, and where it stops paying", price,
              Query(price.of(THIS), "price, {{currency}}/kWh"),
              *(Query(select(f"mining_rig_{what}_fiat_per_kwh", THIS), what.replace("_", " ")) for what in limits),
              overrides=[("^(breakeven|strike).*", DASHED)]),
    ]  # fmt: skip
