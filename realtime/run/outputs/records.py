"""Records of finished outputs: what each was made of, and what there was to report.

The record of `clip.mp4` is `.clip.done.json` in its folder, which names each output of that stem. It is on the disk
before the output has its final name. So an output without a fitting record was not made by this request.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import filelock
import platformdirs

from engines.engine import Engine
from engines.errors import SinkError
from engines.installation import version
from realtime.options import LeftOut, Options, Summary
from realtime.run.jobs import Job
from realtime.video.sinks.part_file import HeldFile, sink_errors

SCHEMA = 1
_LONGEST_NAME = 255  # bytes; a longer stem is cut, and told apart by its hash
_STEM_KEPT = 40
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
    def of(cls, job: Job, engine: Engine, options: Options) -> Self:
        """The request for a job's output. It reads the whole input. Raises OSError where it cannot be read."""
        depth = _content(job.depth.path) | {"scale_m": job.depth.scale.step_m} if job.depth else None
        made_of = {"files": engine.manifest.files, "spec": asdict(engine.spec)}
        sha256 = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
        chosen = {name: value for name, value in asdict(options).items() if name not in _NOT_COMPARED}
        return cls(_content(job.input), depth, chosen, {"description": engine.description, "sha256": sha256})

    @property
    def sha256(self) -> str:
        """The hash of all of it, in hexadecimal."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

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


@dataclass(frozen=True)
class Record:
    """A finished output: the request for it, what was done, and what went wrong."""

    request: Request
    files: dict[str, dict[str, Any]]
    """The output, and its data where there is some: size in bytes and SHA-256 by the file's name."""
    summary: Summary
    error: str | None
    """What there was to report, in a sentence: damage, or faces that stayed visible."""


def record_path(output: Path) -> Path:
    """Where the record of an output is."""
    name = f".{output.stem}.done.json"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        digest = hashlib.sha256(os.fsencode(output.stem)).hexdigest()[:16]
        name = f".{output.stem[:_STEM_KEPT]}.{digest}.done.json"
    return output.with_name(name)


def kept(output: Path, request: Request | None) -> Record:
    """The record of an output that is there and fits a request. None is a request that nothing fits.

    Raises:
        SinkError: it was made by another request, or it was changed since.
    """
    advice = "it was not touched; replace it with --overwrite, or choose another --output"
    values = _read(record_path(output)).get(output.name)
    try:
        record = _record(values) if values else None
    except (KeyError, TypeError, AttributeError):
        record = None
    if request is None:
        raise SinkError(f"{output} already exists, and its input is missing or cannot be read; {advice}")
    if record is None:
        raise SinkError(f"{output} already exists, without a record of how it was made; {advice}")
    if difference := record.request.difference(request):
        raise SinkError(f"{output} already exists, but was made {difference}; {advice}")
    for name, content in record.files.items():
        path = output.with_name(name)
        if not path.is_file():
            raise SinkError(f"{output} already exists, but {path}, which was made with it, is missing; {advice}")
        if _content(path) != content | {"name": name}:
            raise SinkError(f"{path} was changed after it was made; {advice}")
    return record


def publish(files: Sequence[HeldFile], request: Request | None, summary: Summary, error: str | None) -> None:
    """Give complete files their names, after their record is on the disk.

    No other process does the same for this folder meanwhile.

    Args:
        files: the output, and before it what was made with it.
        request: what they were made by. None removes the output's record.

    Raises:
        SinkError: the record or a file cannot be written.
    """
    output = files[-1].path
    path = record_path(output)
    with _locked(path):
        outputs = _read(path)
        before = outputs.pop(output.name, None)
        if request is not None:
            outputs[output.name] = {
                "files": {file.path.name: _size_and_hash(file.part) for file in files},
                **asdict(request),
                "summary": summary.to_json(),
                "error": error,
                "unveil": version(),
            }
        if request is not None or before is not None:
            with sink_errors(path):
                _write(path, {"schema": SCHEMA, "outputs": outputs})
        for file in files:
            file.publish()


def _record(values: dict[str, Any]) -> Record:
    request = Request(values["input"], values["depth"], values["options"], values["engine"])
    return Record(request, values["files"], summary_from_json(values["summary"]), values["error"])


def summary_from_json(values: dict[str, Any]) -> Summary:
    """A summary as it was before `Summary.to_json`. Raises TypeError where it is of another version."""
    left_out = values["left_out"]
    restored = {"size_wh": tuple(values["size_wh"]), "left_out": LeftOut(**left_out) if left_out else None}
    return Summary(**(values | restored))


def _content(path: Path) -> dict[str, Any]:
    """Name, size and SHA-256 of a file; of a folder: of all its files."""
    if not path.is_dir():
        return {"name": path.name} | _size_and_hash(path)
    inside = [_content(file) for file in sorted(path.iterdir()) if file.is_file()]
    digest = hashlib.sha256(json.dumps(inside).encode()).hexdigest()
    return {"name": path.name, "bytes": sum(file["bytes"] for file in inside), "sha256": digest}


def _size_and_hash(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"bytes": file.tell(), "sha256": digest}


def _read(path: Path) -> dict[str, Any]:
    """The recorded outputs by their names; none where there is no record that this version reads."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    outputs = values.get("outputs") if isinstance(values, dict) and values.get("schema") == SCHEMA else None
    return outputs if isinstance(outputs, dict) else {}


def _write(path: Path, values: dict[str, Any]) -> None:
    """Write JSON so that a killed process or a lost power leaves the former file or the new one."""
    with HeldFile(path) as file:
        file.part.write_text(json.dumps(values, indent=1), encoding="utf-8")
        file.keep()
        file.publish()
    with contextlib.suppress(OSError):  # some systems cannot open a folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait until no other process of this user works on the records of a folder. A dead process holds no lock."""
    folder = platformdirs.user_cache_path("unveil", appauthor=False, opinion=False) / "locks"
    name = hashlib.sha256(os.fsencode(path.parent.resolve())).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / f"{name}.lock")
        lock.acquire()
    except OSError:  # no folder for locks: two processes with one output are rare
        yield
        return
    try:
        yield
    finally:
        lock.release()
