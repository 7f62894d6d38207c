"""The sections `tariffs` and `economics`: every key becomes an exact term."""

from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from stratoscope.app.money_service import terms_of
from stratoscope.app.run import restart_only
from stratoscope.config import Config, load
from stratoscope.economics.terms import HashratePrice, RigCost
from stratoscope.market.curtailment import AdvicePolicy
from stratoscope.market.tariff import Adders, ExternalPrice, PowerBlock
from stratoscope.units import GH

WHOLE = """
tariffs:
  default:
    timezone: America/Chicago
    energy:
      type: zones
      price: 45.5
      unit: MWh
      zones: [{months: Jun-Sep, days: Mon-Fri, hours: "15-19", price: 110}]
    adders: {per_kwh: 0.012, markup_ratio: 0.0825, loss_ratio: 0.02}
    block: {mw: 1.5, price: 38}
    fixed: {per_month: 1200, demand_per_kw_month: 6.5, cp_per_kw_year: 67}
    curtailment: {credit_per_kwh: 0.005, event_source: {kind: http, url: "https://grid.example/dr?k=1", path: on}}
    overhead_ratio: 1.08
  spot:
    energy:
      type: external
      price: -0.01
      source: {kind: file, file: price.json, path: data.0.p, time_path: t, unit: MWh, max_age: 5m, fallback: last}
economics:
  currency: eur
  pool_fee: 0.02
  firmware_fee: 0.01
  overhead_ratio: 1.04
  capex: [{model: S21, price: 3400}, {price: 900}]
  hosting_per_kw_month: 121
  algorithms: {scrypt: {price: 0.9, per: gh}}
  curtailment: {strike: 0.07, window: 15m, off_after: 1, on_after: 3, min_off: 20m, high_strike: 0.5, margin: 0.05}
  rig_days: true
"""


def test_tariffs_and_economics_become_exact_terms(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(WHOLE)
    own = terms_of(load(tmp_path / "c.yaml", {}))
    assert own is not None
    assert (own.currency, own.hosting_per_kw_month, own.strike, own.margin, own.rig_days) == (
        "EUR",
        121.0,
        0.07,
        0.05,
        True,
    )
    assert own.fee == pytest.approx(1 - 0.98 * 0.99)
    assert own.capex == (RigCost(3400.0, "S21"), RigCost(900.0))
    assert own.algorithms == {"scrypt": HashratePrice(0.9, GH)}
    assert own.policy == AdvicePolicy(window=900.0, off_after=1, on_after=3, min_off=1200.0, high_strike=0.5)
    default, spot = own.tariffs["default"].tariff, own.tariffs["spot"].tariff
    assert default.price == Decimal("0.0455")
    assert default.zones[0].price == Decimal("0.110")
    assert default.adders == Adders(
        per_kwh=Decimal("0.012"), markup_ratio=Decimal("0.0825"), loss_ratio=Decimal("0.02")
    )
    assert default.block == PowerBlock(Decimal(1_500_000), Decimal("0.038"))
    assert (default.timezone, default.overhead_ratio) == (ZoneInfo("America/Chicago"), Decimal("1.08"))
    assert (default.per_month, default.credit_per_kwh) == (Decimal(1200), Decimal("0.005"))
    assert own.tariffs["default"].demand_per_kw_month == Decimal("6.5")
    call = own.tariffs["default"].call
    assert call is not None
    assert (call.url, call.path, own.tariffs["default"].call_max_age) == ("https://grid.example/dr?k=1", ("on",), 1200)
    assert own.tariffs["default"].cp_per_kw_year == Decimal(67)
    assert own.tariffs["default"].cp_months == frozenset({6, 7, 8, 9})
    assert own.tariffs["spot"].call is None
    assert spot.external == ExternalPrice(300.0, "last")
    assert (spot.price, spot.overhead_ratio) == (Decimal("-0.01"), Decimal("1.04"))
    feed = own.tariffs["spot"].feed
    assert feed is not None
    assert (feed.file, feed.path, feed.time_path, feed.factor) == (
        tmp_path / "price.json",
        ("data", "0", "p"),
        ("t",),
        Decimal("0.001"),
    )


def test_money_is_calculated_only_if_it_is_configured(tmp_path: Path) -> None:
    assert terms_of(Config()) is None
    assert terms_of(Config.model_validate({"economics": {"pool_fee": 0.02}})) is None
    of_market = terms_of(Config.model_validate({"market": {"currency": "GBP", "price_max_age": "5m"}}))
    assert of_market is not None
    assert (of_market.currency, of_market.price_max_age, of_market.tariffs) == ("GBP", 300.0, {})
    of_tariff = terms_of(Config.model_validate({"tariffs": {"default": {"energy": {"price": 0.05}}}}))
    assert of_tariff is not None
    assert of_tariff.currency == "USD"


def test_only_a_change_of_currency_or_of_calculating_money_requires_a_restart() -> None:
    def config(price: float, currency: str = "USD") -> Config:
        return Config.model_validate(
            {"tariffs": {"default": {"energy": {"price": price}}}, "economics": {"currency": currency}}
        )

    assert restart_only(config(0.05), config(0.06)) == []
    assert restart_only(config(0.05), config(0.05, "EUR")) == ["economics"]
    assert restart_only(Config(), config(0.05)) == ["economics"]


HEADERS = """
tariffs:
  default:
    energy:
      type: external
      price: 1
      source: {kind: http, url: "https://grid.example/p", headers: {X-Api-Key: KEY, X-Site: "env:SITE"}}
"""


def test_headers_are_references_to_secrets(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(HEADERS.replace("KEY", '"env:GRID_KEY"'))
    loaded = load(path, {"GRID_KEY": "geheim", "SITE": "north"})
    source = loaded.tariffs["default"].energy.source
    assert source is not None
    assert source.feed().headers == (("X-Api-Key", "geheim"), ("X-Site", "north"))
    assert "geheim" not in repr(loaded) + repr(source.feed())
    assert "X-Api-Key" not in " ".join(loaded.warnings)

    path.write_text(HEADERS.replace("KEY", "geheim"))
    (warning,) = (one for one in load(path, {"SITE": "north"}).warnings if "X-Api-Key" in one)
    assert warning.startswith(f"{path}:7: tariffs.default.energy.source.headers.X-Api-Key is a secret in plain text")
