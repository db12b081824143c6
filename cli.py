"""The command `unveil`: parses, imports what the command needs, calls it and prints.

Nothing heavy is imported up here: `unveil --help` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from engines.errors import UnveilError, UsageError
from engines.zoo import DEFAULT_MODEL, WITH_CONSENSUS
from realtime.run.options import H264, Depth, DepthScale, Encoder, JsonFlag, Kind, Model, Render, Threads, View
from train.commands.calibrate import calibrate
from train.commands.label import label
from train.commands.measure import evaluate, reproduce
from train.commands.options import JsonFile, needs_training
from train.commands.train import average, train

app = typer.Typer(
    help="Shows the face and what covers it: face, occlusion and background for every pixel of a video.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def process(
    inputs: Annotated[list[str], typer.Argument(help="Videos, images, folders of them or globs.", metavar="INPUT...")],
    output: Annotated[Path, typer.Option(help="The folder of the outputs, which keep their inputs' names.")],
    model: Model = DEFAULT_MODEL,
    render: Render = Kind.overlay,
    depth: Depth = None,
    depth_scale: DepthScale = None,
    encoder: Encoder = H264.auto,
    json: JsonFile = None,
    threads: Threads = None,
) -> None:
    """Mask files. Exit status: 0 all done, 1 something failed (the rest is done), 2 wrong use."""
    from realtime.faces.composed import load_model
    from realtime.pipeline import Options
    from realtime.run import batch, report
    from realtime.run import jobs as files
    from realtime.run.progress import Progress
    from realtime.video.sources import depth_files

    _check_depth(depth, depth_scale)
    options = Options(render=render.value, encoder=encoder.value)
    jobs = files.plan(inputs, output, render.value)
    encoding = report.encoder_lines(encoder.value) if any(job.output.suffix == ".mp4" for job in jobs) else []
    if depth:
        jobs = depth_files.with_depth(jobs, depth, depth_scale)
    with load_model(_engine(model), measured_depth=bool(depth), threads=threads) as engine, Progress() as progress:
        progress.say(report.start_line(engine))
        for line in encoding + report.depth_lines([job.depth for job in jobs if job.depth]):
            progress.say(line)
        outcomes = batch.process(jobs, engine, options, progress=progress)
        if json:
            report.write_json(json, report.batch_json(engine, outcomes))
    raise typer.Exit(batch.exit_status(outcomes))


@app.command()
def live(
    source: Annotated[str, typer.Argument(help="A webcam's index, a file (at its own pace) or a stream's URL.")] = "0",
    view: Annotated[View, typer.Option(help="Where it is shown.")] = View.window,
    model: Model = DEFAULT_MODEL,
    render: Render = Kind.overlay,
    seconds: Annotated[float | None, typer.Option(help="Stop after this time.", min=0.1)] = None,
    frames: Annotated[int | None, typer.Option(help="Stop after so many frames.", min=1)] = None,
    depth: Depth = None,
    depth_scale: DepthScale = None,
    json: JsonFile = None,
    threads: Threads = None,
) -> None:
    """Mask a camera or stream as it comes. q, Esc or Ctrl-C ends it. Exit status: 1 where the source was lost."""
    from realtime.faces.composed import load_model
    from realtime.pipeline import Options
    from realtime.run import report
    from realtime.run.live import play
    from realtime.run.progress import Progress
    from realtime.video.sinks.open import NullSink, WindowSink, check_display
    from realtime.video.sources.depth_files import depth_of

    if view is View.window:
        check_display()  # without one there is nothing to load an engine for
    _check_depth(depth, depth_scale)
    beside = depth_of(Path(source), depth, depth_scale) if depth else None
    with load_model(_engine(model), measured_depth=bool(depth), threads=threads) as engine, Progress() as progress:
        progress.say(report.start_line(engine))
        for line in report.depth_lines([beside] if beside else []):
            progress.say(line)
        sink = WindowSink(engine.spec.labels) if view is View.window else NullSink()
        options = Options(render=render.value, limit=frames)
        run = play(source, engine, sink, options, progress, seconds=seconds, depth=beside)
        progress.say(report.live_line(run.summary))
        if run.summary.damage:
            progress.say(f"failed: {run.summary.damage}")
        if json:
            report.write_json(json, run.summary.to_json())
    raise typer.Exit(130 if run.interrupted else int(bool(run.summary.damage)))


@app.command()
def doctor(json: JsonFlag = False) -> None:
    """Say what this machine can do, and why not more. Exit status: 0 if `process` can run here, else 1."""
    from realtime.run import report
    from realtime.tools.doctor import examine

    findings = examine()
    typer.echo(report.json_text(findings.to_json()) if json else report.doctor_text(findings))
    raise typer.Exit(0 if findings.ready else 1)


@app.command()
def inspect(
    engine: Annotated[str, typer.Argument(help="A model that ships with Unveil, an engine's folder or a checkpoint.")],
    json: JsonFlag = False,
) -> None:
    """Say what an engine is and how it was made, and whether it runs here. Exit status: 0 if it does, else 1."""
    from engines.compiling.inspection import inspect_engine
    from engines.load import find_engine
    from realtime.run import report

    found = inspect_engine(find_engine(_engine(engine)))
    typer.echo(report.json_text(found.to_json()) if json else report.manifest_text(found.folder, found.to_json()))
    raise typer.Exit(int(found.why_not is not None))


@app.command()
def bench(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="Models to compare (names, engines' folders, checkpoints), and a video, camera or stream "
            "\\[default: the sample clip].",
            metavar="[MODEL...] [VIDEO]",
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="A model, as elsewhere.", metavar="NAME")] = None,
    batch: Annotated[list[int] | None, typer.Option(help="Time calls with so many crops, too.", min=2)] = None,
    seconds: Annotated[float, typer.Option(help="How long each network alone is timed.", min=0.1)] = 3.0,
    json: JsonFile = None,
    plot: Annotated[Path | None, typer.Option(help="Draw where the time goes.", metavar="PNG")] = None,
    threads: Threads = None,
) -> None:
    """Time networks alone, and the whole way from a video to a video file, beside decoding and encoding alone."""
    from realtime.faces.composed import load_model
    from realtime.run import report
    from realtime.tools import bench_report
    from realtime.tools.bench import measure
    from realtime.tools.bench_inputs import models_and_source

    models, source = models_and_source([*([model] if model else []), *(what or [])])
    engines = [_engine(name) for name in models]
    result = measure(
        engines, lambda name: load_model(name, threads=threads), source, seconds=seconds, batches=batch or ()
    )
    typer.echo(bench_report.bench_text(result))
    if json:
        report.write_json(json, result.to_json())
    if plot:
        bench_report.plot(result, plot)
    raise typer.Exit(int(bool(result.damage)))


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="The folder of the outputs.")] = Path("out"),
    model: Model = DEFAULT_MODEL,
    threads: Threads = None,
) -> None:
    """Make a sample clip, mask it and show how: demo.mp4, demo_cutout.mp4 and demo_sheet.png."""
    from realtime.faces.composed import load_model
    from realtime.run import report
    from realtime.run.progress import Progress
    from realtime.tools.demo import make

    with load_model(_engine(model), threads=threads) as engine, Progress() as progress:
        progress.say(report.start_line(engine))
        result = make(engine, output, progress)
    typer.echo(report.demo_text(result))


for command in (label, train, average, calibrate, evaluate, reproduce):
    app.command()(command)


@app.command(name="compile")
def compile_(
    checkpoint: Annotated[Path, typer.Argument(help="Weights that `unveil train` wrote.", metavar="CHECKPOINT")],
    output: Annotated[Path, typer.Option(help="The engine's folder; an engine that is there is replaced.")],
    precision: Annotated[
        str, typer.Option(help="fp32, bf16 or int8; of torch fp32, fp16 or bf16; of tensorrt fp8, too.")
    ] = "int8",
    backend: Annotated[
        str, typer.Option(help="openvino (CPU), tensorrt (NVIDIA GPU), or torch (either, and the reference).")
    ] = "openvino",
    batch: Annotated[
        str, typer.Option(help="Crops of a call; a GPU takes a range, too.", metavar="N|MIN:OPT:MAX")
    ] = "1",
    compatible: Annotated[
        bool, typer.Option("--compatible", help="Of tensorrt: for other GPUs, too, from Ampere on; slower.")
    ] = False,
    size: Annotated[int | None, typer.Option(help="Side of the crops \\[default: that of the training].")] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(help="Face crops for int8 and fp8: a folder, or a sheet \\[default: those that ship]."),
    ] = None,
) -> None:
    """Compile a checkpoint into an engine, and compare the two."""
    needs_training("compiling", "torch")
    from engines.spec import BuildSpec
    from train.compiling import compile_checkpoint

    build_spec = BuildSpec.of(backend, precision, batch, compatible)
    compile_checkpoint(checkpoint, output, build_spec, calibration, typer.echo, size_px=size)
    typer.echo(f"engine: {output}")


def _engine(model: str) -> str:
    """The model; of a checkpoint, and of any where there is a GPU, the engine that is built for it on first use."""
    name = model.removesuffix(WITH_CONSENSUS)
    if name.endswith(".safetensors"):
        needs_training("building the engine of a checkpoint", "torch")
    from train.compiling import engine_for

    return engine_for(name, lambda line: typer.echo(line, err=True)) + model[len(name) :]


def _check_depth(depth: Path | None, depth_scale: float | None) -> None:
    if depth_scale is not None and depth is None:
        raise UsageError("--depth-scale without --depth; name the depth that it belongs to")


def _import_problem(error: ImportError) -> str:
    from realtime.tools.system_libraries import missing_packages

    packages = " ".join(missing_packages())
    advice = f"sudo apt-get install {packages}; and see: unveil doctor" if packages else "unveil doctor"
    reason = str(error).strip().partition("\n")[0]  # some packages write a page
    return f"a package that this command needs cannot be loaded ({reason}); run: {advice}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit status: 0 done, 1 failed, 2 wrong use, 130 interrupted."""
    try:
        app(args=arguments, prog_name="unveil")
    except UnveilError as e:
        typer.echo(f"unveil: {e}", err=True)
        sys.exit(2 if isinstance(e, UsageError) else 1)
    except ImportError as e:
        typer.echo(f"unveil: {_import_problem(e)}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
