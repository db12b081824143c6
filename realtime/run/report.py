"""Results as text for people. Plain lines of fixed layout: the same on a terminal, in a file and in a log."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from engines.backends import why_not_faster
from engines.errors import SinkError
from engines.machine import nvidia_gpu
from engines.manifest import TensorInfo
from engines.spec import Batch

if TYPE_CHECKING:  # imported, these would need OpenCV, and `unveil doctor` has to run where it cannot be loaded
    from engines.engine import Engine
    from realtime.pipeline import Summary
    from realtime.run.outcome import Outcome
    from realtime.tools.demo.make import DemoResult
    from realtime.tools.doctor import Report
    from realtime.video.codecs import Encoder
    from realtime.video.sources.depth_files import DepthInput


def start_line(engine: Engine) -> str:
    """Which engine runs, on what, and why not a faster one."""
    return f"engine: {engine.description} ({why_not_faster()})"


def depth_lines(inputs: Sequence[DepthInput]) -> list[str]:
    """The scales of measured depth, one line each, with the number of files."""
    counts = Counter(str(depth.scale) for depth in inputs)
    return [f"depth: measured, {count} file{'s' * (count > 1)}, {scale}" for scale, count in counts.items()]


def encoder_lines(encoder: Encoder) -> list[str]:
    """Which encoder writes H.264, on a machine with an NVIDIA GPU. Raises SinkError where NVENC must run and cannot."""
    if not nvidia_gpu() and encoder != "nvenc":
        return []
    from realtime.video.sinks.h264 import nvenc_problem, uses_nvenc

    if uses_nvenc(encoder):
        return ["H.264 is encoded by NVENC"]
    return [f"H.264 is encoded by x264 ({nvenc_problem() or 'as asked for'})"]


def live_line(summary: Summary) -> str:
    """The counts, speed and latency of a live run, in a line."""
    latency = ", ".join(f"{name} {value:.0f} ms" for name, value in summary.latency_ms.items() if value is not None)
    late = f", {summary.late_frames} with a face that was found later" if summary.late_frames else ""
    source = f" (source {summary.source_fps:.1f})" if summary.source_fps else ""
    counts = f"{summary.frames} frames, {summary.fps:.1f} fps{source}, {summary.dropped} dropped{late}"
    if summary.unwatched:
        counts += f", {summary.unwatched} that nobody watched"
    if summary.reconnects:
        counts += f", lost and back {summary.reconnects} time{'s' if summary.reconnects != 1 else ''}"
    return f"{summary.source}: {counts}, latency {latency or 'unknown'}"


def closing_line(outcomes: Sequence[Outcome], left: int, seconds: float) -> str:
    """The numbers of files that are done (of these, by an earlier run), that failed, and that an interruption left."""
    failed = sum(outcome.error is not None for outcome in outcomes)
    skipped = sum(outcome.skipped and outcome.error is None for outcome in outcomes)
    earlier = f" ({skipped} by an earlier run)" if skipped else ""
    interrupted = f", {left} not done (interrupted)" if left else ""
    return f"{len(outcomes) - failed} done{earlier}, {failed} failed{interrupted}, {seconds:.1f} s"


def batch_json(
    engine: Engine, outcomes: Sequence[Outcome], left: Sequence[Path] = (), executor: str = "local"
) -> dict[str, Any]:
    """The JSON object of `unveil process --json`.

    Args:
        left: the inputs that an interruption left undone.
        executor: the name of what ran the files.
    """
    failed = sum(outcome.error is not None for outcome in outcomes)
    return {
        "engine": engine.description,
        "executor": executor,
        "nodes": dict(Counter(outcome.node for outcome in outcomes if outcome.node)),
        "done": len(outcomes) - failed,
        "failed": failed,
        "skipped": sum(outcome.skipped for outcome in outcomes),
        "not_done": [str(path) for path in left],
        "files": [outcome.to_json() for outcome in outcomes],
    }


def doctor_text(report: Report) -> str:
    """The results of all checks, by section."""
    lines = []
    for name, checks in report.sections.items():
        mark = {"yes": "+", "no": "-", "info": " "}
        lines += [name, _indented(table([(mark[check.state], check.name, check.detail) for check in checks])), ""]
    wanted = [
        f"{check.name}: {check.detail}" for checks in report.sections.values() for check in checks if check.missed
    ]
    verdict = "unveil process can run here" if report.ready else "unveil process cannot run here"
    return "\n".join([*lines, verdict, *map(_indented, wanted)])


def manifest_text(folder: Path, values: dict[str, Any]) -> str:
    """The findings of `engines.compiling.inspection`, one field per line."""
    spec, gpu = values["spec"], values["gpu"]
    flavour = f" ({values['flavour']})" if values["flavour"] else ""
    parity = "{pixel_agreement:.4%} of pixels agree with float, mean error {mean_error:.5f} on {samples} crops"
    rows: list[tuple[str, object]] = [
        ("engine", folder),
        ("model", f"{spec['name']}: {', '.join(spec['labels'])}"),
        ("input", f"{spec['size_px']}x{spec['size_px']} RGB, mean {spec['mean']}, std {spec['std']}"),
        ("crop", f"{spec['crop_scale']} x the face's box"),
        ("backend", f"{values['backend']}{flavour}, {values['precision']}, batch {Batch(**values['batch'])}"),
        ("gpu", f"{gpu['name']}, capability {gpu['capability']}" if gpu else "not needed"),
        ("tensors", ", ".join(str(TensorInfo(**tensor)) for tensor in values["tensors"])),
        ("recipe", ", ".join(f"{name} {value}" for name, value in values["recipe"].items()) or "defaults"),
        ("parity", parity.format(**values["parity"])),
        ("calibration", f"{values['calibration']['count']} crops" if values["calibration"] else "none"),
        ("checkpoint", values["checkpoint_sha256"]),
        (
            "built",
            f"{values['built_at']} in {values['build_seconds']:.0f} s, on {values['host'].get('cpu', 'unknown')}",
        ),
        ("versions", ", ".join(f"{name} {version}" for name, version in values["versions"].items())),
        ("files", ", ".join(f"{name} (verified)" for name in values["files"])),
        ("runs here", "yes" if values["runs_here"] else f"no: {values['why_not']}"),
        *([] if values["runs_here"] else [("build it", values["rebuild"])]),
    ]
    return table(rows)


def demo_text(result: DemoResult) -> str:
    """The files of the demo, and its speed."""
    summary = result.overlay
    rows = [
        ("engine", summary.engine),
        ("frames", f"{summary.frames} of {summary.size_wh[0]}x{summary.size_wh[1]}"),
        ("fps end to end", f"{summary.fps:.1f} (decoding, masking, encoding)"),
    ]
    written = [f"wrote {path}" for path in result.files]
    return "\n".join(["", table(rows), "", stages_text(summary), "", *written])


def stages_text(summary: Summary) -> str:
    """Milliseconds per frame of each stage."""
    rows = [(name, times["mean"], times["p50"], times["p95"]) for name, times in summary.stages_ms.items()]
    own_thread = "threads: decode; detect to track; smooth to write; encode"
    return table(rows, ("stage", "mean ms", "p50 ms", "p95 ms")) + f"\n({own_thread})"


def table(rows: Sequence[Sequence[object]], header: Sequence[str] = ()) -> str:
    """Aligned columns, as wide as their contents; numbers to the right. Floats get two decimals, None becomes `-`."""
    lines = [list(header)] if header else []
    lines += [[_text(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    to_the_right = [
        all(isinstance(value, int | float | None) for value in column) for column in zip(*rows, strict=True)
    ]
    if header:
        lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(map(_padded, line, widths, to_the_right or [False] * len(widths))).rstrip() for line in lines
    )


def json_text(values: dict[str, Any]) -> str:
    """One JSON object, indented."""
    return json.dumps(values, indent=2)


class JsonLines:
    """Writes objects to a file, each as a line that is there at once; `-` is standard output. A context manager.

    A file that cannot be written stops no batch: its problem is kept, and the further lines are dropped.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self.problem: str | None = None
        """Why lines are missing, in a sentence."""

    def write(self, values: dict[str, Any]) -> None:
        """Write one object, if there is a file for it."""
        if self._path is None or self.problem:
            return
        try:
            self._write(json.dumps(values) + "\n")
        except OSError as e:
            self.problem = str(_unwritable(self._path, e))

    def __enter__(self) -> Self:
        try:
            if self._path is not None and not is_stdout(self._path):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("wb", buffering=0)  # closing a full disk's buffer would fail again
        except OSError as e:
            raise _unwritable(self._path, e) from e
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()

    def _write(self, line: str) -> None:
        if self._file is None:
            sys.stdout.write(line)
            sys.stdout.flush()
            return
        rest = memoryview(line.encode())
        while rest:
            rest = rest[self._file.write(rest) :]


def is_stdout(path: Path | None) -> bool:
    """True for `-`: JSON goes to standard output, and what is for people elsewhere."""
    return str(path) == "-"


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write one JSON object; `-` is standard output. Raises SinkError where the file cannot be written."""
    try:
        if is_stdout(path):
            sys.stdout.write(json_text(values) + "\n")
            sys.stdout.flush()
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json_text(values) + "\n", encoding="utf-8")
    except OSError as e:
        raise _unwritable(path, e) from e


def _unwritable(path: Path | None, error: OSError) -> SinkError:
    return SinkError(f"{path} cannot be written ({error.strerror}); choose another place for the JSON file")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _padded(cell: str, width: int, to_the_right: bool) -> str:
    return cell.rjust(width) if to_the_right else cell.ljust(width)


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
