"""docs/home-assistant.md says what is so: every setting with its default, entities that exist, configs that load."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stratoscope_exporters.homeassistant.config import MAX_RIGS, HomeAssistantConfig
from stratoscope_exporters.homeassistant.documents import DeviceBuilder
from stratoscope_exporters.mqtt.config import MqttExporterConfig
from unit.export.farm import MONEY, bitaxe
from unit.homeassistant.test_documents import document, named
from unit.homeassistant.topics import TOPICS

PAPER = (Path(__file__).resolve().parents[3] / "docs/home-assistant.md").read_text()
BLOCKS = [YAML(typ="safe").load(block) for block in re.findall(r"```yaml\n(.*?)```", PAPER, re.DOTALL)]


def test_every_setting_is_documented_with_its_default():
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]+?)`? \|", PAPER.partition("## Settings")[2], re.MULTILINE))
    assert rows == {
        name: "none" if field.default in (None, ()) else str(field.default)
        for name, field in HomeAssistantConfig.model_fields.items()
    }
    assert f"up to {MAX_RIGS}" in PAPER


def test_documented_configs_load():
    configs = [block["exporters"]["mqtt"] for block in BLOCKS if isinstance(block, dict) and "exporters" in block]
    assert len(configs) == 2
    assert all(MqttExporterConfig.model_validate(config).homeassistant is not None for config in configs)


def test_documented_automations_use_announced_entities():
    snapshot = bitaxe()
    snapshot = named(replace(snapshot, economics=MONEY))
    made = DeviceBuilder(TOPICS, "0.1.0").rig(snapshot, document(snapshot)).components.values()
    watched = set(re.findall(r"entity_id: (\S+)", PAPER))
    assert len(watched) == 2
    assert watched <= {component["def_ent_id"] for component in made}


@pytest.mark.parametrize("action", re.findall(r"- action: (\S+)", PAPER))
def test_documented_automations_switch_nothing(action):
    assert action.startswith("notify.")
