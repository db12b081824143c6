"""`unveil process` and `unveil live`. Nothing heavy is imported up here: `unveil --help` answers at once."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from engines.errors import UsageError
from engines.zoo import DEFAULT_MODEL
from realtime.render.registry import DEFAULT as DEFAULT_RENDER
from realtime.run.executors import EXECUTORS
from realtime.run.options import (
    FILES,
    H264,
    Crf,
    Depth,
    DepthScale,
    Encoder,
    End,
    ExecutorOption,
    JsonFile,
    KeepOccluders,
    MaxFaces,
    Model,
    NoSmooth,
    PresetOption,
    Render,
    Start,
    Threads,
    View,
)
from realtime.run.terminal import did_you_mean


def process(
    context: typer.Context,
    inputs: Annotated[
        list[str], typer.Argument(help="Videos, images, folders of them or glob patterns.", metavar="INPUT...")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o",
            help="The folder for the outputs, which keep the names of their inputs; or, for one input, a file.",
            metavar="FOLDER|FILE", rich_help_panel=FILES,
        ),
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace outputs that are already there.", rich_help_panel=FILES)
    ] = False,
    json: JsonFile = None,
    model: Model = DEFAULT_MODEL,
    render: Render = DEFAULT_RENDER,
    keep_occluders: KeepOccluders = False,
    max_faces: MaxFaces = None,
    no_smooth: NoSmooth = False,
    depth: Depth = None,
    depth_scale: DepthScale = None,
    start: Start = None,
    end: End = None,
    crf: Crf = None,
    preset: PresetOption = None,
    encoder: Encoder = H264.auto,
    threads: Threads = None,
    executor: ExecutorOption = "local",
) -> None:  # fmt: skip
    """Mask the faces in files, or what covers them.

    Exit status: 0 all done, 1 something failed (the rest is done), 2 wrong use.
    """
    from realtime.faces.composed import load_model
    from realtime.pipeline import Options
    from realtime.run import batch, report
    from realtime.run import jobs as files
    from realtime.run.progress import Progress

    _check_depth(depth, depth_scale)
    if executor not in EXECUTORS:
        known = ", ".join(EXECUTORS)
        raise UsageError(
            f"executor {executor!r} is unknown; expected one of {known}{did_you_mean(executor, EXECUTORS)}"
        )
    options = Options(
        render=render, keep_occluders=keep_occluders, max_faces=max_faces, smooth=not no_smooth,
        start_seconds=start or 0.0, end_seconds=end, encoder=encoder.value,
    )  # fmt: skip
    if crf is not None or preset is not None:
        if encoder is H264.nvenc:
            raise UsageError("--crf and --preset are for x264; leave out --encoder nvenc")
        options = replace(options, encoder="x264", crf=options.crf if crf is None else crf)
        options = replace(options, preset=preset.value if preset else options.preset)
    jobs = files.plan(inputs, output, render, overwrite=overwrite)
    encodes = any(job.output.suffix == ".mp4" for job in jobs)
    if (crf is not None or preset is not None) and not encodes:
        raise UsageError("--crf and --preset are for videos in H.264, and no output here is one")
    encoding = report.encoder_lines(options.encoder) if encodes else []
    if depth:
        jobs = files.with_depth(jobs, depth, depth_scale)
    outcomes: list[batch.Outcome] = []
    interrupted = False
    with load_model(context.obj(model), measured_depth=bool(depth), threads=threads) as engine, Progress() as progress:
        progress.say(report.start_line(engine))
        for line in encoding + report.depth_lines([job.depth for job in jobs if job.depth]):
            progress.say(line)
        if start:
            progress.say(f"each video is decoded from its beginning; its frames before {start:g} s are dropped")
        started = time.perf_counter()
        try:
            for outcome in batch.process_each(jobs, engine, options, progress=progress, executor=EXECUTORS[executor]()):
                outcomes.append(outcome)
        except KeyboardInterrupt:
            interrupted = True
        left = [job.input for job in jobs[len(outcomes) :]]
        progress.say(report.closing_line(outcomes, left, time.perf_counter() - started))
        if json:
            report.write_json(json, report.batch_json(engine, outcomes, left, executor))
    raise typer.Exit(130 if interrupted else batch.exit_status(outcomes))


def live(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(help="The index of a webcam, a video file (played at its own speed) or the URL of a stream."),
    ] = "0",
    view: Annotated[
        View, typer.Option(help="Where the result is shown: window or none.", metavar="WHERE", rich_help_panel=FILES)
    ] = View.window,
    seconds: Annotated[
        float | None, typer.Option(help="Stop after this many seconds.", min=0.1, metavar="N", rich_help_panel=FILES)
    ] = None,
    frames: Annotated[
        int | None, typer.Option(help="Stop after this many frames.", min=1, metavar="N", rich_help_panel=FILES)
    ] = None,
    json: JsonFile = None,
    model: Model = DEFAULT_MODEL,
    render: Render = DEFAULT_RENDER,
    keep_occluders: KeepOccluders = False,
    max_faces: MaxFaces = None,
    no_smooth: NoSmooth = False,
    depth: Depth = None,
    depth_scale: DepthScale = None,
    threads: Threads = None,
) -> None:
    """Mask a camera or a stream in real time. Press q, Esc or Ctrl-C to stop.

    Exit status: 0 the source ended or its limit was reached, 1 the source was lost or faces stayed visible under blur,
    2 wrong use, 130 Ctrl-C.
    """
    from realtime.faces.composed import load_model
    from realtime.pipeline import Options
    from realtime.render.palette import palette
    from realtime.run import report
    from realtime.run.live import play
    from realtime.run.progress import Progress
    from realtime.video.sinks.open import NullSink, WindowSink, check_display
    from realtime.video.sources.depth_files import depth_of

    options = Options(
        render=render, keep_occluders=keep_occluders, max_faces=max_faces, smooth=not no_smooth, limit=frames
    )
    if view is View.window:
        check_display()  # without one there is nothing to load an engine for
    _check_depth(depth, depth_scale)
    measured = depth_of(Path(source), depth, depth_scale) if depth else None
    with load_model(context.obj(model), measured_depth=bool(depth), threads=threads) as engine, Progress() as progress:
        progress.say(report.start_line(engine))
        for line in report.depth_lines([measured] if measured else []):
            progress.say(line)
        sink = WindowSink(palette(engine.spec.labels)) if view is View.window else NullSink()
        run = play(source, engine, sink, options, progress, seconds=seconds, depth=measured)
        progress.say(report.live_line(run.summary))
        failures = [problem for problem in (run.summary.damage, run.summary.visible_faces) if problem]
        for problem in failures:
            progress.say(f"failed: {problem}")
        if run.summary.left_out and not run.summary.visible_faces:
            progress.say(str(run.summary.left_out))
        if json:
            report.write_json(json, run.summary.to_json())
    raise typer.Exit(130 if run.interrupted else int(bool(failures)))


def _check_depth(depth: Path | None, depth_scale: float | None) -> None:
    if depth_scale is not None and depth is None:
        raise UsageError("--depth-scale without --depth; name the depth that it belongs to")
