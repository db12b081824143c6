"""The list of the files that failed, `failed.jsonl` in the folder of the outputs, which `--retry` takes.

One JSON object per line: `input` (an absolute path), `output` (its path below the folder), `error` (a sentence), what
was asked for: `model` and `options`, and `among_others` (`realtime.run.jobs.Job`). The list holds each file whose last
attempt failed, of whatever run. An input that gives no output in the folder is not on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from engines.errors import UsageError
from realtime.options import Options
from realtime.run.inputs import Found, Input
from realtime.run.jobs import FAILED, Job, check_suffix, plan_found
from realtime.run.outcome import Outcome
from realtime.video.sinks.part_file import HeldFile, sink_errors

_NAMES = {"video_codec": "codec", "smooth": "no-smooth", "start_seconds": "start", "end_seconds": "end"}
"""Names on the command line that differ from those of `Options`."""


@dataclass(frozen=True)
class Asked:
    """All on a command line that decides what is in an output, beside the input."""

    options: Options = field(default_factory=Options)
    model: str = ""
    depth: str | None = None
    depth_scale: float | None = None

    def values(self) -> dict[str, Any]:
        """The values by their names."""
        depth = {"depth": self.depth, "depth_scale": self.depth_scale}
        return asdict(self.options) | depth | {"model": self.model}

    def difference(self, line: dict[str, Any]) -> str | None:
        """How a line of the list was asked for, and what differs now, in words; None where nothing does."""
        before = Asked().values() | line["options"] | {"model": line["model"]}
        for name, value in self.values().items():
            if before[name] != value:
                return _difference(name, before[name], value)
        return None


def write_failed(folder: Path, outcomes: Iterable[Outcome], asked: Asked) -> Path | None:
    """Bring the list of a folder up to date after a run. The folder is made if a file failed.

    Args:
        outcomes: what became of the jobs. Those that are done leave the list.

    Returns:
        The list; None where no file is left on it: then it is removed.

    Raises:
        SinkError: it cannot be written.
        UsageError: there is a file of that name that is no such list.
    """
    path = folder / FAILED
    lines = {_key(line): line for line in read_failed(folder)}
    for outcome in outcomes:
        job = outcome.job
        if job.output == folder or not job.output.is_relative_to(folder):
            continue
        line = {"input": str(job.input.absolute()), "output": str(job.output.relative_to(folder))}
        lines.pop(_key(line), None)
        if outcome.error:
            values = asked.values()
            model = values.pop("model")
            lines[_key(line)] = line | {
                "error": outcome.error,
                "model": model,
                "options": values,
                "among_others": job.among_others,
            }
    with sink_errors(path):
        if not lines:
            path.unlink(missing_ok=True)
            return None
        with HeldFile(path) as file:
            file.part.write_text("".join(f"{json.dumps(line)}\n" for line in lines.values()), encoding="utf-8")
            file.publish()
    return path


def read_failed(folder: Path) -> list[dict[str, Any]]:
    """The lines of a folder's list; none where there is no list. Raises UsageError for a file that is no such list."""
    path = folder / FAILED
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as e:
        raise UsageError(f"{path} cannot be read ({e.strerror}); choose another --output folder") from e
    return _lines(path)


def failed_jobs(path: Path, output: Path, asked: Asked, *, overwrite: bool = False) -> tuple[list[Job], str | None]:
    """The jobs of a list that were asked for as they are now, to be tried again.

    Args:
        path: the list, or the folder that holds it.
        output: the folder of the outputs.

    Returns:
        The jobs, and a line about the files that were asked for otherwise, if there are any.

    Raises:
        UsageError: there is no such list, or no file on it that was asked for so.
    """
    path = path / FAILED if path.is_dir() else path
    lines = list({_key(line): line for line in _lines(path)}.values())
    if not lines:
        raise UsageError(f"{path} names no file; there is nothing to try again")
    differences = [difference for line in lines if (difference := asked.difference(line))]
    if len(differences) == len(lines):
        raise UsageError(
            f"the failed files were asked for {differences[0]}: give --retry the options of the run that failed"
        )
    options = asked.options
    found = Found()
    for line in lines:
        if not asked.difference(line):
            check_suffix(output / line["output"], Path(line["input"]), options.render, options.video_codec)
            found.inputs.append(Input(Path(line["input"]), output=Path(line["output"])))
    among_others = {Path(line["input"]) for line in lines if line.get("among_others")}
    jobs = [
        replace(job, among_others=job.input in among_others)
        for job in plan_found(found, output, options.render, overwrite=overwrite, data=options.data)
    ]
    count = len(differences)
    files = "1 file" if count == 1 else f"{count} files"
    left_out = f"left out: {files} on the list, asked for {differences[0]}" if differences else None
    return jobs, left_out


def _difference(name: str, before: Any, now: Any) -> str:
    """As in: with --render blur; got overlay."""
    option = f"--{_NAMES.get(name, name.replace('_', '-'))}"
    if name == "smooth":
        before, now = not before, not now
    absent = (before is None or before is False, now is None or now is False)
    asked = f"without {option}" if absent[0] else f"with {option}" if before is True else f"with {option} {before}"
    got = f"no {option}" if absent[1] else option if now is True else str(now)
    return f"{asked}; got {got}"


def _key(line: dict[str, Any]) -> tuple[str, str]:
    return line["input"], line["output"]


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        for line in lines:
            _check(line)
    except OSError as e:
        raise UsageError(
            f"{path} cannot be read ({e.strerror}); expected the {FAILED} that an earlier run wrote, if files failed"
        ) from e
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        reason = f"{type(e).__name__}: {e}"
        raise UsageError(
            f"{path} is not a list of failed files ({reason}); expected a {FAILED} of an earlier run, or no such file"
        ) from e
    return lines


def _check(line: dict[str, Any]) -> None:
    """Raises ValueError, KeyError or TypeError where a line is none of ours."""
    for name in ("input", "output"):
        if not isinstance(line[name], str):
            raise TypeError(f"{name} is no path")
        if not line[name] or "\0" in line[name]:
            raise ValueError(f"{name} is {line[name]!r}")
    if not isinstance(line["options"], dict) or not isinstance(line["model"], str):
        raise TypeError("options or model of another kind")
    output = Path(line["output"])
    if output.is_absolute() or ".." in output.parts or not output.name:
        raise ValueError(f"output {str(output)!r} lies outside the folder of the outputs")
