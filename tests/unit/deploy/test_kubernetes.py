"""Checks that the Kubernetes manifest is hardened as the compose file is, and that its parts fit together."""

from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[3]
PARTS = {
    part["kind"]: part for part in YAML(typ="safe").load_all((ROOT / "deploy/kubernetes/stratoscope.yaml").read_text())
}
POD = PARTS["Deployment"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


def test_s29_the_pod_has_no_rights_and_a_bound():
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
    spec = PARTS["Deployment"]["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_volumes_ports_and_labels_fit_together():
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == set(volumes)
    assert volumes["config"]["configMap"]["name"] == PARTS["ConfigMap"]["metadata"]["name"]
    assert volumes["state"]["persistentVolumeClaim"]["claimName"] == PARTS["PersistentVolumeClaim"]["metadata"]["name"]
    (port,) = CONTAINER["ports"]
    (service,) = PARTS["Service"]["spec"]["ports"]
    assert service["targetPort"] == port["name"]
    labels = PARTS["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert PARTS["Service"]["spec"]["selector"] == PARTS["Deployment"]["spec"]["selector"]["matchLabels"] == labels


def test_the_config_listens_where_the_probes_and_prometheus_ask():
    config = YAML(typ="safe").load(PARTS["ConfigMap"]["data"]["stratoscope.yaml"])
    exporter = config["exporters"]["prometheus"]
    assert exporter["listen"] == f"0.0.0.0:{CONTAINER['ports'][0]['containerPort']}"
    assert PARTS["Service"]["metadata"]["name"] in exporter["allowed_hosts"]
    assert CONTAINER["livenessProbe"]["httpGet"]["path"] == "/-/healthy"
    assert CONTAINER["readinessProbe"]["httpGet"]["path"] == "/-/ready"
    mounts = {mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert str(Path(config["state_dir"]).parent) in mounts, "below the volume, which belongs to root"
    assert "/etc/stratoscope" in mounts, "the image's default command reads its config there"
