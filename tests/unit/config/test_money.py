"""The sections `tariffs` and `economics`: every mistake with its remedy, and what is right becomes exact terms."""

from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from stratoscope.app.money_service import terms_of
from stratoscope.app.run import restart_only
from stratoscope.config import Config, InvalidConfig, load
from stratoscope.economics.terms import Capex, Rate
from stratoscope.market.curtailment import Policy
from stratoscope.market.tariff import Adders, Block, External
from stratoscope.units import GH

TARIFF = "tariffs:\n  night:\n    "
MISTAKES = {
    "a fixed price that is missing": (
        TARIFF + "energy: {}",
        "3: tariffs.night.energy is of type fixed and has no price: add `price:`, in the site's currency per kWh",
    ),
    "no energy": (TARIFF + "timezone: UTC", "2: tariffs.night.energy is missing"),
    "zones under a fixed price": (
        TARIFF + "energy: {price: 1, zones: [{price: 2}]}",
        "3: tariffs.night.energy is of type fixed and has zones: write `type: zones`",
    ),
    "no zones": (
        TARIFF + "energy: {type: zones, price: 1}",
        "3: tariffs.night.energy is of type zones and has none: add `zones:`, or write `type: fixed`",
    ),
    "no source": (
        TARIFF + "energy: {type: external, price: 1}",
        "3: tariffs.night.energy is of type external and has no source: add `source:`",
    ),
    "a source that nobody asks": (
        TARIFF + "energy: {price: 1, source: {kind: file, file: p}}",
        "3: tariffs.night.energy is of type fixed and has a source: write `type: external`",
    ),
    "a fallback that is not there": (
        TARIFF + "energy: {type: external, source: {kind: file, file: p}}",
        (
            "3: tariffs.night.energy falls back to a default that is not there: add `price:`, or `fallback: last` or "
            "`none`"
        ),
    ),
    "a file without its path": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: file}}",
        "3: tariffs.night.energy.source is of kind file and names no file: add `file:`",
    ),
    "a file with a url": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: file, file: p, url: 'https://a.example'}}",
        "3: tariffs.night.energy.source is of kind file and names a url too: remove `url:`",
    ),
    "http on the way": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: http, url: 'http://192.0.2.1/p?key=geheim'}}",
        (
            "3: tariffs.night.energy.source has a url that cannot be used: http would let anyone on the way change the "
            "figures: write https, or add allow_http: true"
        ),
    ),
    "a login in the url": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: http, url: 'https://me:geheim@a.example/p'}}",
        "3: tariffs.night.energy.source has a url that cannot be used: it holds a login: remove it",
    ),
    "a header of the agent's own": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: http, url: 'https://a.example', "
        "headers: {User-Agent: geheim}}}",
        "3: tariffs.night.energy.source has a header that cannot be sent: User-Agent is not yours to set: remove it",
    ),
    "a header that would end the line": (
        TARIFF + 'energy: {type: external, price: 1, source: {kind: http, url: "https://a.example", '
        'headers: {X-Api-Key: "geheim\\r\\nX: y"}}}',
        (
            "3: tariffs.night.energy.source has a header that cannot be sent: the value of X-Api-Key must be printable "
            "ASCII, at most 4096 characters"
        ),
    ),
    "a header with a strange name": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: http, url: 'https://a.example', "
        "headers: {'X Key:': geheim}}}",
        (
            "3: tariffs.night.energy.source has a header that cannot be sent: a header's name is letters, digits and "
            "dashes, as X-Api-Key"
        ),
    ),
    "headers for a file": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: file, file: p, headers: {X-Api-Key: geheim}}}",
        "3: tariffs.night.energy.source is of kind file and has headers: remove them, they go with an http request",
    ),
    "a key that is not set": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: http, url: 'https://a.example', "
        "headers: {X-Api-Key: 'env:GRID_KEY'}}}",
        (
            "3: tariffs.night.energy.source.headers.X-Api-Key refers to environment variable GRID_KEY, which is not "
            "set: set it where the agent is started"
        ),
    ),
    "too young": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: file, file: p, interval: 60, max_age: 90}}",
        (
            "3: tariffs.night.energy.source has max_age 90 s, less than two intervals of 60 s: it would be "
            "too old before the next one comes"
        ),
    ),
    "a hole in the path": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: file, file: p, path: a..b}}",
        (
            "3: tariffs.night.energy.source.path is wrong: a step of the path is empty: write keys and list indexes "
            "with dots, as data.0.price"
        ),
    ),
    "a price that is none": (
        TARIFF + "energy: {price: cheap}",
        '3: tariffs.night.energy.price is "cheap", it must be a number',
    ),
    "a price of nothing known": (
        TARIFF + "energy: {price: .nan}",
        "3: tariffs.night.energy.price is nan, it must be -1000000 to 1000000",
    ),
    "a time zone that is none": (
        TARIFF + "{timezone: Chicago, energy: {price: 1}}",
        "3: tariffs.night.timezone is wrong: 'Chicago' is no IANA time zone: write one such as America/Chicago or UTC",
    ),
    "hours that are none": (
        TARIFF + "energy: {type: zones, zones: [{price: 1, hours: 15}]}",
        "3: tariffs.night.energy.zones[0].hours is 15, it must be text: put it in quotes",
    ),
    "months that are none": (
        TARIFF + "energy: {type: zones, zones: [{price: 1, months: Juno}]}",
        "3: tariffs.night.energy.zones[0].months is wrong: 'Juno' is not a month such as Jun-Sep",
    ),
    "tax in per cent": (
        TARIFF + "{energy: {price: 1}, adders: {markup_ratio: 8.25}}",
        "3: tariffs.night.adders.markup_ratio is 8.25, it must be 0 to 2 (0.0825 is 8.25 %)",
    ),
    "an overhead below one": (
        TARIFF + "{energy: {price: 1}, overhead_ratio: 0.04}",
        "3: tariffs.night.overhead_ratio is 0.04, it must be 1 to 3",
    ),
    "a fee in per cent": (
        "economics:\n  pool_fee: 2\n",
        "2: economics.pool_fee is 2, it must be 0 to 0.5 (0.02 is 2 %)",
    ),
    "a currency that is none": (
        "economics:\n  currency: dollars\n",
        '2: economics.currency is "dollars", it must be the code of a currency such as USD or EUR',
    ),
    "two currencies": (
        "market: {currency: EUR}\neconomics:\n  currency: USD\n",
        "3: economics.currency is USD and market.currency is EUR: money needs one currency, remove one of them",
    ),
    "bitcoin as another algorithm": (
        "economics:\n  algorithms: {sha256: {price: 1, per: TH}}\n",
        "2: economics.algorithms.sha256 is Bitcoin's algorithm, which earns by the market's hashprice: remove it",
    ),
    "an algorithm nobody reads": (
        "economics:\n  algorithms: {script: {price: 1, per: GH}}\n",
        "2: economics.algorithms.script is not an algorithm that can have a price: did you mean scrypt?",
    ),
    "a unit that is none": (
        "economics:\n  algorithms: {scrypt: {price: 1, per: GHz}}\n",
        '2: economics.algorithms.scrypt.per is "GHz", it must be a unit of hashrate: H, KH, MH, GH, TH, PH, EH',
    ),
    "a strike that is none": (
        "economics:\n  curtailment: {strike: never}\n",
        '2: economics.curtailment.strike is "never", it must be a number',
    ),
    "a group without a tariff": (
        "tariffs:\n  night: {energy: {price: 1}}\nrigs:\n  - {address: 10.0.0.1, tariff_group: nigth}\n",
        '4: tariff_group "nigth" is not in tariffs: did you mean night?',
    ),
    "a range without a tariff": (
        "tariffs:\n  night: {energy: {price: 1}}\nrigs:\n  - {cidr: 10.0.0.0/30, tariff_group: day}\n",
        '4: tariff_group "day" is not in tariffs: known here: night',
    ),
}


@pytest.mark.parametrize(("text", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_with_its_remedy_and_without_secrets(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(InvalidConfig) as caught:
        load(path, {})
    assert caught.value.problems == (f"{path}:{sentence}",)
    assert "geheim" not in str(caught.value)


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


def test_what_is_written_becomes_exact_terms(tmp_path: Path) -> None:
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
    assert own.capex == (Capex(3400.0, "S21"), Capex(900.0))
    assert own.algorithms == {"scrypt": Rate(0.9, GH)}
    assert own.policy == Policy(window=900.0, off_after=1, on_after=3, min_off=1200.0, high_strike=0.5)
    default, spot = own.tariffs["default"].tariff, own.tariffs["spot"].tariff
    assert default.price == Decimal("0.0455")
    assert default.zones[0].price == Decimal("0.110")
    assert default.adders == Adders(
        per_kwh=Decimal("0.012"), markup_ratio=Decimal("0.0825"), loss_ratio=Decimal("0.02")
    )
    assert default.block == Block(Decimal(1_500_000), Decimal("0.038"))
    assert (default.timezone, default.overhead_ratio) == (ZoneInfo("America/Chicago"), Decimal("1.08"))
    assert (default.per_month, default.credit_per_kwh) == (Decimal(1200), Decimal("0.005"))
    assert own.tariffs["default"].demand_per_kw_month == Decimal("6.5")
    call = own.tariffs["default"].call
    assert call is not None
    assert (call.url, call.path, own.tariffs["default"].call_max_age) == ("https://grid.example/dr?k=1", ("on",), 1200)
    assert own.tariffs["default"].cp_per_kw_year == Decimal(67)
    assert own.tariffs["default"].cp_months == frozenset({6, 7, 8, 9})
    assert own.tariffs["spot"].call is None
    assert spot.external == External(300.0, "last")
    assert (spot.price, spot.overhead_ratio) == (Decimal("-0.01"), Decimal("1.04"))
    feed = own.tariffs["spot"].feed
    assert feed is not None
    assert (feed.file, feed.path, feed.time_path, feed.factor) == (
        tmp_path / "price.json",
        ("data", "0", "p"),
        ("t",),
        Decimal("0.001"),
    )


def test_money_is_reckoned_only_where_something_was_said_about_it(tmp_path: Path) -> None:
    assert terms_of(Config()) is None
    assert terms_of(Config.model_validate({"economics": {"pool_fee": 0.02}})) is None
    of_market = terms_of(Config.model_validate({"market": {"currency": "GBP", "price_max_age": "5m"}}))
    assert of_market is not None
    assert (of_market.currency, of_market.price_max_age, of_market.tariffs) == ("GBP", 300.0, {})
    of_tariff = terms_of(Config.model_validate({"tariffs": {"default": {"energy": {"price": 0.05}}}}))
    assert of_tariff is not None
    assert of_tariff.currency == "USD"


def test_only_a_change_of_currency_or_of_having_money_at_all_needs_a_restart() -> None:
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


def test_headers_are_secrets_by_reference(tmp_path: Path) -> None:
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
    assert warning.startswith(f"{path}:7: tariffs.default.energy.source.headers.X-Api-Key is a secret written out")
