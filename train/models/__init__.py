"""The networks by name. Each is a file of this folder that registers itself (`train.models.registry`)."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from train.models.registry import (
    SPECS,
    create_model,
    deployable,
    for_depth,
    for_inference,
    parsers,
    register,
    restore,
    spec,
    unregister,
)

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = [
    "SPECS", "create_model", "deployable", "for_depth", "for_inference", "parsers", "register", "restore", "spec",
    "unregister",
]  # fmt: skip
