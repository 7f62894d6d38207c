"""Tests the shipped dashboards: generated files are current, all metrics exist, and links have valid targets."""

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
from stratoscope_dashboards.catalogue import MetricCatalogue
from stratoscope_dashboards.mappings import STATE_COLOURS
from stratoscope_dashboards.thresholds import threshold_steps

RULES = ROOT / "deploy/prometheus/rules"
each_dashboard = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


@pytest.fixture(scope="module")
def catalogue():
    return MetricCatalogue()


def test_dashboard_files_match_the_metric_table():
    generated = {name: text for name, text in scripts_docs().pages().items() if name.startswith("grafana/")}
    assert {ROOT / name for name in generated} == set(FILES)
    assert {file.stem for file in FILES} == set(DASHBOARDS)
    for name, text in generated.items():
        assert (ROOT / name).read_text("utf-8") == text, f"{name}: run `make docs`"


@each_dashboard
def test_queries_use_only_known_metrics(file, catalogue):
    for panel, target in queries(file):
        for selector, _ in selectors(with_values(target["expr"])):
            assert selector.name in catalogue, f"{panel['title']} uses {selector.name}"


def test_unknown_metric_or_label_is_rejected(catalogue):
    with pytest.raises(KeyError, match="neither in the metric table"):
        catalogue.select("mining_rig_hashrates")
    with pytest.raises(KeyError, match="has no label hashboard"):
        catalogue.select("mining_hashboard_chips", 'hashboard="0"')


@each_dashboard
def test_descriptions_end_with_the_help_of_the_metric(file, catalogue):
    for panel in panels(file):
        name = next(name for name in re.findall(r"([a-z_][a-z_:0-9]*): ", panel["description"]) if name in catalogue)
        assert panel["description"].endswith(f"{name}: {catalogue[name].help}"), panel["title"]


def test_levels_become_thresholds_in_ascending_order():
    def colours(levels):
        return [(step.value, step.color) for step in threshold_steps(levels).build().steps]

    assert colours(Levels(attention=85, bad=95)) == [(None, "green"), (85, "orange"), (95, "red")]
    assert colours(Levels(attention=0.95, bad=0.8, falling=True)) == [(None, "red"), (0.8, "orange"), (0.95, "green")]
    assert colours(Levels(bad=1, falling=True)) == [(None, "red"), (1, "green")]
    assert colours(Levels(attention=1)) == [(None, "green"), (1, "orange")]
    assert colours(None) == [(None, "text")]


def test_every_state_has_a_colour():
    assert set(STATE_COLOURS) == set(STATES)


@each_dashboard
def test_panels_do_not_overlap_and_have_unique_ids(file):
    taken, ids = {}, []
    for panel in dashboard(file)["panels"]:
        ids += [nested["id"] for nested in (panel, *panel.get("panels", ()))]
        position = panel["gridPos"]
        assert position["x"] + position["w"] <= 24
        for x in range(position["x"], position["x"] + position["w"]):
            for y in range(position["y"], position["y"] + position["h"]):
                assert (x, y) not in taken, f"{panel['title']} overlaps {taken.get((x, y))}"
                taken[x, y] = panel["title"]
    assert len(set(ids)) == len(ids)


@each_dashboard
def test_variables_are_defined_and_used(file):
    text = (FOLDER / file.name).read_text("utf-8")
    defined = set(variables(file))
    for name in defined - {"datasource"}:
        assert re.search(rf"\${name}\b", text), f"{name} is not used"
    used = set(re.findall(r"\$(?!__)([a-z]+)\b", text)) | set(re.findall(r"\$\{(?!__)([a-z]+)", text))
    assert used <= defined


def links(file):
    for panel in panels(file):
        defaults, overrides = panel["fieldConfig"]["defaults"], panel["fieldConfig"]["overrides"]
        yield from defaults.get("links", ())
        for override in overrides:
            yield from (
                link for change in override["properties"] if change["id"] == "links" for link in change["value"]
            )


def test_links_point_to_existing_dashboards_and_variables():
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
            variable_names = {name.removeprefix("var-") for name, _ in parse_qsl(url.query) if name.startswith("var-")}
            assert variable_names <= set(variables(target)), link["url"]
            seen.add((file.stem, target.stem))
    assert ("fleet", "rig") in seen
    assert ("economics", "fleet") in seen


@each_dashboard
def test_dashboards_link_to_each_other_and_keep_the_time_range(file):
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


def test_recording_rules_for_dashboards_are_used():
    used = {s.name for file in FILES for _, target in queries(file) for s, _ in selectors(with_values(target["expr"]))}
    used |= {selector.name for _, rule in rules() for selector, _ in selectors(rule["expr"])}
    recorded = {rule["record"] for stem, rule in rules() if stem == "dashboards"}
    assert len(recorded) > 10
    assert recorded <= used, f"unused: {recorded - used}"


def test_recording_rules_for_dashboards_have_promtool_tests():
    tested = (ROOT / "deploy/prometheus/tests/dashboards.yml").read_text()
    for stem, rule in rules():
        if stem == "dashboards":
            assert f"expr: '{rule['record']}'" in tested, rule["record"]
