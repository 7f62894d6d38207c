"""Checks that every metric the papers and rules name is a row of the metric table."""

import re
from pathlib import Path

import pytest

from stratoscope.metrics import TABLE, WHOLE, Kind

ROOT = Path(__file__).resolve().parents[3]
KNOWN = {
    metric.series + end
    for family in (*TABLE, *WHOLE)
    for metric in family.metrics
    for end in ("", *(("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ()))
}
PAPERS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").rglob("*.yml")])
LABELS = {metric.series: {"rig", *family.labels} for family in TABLE for metric in family.metrics}


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_every_metric_in_the_papers_exists(paper):
    text = re.sub(r"\b[a-z]+:[\w:]+", "", paper.read_text())  # names of recording rules; test_watchers.py knows those
    named = set(re.findall(r"\bmining_[a-z_]+[a-z]\b", text))
    assert named <= KNOWN, f"{paper.name}: {named - KNOWN}"


def test_every_label_in_the_queries_exists():
    text = (ROOT / "docs/prometheus.md").read_text()
    for metric, labels in re.findall(r"\b(mining_[a-z_]+)\{([a-z_]+)", text):
        assert labels in LABELS[metric], f"{metric}{{{labels}}}"
    for labels in re.findall(r"group_left \(([^)]+)\) mining_rig_info", text):
        assert {label.strip() for label in labels.split(",")} <= LABELS["mining_rig_info"]
