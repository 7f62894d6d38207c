"""Adds rigs to a config file and leaves the rest of it unchanged: comments, order and spelling."""

import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from stratoscope.config import InvalidConfig, expand, load
from stratoscope.config.document import read_text
from stratoscope.errors import ConfigError
from stratoscope.logs import clean
from stratoscope.wire.target import Target

HEAD: Final = "# A config of Stratoscope; config.example.yaml explains every key.\nrigs:\n"
PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
NUMBER: Final = re.compile(r"[0-9._eExXoO-]*")


def append(path: Path, rigs: Sequence[Mapping[str, Any]], comments: Sequence[str] = ()) -> int:
    """Add those of `rigs` that `path` does not contain; return how many were added.

    A rig is {address, name?, user?, password?, ports?} with `ports` from usual to actual port. A missing file is
    created. The file is replaced atomically, and only by one that loads. Raises ConfigError.
    """
    path = path.resolve()  # keeps a symbolic link
    known: set[str] = set()
    text = HEAD
    if path.exists():
        try:
            known = {entry.key for entry in expand(load(path, os.environ))}
        except InvalidConfig as error:
            raise ConfigError(f"{path} is not changed, because it has problems:\n{error}") from None
        text = read_text(path)
    lines: list[str] = []
    added = 0
    for at, rig in enumerate(rigs):
        key = Target(str(rig["address"]), rig.get("ports") or {}).address
        if key not in known:
            known.add(key)
            added += 1
            lines += _entry(rig, comments[at] if at < len(comments) else "")
    if added:
        _replace(path, _inserted(text, lines))
    return added


def _entry(rig: Mapping[str, Any], comment: str) -> list[str]:
    comment = clean(comment, 80).strip()
    lines = [f"- address: {_scalar(str(rig['address']))}" + (f"  # {comment}" if comment else "")]
    lines += [f"  {key}: {_scalar(str(rig[key]))}" for key in ("name", "user", "password") if rig.get(key)]
    if rig.get("ports"):
        lines.append("  ports: {" + ", ".join(f"{usual}: {used}" for usual, used in rig["ports"].items()) + "}")
    return lines


def _scalar(text: str) -> str:
    """Return `text` as a YAML scalar, quoted unless it is a plain word or address."""
    plain = PLAIN.fullmatch(text) and (not NUMBER.fullmatch(text) or text.count(".") == 3)
    return text if plain and text.lower() not in ("true", "false", "null") else json.dumps(text)


def _rigs_node(text: str) -> tuple[Node | None, Node | None, Node]:
    """Return the key and the value of `rigs` in the YAML `text`, and the root."""
    root = YAML(typ="safe", pure=True).compose(text)
    if not isinstance(root, MappingNode) or root.flow_style:
        raise ConfigError("this config is written in braces: rewrite it with one key per line to add rigs")
    for key, value in root.value:
        if key.value == "rigs":
            return key, value, root
    return None, None, root


def _inserted(text: str, lines: list[str]) -> str:
    """Return `text` with the entries `lines` appended to its list of rigs."""
    newline = "\r\n" if "\r\n" in text else "\n"
    if text == HEAD:
        return text + "".join(f"  {line}{newline}" for line in lines)
    key, value, _ = _rigs_node(text)
    if key is None or value is None:
        gap = "" if text.endswith(newline) else newline
        return text + gap + newline + "rigs:" + newline + "".join(f"  {line}{newline}" for line in lines)
    if isinstance(value, SequenceNode) and value.value and value.flow_style:
        return _into_brackets(text, value.end_mark.index - 1, lines)
    indent = "  "
    if isinstance(value, SequenceNode) and value.value:
        indent = " " * value.start_mark.column
        last = _end(value)
    else:  # empty, [] or ~
        last = key.end_mark.line
        text = text[: value.start_mark.index] + text[value.end_mark.index :]
    rows = text.splitlines(keepends=True)
    if not rows[last].endswith(("\n", "\r")):
        rows[last] += newline
    rows[last + 1 : last + 1] = [f"{indent}{line}{newline}" for line in lines]
    return "".join(rows)


def _into_brackets(text: str, bracket: int, lines: list[str]) -> str:
    """Return `text` with the entries inserted before the closing bracket of a list written as [a, b]."""
    entries = []
    for line in lines:
        if line.startswith("- "):
            entries.append(line.removeprefix("- ").split("  #")[0])
        else:
            entries[-1] += f", {line.strip()}"
    comma = "" if text[:bracket].rstrip().endswith(",") else ","
    return text[:bracket].rstrip() + comma + " " + ", ".join(f"{{{entry}}}" for entry in entries) + text[bracket:]


def _end(node: Node) -> int:
    """Return the line where the last scalar or bracket of `node` ends; a block node itself ends at the next key."""
    while isinstance(node, SequenceNode | MappingNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    line, column = node.end_mark.line, node.end_mark.column
    block_text = isinstance(node, ScalarNode) and node.style in ("|", ">")
    return int(line - 1 if block_text and column == 0 else line)


def _replace(path: Path, text: str) -> None:
    """Replace `path` by `text` atomically with the same mode, if `text` loads; raise ConfigError otherwise."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", suffix=".new", delete=False, encoding="utf-8", newline=""
    ) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(mode)
            load(Path(file.name), os.environ)
        except InvalidConfig as error:
            Path(file.name).unlink()
            raise ConfigError(f"{path} is not changed, because adding rigs would cause problems:\n{error}") from None
        except BaseException:
            Path(file.name).unlink()
            raise
    Path(file.name).replace(path)
