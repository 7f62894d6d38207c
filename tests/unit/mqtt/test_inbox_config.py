"""Topics and config sections for MQTT input are validated with a remedy."""

import pytest

from stratoscope.config import InvalidConfig, load
from stratoscope.outside.inbox import topic_of


@pytest.mark.parametrize("text", ["", "a/+/b", "a/#", "$SYS/broker", "a\0b", "x" * 600, "/".join("a" * 40)])
def test_invalid_topic_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"topic|stand for|broker's own"):
        topic_of(text)


def test_mqtt_source_without_a_broker_is_a_config_error(tmp_path) -> None:
    body = """
rigs: [203.0.113.1]
market: {prices: [{kind: mqtt, topic: btc/usd}]}
tariffs:
  default:
    energy: {type: external, source: {kind: mqtt, topic: grid/price, fallback: none}}
    curtailment: {event_source: {kind: mqtt, topic: grid/call}}
exporters: {mqtt: {}}
"""
    path = tmp_path / "c.yaml"
    path.write_text(body)
    with pytest.raises(InvalidConfig) as caught:
        load(path, {})
    assert str(caught.value).count("add the section `mqtt:`") == 4
    path.write_text(body + "mqtt: {host: broker.example.net}\n")
    config = load(path, {})
    assert config.mqtt is not None
    assert (config.mqtt.account().port, config.mqtt.account().tls) == (8883, True)


@pytest.mark.parametrize(
    ("section", "word"),
    [
        ("{host: a b}", "host"),
        ("{host: a, password: x}", "user"),
        ("{host: a, key: k}", "cert"),
        ("{host: 127.0.0.1, ca: c}", "tls"),
        ("{host: a, protocol: 4}", "3.1.1"),
        ("{host: a, port: 0}", "port"),
        ("{host: a, keepalive: 1s}", "keepalive"),
        ("{port: 1883}", "host"),
        ("{host: a, colour: red}", "colour"),
    ],
)
def test_invalid_section_is_reported_with_a_remedy(tmp_path, section, word) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"rigs: [203.0.113.1]\nmqtt: {section}\n")
    with pytest.raises(InvalidConfig, match=word):
        load(path, {})


def test_password_without_tls_gives_a_warning(tmp_path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("rigs: [203.0.113.1]\nmqtt: {host: broker.lan, tls: false, user: u, password: env:P}\n")
    assert any("in the open" in warning for warning in load(path, {"P": "hunter2"}).warnings)
    assert "hunter2" not in str(load(path, {"P": "hunter2"}))
