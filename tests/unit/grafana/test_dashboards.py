"""Proves that the shipped dashboards are the generated ones, name only what exists, and lead where they say."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from ruamel.yaml import YAML

from fakes.boards import (
    FILES,
    FOLDER,
    ROOT,
    dashboard,
    panels,
    queries,
    scripts_docs,
    selectors,
    variables,
    with_values,
)
from stratoscope.fleet import STATES
from stratoscope.metrics.metric import Levels
from stratoscope_dashboards import DASHBOARDS
from stratoscope_dashboards.catalogue import Catalogue
from stratoscope_dashboards.panels import steps
from stratoscope_dashboards.states import COLOURS

RULES = ROOT / "deploy/prometheus/rules"
each = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


@pytest.fixture(scope="module")
def book():
    return Catalogue(scripts_docs().own_metrics())


def test_the_files_are_those_that_the_table_gives():
    made = {name: text for name, text in scripts_docs().pages().items() if name.startswith("grafana/")}
    assert {ROOT / name for name in made} == set(FILES)
    assert {file.stem for file in FILES} == set(DASHBOARDS)
    for name, text in made.items():
        assert (ROOT / name).read_text("utf-8") == text, f"{name}: run `make docs`"


@each
def test_every_metric_is_in_the_table_or_recorded_from_it(file, book):
    for panel, target in queries(file):
        for selector, _ in selectors(with_values(target["expr"])):
            assert selector.name in book, f"{panel['title']} names {selector.name}"


def test_a_metric_that_does_not_exist_cannot_be_named(book):
    with pytest.raises(KeyError, match="neither in the metric table"):
        book.select("mining_rig_hashrates")
    with pytest.raises(KeyError, match="has no label hashboard"):
        book.select("mining_hashboard_chips", 'hashboard="0"')


@each
def test_unit_and_description_come_from_the_table(file, book):
    for panel in panels(file):
        name = next(name for name in re.findall(r"([a-z_][a-z_:0-9]*): ", panel["description"]) if name in book)
        assert panel["description"].endswith(f"{name}: {book[name].help}"), panel["title"]


def test_levels_become_colours_in_the_order_of_their_values():
    def colours(levels):
        return [(step.value, step.color) for step in steps(levels).build().steps]

    assert colours(Levels(attention=85, bad=95)) == [(None, "green"), (85, "orange"), (95, "red")]
    assert colours(Levels(attention=0.95, bad=0.8, falling=True)) == [(None, "red"), (0.8, "orange"), (0.95, "green")]
    assert colours(Levels(bad=1, falling=True)) == [(None, "red"), (1, "green")]
    assert colours(Levels(attention=1)) == [(None, "green"), (1, "orange")]
    assert colours(None) == [(None, "text")]


def test_every_state_has_a_colour():
    assert set(COLOURS) == set(STATES)


@each
def test_panels_lie_side_by_side_on_the_grid_and_have_ids_of_their_own(file):
    taken, ids = {}, []
    for panel in dashboard(file)["panels"]:
        for one in (panel, *panel.get("panels", ())):
            ids += [one["id"]]
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies on {taken.get((x, y))}"
                taken[x, y] = panel["title"]
    assert len(set(ids)) == len(ids)


@each
def test_every_variable_is_used_and_every_used_one_exists(file):
    text = (FOLDER / file.name).read_text("utf-8")
    own = set(variables(file))
    for name in own - {"datasource"}:
        assert re.search(rf"\${name}\b", text), f"nothing asks for {name}"
    used = set(re.findall(r"\$(?!__)([a-z]+)\b", text)) | set(re.findall(r"\$\{(?!__)([a-z]+)", text))
    assert used <= own


def links(file):
    for panel in panels(file):
        defaults, overrides = panel["fieldConfig"]["defaults"], panel["fieldConfig"]["overrides"]
        yield from defaults.get("links", ())
        for override in overrides:
            yield from (
                link for change in override["properties"] if change["id"] == "links" for link in change["value"]
            )


def test_links_lead_to_dashboards_and_set_variables_that_these_have():
    by_uid = {dashboard(file)["uid"]: file for file in FILES}
    seen = set()
    for file in FILES:
        for link in links(file):
            url = urlsplit(
                link["url"]
                .replace("${datasource:queryparam}", "var-datasource=x")
                .replace("${__url_time_range}", "from=x")
            )
            target = by_uid[url.path.removeprefix("/d/")]
            asked = {name.removeprefix("var-") for name, _ in parse_qsl(url.query) if name.startswith("var-")}
            assert asked <= set(variables(target)), link["url"]
            seen.add((file.stem, target.stem))
    assert ("fleet", "rig") in seen
    assert ("economics", "fleet") in seen


@each
def test_every_dashboard_links_to_all_others_and_keeps_the_time(file):
    (link,) = dashboard(file)["links"]
    assert (link["type"], link["tags"], link["keepTime"], link["includeVars"]) == (
        "dashboards",
        ["stratoscope"],
        True,
        True,
    )
    assert "stratoscope" in dashboard(file)["tags"]


def rules():
    for file in RULES.glob("*.yml"):
        for group in YAML(typ="safe").load(file.read_text())["groups"]:
            yield from ((file.stem, rule) for rule in group["rules"])


def test_what_is_recorded_for_dashboards_is_used():
    used = {s.name for file in FILES for _, target in queries(file) for s, _ in selectors(with_values(target["expr"]))}
    used |= {selector.name for _, rule in rules() for selector, _ in selectors(rule["expr"])}
    recorded = {rule["record"] for stem, rule in rules() if stem == "dashboards"}
    assert len(recorded) > 10
    assert recorded <= used, f"nobody reads {recorded - used}"


def test_what_is_recorded_for_dashboards_has_a_test_by_promtool():
    tested = (ROOT / "deploy/prometheus/tests/dashboards.yml").read_text()
    for stem, rule in rules():
        if stem == "dashboards":
            assert f"expr: '{rule['record']}'" in tested, rule["record"]
