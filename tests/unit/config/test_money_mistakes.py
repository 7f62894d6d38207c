"""The sections `tariffs` and `economics`: every mistake is reported with its remedy, without secrets."""

from pathlib import Path

import pytest

from stratoscope.config import InvalidConfig, load

TARIFF = "tariffs:\n  night:\n    "
MISTAKES = {
    "a missing fixed price": (
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
        "3: tariffs.night.energy is of type zones and has no zones: add `zones:`, or write `type: fixed`",
    ),
    "no source": (
        TARIFF + "energy: {type: external, price: 1}",
        "3: tariffs.night.energy is of type external and has no source: add `source:`",
    ),
    "a source that is not used": (
        TARIFF + "energy: {price: 1, source: {kind: file, file: p}}",
        "3: tariffs.night.energy is of type fixed and has a source: write `type: external`",
    ),
    "a missing fallback": (
        TARIFF + "energy: {type: external, source: {kind: file, file: p}}",
        (
            "3: tariffs.night.energy has a source with `fallback: default` but no default price: add `price:`, or "
            "set `fallback: last` or `none`"
        ),
    ),
    "a file without a path": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: file}}",
        "3: tariffs.night.energy.source is of kind file and has no file: add `file:`",
    ),
    "a file with a url": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: file, file: p, url: 'https://a.example'}}",
        "3: tariffs.night.energy.source is of kind file and also has a url: remove `url:`",
    ),
    "http to another machine": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: http, url: 'http://192.0.2.1/p?key=geheim'}}",
        (
            "3: tariffs.night.energy.source has an unusable url: http lets anyone on the network path change the "
            "figures: write https, or add allow_http: true"
        ),
    ),
    "a login in the url": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: http, url: 'https://me:geheim@a.example/p'}}",
        "3: tariffs.night.energy.source has an unusable url: it contains a login: remove it",
    ),
    "a header that the agent sets": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: http, url: 'https://a.example', "
        "headers: {User-Agent: geheim}}}",
        "3: tariffs.night.energy.source has an unusable header: User-Agent is set by the agent: remove it",
    ),
    "a header with a line break": (
        TARIFF + 'energy: {type: external, price: 1, source: {kind: http, url: "https://a.example", '
        'headers: {X-Api-Key: "geheim\\r\\nX: y"}}}',
        (
            "3: tariffs.night.energy.source has an unusable header: the value of X-Api-Key must be printable ASCII, "
            "at most 4096 characters"
        ),
    ),
    "a header with an invalid name": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: http, url: 'https://a.example', "
        "headers: {'X Key:': geheim}}}",
        (
            "3: tariffs.night.energy.source has an unusable header: the name of a header has letters, digits and "
            "dashes only, as X-Api-Key"
        ),
    ),
    "headers for a file": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: file, file: p, headers: {X-Api-Key: geheim}}}",
        "3: tariffs.night.energy.source is of kind file and has headers, which only kind http sends: remove them",
    ),
    "a key that is not set": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: http, url: 'https://a.example', "
        "headers: {X-Api-Key: 'env:GRID_KEY'}}}",
        (
            "3: tariffs.night.energy.source.headers.X-Api-Key refers to environment variable GRID_KEY, which is not "
            "set: set it in the environment of the agent"
        ),
    ),
    "too short a max_age": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: file, file: p, interval: 60, max_age: 90}}",
        (
            "3: tariffs.night.energy.source has max_age 90 s, less than two intervals of 60 s: a figure would expire "
            "before the next one arrives"
        ),
    ),
    "an empty step in the path": (
        TARIFF + "energy: {type: external, price: 1, source: {kind: file, file: p, path: a..b}}",
        (
            "3: tariffs.night.energy.source.path is wrong: a step of the path is empty: write keys and list indexes "
            "joined by dots, as data.0.price"
        ),
    ),
    "an invalid price": (
        TARIFF + "energy: {price: cheap}",
        '3: tariffs.night.energy.price is "cheap", it must be a number',
    ),
    "a price that is NaN": (
        TARIFF + "energy: {price: .nan}",
        "3: tariffs.night.energy.price is nan, it must be -1000000 to 1000000",
    ),
    "an invalid time zone": (
        TARIFF + "{timezone: Chicago, energy: {price: 1}}",
        "3: tariffs.night.timezone is wrong: 'Chicago' is no IANA time zone: write one such as America/Chicago or UTC",
    ),
    "invalid hours": (
        TARIFF + "energy: {type: zones, zones: [{price: 1, hours: 15}]}",
        "3: tariffs.night.energy.zones[0].hours is 15, it must be text: put it in quotes",
    ),
    "invalid months": (
        TARIFF + "energy: {type: zones, zones: [{price: 1, months: Juno}]}",
        "3: tariffs.night.energy.zones[0].months is wrong: 'Juno' is not a month such as Jun-Sep",
    ),
    "tax in per cent": (
        TARIFF + "{energy: {price: 1}, adders: {markup_ratio: 8.25}}",
        "3: tariffs.night.adders.markup_ratio is 8.25, it must be 0 to 2: 0.0825 is 8.25 %",
    ),
    "an overhead below one": (
        TARIFF + "{energy: {price: 1}, overhead_ratio: 0.04}",
        "3: tariffs.night.overhead_ratio is 0.04, it must be 1 to 3",
    ),
    "a fee in per cent": (
        "economics:\n  pool_fee: 2\n",
        "2: economics.pool_fee is 2, it must be 0 to 0.5: 0.02 is 2 %",
    ),
    "an invalid currency": (
        "economics:\n  currency: dollars\n",
        '2: economics.currency is "dollars", it must be the code of a currency such as USD or EUR',
    ),
    "two currencies": (
        "market: {currency: EUR}\neconomics:\n  currency: USD\n",
        (
            "3: economics.currency is USD and market.currency is EUR: there can be only one currency, remove one of "
            "the two keys"
        ),
    ),
    "bitcoin as another algorithm": (
        "economics:\n  algorithms: {sha256: {price: 1, per: TH}}\n",
        "2: economics.algorithms.sha256 is Bitcoin's algorithm, whose price is the market's hashprice: remove it",
    ),
    "an unknown algorithm": (
        "economics:\n  algorithms: {script: {price: 1, per: GH}}\n",
        "2: economics.algorithms.script is not an algorithm that can have a price: did you mean scrypt?",
    ),
    "an invalid unit": (
        "economics:\n  algorithms: {scrypt: {price: 1, per: GHz}}\n",
        '2: economics.algorithms.scrypt.per is "GHz", it must be a unit of hashrate: H, KH, MH, GH, TH, PH, EH',
    ),
    "an invalid strike price": (
        "economics:\n  curtailment: {strike: never}\n",
        '2: economics.curtailment.strike is "never", it must be a number',
    ),
    "a group without a tariff": (
        "tariffs:\n  night: {energy: {price: 1}}\nrigs:\n  - {address: 10.0.0.1, tariff_group: nigth}\n",
        '4: tariff_group "nigth" is not in tariffs: did you mean night?',
    ),
    "a range without a tariff": (
        "tariffs:\n  night: {energy: {price: 1}}\nrigs:\n  - {cidr: 10.0.0.0/30, tariff_group: day}\n",
        '4: tariff_group "day" is not in tariffs: choose one of night',
    ),
}


@pytest.mark.parametrize(("text", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_reported_with_its_remedy_and_without_secrets(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(InvalidConfig) as caught:
        load(path, {})
    assert caught.value.problems == (f"{path}:{sentence}",)
    assert "geheim" not in str(caught.value)
