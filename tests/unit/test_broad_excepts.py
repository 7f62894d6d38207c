"""`except Exception` is allowed only in the modules that errors.py lists, and each place states its reason."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from stratoscope import errors

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (ROOT / "agent", ROOT / "exporters")
BROAD = {"Exception", "BaseException"}


def broad_handlers() -> Iterator[tuple[str, ast.ExceptHandler, str]]:
    """Yield module, handler and source line of every broad `except` in the product."""
    for source in SOURCES:
        for path in source.rglob("*.py"):
            text = path.read_text("utf-8")
            module = ".".join(path.relative_to(source).with_suffix("").parts)
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ExceptHandler) and catches_everything(node):
                    yield module, node, text.splitlines()[node.lineno - 1]


def catches_everything(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(one, ast.Name) and one.id in BROAD for one in types)


def raises_again(handler: ast.ExceptHandler) -> bool:
    """Tell whether the handler only cleans up: its last statement is a bare `raise`."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


SWALLOWING = [(module, line) for module, handler, line in broad_handlers() if not raises_again(handler)]


def test_errors_lists_exactly_the_modules_that_catch_every_exception():
    listed = re.findall(r"^(stratoscope[\w.]+)  +\S", errors.__doc__ or "", re.MULTILINE)

    assert sorted(listed) == sorted({module for module, _ in SWALLOWING})


@pytest.mark.parametrize(("module", "line"), SWALLOWING)
def test_each_broad_except_states_its_reason_on_its_line(module: str, line: str):
    comment = re.sub(r"noqa: \w+", "", line.partition("#")[2])

    assert len(re.findall(r"[A-Za-z]{2,}", comment)) >= 2, line
