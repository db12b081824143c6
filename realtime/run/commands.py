"""`unveil process`. Nothing heavy is imported up here: `unveil --help` answers at once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engines.errors import UnveilError, UsageError
from engines.zoo import DEFAULT_MODEL
from realtime.render.registry import DEFAULT as DEFAULT_RENDER
from realtime.run.encoding_options import (
    H264,
    Audio,
    AudioOption,
    Codec,
    CodecOption,
    Crf,
    Deinterlace,
    DeinterlaceOption,
    Encoder,
    Preset,
    PresetOption,
)
from realtime.run.executors import EXECUTORS
from realtime.run.options import (
    FILES,
    Address,
    Background,
    Data,
    Depth,
    DepthScale,
    End,
    ExecutorOption,
    JsonFile,
    JsonLines,
    KeepOccluders,
    Label,
    MaxFaces,
    Model,
    Name,
    NoSmooth,
    Recursive,
    Render,
    Retry,
    Start,
    Threads,
    WorkersOption,
    check_depth,
)
from realtime.run.terminal import did_you_mean, interrupted_once

if TYPE_CHECKING:
    from realtime.pipeline import Options
    from realtime.run.outcome import Outcome


def process(
    context: typer.Context,
    inputs: Annotated[
        list[str] | None, typer.Argument(help="Videos, images, folders of them or glob patterns.", metavar="INPUT...")
    ] = None,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o",
            help="The folder for the outputs, which keep the names of their inputs; or, for one input, a file.",
            metavar="FOLDER|FILE", rich_help_panel=FILES,
        ),
    ],
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace outputs that already exist. Without it, outputs of this same command are skipped. Any other "
            "output is left untouched, and its input fails.",
            rich_help_panel=FILES,
        ),
    ] = False,
    recursive: Recursive = False,
    name: Name = None,
    retry: Retry = None,
    data: Data = False,
    json: JsonFile = None,
    json_lines: JsonLines = None,
    model: Model = DEFAULT_MODEL,
    render: Render = DEFAULT_RENDER,
    keep_occluders: KeepOccluders = False,
    label: Label = "face",
    background: Background = None,
    max_faces: MaxFaces = None,
    no_smooth: NoSmooth = False,
    depth: Depth = None,
    depth_scale: DepthScale = None,
    start: Start = None,
    end: End = None,
    deinterlace: DeinterlaceOption = Deinterlace.auto,
    codec: CodecOption = Codec.h264,
    audio: AudioOption = Audio.copy,
    crf: Crf = None,
    preset: PresetOption = None,
    encoder: Encoder = H264.auto,
    threads: Threads = None,
    workers: WorkersOption = 1,
    executor: ExecutorOption = "local",
    address: Address = None,
) -> None:  # fmt: skip
    """Mask faces, or what covers them, in videos and images.

    Exit status: 0 all done, 1 something failed or was damaged (the rest is done), 2 wrong use, 130 Ctrl-C.
    """
    from realtime.faces.composed import load_model
    from realtime.pipeline import Options
    from realtime.run import batch, report
    from realtime.run.executors.ray_cluster import ADDRESS
    from realtime.run.executors.workers import Workers
    from realtime.run.failed import Asked, read_failed, write_failed
    from realtime.run.jobs import is_folder, with_depth
    from realtime.run.planned import check_json_files, files_of, jobs_of
    from realtime.run.progress import Progress

    if workers > 1 and executor != "local":
        raise UsageError(f"--workers is for --executor local; got --executor {executor}")
    check_depth(depth, depth_scale)
    if executor not in EXECUTORS:
        known = ", ".join(EXECUTORS)
        raise UsageError(
            f"executor {executor!r} is unknown; expected one of {known}{did_you_mean(executor, EXECUTORS)}"
        )
    if address and executor != "ray":
        raise UsageError(f"--address is for --executor ray; got --executor {executor}")
    if address:
        os.environ[ADDRESS] = address
    options = Options(
        render=render, keep_occluders=keep_occluders, max_faces=max_faces, smooth=not no_smooth, data=data,
        label=label, background=background, video_codec=codec.value, audio=audio.value, deinterlace=deinterlace.value,
        start_seconds=start or 0.0, end_seconds=end, encoder=encoder.value,
    )  # fmt: skip
    options = _with_quality(options, crf, preset, encoder)
    asked = Asked(options, model, str(depth.absolute()) if depth else None, depth_scale)
    jobs, left_out = jobs_of(
        inputs or [], output, asked, overwrite=overwrite, recursive=recursive, name=name, retry=retry
    )
    check_json_files(
        {"--json": json, "--json-lines": json_lines}, [*files_of(jobs, output), *([retry] if retry else [])]
    )
    if is_folder(output):
        read_failed(output)  # a foreign file of that name is told before the work
    encodes = any(job.output.suffix == ".mp4" for job in jobs)
    if (crf is not None or preset is not None) and not encodes:
        raise UsageError("--crf and --preset are for videos in H.264, HEVC or AV1, and no output here is one")
    encoding = report.encoder_lines(options.encoder) if encodes and codec is Codec.h264 else []
    if depth:
        jobs = with_depth(jobs, depth, depth_scale)
    outcomes: list[Outcome] = []
    open_engine = partial(load_model, context.obj(model), measured_depth=bool(depth), threads=threads)
    with interrupted_once() as interrupts, open_engine() as engine, Progress() as progress:
        progress.say(report.start_line(engine))
        for line in encoding + report.depth_lines([job.depth for job in jobs if job.depth]):
            progress.say(line)
        if start:
            progress.say(f"each video is decoded from its beginning; its frames before {start:g} s are dropped")
        if left_out:
            progress.say(left_out)
        started = time.perf_counter()
        lines = report.JsonLines(json_lines)
        with suppress(KeyboardInterrupt), lines:
            for outcome in batch.process_each(
                jobs,
                engine,
                options,
                progress=progress,
                executor=Workers(workers) if workers > 1 else EXECUTORS[executor](),
                open_engine=open_engine,
            ):
                outcomes.append(outcome)
                lines.write(outcome.to_json())
                if interrupts:
                    break
        left = jobs[len(outcomes) :]
        seconds = time.perf_counter() - started

        def write_summary() -> None:
            if json:
                values = report.batch_json(engine, outcomes, [job.input for job in left], executor)
                report.write_json(json, values | {"left_out": left_out})

        def list_failed() -> None:
            failed = write_failed(output, outcomes, asked) if is_folder(output) else None
            if failed and batch.exit_status(outcomes):
                progress.say(f"failed files are listed in {failed}; to retry, replace the inputs by --retry {failed}")

        problems = [*([lines.problem] if lines.problem else []), *_problems_of(write_summary, list_failed)]
        for problem in problems:
            progress.say(f"failed: {problem}")
        if interrupts:
            progress.say("to continue, run the same command again")
        progress.say(report.closing_line(outcomes, len(left), seconds))
    raise typer.Exit(130 if interrupts else batch.exit_status(outcomes) or int(bool(problems)))


def _problems_of(*steps: Callable[[], None]) -> list[str]:
    """Do each step. Returns why steps failed, a sentence each."""
    problems = []
    for step in steps:
        try:
            step()
        except UnveilError as e:
            problems.append(str(e))
    return problems


def _with_quality(options: Options, crf: int | None, preset: Preset | None, encoder: H264) -> Options:
    """The options with --crf and --preset. Raises UsageError where they are for another encoder."""
    if crf is None and preset is None:
        return options
    if encoder is H264.nvenc:
        raise UsageError("--crf and --preset are for x264; leave out --encoder nvenc")
    if options.video_codec not in (Codec.h264, Codec.hevc, Codec.av1):
        raise UsageError(f"--crf and --preset are for H.264, HEVC and AV1; --codec {options.video_codec} has none")
    options = replace(options, encoder="x264", crf=options.crf if crf is None else crf)
    return replace(options, preset=preset.value if preset else options.preset)
