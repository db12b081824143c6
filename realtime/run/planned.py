"""What a command line asks for, planned and checked before any work: a slip must not cost a file of the user."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from engines.errors import UsageError
from realtime.run.failed import Asked, failed_jobs
from realtime.run.inputs import find_inputs
from realtime.run.jobs import FAILED, Job, data_path, identity, plan_found
from realtime.run.outputs.records import record_path
from realtime.run.report import is_stdout
from realtime.video.sources.open import media_suffixes

_START = 4096  # bytes in which the first character of JSON is looked for


def jobs_of(
    inputs: Sequence[str],
    output: Path,
    asked: Asked,
    *,
    overwrite: bool,
    recursive: bool,
    name: str | None,
    retry: Path | None,
) -> tuple[list[Job], str | None]:
    """The jobs of a command line, and what was left out of its folders or its list, in a line. Raises UsageError."""
    if retry is not None:
        if inputs or name or recursive:
            raise UsageError(
                "--retry takes the files and their names from a list; leave out INPUT, --name and --recursive"
            )
        return failed_jobs(retry, output, asked, overwrite=overwrite)
    if not inputs:
        raise UsageError("nothing to process; name files, folders or patterns, or a list with --retry")
    found = find_inputs(inputs, recursive=recursive, not_in=output)
    options = asked.options
    jobs = plan_found(
        found,
        output,
        options.render,
        overwrite=overwrite,
        name=name,
        codec=options.video_codec,
        data=options.data,
    )
    return jobs, found.left_out


def check_json_files(files: Mapping[str, Path | None], kept: Iterable[Path]) -> None:
    """Refuse JSON files that would replace another file.

    Args:
        files: the files by their options; None where an option was not given.
        kept: files that must stay, whether they are there or not.

    Raises:
        UsageError: a file is one of these, is no JSON, or is named by two options.
    """
    taken = {_real(path) for path in kept}
    identities = {identity(Path(path)) for path in taken} - {None}
    for option, path in files.items():
        if path is None or is_stdout(path):
            continue
        if problem := _problem(path, taken, identities):
            raise UsageError(f"{option} {path} {problem}; expected a new file for JSON, such as summary.json")
        taken.add(_real(path))


def files_of(jobs: Iterable[Job], output: Path) -> list[Path]:
    """The files that a batch reads and writes: inputs, outputs, their data and records, and the list of failed files.

    Args:
        output: the folder of the outputs, or the only output.
    """
    files = [output / FAILED]
    for job in jobs:
        files += [job.input, job.output, data_path(job.output), record_path(job.output)]
    return files


def _problem(path: Path, taken: set[str], identities: set[tuple[int, int] | None]) -> str | None:
    if _real(path) in taken or identity(path) in identities:
        return "is a file that this command reads or writes itself"
    if path.suffix.lower() in media_suffixes():
        return "has the name of a video or image"
    try:
        if path.is_dir():
            return "is a folder"
        if not path.is_file():  # also what is no ordinary file, such as a pipe
            return None
        with path.open("rb") as file:
            start = file.read(_START).lstrip()
    except OSError as e:
        return f"cannot be read ({e.strerror})"
    return None if start[:1] in (b"", b"{", b"[") else "is there and is no JSON"


def _real(path: Path) -> str:
    return os.path.realpath(path)
