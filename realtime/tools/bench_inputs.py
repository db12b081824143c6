"""The words of `unveil bench`: which are models, and which one is what they run on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from engines.errors import UsageError
from engines.zoo import DEFAULT_MODEL, WITH_CONSENSUS, names


def models_and_source(words: Sequence[str]) -> tuple[list[str], str | None]:
    """Models in their order, the default one where none is named; and a video, camera or stream, where one is.

    Raises:
        UsageError: two sources.
    """
    models = [word for word in words if _is_model(word)]
    sources = [word for word in words if word not in models]
    if len(sources) > 1:
        raise UsageError(f"bench runs on one video; got {', '.join(sources)} (known models: {', '.join(names())})")
    return models or [DEFAULT_MODEL], sources[0] if sources else None


def _is_model(word: str) -> bool:
    """A name that ships, a folder, a checkpoint; and what looks like no file, camera or URL, to be told as unknown."""
    name = word.removesuffix(WITH_CONSENSUS)
    path = Path(name)
    if name in names() or path.is_dir() or path.suffix == ".safetensors":
        return True
    return not (path.is_file() or path.suffix or os.sep in word or "://" in word or word.isdecimal())
