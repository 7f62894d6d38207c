"""Checks that each adapter module is registered in POOLS and has sample answers; says what is missing and where."""

import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from types import ModuleType

import pytest

from fakes.pool_answers import ANSWERS, PATHS
from stratoscope.pools import adapters
from stratoscope.pools.pool import PoolAdapter, PoolCall

ADAPTERS_DIR = "agent/stratoscope/pools/adapters"
SAMPLES_DIR = "tests/fakes/pool_answers"
MODULES = [import_module(found.name) for found in pkgutil.iter_modules(adapters.__path__, f"{adapters.__name__}.")]
EXAMPLE = PoolAdapter(
    kind="example",
    title="Example Pool",
    calls=(PoolCall("account", 60.0, lambda _: None, lambda _, __: {}),),
    reports=frozenset(),
    access="",
)


def adapters_of(module: ModuleType) -> list[PoolAdapter]:
    return [value for value in vars(module).values() if isinstance(value, PoolAdapter)]


def iter_unregistered(modules: Iterable[ModuleType], pools: Iterable[PoolAdapter]) -> Iterator[str]:
    """Yield a message for each adapter that is not in `pools`, and for each module without an adapter."""
    kinds = {pool.kind for pool in pools}
    for module in modules:
        file = f"{ADAPTERS_DIR}/{module.__name__.rpartition('.')[2]}.py"
        found = adapters_of(module)
        if not found:
            yield f"{file} defines no PoolAdapter: add one, or move the file to {ADAPTERS_DIR.rpartition('/')[0]}/"
        for pool in found:
            if pool.kind not in kinds:
                yield f"{file} defines the pool {pool.kind!r}, but POOLS lacks it: add it in {ADAPTERS_DIR}/__init__.py"


def iter_without_sample(
    modules: Iterable[ModuleType], answers: Mapping[str, Mapping], paths: Mapping[str, Mapping]
) -> Iterator[str]:
    """Yield a message for each call of an HTTP pool without a path or an answer in the samples."""
    for module in modules:
        file = f"{SAMPLES_DIR}/{module.__name__.rpartition('.')[2]}.py"
        calls = [
            (pool.kind, call.name) for pool in adapters_of(module) if pool.transport == "http" for call in pool.calls
        ]
        for kind, call in calls:
            for name, samples in (("PATHS", paths), ("ANSWERS", answers)):
                if call not in samples.get(kind, {}):
                    yield f"the pool {kind!r} has no sample: add {name}[{kind!r}][{call!r}] to {file}"


def test_every_adapter_is_in_pools():
    missing = list(iter_unregistered(MODULES, adapters.POOLS))
    assert not missing, "\n".join(missing)


def test_every_call_of_an_http_pool_has_a_sample():
    missing = list(iter_without_sample(MODULES, ANSWERS, PATHS))
    assert not missing, "\n".join(missing)


def test_every_sample_belongs_to_an_adapter():
    kinds = {pool.kind for pool in adapters.POOLS}
    assert set(ANSWERS) == set(PATHS) <= kinds, f"{SAMPLES_DIR} has a kind that no adapter in {ADAPTERS_DIR} has"


@pytest.fixture
def new_module() -> ModuleType:
    module = ModuleType("stratoscope.pools.adapters.example")
    module.EXAMPLE = EXAMPLE
    return module


def test_the_message_names_the_file_to_register_a_new_adapter_in(new_module):
    (message,) = iter_unregistered([new_module], adapters.POOLS)
    assert message == (
        "agent/stratoscope/pools/adapters/example.py defines the pool 'example', but POOLS lacks it: add it in "
        "agent/stratoscope/pools/adapters/__init__.py"
    )


def test_the_message_names_the_file_and_the_keys_of_a_missing_sample(new_module):
    assert list(iter_without_sample([new_module], ANSWERS, PATHS)) == [
        "the pool 'example' has no sample: add PATHS['example']['account'] to tests/fakes/pool_answers/example.py",
        "the pool 'example' has no sample: add ANSWERS['example']['account'] to tests/fakes/pool_answers/example.py",
    ]


def test_a_module_without_an_adapter_is_reported():
    (message,) = iter_unregistered([ModuleType("stratoscope.pools.adapters.helpers")], adapters.POOLS)
    assert "helpers.py defines no PoolAdapter" in message
