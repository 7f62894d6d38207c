"""Defines every unit once, as Prometheus, people, Grafana and Home Assistant write it."""

from enum import Enum


class Unit(Enum):
    """A base unit: Prometheus suffix, human and MQTT spelling, Grafana unit id, Home Assistant device class."""

    NONE = ("", "", "short", None)
    HASHES_PER_SECOND = ("hashes_per_second", "H/s", "Hs", None)  # Grafana prints "H/s" unscaled; its own id is Hs
    HASHES = ("hashes", "H", "short", None)
    JOULES_PER_TERAHASH = ("joules_per_terahash", "J/TH", "suffix: J/TH", None)
    WATTS = ("watts", "W", "watt", "power")
    JOULES = ("joules", "J", "joule", "energy")
    CELSIUS = ("celsius", "°C", "celsius", "temperature")
    HERTZ = ("hertz", "Hz", "hertz", "frequency")
    VOLTS = ("volts", "V", "volt", "voltage")
    RPM = ("rpm", "rpm", "rotrpm", None)
    SECONDS = ("seconds", "s", "s", "duration")
    TIMESTAMP = ("timestamp_seconds", "s", "dateTimeFromNow", "timestamp")  # Grafana expects milliseconds
    BYTES = ("bytes", "B", "bytes", "data_size")
    RATIO = ("ratio", "", "percentunit", None)
    SATOSHIS = ("satoshis", "sat", "short", None)
    SATOSHIS_PER_DAY = ("satoshis_per_day", "sat/day", "short", None)
    SATOSHIS_PER_TH_DAY = ("sats_per_th_day", "sat/TH/day", "short", None)
    BTC_PER_PH_DAY = ("btc_per_ph_day", "BTC/PH/day", "short", None)
    FIAT = ("fiat", "fiat", "short", "monetary")  # the label `currency` has the currency
    FIAT_PER_DAY = ("fiat_per_day", "fiat/day", "short", None)
    FIAT_PER_KWH = ("fiat_per_kwh", "fiat/kWh", "short", None)
    FIAT_PER_MWH = ("fiat_per_mwh", "fiat/MWh", "short", None)
    FIAT_PER_BTC = ("fiat_per_btc", "fiat/BTC", "short", None)
    FIAT_PER_PH_DAY = ("fiat_per_ph_day", "fiat/PH/day", "short", None)
    FIAT_PER_EH_DAY = ("fiat_per_eh_day", "fiat/EH/day", "short", None)
    FIAT_PER_MW_YEAR = ("fiat_per_mw_year", "fiat/MW-year", "short", None)

    def __init__(self, suffix: str, symbol: str, grafana: str, device_class: str | None) -> None:
        self.suffix = suffix
        self.symbol = symbol
        self.grafana = grafana
        self.device_class = device_class
