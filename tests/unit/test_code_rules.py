"""Rules for the code that no linter checks: unique class names, names of limits, file sizes, reasoned suppressions."""

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("agent", "exporters", "grafana")
MAX_LINES = 300
MAX_FORMATTER_EXCEPTIONS = 40
SUPPRESSION = re.compile(r"#\s*(?:noqa(?::\s*[A-Z0-9, ]+)?|type:\s*ignore(?:\[[\w, -]+\])?)(?P<reason>.*)")
OLD_LIMIT = re.compile(r"^_?(?:MOST|LEAST|LONGEST|SHORTEST|LARGEST|SMALLEST|HIGHEST|LOWEST|FEWEST)(?:_|$)")


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_class_name_is_defined_in_one_file_only():
    homes = defaultdict(set)
    for path in python_files(*PRODUCT):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                homes[node.name].add(relative(path))
    twice = {name: sorted(files) for name, files in homes.items() if len(files) > 1}
    assert not twice, f"one name, one meaning: rename one of each pair: {twice}"


def test_limits_are_named_max_min_or_default():
    found = [
        f"{relative(path)}: {name.id}"
        for path in python_files(*PRODUCT)
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for name in ast.walk(target)
        if isinstance(name, ast.Name) and OLD_LIMIT.match(name.id)
    ]
    assert not found, f"name limits MAX_*, MIN_* or DEFAULT_*: {found}"


def test_files_have_at_most_300_lines():
    long = {
        relative(path): count
        for path in python_files(*PRODUCT, "tests")
        if (count := len(path.read_text("utf-8").splitlines())) > MAX_LINES
    }
    assert not long, f"split these files: {long}"


def test_every_suppression_says_why():
    bare = [
        f"{relative(path)}:{number}"
        for path in python_files(*PRODUCT)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if (match := SUPPRESSION.search(line)) and len(match["reason"].strip(" —-#")) < 8
    ]
    assert not bare, f"add the reason after the suppression: {bare}"


def test_the_formatter_is_switched_off_for_few_tables_only():
    found = [
        relative(path)
        for path in python_files(*PRODUCT, "tests")
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"#\s*fmt: (?:skip|off)", line) and path != Path(__file__)
    ]
    assert len(found) <= MAX_FORMATTER_EXCEPTIONS, found
