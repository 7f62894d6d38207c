"""Lays out the page of the pools: what they credit and pay, held against what the rigs did."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stratoscope.metrics.metric import BROKEN, FLAG, Levels
from stratoscope_dashboards.catalogue import Catalogue
from stratoscope_dashboards.choosers import POOL, SITE
from stratoscope_dashboards.page import Row, cell_link, page
from stratoscope_dashboards.panels import DASHED, TIMESTAMP, Placed, Query, bars, lines, stat_of, words
from stratoscope_dashboards.states import YES_NO
from stratoscope_dashboards.tables import Key, Value, table_of

THIS: Final = 'pool=~"$pool"'
DAY: Final = 'window="24h"'
HOUR: Final = 'window=~"300|600|900|1800|3600"'
"""Windows of pools that tell the present; none is told by all of them."""
PER: Final = "[$__rate_interval]"
STEPS: Final = ("uptime", "acceptance", "rate_method", "pool_fee", "luck", "residual")
"""Factors of the waterfall, in their order."""
SHORT: Final = words((0, "no", "green"), (1, "SHORT", "red"))
POOLS: Final = "by (pool)"


def pools(book: Catalogue) -> Dashboard:
    """Return the dashboard."""
    rows = [
        Row("Now", _now(book)),
        Row("What is credited of what is due", _credit(book)),
        Row("From theory to the account: the newest settled day", _waterfall(book)),
        Row("Workers", _workers(book)),
        Row("Rejected and stale", _refused(book)),
        Row("Payouts", _payouts(book)),
        Row("How the asking fares", _asking(book)),
    ]
    text = "What the pools credit and pay, held against what the rigs did: the waterfall, workers, losses, payouts."
    return page("pools", "Pools & reconciliation", text, (SITE, POOL), rows, since="now-24h")


def _now(book: Catalogue) -> list[Placed]:
    up, short = book["mining_pool_up"], book["mining_pool_shortfall"]
    credited = book["mining_pool_credited_hashrate_hashes_per_second"]
    reported = "mining_pool_reported_hashrate_hashes_per_second"
    due = book["mining_pool_credited_ratio"]
    balance = book["mining_pool_balance_satoshis"]
    part = book["mining_pool_matched_hashrate_ratio"]
    sums = f"sum({credited.of(THIS, DAY)})", f"sum({book.select(reported, THIS, DAY)})"
    return [
        stat_of("Pools that answer", up, Query(f"avg({up.of(THIS)})"), unit="percentunit", decimals=0, width=4,
                levels=Levels(attention=1, falling=True)),
        stat_of("Pools that credit too little", short, Query(f"sum({short.of(THIS)})"), levels=BROKEN, width=5),
        stat_of("Credited hashrate", credited, Query(sums[0]), width=4, text="Of the matched rigs, over 24 h."),
        stat_of("Credited of reported", due, Query(f"{sums[0]} / {sums[1]}"), width=4, decimals=2, text="Over 24 h."),
        stat_of("Rigs matched", part, Query(f"min({part.of(THIS)})"), width=3, decimals=0,
                levels=Levels(attention=0.98, falling=True), text="The pool of which least is matched."),
        stat_of("Unpaid balance", balance, Query(f"sum({balance.of(THIS)})", "sat"), names=True, width=4),
        table_of("Pools", [Key("pool", "Pool", cell_link("This pool and its workers", "pools", "pool=Pool"))], [
            Value("Answers", up, f"min {POOLS} ({up.of(THIS)})", mappings=YES_NO),
            Value("Hashrate", book["mining_pool_hashrate_hashes_per_second"],
                  f"avg {POOLS} ({book.select('mining_pool_hashrate_hashes_per_second', THIS, HOUR)})"),
            Value("Credited of due", due, f"avg {POOLS} ({due.of(THIS, DAY)})", decimals=2),
            Value("± by chance", due, f"avg {POOLS} ({book.select('mining_pool_credited_band_ratio', THIS, DAY)})",
                  decimals=2),
            Value("Shortfall", short, f"max {POOLS} ({short.of(THIS)})", mappings=SHORT),
            Value("Fee", book["mining_pool_fee_ratio"], f"avg {POOLS} ({book.select('mining_pool_fee_ratio', THIS)})",
                  decimals=2),
            Value("Rigs", book["mining_pool_rigs"], f"sum {POOLS} ({book.select('mining_pool_rigs', THIS)})"),
            Value("Balance, sat", balance, f"sum {POOLS} ({balance.of(THIS)})"),
        ], text="A click narrows the page to one pool and its workers.", sort="Hashrate", height=7),
    ]  # fmt: skip


def _credit(book: Catalogue) -> list[Placed]:
    select = book.select
    due, band = book["mining_pool_credited_ratio"], "mining_pool_credited_band_ratio"
    credited = book["mining_pool_credited_hashrate_hashes_per_second"]
    evidence = book["mining_pool_shortfall_evidence_ratio"]
    reported, short = "mining_pool_reported_hashrate_hashes_per_second", book["mining_pool_shortfall_ratio"]
    since = book["mining_pool_shortfall_since_timestamp_seconds"]
    return [
        lines("Credited of due", due, Query(f"avg {POOLS} ({due.of(THIS, DAY)})", "{{pool}}"),
              Query(f"1 - avg {POOLS} ({select(band, THIS, DAY)})", "{{pool}}, least by chance"),
              overrides=[(".*least by chance$", DASHED)],
              text="Over 24 h. A line that stays below its dashed one is no "
              "chance."),
        lines("Hashrate reported and credited", credited,
              Query(f"sum {POOLS} ({select(reported, THIS, DAY)})", "{{pool}} reported"),
              Query(f"sum {POOLS} ({credited.of(THIS, DAY)})", "{{pool}} credited"), zero=True,
              overrides=[(".*reported$", DASHED)], text="Of the matched rigs, over 24 h."),
        bars("Evidence for a shortfall", evidence, Query(f"max {POOLS} ({evidence.of(THIS)})", "{{pool}}"), highest=2,
             levels=Levels(attention=0.5, bad=1), unit="percentunit", width=12, height=6, decimals=0,
             text="At 100 % it is established."),
        table_of("Established shortfalls", [Key("pool", "Pool")], [
            Value("Not credited", short, f"max {POOLS} ({short.of(THIS)})", decimals=2, levels=BROKEN),
            Value("Since", since, f"max {POOLS} ({since.of(THIS)}) * 1000", unit="dateTimeAsIso"),
        ], text="Part of what is due.", sort="Not credited", width=12, height=6),
    ]  # fmt: skip


def _waterfall(book: Catalogue) -> list[Placed]:
    select = book.select
    theory, factor = book["mining_pool_day_theoretical_satoshis"], "mining_pool_waterfall_ratio"
    loss, real = book["mining_pool_day_loss_satoshis"], book["mining_pool_day_realised_ratio"]
    part = book["mining_pool_acceptance_ratio"]

    def after(count: int) -> str:
        """What is left after so many factors; one that is unknown is absent and changes nothing."""
        chosen = select(factor, THIS, f'factor=~"{"|".join(STEPS[:count])}"')
        product = f"exp(sum by (site, pool) (ln({chosen})))"
        left = f"{theory.of(THIS)} * on (site, pool) group_left () {product}"
        return f"sum(({left}) or {theory.of(THIS)})"

    steps = [Query(f"sum({theory.of(THIS)})", "theoretical")]
    steps += [Query(after(at), f"after {name.replace('_', ' ')}") for at, name in enumerate(STEPS, 1)]
    return [
        bars("Waterfall", theory, *steps, width=12, height=12, unit="locale", decimals=0, above=True,
             text="Satoshis: what the rigs "
             "would have earned at the market's hashprice, and what is left of it after each factor; the last is what "
             "the pools credited."),
        bars("What each loss cost", loss, Query(f"sort_desc(sum by (cause) ({loss.of(THIS)}))", "{{cause}}"), width=12,
             height=12, unit="locale", decimals=0, above=True, text="Satoshis of the newest settled day.", lowest=None),
        lines("Realised of theoretical", real, Query(f"avg {POOLS} ({real.of(THIS)})", "{{pool}}"), width=12, height=7,
              text="The newest settled day, as it stood at each moment."),
        lines("What the acceptance consists of", part,
              Query(f"avg by (pool, part) ({part.of(THIS)})", "{{pool}} {{part}}"),
              width=12, height=7),
    ]  # fmt: skip


def _workers(book: Catalogue) -> list[Placed]:
    select = book.select
    own, noise = book["mining_worker_credited_ratio"], "mining_worker_credited_standard_error_ratio"
    short, active = book["mining_worker_shortfall"], book["mining_worker_active"]
    matches, rigs = book["mining_pool_worker_matches"], book["mining_pool_rigs"]
    lost = 'match!="matched"'
    keys = [
        Key("site", "Site", width=110),
        Key("pool", "Pool"),
        Key("rig", "Rig", cell_link("Open the rig", "rig", "site=Site", "rig=Rig")),
    ]
    each = "max by (site, pool, rig)"
    worst = f"bottomk(50, {own.of(THIS)})"
    among = f"and on (site, pool, rig) {worst}"
    return [
        table_of("Workers that are credited least", keys, [
            Value("Credited of due", own, f"{each} ({worst})", decimals=1, width=130),
            Value("± 1 standard error", own, f"{each} ({select(noise, THIS)} {among})", decimals=1, width=140),
            Value("Shortfall", short, f"{each} ({short.of(THIS)} {among})", mappings=SHORT, width=100),
            Value("Sends shares", active, f"{each} ({active.of(THIS)} {among})", mappings=YES_NO, width=120),
        ], text="The fifty lowest. A rig that overstates its hashrate looks the same.", sort="Credited of due",
           falling=False, width=14, height=10),
        table_of("Who has no counterpart", [Key("pool", "Pool"), Key("match", "Match")], [
            Value("Workers", matches, f"sum by (pool, match) ({matches.of(THIS, lost)})", levels=FLAG),
            Value("Rigs", rigs, f"sum by (pool, match) ({rigs.of(THIS, lost)})", levels=FLAG),
        ],
        text="Workers of the pool without a rig, and rigs at the pool without a worker: a stranger, a wrong name, or "
                "a rig that nobody polls.", sort="Workers", width=10, height=10),
    ]  # fmt: skip


def _refused(book: Catalogue) -> list[Placed]:
    work, loss = book["mining_pool_work"], book["mining_pool_day_loss_satoshis"]
    shares = book["model:mining_rig_shares:rate5m"]
    bad, costly = 'result!="accepted"', 'cause=~"rejected|stale|uncredited"'
    whole = f"ignoring (result) group_left () sum by (pool) ({work.of(THIS)})"
    own = f"ignoring (result) group_left () sum({shares.of()})"
    return [
        lines("As the pools count", work, Query(f"sum by (pool, result) ({work.of(THIS, bad)}) / {whole}",
              "{{pool}} {{result}}"), unit="percentunit", zero=True, width=8, text="Part of all work."),
        lines("As the rigs count", shares, Query(f"sum by (result) ({shares.of(bad)}) / {own}", "{{result}}"),
              unit="percentunit", zero=True, width=8, text="Part of all shares, over five minutes."),
        lines("What it costs", loss, Query(f"sum by (pool, cause) ({loss.of(THIS, costly)})", "{{pool}} {{cause}}"),
              width=8, unit="locale", text="Satoshis of the newest settled day."),
    ]  # fmt: skip


def _payouts(book: Catalogue) -> list[Placed]:
    select = book.select
    balance, earning, paid = (book[f"mining_pool_{what}_satoshis"] for what in ("balance", "earning", "paid"))
    payout, when = book["mining_pool_payout_satoshis"], book["mining_pool_payout_timestamp_seconds"]
    market = book["mining_pool_day_market_hashprice_sats_per_th_day"]
    real = "mining_pool_day_realised_hashprice_sats_per_th_day"
    chance = book["mining_pool_block_probability_ratio"]
    return [
        lines("Balance", balance, Query(f"sum {POOLS} ({balance.of(THIS)})", "{{pool}}"), zero=True, width=8,
              unit="locale", text="Satoshis credited and not yet paid."),
        lines("Hashprice, market and realised", market,
              Query(f"avg {POOLS} ({market.of(THIS)})", "market at {{pool}}'s hours"),
              Query(f"avg {POOLS} ({select(real, THIS)})", "realised at {{pool}}"), width=8,
              overrides=[("^market.*", DASHED)], text="Satoshis per TH/s and day."),
        bars("Chance of a block", chance, Query(f"max by (pool, within) ({chance.of(THIS)})", "{{pool}} in {{within}}"),
             width=8, height=8, unit="percentunit", above=True, text="Where the account mines alone."),
        table_of("Earnings and payouts", [Key("pool", "Pool")], [
            Value("Newest earning, sat", earning, f"sum {POOLS} ({earning.of(THIS)})", unit="locale"),
            Value("Earned until", book["mining_pool_earning_end_timestamp_seconds"],
                  f"max {POOLS} ({select('mining_pool_earning_end_timestamp_seconds', THIS)}) * 1000",
                  unit="dateTimeAsIso"),
            Value("Newest payout, sat", payout, f"sum {POOLS} ({payout.of(THIS)})", unit="locale"),
            Value("Paid at", when, f"max {POOLS} ({when.of(THIS)}) * 1000", unit="dateTimeAsIso"),
            Value("Paid in all, sat", paid, f"sum {POOLS} ({paid.of(THIS)})", unit="locale"),
        ], text="As far as each pool tells.", sort="Paid in all, sat", height=6),
    ]  # fmt: skip


def _asking(book: Catalogue) -> list[Placed]:
    asked, age = book["mining_pool_requests_total"], book["mining_pool_age_seconds"]
    seen = book["mining_pool_last_success_timestamp_seconds"]
    return [
        lines("Questions by outcome", asked, Query(f"sum by (pool, outcome) (rate({asked.of(THIS)}{PER})) * 60 > 0",
              "{{pool}} {{outcome}}"), unit="cpm", zero=True, width=10, text="Per minute."),
        table_of("Age of what is known", [Key("pool", "Pool"), Key("part", "Part")], [
            Value("Age", age, f"max by (pool, part) ({age.of(THIS)})"),
        ], text="A part that grows too old vanishes with all its figures.", sort="Age", width=8, height=8),
        stat_of("Longest silence", seen, Query(f"min({seen.of(THIS)}) * 1000"), unit=TIMESTAMP, width=6, height=8,
                graph=False, text="When the pool last answered that has been silent longest."),
    ]  # fmt: skip
