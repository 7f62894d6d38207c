"""Adding rigs to a config changes nothing else in it."""

from pathlib import Path

import pytest

from stratoscope.cli.append import append
from stratoscope.config import expand, load
from stratoscope.errors import ConfigError

NEW = [{"address": "10.0.0.8"}, {"address": "2001:db8::8", "name": "six: #8", "ports": {4028: 14028, 80: 10080}}]
TITLES = ["Antminer S19 Pro, stock\x1b[31m\nrigs: evil", ""]

CONFIGS = {
    "a list with comments everywhere": (
        "# head\nsite: north # the north\nrigs: # ours\n  - address: 10.0.0.1 # first\n    name: 'one'\n"
        "  # before two\n  - 10.0.0.2   # second\n\n# the logs\nlogging: {level: debug}  # loud\n# end\n"
    ),
    "a list without indentation": "rigs:\n- 10.0.0.1\nsite: x\n",
    "a list at the end without a line break": "site: x\nrigs:\n    - 10.0.0.1",
    "a nested last entry": (
        "rigs:\n  - addresses:\n      - 10.0.0.1\n      - 10.0.0.2 # two\n    tags:\n      a: b\n\nsite: x\n"
    ),
    "a folded last value": "rigs:\n  - address: 10.0.0.1\n    name: >-\n      one\n      more\n\n# c\nsite: x\n",
    "no rigs yet": "site: x # here\n# end\n",
    "an empty list": "rigs: [] # none yet\n# more\nsite: x\n",
    "an empty key": "rigs: # none yet\nsite: x\n",
    "a null": "rigs: ~\nsite: x\n",
    "a list in brackets": "rigs: [10.0.0.1, {address: 10.0.0.2}] # two\nsite: x\n",
    "brackets over lines": "rigs: [\n  10.0.0.1, # one\n  10.0.0.2,\n]\nsite: x\n",
    "other line ends": "site: x\r\nrigs:\r\n  - 10.0.0.1 # one\r\nlogging: {level: debug}\r\n",
}


@pytest.mark.parametrize("text", CONFIGS.values(), ids=CONFIGS.keys())
def test_rigs_are_added_and_every_comment_and_line_is_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(text.encode())
    path.chmod(0o640)
    before = [entry.key for entry in expand(load(path, {}))]
    rest = load(path, {}).model_dump(exclude={"rigs"})
    assert append(path, NEW, TITLES) == 2
    after = expand(load(path, {}))
    assert [entry.key for entry in after] == [*before, "10.0.0.8", "[2001:db8::8]:14028"]
    assert (after[-1].name, after[-1].ports) == ("six: #8", {4028: 14028, 80: 10080})
    assert load(path, {}).model_dump(exclude={"rigs"}) == rest
    written = path.read_bytes().decode()
    assert [comment for comment in _comments(text) if comment not in written] == []
    kept = [line for line in text.splitlines() if not line.startswith("rigs:") and line != "]"]
    assert [line for line in kept if line not in written] == []
    assert path.stat().st_mode & 0o777 == 0o640
    assert ("\r\n" in text) == ("\r\n" in written)
    assert append(path, NEW, TITLES) == 0, "what is there is not added again"
    assert path.read_bytes().decode() == written


def _comments(text: str) -> list[str]:
    return [line[line.index("#") :].strip() for line in text.splitlines() if "#" in line]


def test_new_entries_are_added_to_the_list_before_the_comment_of_the_next_section(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("rigs:\n  - 10.0.0.1\n\n# the logs\nlogging: {}\n")
    append(path, NEW[:1], ["S19, stock"])
    assert path.read_text() == "rigs:\n  - 10.0.0.1\n  - address: 10.0.0.8  # S19, stock\n\n# the logs\nlogging: {}\n"


def test_a_missing_file_is_created_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "c.yaml"
    assert append(path, NEW, TITLES) == 2
    assert len(expand(load(path, {}))) == 2
    assert path.stat().st_mode & 0o777 == 0o600
    assert "\x1b" not in path.read_text()


def test_a_rig_inside_a_network_of_the_config_is_not_added(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("rigs: [{cidr: 10.0.0.0/28}]\n")
    assert append(path, [{"address": "10.0.0.8"}, {"address": "10.0.0.99"}]) == 1


def test_a_config_with_a_mistake_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("polling: {interval: 1}\n")
    with pytest.raises(ConfigError, match=r"is not changed, because it has problems:\n.*polling\.interval is 1 s"):
        append(path, NEW)
    assert path.read_text() == "polling: {interval: 1}\n"
    path.write_text("{site: x}\n")
    with pytest.raises(ConfigError, match="written in braces"):
        append(path, NEW)
    path.write_text("rigs: [{address: 10.0.0.1, name: same}]\n")
    with pytest.raises(ConfigError, match="adding rigs would cause problems"):
        append(path, [{"address": "10.0.0.9", "name": "same"}])
    assert path.read_text() == "rigs: [{address: 10.0.0.1, name: same}]\n"
    assert [file.name for file in tmp_path.iterdir()] == ["c.yaml"], "no half-written file stays behind"


def test_a_symbolic_link_is_kept(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("site: x\n")
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    append(tmp_path / "link.yaml", NEW[:1])
    assert (tmp_path / "link.yaml").is_symlink()
    assert "10.0.0.8" in (tmp_path / "real.yaml").read_text()
