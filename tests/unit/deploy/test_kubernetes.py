"""Checks that the Kubernetes manifests are hardened like the compose file and consistent with each other."""

import subprocess
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[3]
OBJECTS = {
    document["kind"]: document
    for document in YAML(typ="safe").load_all((ROOT / "deploy/kubernetes/stratoscope.yaml").read_text())
}
POD = OBJECTS["StatefulSet"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


def test_the_pod_has_no_privileges_and_a_memory_limit():
    assert POD["automountServiceAccountToken"] is False
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["runAsUser"] == 65532
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert "hostNetwork" not in POD
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert CONTAINER["resources"]["limits"]["memory"]


def test_two_agents_never_share_the_state_volume():
    assert {"Deployment", "PersistentVolumeClaim"}.isdisjoint(OBJECTS)
    spec = OBJECTS["StatefulSet"]["spec"]
    assert spec["replicas"] == 1
    assert spec["serviceName"] == OBJECTS["Service"]["metadata"]["name"]
    assert spec["volumeClaimTemplates"][0]["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_only_prometheus_may_connect():
    spec = OBJECTS["NetworkPolicy"]["spec"]
    assert spec["podSelector"]["matchLabels"] == OBJECTS["StatefulSet"]["spec"]["selector"]["matchLabels"]
    (rule,) = spec["ingress"]
    assert rule["ports"] == [{"port": CONTAINER["ports"][0]["name"]}]
    assert rule["from"][0]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus"}


def test_the_service_monitor_matches_the_shipped_scrape_config():
    (monitor,) = YAML(typ="safe").load_all((ROOT / "deploy/kubernetes/prometheus-operator.yaml").read_text())
    spec, service = monitor["spec"], OBJECTS["Service"]
    shipped = YAML(typ="safe").load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    job = {one["job_name"]: one for one in shipped["scrape_configs"]}["stratoscope"]
    assert spec["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = spec["endpoints"]
    assert endpoint["port"] == service["spec"]["ports"][0]["name"]
    assert (endpoint["interval"], endpoint["scrapeTimeout"]) == tuple(
        shipped["global"][key] for key in ("scrape_interval", "scrape_timeout")
    )
    assert endpoint["honorLabels"] is job["honor_labels"]
    assert endpoint["followRedirects"] is job["follow_redirects"]
    names = {
        "sampleLimit": "sample_limit",
        "labelLimit": "label_limit",
        "bodySizeLimit": "body_size_limit",
        "labelNameLengthLimit": "label_name_length_limit",
        "labelValueLengthLimit": "label_value_length_limit",
    }
    assert {spec[here] == job[there] for here, there in names.items()} == {True}
    assert service["metadata"]["name"] == job["job_name"], "the rules need this value of the label job"
    config = YAML(typ="safe").load(OBJECTS["ConfigMap"]["data"]["stratoscope.yaml"])
    (label,) = spec["targetLabels"]
    assert service["metadata"]["labels"][label] == config["site"]


def test_the_operator_gets_every_rule_unchanged():
    done = subprocess.run([ROOT / "deploy/kubernetes/rules"], capture_output=True, text=True, check=True)
    printed = {rule["metadata"]["name"]: rule for rule in YAML(typ="safe").load_all(done.stdout)}
    files = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
    assert sorted(printed) == [f"stratoscope-{file.stem}" for file in files]
    for file in files:
        rule = printed[f"stratoscope-{file.stem}"]
        assert rule["kind"] == "PrometheusRule"
        assert rule["spec"] == YAML(typ="safe").load(file.read_text()), file.name


def test_volumes_ports_and_labels_are_consistent():
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    (claim,) = OBJECTS["StatefulSet"]["spec"]["volumeClaimTemplates"]
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == {*volumes, claim["metadata"]["name"]}
    assert volumes["config"]["configMap"]["name"] == OBJECTS["ConfigMap"]["metadata"]["name"]
    assert volumes["secrets"]["secret"] == {"secretName": "stratoscope", "optional": True, "defaultMode": 0o440}
    (port,) = CONTAINER["ports"]
    (service,) = OBJECTS["Service"]["spec"]["ports"]
    assert service["targetPort"] == port["name"]
    labels = OBJECTS["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    assert OBJECTS["Service"]["spec"]["selector"] == OBJECTS["StatefulSet"]["spec"]["selector"]["matchLabels"] == labels


def test_the_agent_listens_where_the_probes_and_prometheus_connect():
    config = YAML(typ="safe").load(OBJECTS["ConfigMap"]["data"]["stratoscope.yaml"])
    exporter = config["exporters"]["prometheus"]
    assert exporter["listen"] == f"0.0.0.0:{CONTAINER['ports'][0]['containerPort']}"
    assert OBJECTS["Service"]["metadata"]["name"] in exporter["allowed_hosts"]
    assert CONTAINER["livenessProbe"]["httpGet"]["path"] == "/-/healthy"
    assert CONTAINER["readinessProbe"]["httpGet"]["path"] == "/-/ready"
    mounts = {mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert str(Path(config["state_dir"]).parent) in mounts, "a subdirectory of the volume, whose root belongs to root"
    assert "/etc/stratoscope" in mounts, "the image's default command reads its config from there"
