"""The results of `unveil bench`, as tables and as a plot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.errors import SinkError
from engines.installation import MissingExtra
from realtime.run.report import stages_text, table

if TYPE_CHECKING:
    from realtime.tools.bench import BenchResult, EngineBench

_ROW_INCHES = 0.55


def bench_text(result: BenchResult) -> str:
    """What was measured, as tables."""
    source, first = result.source, result.engines[0].summary
    size = "x".join(map(str, source["size_wh"]))
    engines = [f"engine: {engine.summary.engine}" for engine in result.engines]
    several = len(result.engines) > 1
    parts = [
        *engines,
        f"source: {source['name']}, {size}, {source['frames']} frames; encoded by {source['encoder']}",
        "",
        _compared(result) if several else _alone(result),
        "",
        _stages(result.engines) if several else stages_text(first),
        "",
        "left out: " + "; ".join(result.to_json()["left_out"]),
        *([f"failed: {result.damage}"] if result.damage else []),
    ]
    return "\n".join(parts)


def _alone(result: BenchResult) -> str:
    (engine,) = result.engines
    rows: list[tuple[object, ...]] = [
        (f"network alone{_batch(times.batch)}", times.p50_ms, times.p95_ms, times.fps) for times in engine.network
    ]
    rows.append(("end to end", engine.frame_p50_ms, engine.frame_p95_ms, engine.summary.fps))
    return table(rows, ("", "p50 ms", "p95 ms", "fps")) + _ceilings(result)


def _compared(result: BenchResult) -> str:
    rows = [
        (_name(engine), *(value for times in engine.network for value in (times.p50_ms, times.fps)), engine.summary.fps)
        for engine in result.engines
    ]
    heads = [
        f"{what}{_batch(times.batch)}"
        for times in result.engines[0].network
        for what in ("network p50 ms", "crops per second")
    ]
    return table(rows, ("", *heads, "end to end fps")) + _ceilings(result)


def _ceilings(result: BenchResult) -> str:
    if result.ceilings is None:
        return ""
    share = result.engines[0].summary.fps / result.ceilings.decode_encode_fps
    whose = "" if len(result.engines) == 1 else f"{_name(result.engines[0])}: "
    return (
        f"\n\nwithout masking, same file: decoding {result.ceilings.decode_fps:.1f} fps, decoding and encoding "
        f"{result.ceilings.decode_encode_fps:.1f} fps ({whose}end to end is {share:.0%} of that)"
    )


def _stages(engines: tuple[EngineBench, ...]) -> str:
    names = list(dict.fromkeys(name for engine in engines for name in engine.summary.stages_ms))
    rows = [
        (name, *(engine.summary.stages_ms.get(name, {"mean": 0.0})["mean"] for engine in engines)) for name in names
    ]
    own_thread = "decode, detect to track, smooth to write, and encode run in a thread each"
    return table(rows, ("stage, mean ms", *map(_name, engines))) + f"\n({own_thread})"


def _name(engine: EngineBench) -> str:
    return f"{engine.engine['model']} {engine.engine['precision']}"


def _batch(batch: int) -> str:
    return "" if batch == 1 else f", {batch} per call"


def plot(result: BenchResult, path: Path) -> None:
    """Write a PNG: where the time of a frame goes with each engine, compared with decoding and encoding alone.

    Raises:
        MissingExtra: matplotlib is not installed.
        SinkError: the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as e:
        raise MissingExtra("a plot", "train") from e
    figure = Figure(figsize=(9, 1.9 + _ROW_INCHES * (len(result.engines) + 1)), layout="constrained")
    _draw(figure.subplots(), result)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110, format="png")
    except OSError as e:
        raise SinkError(f"{path} cannot be written ({e.strerror}); choose another place for the plot") from e


def _draw(axes: Any, result: BenchResult) -> None:
    stages = list(dict.fromkeys(name for engine in result.engines for name in engine.summary.stages_ms))
    names = [_name(engine) for engine in result.engines]
    left = [0.0] * len(names)
    for stage in stages:
        widths = [engine.summary.stages_ms.get(stage, {"mean": 0.0})["mean"] for engine in result.engines]
        axes.barh(range(len(names)), widths, left=left, height=0.6, label=stage)
        left = [before + width for before, width in zip(left, widths, strict=True)]
    for place, engine in enumerate(result.engines):
        end_to_end = 1000 / engine.summary.fps
        axes.plot([end_to_end] * 2, [place - 0.38, place + 0.38], color="black", linewidth=2)
        axes.annotate(f" {engine.summary.fps:.0f} fps", (end_to_end, place + 0.38), va="top", fontsize=9)
    if result.ceilings:
        axes.axvline(1000 / result.ceilings.decode_encode_fps, color="gray", linestyle="--", label="decode + encode")
        axes.axvline(1000 / result.ceilings.decode_fps, color="gray", linestyle=":", label="decode")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("ms per frame: bars are stages, some of which run at the same time; black is end to end")
    axes.set_title(f"{result.source['name']}, {'x'.join(map(str, result.source['size_wh']))}", fontsize=11)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
