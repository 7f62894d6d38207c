"""Tests that docs and rules name only metrics and labels of the metric table."""

import re
from pathlib import Path

import pytest

from stratoscope.metrics import TABLE, WHOLE, MetricKind

ROOT = Path(__file__).resolve().parents[3]
KNOWN = {
    metric.series + suffix
    for family in (*TABLE, *WHOLE)
    for metric in family.metrics
    for suffix in ("", *(("_bucket", "_sum", "_count") if metric.kind is MetricKind.HISTOGRAM else ()))
}
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").rglob("*.yml")])
LABELS = {metric.series: {"rig", *family.labels} for family in TABLE for metric in family.metrics}


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_metrics_in_the_docs_exist(doc):
    text = re.sub(r"\b[a-z]+:[\w:]+", "", doc.read_text())  # test_monitoring_files.py checks recording rules
    named = set(re.findall(r"\bmining_[a-z_]+[a-z]\b", text))
    assert named <= KNOWN, f"{doc.name}: {named - KNOWN}"


def test_labels_in_the_queries_exist():
    text = (ROOT / "docs/prometheus.md").read_text()
    for metric, labels in re.findall(r"\b(mining_[a-z_]+)\{([a-z_]+)", text):
        assert labels in LABELS[metric], f"{metric}{{{labels}}}"
    for labels in re.findall(r"group_left \(([^)]+)\) mining_rig_info", text):
        assert {label.strip() for label in labels.split(",")} <= LABELS["mining_rig_info"]
