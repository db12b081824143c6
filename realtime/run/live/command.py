"""`unveil live`. Nothing heavy is imported up here: `unveil --help` answers at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engines.errors import UsageError
from engines.zoo import DEFAULT_MODEL
from realtime.render.registry import DEFAULT as DEFAULT_RENDER
from realtime.run.live.options import (
    Fps,
    Mjpeg,
    PipeOption,
    Reconnect,
    Record,
    Size,
    View,
    ViewOption,
    VirtualCamera,
)
from realtime.run.options import (
    FILES,
    Background,
    Depth,
    DepthScale,
    JsonFile,
    KeepOccluders,
    MaxFaces,
    Model,
    NoSmooth,
    Render,
    Threads,
    check_depth,
)

if TYPE_CHECKING:
    from engines.engine import Engine


def live(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            help="A webcam (its index or a part of its name), the URL of a stream, a video file (played at its own "
            "speed), or screen:WIDTHxHEIGHT+LEFT+TOP."
        ),
    ] = "0",
    view: ViewOption = View.window,
    record: Record = None,
    mjpeg: Mjpeg = None,
    pipe: PipeOption = None,
    virtual_camera: VirtualCamera = False,
    size: Size = None,
    fps: Fps = None,
    reconnect: Reconnect = 30.0,
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
    background: Background = None,
    max_faces: MaxFaces = None,
    no_smooth: NoSmooth = False,
    depth: Depth = None,
    depth_scale: DepthScale = None,
    threads: Threads = None,
) -> None:
    """Mask a camera or a stream in real time. In the window press h for the keys, and q or Esc to stop.

    Exit status: 0 the source ended, or --seconds or --frames was reached; 1 the source was lost, or blur left faces
    visible; 2 wrong use; 130 Ctrl-C.
    """
    from realtime.controls import Controls, Settings
    from realtime.faces.composed import load_model
    from realtime.faces.finding.detectors import open_detector
    from realtime.pipeline import Options
    from realtime.run import report
    from realtime.run.live.models import ModelLoader
    from realtime.run.live.outputs import Outputs, open_sink
    from realtime.run.live.play import LiveSource, play
    from realtime.run.planned import check_json_files
    from realtime.run.progress import Progress
    from realtime.video.sources.depth_files import depth_of
    from realtime.video.sources.live.camera import CameraMode

    options = Options(
        render=render, keep_occluders=keep_occluders, background=background, max_faces=max_faces,
        smooth=not no_smooth, limit=frames,
    )  # fmt: skip
    check_json_files({"--json": json}, [Path(source), *([record] if record else [])])
    if pipe and json == Path("-"):
        raise UsageError("--pipe and --json - both write to standard output; give --json a file")
    outputs = Outputs(view is View.window, record, mjpeg, pipe.value if pipe else None, virtual_camera)
    outputs.check()  # without a display there is nothing to load an engine for
    check_depth(depth, depth_scale)
    measured = depth_of(Path(source), depth, depth_scale) if depth else None
    played = LiveSource(source, seconds, measured, CameraMode(size, fps) if size or fps else None, reconnect)
    controls = Controls(Settings(options.look, model, options.smooth))

    def open_engine(name: str) -> Engine:
        return load_model(context.obj(name), measured_depth=bool(depth), threads=threads)

    with ThreadPoolExecutor(1) as beside:  # both take half a second
        opening = beside.submit(open_detector, options.detector)
        engine, detector = open_engine(model), opening.result()
    with (
        engine,
        Progress() as progress,
        ModelLoader(controls, open_engine, progress.say) as loader,
    ):
        progress.say(report.start_line(engine))
        for line in report.depth_lines([measured] if measured else []):
            progress.say(line)
        sink = open_sink(outputs, controls, loader, engine.spec.labels, background, progress.say)
        run = play(played, engine, sink, options, progress, controls, detector)
        progress.say(report.live_line(run.summary))
        failures = [problem for problem in (run.summary.damage, run.summary.visible_faces) if problem]
        for problem in failures:
            progress.say(f"failed: {problem}")
        if run.summary.left_out and not run.summary.visible_faces:
            progress.say(str(run.summary.left_out))
        if json:
            report.write_json(json, run.summary.to_json())
    raise typer.Exit(130 if run.interrupted else int(bool(failures)))
