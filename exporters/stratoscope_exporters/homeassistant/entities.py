"""Defines which metrics Home Assistant shows, with their names and importance.

A rig has a hundred values and Home Assistant is slow with thousands of entities. Rarely used values are announced
disabled; values that are not useful in Home Assistant are not announced.
"""

from dataclasses import dataclass
from typing import Final

from stratoscope_exporters.homeassistant.shapes import Flag, Shape


@dataclass(frozen=True, slots=True)
class Entity:
    """One metric in Home Assistant. `name` may contain labels in braces; without `shape`, unit and kind decide.

    `diagnostic` moves it to the diagnostic section; `on` False announces it disabled. The entity id is made from
    `id_name`, if set, else from `name`: it must not change when a name is improved.
    """

    series: str
    name: str
    shape: Shape | Flag | None = None
    diagnostic: bool = False
    on: bool = True
    icon: str | None = None
    options: tuple[str, ...] = ()  # for Shape.WORDS
    id_name: str | None = None


COINS: Final = "mdi:currency-btc"
CASH: Final = "mdi:cash"
METER: Final = "mdi:speedometer"

RIG: Final = (
    Entity("mining_rig_hashrate_hashes_per_second", "Hashrate", icon=METER),
    Entity("mining_rig_power_watts", "Power"),
    Entity("mining_rig_efficiency_joules_per_terahash", "Efficiency", icon="mdi:leaf"),
    Entity("mining_rig_energy_joules_total", "Energy"),
    Entity("mining_rig_shares_total", "Shares {result}", icon="mdi:check-network-outline"),
    Entity("mining_rig_temperature_celsius", "{sensor} temperature"),
    Entity("mining_rig_flatline", "Accepted shares stalled", Flag.PROBLEM, id_name="Shares stand still"),
    Entity("mining_rig_faults", "Faults", icon="mdi:alert-outline"),
    Entity("mining_rig_uptime_seconds", "Uptime", diagnostic=True),
    Entity("mining_rig_nameplate_hashes_per_second", "Nameplate hashrate", diagnostic=True, on=False, icon=METER),
    Entity("mining_rig_expected_hashes_per_second", "Expected hashrate", diagnostic=True, on=False, icon=METER),
    Entity("mining_rig_hardware_errors_total", "Hardware errors", diagnostic=True, on=False, icon="mdi:chip"),
    Entity(
        "mining_rig_power_source_info",
        "Power source",
        diagnostic=True,
        on=False,
        icon="mdi:flash-outline",
        options=("measured", "reported", "configured", "nameplate"),
    ),
    Entity("mining_rig_poll_duration_seconds", "Poll duration", diagnostic=True, on=False),
    Entity("mining_hashboard_hashrate_hashes_per_second", "Hashboard {board} hashrate", icon=METER),
    Entity("mining_hashboard_temperature_celsius", "Hashboard {board} {sensor} temperature"),
    Entity("mining_hashboard_chips", "Hashboard {board} chips", diagnostic=True, on=False, icon="mdi:chip"),
    Entity(
        "mining_hashboard_hardware_errors_total",
        "Hashboard {board} hardware errors",
        diagnostic=True,
        on=False,
        icon="mdi:chip",
    ),
    Entity("mining_hashboard_frequency_hertz", "Hashboard {board} frequency", diagnostic=True, on=False),
    Entity("mining_hashboard_voltage_volts", "Hashboard {board} voltage", diagnostic=True, on=False),
    Entity("mining_fan_speed_rpm", "Fan {fan} speed", icon="mdi:fan"),
    Entity("mining_rig_pool_active", "Pool {slot} active", Flag.RUNNING),
    Entity("mining_rig_pool_alive", "Pool {slot} reachable", Flag.CONNECTIVITY, diagnostic=True, on=False),
    Entity(
        "mining_rig_curtail_advised",
        "Curtailment advised",
        Flag.PLAIN,
        icon="mdi:transmission-tower-off",
        id_name="Curtailing advised",
    ),
    Entity("mining_rig_revenue_fiat_per_day", "Revenue per day", icon=CASH),
    Entity("mining_rig_power_cost_fiat_per_day", "Power cost per day", icon=CASH),
    Entity("mining_rig_margin_fiat_per_day", "Margin per day", icon=CASH),
    Entity("mining_rig_revenue_satoshis_total", "Revenue in satoshis", icon=COINS),
    Entity("mining_rig_revenue_fiat_total", "Revenue"),
    Entity("mining_rig_power_cost_fiat_total", "Power cost"),
    Entity("mining_rig_power_credit_fiat_total", "Power credit", on=False),
    Entity("mining_rig_revenue_satoshis_per_day", "Revenue per day in satoshis", on=False, icon=COINS),
    Entity("mining_rig_revenue_fiat_per_mwh", "Revenue per MWh", on=False, icon=CASH),
    Entity("mining_rig_power_cost_fiat_per_btc", "Power cost per bitcoin", on=False, icon=CASH),
    Entity("mining_rig_power_price_fiat_per_kwh", "Power price", on=False, icon=CASH),
    Entity("mining_rig_breakeven_power_price_fiat_per_kwh", "Breakeven power price", on=False, icon=CASH),
    Entity("mining_rig_strike_price_fiat_per_kwh", "Strike price", on=False, icon=CASH),
    Entity("mining_rig_hashcost_fiat_per_ph_day", "Hashcost", on=False, icon=CASH),
    Entity("mining_rig_breakeven_hashprice_fiat_per_ph_day", "Breakeven hashprice", on=False, icon=CASH),
    Entity("mining_rig_breakeven_efficiency_joules_per_terahash", "Breakeven efficiency", on=False, icon="mdi:leaf"),
    Entity("mining_rig_gross_margin_ratio", "Gross margin", on=False, icon="mdi:percent-outline"),
    Entity("mining_rig_payback_seconds", "Payback time", Shape.DAYS, on=False, id_name="Payback"),
)
"""Entities of a rig, in order of importance."""

SITE: Final = (
    Entity("mining_site_hashrate_hashes_per_second", "Hashrate {algorithm}", icon=METER),
    Entity(
        "mining_site_nameplate_hashes_per_second",
        "Nameplate hashrate {algorithm}",
        diagnostic=True,
        on=False,
        icon=METER,
    ),
    Entity("mining_site_power_watts", "Power"),
    Entity("mining_site_energy_joules_total", "Energy"),
    Entity(
        "mining_site_coverage_ratio",
        "Share of rigs in totals",
        diagnostic=True,
        icon="mdi:percent-outline",
        id_name="Coverage",
    ),
    Entity("mining_site_rigs", "Rigs {state}", icon="mdi:server"),
    Entity("mining_site_revenue_fiat_per_day", "Revenue per day", icon=CASH),
    Entity("mining_site_power_cost_fiat_per_day", "Power cost per day", icon=CASH),
    Entity("mining_site_margin_fiat_per_day", "Margin per day", icon=CASH),
    Entity("mining_site_revenue_satoshis_per_day", "Revenue per day in satoshis", icon=COINS),
    Entity("mining_site_power_price_fiat_per_kwh", "Average power price", icon=CASH),
    Entity("mining_site_gross_margin_ratio", "Gross margin", icon="mdi:percent-outline"),
    Entity("mining_site_metered_power_watts", "Metered power", on=False),
    Entity("mining_site_metered_efficiency_joules_per_terahash", "Metered efficiency", icon="mdi:leaf"),
    Entity("mining_site_margin_fiat_per_mwh", "Margin per MWh", on=False, icon=CASH),
    Entity("mining_site_revenue_fiat_per_eh_day", "Revenue per EH/s", on=False, icon=CASH),
    Entity("mining_site_gross_profit_fiat_per_eh_day", "Gross profit per EH/s", on=False, icon=CASH),
    Entity(
        "mining_site_hosting_opportunity_fiat_per_mw_year",
        "Hosting price minus mining margin",
        on=False,
        icon=CASH,
        id_name="Hosting over mining",
    ),
    Entity(
        "mining_site_hosting_breakeven_hashprice_fiat_per_ph_day", "Hosting breakeven hashprice", on=False, icon=CASH
    ),
    Entity(
        "mining_site_money_coverage_ratio",
        "Coverage of {quantity}",
        diagnostic=True,
        on=False,
        icon="mdi:percent-outline",
    ),
    Entity("mining_tariff_price_fiat_per_kwh", "Power price {tariff} {kind}", icon=CASH),
    Entity("mining_tariff_price_stale", "Power price {tariff} stale", Flag.PROBLEM, diagnostic=True),
    Entity("mining_tariff_power_watts", "Load {tariff}", on=False),
    Entity("mining_tariff_peak_power_watts", "Peak load {tariff}", on=False),
    Entity("mining_tariff_demand_charge_fiat", "Demand charge {tariff}", on=False, icon=CASH),
    Entity("mining_btc_price", "Bitcoin price", Shape.PRICE, icon=COINS),
    Entity("mining_hashprice_fiat_per_ph_day", "Hashprice", icon=CASH),
    Entity("mining_hashprice_sats_per_th_day", "Hashprice in satoshis", on=False, icon=COINS),
    Entity("mining_hashprice_btc_per_ph_day", "Hashprice in bitcoin", on=False, icon=COINS),
    Entity(
        "mining_hashprice_change_ratio",
        "Hashprice change over {days} days",
        on=False,
        icon="mdi:percent-outline",
        id_name="Hashprice change {days} d",
    ),
    Entity("mining_network_hashrate_implied_hashes_per_second", "Network hashrate", Shape.EXAHASHES, icon=METER),
    Entity("mining_network_difficulty", "Difficulty", on=False, icon="mdi:pickaxe"),
    Entity("mining_network_height", "Block height", on=False, icon="mdi:cube-outline"),
    Entity("mining_difficulty_adjustment_ratio", "Next difficulty adjustment", icon="mdi:percent-outline"),
    Entity("mining_difficulty_adjustment_due_timestamp_seconds", "Next difficulty adjustment due"),
    Entity("mining_halving_remaining_blocks", "Blocks until halving", on=False, icon="mdi:cube-outline"),
)
"""Entities of the site: totals, money, tariffs and market."""
