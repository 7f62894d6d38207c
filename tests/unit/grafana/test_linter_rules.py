"""Tests the dashboards against the fifteen rules of Grafana's dashboard linter; each test has the name of its rule."""

import re

import promql_parser as promql
import pytest

from fakes.boards import FILES, dashboard, nodes, panels, queries, selectors, variables, with_values

UNITS = {
    "Hs",
    "watt",
    "joule",
    "celsius",
    "hertz",
    "volt",
    "rotrpm",
    "s",
    "dateTimeFromNow",
    "percentunit",
    "short",
    "none",
    "bytes",
    "cps",
    "cpm",
    "locale",
    "dateTimeAsIso",
}
"""Unit ids that Grafana knows; it prints an unknown id as text after the number."""
RATE_FUNCTIONS = {"rate", "irate", "increase"}
each_dashboard = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


@each_dashboard
def test_template_datasource(file):
    variable = variables(file)["datasource"]
    assert (variable["type"], variable["query"], variable["label"]) == ("datasource", "prometheus", "Data source")


@each_dashboard
@pytest.mark.parametrize("name", ["job", "instance"])
def test_template_job_and_instance(file, name):
    variable = variables(file)[name]
    assert variable["type"] == "query"
    assert variable["datasource"]["uid"] == "$datasource"
    assert variable["label"] == name.capitalize()
    assert variable["multi"] is True
    assert variable["allValue"] == ".+"


@each_dashboard
def test_template_label_promql(file):
    for variable in variables(file).values():
        if variable["type"] == "query":
            match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert match
            assert isinstance(promql.parse(with_values(match[1])), promql.VectorSelector)


@each_dashboard
def test_template_on_time_change_reload(file):
    assert {v["refresh"] for v in variables(file).values() if v["type"] == "query"} == {2}


@each_dashboard
def test_panel_datasource(file):
    for panel in panels(file):
        assert panel["datasource"] == {"type": "prometheus", "uid": "$datasource"}
    for _, target in queries(file):
        assert target["datasource"] == {"type": "prometheus", "uid": "$datasource"}


@each_dashboard
def test_panel_title_description(file):
    titles = [panel["title"] for panel in panels(file)]
    assert all(titles)
    assert all(panel["description"] for panel in panels(file))


@each_dashboard
def test_panel_units(file):
    for panel in panels(file):
        defaults, overrides = panel["fieldConfig"]["defaults"], panel["fieldConfig"]["overrides"]
        units = [defaults["unit"], *(p["value"] for o in overrides for p in o["properties"] if p["id"] == "unit")]
        for unit in units:
            assert unit in UNITS or unit.startswith(("suffix: ", "prefix: ")), f"{panel['title']}: {unit}"


@each_dashboard
def test_panel_no_targets(file):
    for panel in panels(file):
        assert panel["targets"], panel["title"]
        assert [target["refId"] for target in panel["targets"]] == [chr(65 + at) for at in range(len(panel["targets"]))]


@each_dashboard
def test_target_promql(file):
    for panel, target in queries(file):
        assert not re.search(r"\$[a-z_]", with_values(target["expr"])), panel["title"]
        promql.parse(with_values(target["expr"]))


@each_dashboard
def test_target_rate_interval(file):
    for panel, target in queries(file):
        for node, above in nodes(with_values(target["expr"])):
            if isinstance(node, promql.MatrixSelector):
                whole_range = above[-1].func.name == "increase" and node.range.total_seconds() == 11 * 3600
                assert node.range.total_seconds() == 7 * 60 or whole_range, f"{panel['title']}: fixed range"


@each_dashboard
def test_target_job_and_instance(file):
    """Recording rules aggregate over jobs and instances, so their series have a site matcher only."""
    for panel, target in queries(file):
        for selector, _ in selectors(with_values(target["expr"], job="JOB", instance="INSTANCE", site="SITE")):
            found = {matcher.name: matcher.value for matcher in selector.matchers.matchers}
            scope = {"site": "SITE"} if ":" in selector.name else {"job": "JOB", "instance": "INSTANCE", "site": "SITE"}
            assert scope.items() <= found.items(), panel["title"]


@each_dashboard
def test_target_counter_agg(file):
    for panel, target in queries(file):
        for selector, above in selectors(with_values(target["expr"])):
            if selector.name.endswith(("_total", "_bucket", "_sum", "_count")):
                assert any(isinstance(node, promql.Call) and node.func.name in RATE_FUNCTIONS for node in above), panel[
                    "title"
                ]


@each_dashboard
def test_uneditable_dashboard(file):
    assert dashboard(file)["editable"] is False
