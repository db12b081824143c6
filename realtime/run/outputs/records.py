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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import filelock
import platformdirs

from engines.errors import SinkError
from engines.installation import version
from realtime.options import LeftOut, Summary
from realtime.run.outputs.requests import Request, size_and_hash
from realtime.video.sinks.part_file import LONGEST_NAME, STEM_KEPT, HeldFile, sink_errors

SCHEMA = 1
_ADVICE = "it was not touched; replace it with --overwrite, or choose another --output"


@dataclass(frozen=True)
class Record:
    """A finished output: the request for it, what was done, and what went wrong."""

    request: Request
    files: dict[str, dict[str, Any]]
    """The output, and its data where there is some: size in bytes and SHA-256 by the file's name."""
    summary: Summary
    error: str | None
    """What there was to report, in a sentence: damage, or faces that stayed visible."""
    provisional: bool = False
    """Whether the input was still being written."""


def record_path(output: Path) -> Path:
    """Where the record of an output is."""
    name = f".{output.stem}.done.json"
    if len(os.fsencode(name)) > LONGEST_NAME:
        digest = hashlib.sha256(os.fsencode(output.stem)).hexdigest()[:16]
        name = f".{output.stem[:STEM_KEPT]}.{digest}.done.json"
    return output.with_name(name)


def kept(output: Path, request: Request | None) -> Record:
    """The record of an output that is there and fits a request. None is a request that nothing fits.

    Raises:
        SinkError: it was made by another request, or it was changed since, or it cannot be read.
    """
    if request is None:
        raise SinkError(f"{output} already exists, and its input is not a file that can be read; {_ADVICE}")
    with _locked(record_path(output)):
        record = _record_of(output)
        if record is None:
            raise SinkError(f"{output} already exists, without a record of how it was made; {_ADVICE}")
        if difference := record.request.difference(request):
            raise SinkError(f"{output} already exists, but was made {difference}; {_ADVICE}")
        if problem := _change(output, record):
            raise SinkError(f"{problem}; {_ADVICE}")
    return record


def is_provisional(output: Path) -> bool:
    """Whether an output was made of an input that was still being written, and nobody changed it since."""
    record = _record_of(output)
    return record is not None and record.provisional and _change(output, record) is None


def check_place(files: Sequence[Path], request: Request | None) -> None:
    """Check that files which are about to be written replace nothing but what the same request made.

    Args:
        files: the output, and before it what is made with it.

    Raises:
        SinkError: they do; nothing is touched.
    """
    record = _record_of(files[-1])
    if (
        record is not None
        and request is not None
        and (record.provisional or record.request.difference(request) is None)
    ):
        return
    for path in files:
        if path.exists():
            raise SinkError(f"{path} already exists, and something else made it; {_ADVICE}")


def publish(
    files: Sequence[HeldFile],
    request: Request | None,
    summary: Summary,
    error: str | None,
    *,
    overwrite: bool = False,
    provisional: bool = False,
) -> None:
    """Give complete files their names, after their record is on the disk.

    No other process does the same for this folder meanwhile.

    Args:
        files: the output, and before it what was made with it.
        request: what they were made by. None removes the output's record.
        overwrite: replace what something else made.
        provisional: the input was still being written: the next run makes the output again.

    Raises:
        SinkError: the record or a file cannot be written, or would replace what something else made.
    """
    output = files[-1].path
    path = record_path(output)
    with sink_errors(output):
        contents = {file.path.name: size_and_hash(file.part) for file in files}
    with _locked(path), sink_errors(path):
        if not overwrite:
            check_place([file.path for file in files], request)
        outputs = _read(path)
        before = outputs.pop(output.name, None)
        for other, values in outputs.items():
            if shared := set(contents) & set(values.get("files", ())):
                raise SinkError(f"{output.with_name(min(shared))} belongs to {output.with_name(other)}; {_ADVICE}")
        if request is not None:
            outputs[output.name] = {
                "files": contents,
                **asdict(request),
                "summary": summary.to_json(),
                "error": error,
                "provisional": provisional,
                "unveil": version(),
            }
        if request is not None or before is not None:
            _write(path, {"schema": SCHEMA, "outputs": outputs})
        for file in files:
            file.publish()


def _record_of(output: Path) -> Record | None:
    """The record of an output; None where there is none that this version reads."""
    try:
        return _record(_read(record_path(output))[output.name], output.name)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _record(values: dict[str, Any], name: str) -> Record:
    files, error = values["files"], values["error"]
    if name not in files or any(file != Path(file).name for file in files) or not isinstance(error, str | None):
        raise ValueError("not a record of this output")
    sizes = {
        file: {"bytes": int(content["bytes"]), "sha256": str(content["sha256"])} for file, content in files.items()
    }
    summary = _summary(values["summary"])
    return Record(Request.from_json(values), sizes, summary, error, bool(values.get("provisional")))


def _change(output: Path, record: Record) -> str | None:
    """How the files of a record differ from what was written, in words."""
    for name, content in record.files.items():
        path = output.with_name(name)
        if not path.is_file():
            return f"{output} already exists, but {path}, which was made with it, is missing"
        try:
            is_same = size_and_hash(path) == content
        except OSError as e:
            return f"{path} already exists, but cannot be read ({e.strerror})"
        if not is_same:
            return f"{path} was changed after it was made"
    return None


def _summary(values: dict[str, Any]) -> Summary:
    """A summary as it was before `Summary.to_json`. Raises TypeError where it is of another version."""
    names = ("left_out", "left_visible")
    left_out = {name: LeftOut(**values[name]) if values.get(name) else None for name in names}
    return Summary(**(values | {"size_wh": tuple(values["size_wh"])} | left_out))


def _read(path: Path) -> dict[str, Any]:
    """The recorded outputs by their names; none where there is no record that this version reads."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    outputs = values.get("outputs") if isinstance(values, dict) and values.get("schema") == SCHEMA else None
    if not isinstance(outputs, dict):
        return {}
    return {name: values for name, values in outputs.items() if isinstance(values, dict)}


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
