"""The request for an output: all that decides what is in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from engines.engine import Engine
from engines.installation import version
from realtime.options import Options

_NOT_COMPARED = frozenset({"policy"})  # what cannot change an output


@dataclass(frozen=True)
class Request:
    """All that decides what is in an output."""

    input: dict[str, Any]
    """The input's name, size in bytes and SHA-256."""
    depth: dict[str, Any] | None
    """The same of its depth, with its scale; None without depth."""
    options: dict[str, Any]
    """The fields of `realtime.options.Options`."""
    engine: dict[str, Any]
    """The engine's description, and the SHA-256 of what it is made of."""

    @classmethod
    def of(cls, path: Path, depth: tuple[Path, float] | None, engine: Engine, options: Options) -> Self:
        """The request for an output. It reads the whole input. Raises OSError where it cannot be read.

        Args:
            path: the input.
            depth: where its depth is, and metres per step; None without depth.
        """
        depth_content = content_of(depth[0]) | {"scale_m": depth[1]} if depth else None
        made_of = {"files": engine.manifest.files, "spec": asdict(engine.spec)}
        sha256 = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
        chosen = {name: value for name, value in asdict(options).items() if name not in _NOT_COMPARED}
        if options.background and (picture := Path(options.background).expanduser()).is_file():
            chosen["background"] = f"{picture.name}, SHA-256 {size_and_hash(picture)['sha256']}"
        return cls(content_of(path), depth_content, chosen, {"description": engine.description, "sha256": sha256})

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """A request as it was recorded. Raises KeyError, TypeError or ValueError where it is none."""
        found = cls(*(values[name] for name in ("input", "depth", "options", "engine")))
        hashes = [found.input["sha256"], found.engine["sha256"], found.engine["description"], found.input["name"]]
        hashes += [found.depth["sha256"]] if found.depth is not None else []
        if not isinstance(found.options, dict) or not all(isinstance(text, str) for text in hashes):
            raise ValueError("a request has names, hashes and options")
        return found

    @property
    def sha256(self) -> str:
        """The hash of all of it and of this version, in hexadecimal: equal requests give equal frames."""
        return hashlib.sha256(json.dumps([asdict(self), version()], sort_keys=True).encode()).hexdigest()

    def difference(self, other: Request) -> str | None:
        """How another request differs from this one, in words; None where it asks for the same output.

        An option that this request did not know had its default value.
        """
        if self.input["sha256"] != other.input["sha256"]:
            return f"from another input ({self.input['name']}, {self.input['bytes']} bytes)"
        if (self.depth and (self.depth["sha256"], self.depth["scale_m"])) != (
            other.depth and (other.depth["sha256"], other.depth["scale_m"])
        ):
            return "with different depth"
        defaults = {field.name: field.default for field in fields(Options)}
        for name, value in other.options.items():
            before = self.options.get(name, defaults.get(name))
            if before != value:
                return f"with another option ({name} was {before} and is now {value})"
        if self.engine["sha256"] != other.engine["sha256"]:
            return f"by another engine ({self.engine['description']})"
        return None


def content_of(path: Path) -> dict[str, Any]:
    """Name, size and SHA-256 of a file; of a folder: of all its files."""
    if not path.is_dir():
        return {"name": path.name} | size_and_hash(path)
    inside = [content_of(file) for file in sorted(path.iterdir()) if file.is_file()]
    digest = hashlib.sha256(json.dumps(inside).encode()).hexdigest()
    return {"name": path.name, "bytes": sum(file["bytes"] for file in inside), "sha256": digest}


def size_and_hash(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"bytes": file.tell(), "sha256": digest}
