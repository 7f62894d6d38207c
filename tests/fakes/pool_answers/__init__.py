"""Paths and invented answers of each pool, in the pool's format, all for the same account.

There is one module per adapter module, with PATHS and ANSWERS. They come from the pools' API documentation, not from
the adapters, so that a mistake in an adapter shows.
"""

import pkgutil
from importlib import import_module
from typing import Any

from fakes.pool_answers.account import ADDRESS, NOW, TH

__all__ = ["ADDRESS", "ANSWERS", "NOW", "PATHS", "TH"]

_MODULES = [import_module(module.name) for module in pkgutil.iter_modules(__path__, f"{__name__}.")]
ANSWERS: dict[str, dict[str, Any]] = {
    kind: calls for module in _MODULES for kind, calls in getattr(module, "ANSWERS", {}).items()
}
"""Kind → call → its answer: JSON, bytes, or a list with one answer per page."""
PATHS: dict[str, dict[str, str]] = {
    kind: calls for module in _MODULES for kind, calls in getattr(module, "PATHS", {}).items()
}
"""Kind → call → the path at which the pool serves it."""
