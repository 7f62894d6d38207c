"""The config section of Home Assistant discovery."""

import pytest

from stratoscope_exporters.mqtt.config import MqttExporterConfig


@pytest.mark.parametrize(("written", "on"), [(True, True), ({}, True), (False, False), (None, False)])
def test_config_section_enables_home_assistant(written, on):
    assert (MqttExporterConfig(homeassistant=written).homeassistant is not None) == on


def test_batches_and_home_assistant_exclude_each_other():
    with pytest.raises(ValueError, match="batch"):
        MqttExporterConfig(batch=True, homeassistant=True)
