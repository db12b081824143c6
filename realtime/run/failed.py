"""The list of the files that failed, `failed.jsonl` in the folder of the outputs, which `--retry` takes.

One JSON object per line: `input` (an absolute path), `output` (its path below the folder; null where there is none) and
`error`, a sentence. The list holds each file whose last attempt failed, of whatever run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engines.errors import UsageError
from realtime.run.batch import Outcome
from realtime.run.inputs import Found, Input
from realtime.run.jobs import FAILED, Job, plan_found
from realtime.video.sinks.part_file import HeldFile, sink_errors


def write_failed(folder: Path, outcomes: Iterable[Outcome]) -> Path | None:
    """Bring the list of a folder up to date after a run.

    Args:
        outcomes: what became of the jobs. Those that are done leave the list.

    Returns:
        The list; None where no file is left on it: then it is removed.

    Raises:
        SinkError: it cannot be written.
        UsageError: there is a file of that name that is no such list.
    """
    path = folder / FAILED
    lines = {_key(line): line for line in _lines(path)} if path.is_file() else {}
    for outcome in outcomes:
        line = _line(outcome, folder)
        lines.pop(_key(line), None)
        if outcome.error:
            lines[_key(line)] = line
    with sink_errors(path):
        if not lines:
            path.unlink(missing_ok=True)
            return None
        with HeldFile(path) as file:
            file.part.write_text("".join(f"{json.dumps(line)}\n" for line in lines.values()), encoding="utf-8")
            file.publish()
    return path


def failed_jobs(path: Path, output: Path, render: str, *, overwrite: bool = False, data: bool = False) -> list[Job]:
    """The jobs of a list, to be tried again.

    Args:
        path: the list, or the folder that holds it.
        output: the folder of the outputs.

    Raises:
        UsageError: there is no such list, or no file on it.
    """
    path = path / FAILED if path.is_dir() else path
    inputs = [
        Input(Path(line["input"]), output=Path(line["output"]) if line["output"] else None) for line in _lines(path)
    ]
    if not inputs:
        raise UsageError(f"{path} names no file; there is nothing to try again")
    return plan_found(Found(inputs), output, render, overwrite=overwrite, data=data)


def _line(outcome: Outcome, folder: Path) -> dict[str, Any]:
    job = outcome.job
    inside = job.output != folder and job.output.is_relative_to(folder)
    output = str(job.output.relative_to(folder)) if inside else None
    return {"input": str(job.input.absolute()), "output": output, "error": outcome.error}


def _key(line: dict[str, Any]) -> tuple[str, str | None]:
    return line["input"], line["output"]


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        for line in lines:
            if not isinstance(line["input"], str) or not isinstance(line["output"], str | None):
                raise TypeError("input and output must be paths")
    except OSError as e:
        raise UsageError(
            f"{path} cannot be read ({e.strerror}); expected the {FAILED} that an earlier run wrote, if files failed"
        ) from e
    except (ValueError, KeyError, TypeError) as e:
        reason = f"{type(e).__name__}: {e}"
        raise UsageError(
            f"{path} is not a list of failed files ({reason}); expected a {FAILED} of an earlier run"
        ) from e
    return lines
