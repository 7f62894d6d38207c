"""Lays out the page of the fleet: what it produces, which rigs need somebody, what they are, what they earn."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope.metrics.metric import FLAG
from stratoscope_dashboards.catalogue import Catalogue
from stratoscope_dashboards.choosers import ALGORITHM, MAKE, MODEL, MODELS, SITE
from stratoscope_dashboards.levels import OF_NAMEPLATE, REJECTED
from stratoscope_dashboards.page import Row, cell_link, page, series_link
from stratoscope_dashboards.panels import DASHED, Placed, Query, bars, heat_of, lines, stat_of
from stratoscope_dashboards.states import STATE_CELLS, STATE_COLOURS
from stratoscope_dashboards.tables import Key, Value, table_of

CHOSEN = 'algorithm=~"$algorithm"'
TO_POOLS = cell_link("What the pools credit", "pools", "site=Site")
TO_RIG = cell_link("Open the rig", "rig", "site=Site", "rig=Rig")


def fleet(book: Catalogue) -> Dashboard:
    """Return the dashboard."""
    rows = [
        Row("Now", [*_output(book), *_money(book)]),
        Row("Output", _over_time(book)),
        Row("Rigs that need somebody", _worst(book)),
        Row("Heat and shares", _condition(book)),
        Row("What the fleet consists of", _mix(book)),
    ]
    text = "What the fleet produces, which rigs need somebody, what it consists of and what it earns."
    return page("fleet", "Fleet", text, (SITE, ALGORITHM, MAKE, MODEL), rows)


def _output(book: Catalogue) -> list[Placed]:
    select, rigs = book.select, book.select("mining_site_rigs")
    hashrate, coverage = book["mining_site_hashrate_hashes_per_second"], book["mining_site_coverage_ratio"]
    efficiency = book["model:mining_rig_efficiency_joules_per_terahash:ratio"]
    made = select("model:mining_rig_hashrate_hashes_per_second:sum", CHOSEN, *MODELS)
    plate = select("model:mining_rig_nameplate_hashes_per_second:sum", CHOSEN, *MODELS)
    per_th = efficiency.of(CHOSEN, *MODELS)
    on = "on (job, instance, site)"
    return [
        stat_of("Hashrate", hashrate, Query(f"sum({hashrate.of(CHOSEN)})"), width=4),
        stat_of("Of nameplate", hashrate, Query(f"sum({made} and {plate}) / sum({plate} and {made})"),
                unit="percentunit", levels=OF_NAMEPLATE, text="A sum over a sum, of the models that have a data sheet; "
                "rigs that are away do not count.", width=4, decimals=1),
        stat_of("Rigs heard", coverage, Query(
            f"sum({coverage.of()} * {on} sum by (job, instance, site) ({rigs})) / sum({rigs})"
        ), text="Part of all rigs that stands behind the sums.", width=4, decimals=1),
        stat_of("Rigs that need somebody", book["mining_site_rigs"], Query(
            "sum(" + select("mining_site_rigs", 'state=~"degraded|offline|locked|suspect"') + ")"
        ), levels=FLAG, text="Degraded, offline, locked or suspect.", width=4),
        stat_of("Power", book["mining_site_power_watts"], Query(f"sum({select('mining_site_power_watts')})"), width=4),
        stat_of("Efficiency", efficiency, Query(f"sum({per_th} * {made}) / sum({made} and {per_th})"),
                text="A sum over a sum, of the rigs that tell both.", width=4, decimals=1),
    ]  # fmt: skip


def _money(book: Catalogue) -> list[Placed]:
    def per_day(title: str, name: str, text: str = "") -> Placed:
        query = Query(f"sum by (currency) ({book.select(name)})", "{{currency}} per day")
        return stat_of(title, book[name], query, text=text, names=True, width=5, graph=True)

    margin, hashprice = book["mining_site_gross_margin_ratio"], book["mining_hashprice_fiat_per_ph_day"]
    revenue, cost = book.select("mining_site_revenue_fiat_per_day"), book.select("mining_site_power_cost_fiat_per_day")
    return [
        per_day("Revenue", "mining_site_revenue_fiat_per_day"),
        per_day("Power cost", "mining_site_power_cost_fiat_per_day"),
        per_day("Margin", "mining_site_margin_fiat_per_day"),
        stat_of("Gross margin", margin, Query(f"1 - sum({cost}) / sum({revenue})"), decimals=1, width=4),
        stat_of("Hashprice", hashprice, Query(f"avg by (currency) ({hashprice.of()})",
                "{{currency}}/PH/day"), names=True, width=5, decimals=2),
    ]  # fmt: skip


def _over_time(book: Catalogue) -> list[Placed]:
    select = book.select
    hashrate = book["mining_site_hashrate_hashes_per_second"]
    plate = "mining_site_nameplate_hashes_per_second"
    credited = select("mining_pool_hashrate_hashes_per_second", 'window=~"300|600|900|1800|3600"')
    power, states = book["model:mining_rig_power_watts:sum"], book["model:mining_rig_state:sum"]
    efficiency = book["model:mining_rig_efficiency_joules_per_terahash:ratio"]
    model = "{{make}} {{model}}"
    return [
        lines("Hashrate", hashrate,
              Query(f"sum by (algorithm) ({hashrate.of(CHOSEN)})", "reported {{algorithm}}"),
              Query(f"sum by (algorithm) ({select(plate, CHOSEN)})", "nameplate {{algorithm}}"),
              Query(f"sum(avg by (pool) ({credited}))", "pool side"), zero=True,
              text="What the rigs report, beside the data sheets of those whose model has one, and what the pools "
              "credit over windows up to an hour.", overrides=[("^nameplate.*", DASHED)]),
        lines("Rigs by state", states, Query(f"sum by (state) ({states.of(*MODELS)})", "{{state}}"), stack=True,
              zero=True, overrides=STATE_COLOURS),
        lines("Power by model", power, Query(
            f"topk(12, sum by (make, model) ({power.of(*MODELS)}))", model
        ), stack=True, zero=True, text="The twelve models that draw most."),
        lines("Efficiency by model", efficiency, Query(
            f"topk(12, avg by (make, model) ({efficiency.of(CHOSEN, *MODELS)}))", model
        ), text="Lower is better; the twelve worst models."),
    ]  # fmt: skip


def _worst(book: Catalogue) -> list[Placed]:
    select = book.select
    ratio = book["rig:mining_hashrate:nameplate_ratio"]
    chip = book["rig:mining_hashboard_temperature_celsius:max"]
    rejected, stale = book["rig:mining_shares_rejected:ratio1h"], select("rig:mining_shares_stale:ratio1h")
    state, seen = book["mining_rig_state"], book["mining_rig_last_success_timestamp_seconds"]
    info = select("mining_rig_info", *MODELS)
    ill = state.of('state=~"degraded|offline|locked|suspect"')
    keep = "on (job, instance, site, rig) group_left (make, model, address)"
    keys = [Key("site", "Site", width=110), Key("rig", "Rig", TO_RIG, width=150), Key("make", "Make", width=110),
            Key("model", "Model", width=130), Key("address", "Address", width=130),
            Key("state", "State", width=110, mappings=STATE_CELLS)]  # fmt: skip
    named = "site, rig, make, model, address, state"
    chosen = f"topk(100, ({ill} == 1) * {keep} {info})"
    rig = "{{rig}}"  # legend of bars that a click leads on from
    to_rig = series_link("Open the rig", "rig", "site", "rig")
    return [
        table_of("Degraded, offline, locked or suspect", keys, [
            Value("Since a good answer", seen, f"time() - max by ({named}) ({chosen} * 0 + "
                  f"on (job, instance, site, rig) group_left () {seen.of()})", unit="s", width=160),
            Value("Faults", book["mining_rig_faults"], f"max by ({named}) ({chosen} * on (job, instance, site, rig) "
                  f"group_left () {select('mining_rig_faults')})", width=90),
        ], text="At most a hundred of them; a click leads to the rig.", sort="Since a good answer", height=10),
        bars("Furthest below nameplate", ratio, Query(
            f"bottomk(12, {ratio.of()} and on (site, rig) {select('mining_rig_info', CHOSEN, *MODELS)})", rig
        ), unit="percentunit", levels=OF_NAMEPLATE, highest=1, links=[to_rig], height=10, decimals=0),
        bars("Hottest chips", chip, Query(f"topk(12, {chip.of(*MODELS)})", rig), links=[to_rig], height=10,
             lowest=30, highest=110),
        bars("Most rejected and stale shares", rejected, Query(
            f"topk(12, ({rejected.of()} + {stale}) and on (site, rig) {info})", rig
        ), unit="percentunit", levels=REJECTED, links=[to_rig], height=10, decimals=2),
    ]  # fmt: skip


def _condition(book: Catalogue) -> list[Placed]:
    heat, shares = book["model:mining_hashboard_temperature_celsius:bucket"], book["model:mining_rig_shares:rate5m"]
    every = shares.of(*MODELS)
    bad = shares.of(*MODELS, 'result!="accepted"')
    return [
        heat_of("Hottest chip of each rig", heat, Query(f"sum by (le) ({heat.of(*MODELS)})", "{{le}}"),
                text="How many rigs have their hottest chip in each band of five degrees."),
        lines("Rejected and stale shares", shares, Query(
            f"sum by (result) ({bad}) / ignoring (result) group_left () sum({every})", "{{result}}"
        ), unit="percentunit", zero=True, text="Part of all shares, over five minutes."),
    ]  # fmt: skip


def _mix(book: Catalogue) -> list[Placed]:
    select = book.select
    count, hashrate = book["model:mining_rig_up:count"], book["model:mining_rig_hashrate_hashes_per_second:sum"]
    up, plate = "model:mining_rig_up:sum", "model:mining_rig_nameplate_hashes_per_second:sum"
    watts = book["model:mining_rig_power_watts:sum"]
    efficiency = book["model:mining_rig_efficiency_joules_per_terahash:ratio"]
    active = book["site:mining_rig_pool_active:sum"]
    margin, firmware = book["model:mining_rig_margin_fiat_per_day:sum"], book["model:mining_rig_info:count"]

    def by_model(name: str) -> str:
        return f"sum by (make, model) ({select(name, CHOSEN, *MODELS)})"

    keys = [
        Key("make", "Make"),
        Key("model", "Model", cell_link("Only this model", "fleet", "make=Make", "model=Model")),
    ]
    return [
        table_of("Models", keys, [
            Value("Rigs", count, by_model(count.name)),
            Value("Away", count, f"{by_model(count.name)} - {by_model(up)}", levels=FLAG),
            Value("Hashrate", hashrate, by_model(hashrate.name)),
            Value("Of nameplate", hashrate, f"{by_model(hashrate.name)} / {by_model(plate)}", unit="percentunit",
                  levels=OF_NAMEPLATE, decimals=1),
            Value("Power", watts, by_model(watts.name)),
            Value("J/TH", efficiency, f"avg by (make, model) ({efficiency.of(CHOSEN, *MODELS)})",
                  unit="none", decimals=1),
            Value("Margin per day", margin, by_model(margin.name), decimals=2),
        ], text="Every model of the chosen sites.", sort="Rigs", height=10),
        table_of("Firmware", [Key("firmware", "Firmware", width=110), Key("firmware_version", "Version"),
                              Key("driver", "Driver", width=140)], [
            Value("Rigs", firmware, f"sum by (firmware, firmware_version, driver) ({firmware.of(*MODELS)})",
                  width=70),
        ], text="Which firmware runs on how many rigs.", sort="Rigs", width=12, height=9),
        table_of("Pools in use", [Key("site", "Site", width=110), Key("url", "Pool", TO_POOLS)], [
            Value("Rigs", active, f"sum by (site, url) ({active.of()}) > 0", width=70),
        ], text="By the URL in the active slot of the rigs.", sort="Rigs", width=12, height=9),
    ]  # fmt: skip
