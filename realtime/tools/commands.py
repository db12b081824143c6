"""`unveil doctor`, `inspect`, `bench` and `demo`. Heavy packages are imported inside, so that `--help` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engines.zoo import DEFAULT_MODEL
from realtime.run.options import FILES, MACHINE, JsonFile, JsonFlag, Model, Threads, complete_model


def doctor(json: JsonFlag = False) -> None:
    """Check what this machine can do, and why not more.

    Exit status: 0 if `unveil process` can run here, else 1.
    """
    from realtime.run import report
    from realtime.tools.doctor import examine

    findings = examine()
    typer.echo(report.json_text(findings.to_json()) if json else report.doctor_text(findings))
    raise typer.Exit(0 if findings.ready else 1)


def inspect(
    context: typer.Context,
    engine: Annotated[
        str,
        typer.Argument(
            help="A model that ships with Unveil, the folder of an engine, or a checkpoint.",
            metavar="MODEL", autocompletion=complete_model,
        ),
    ],
    json: JsonFlag = False,
) -> None:  # fmt: skip
    """Show what an engine is, how it was made and whether it runs here.

    Exit status: 0 if it runs here, else 1.
    """
    from engines.compiling.inspection import inspect_engine
    from engines.load import find_engine
    from realtime.run import report

    found = inspect_engine(find_engine(context.obj(engine)))
    typer.echo(report.json_text(found.to_json()) if json else report.manifest_text(found.folder, found.to_json()))
    raise typer.Exit(int(found.why_not is not None))


def bench(
    context: typer.Context,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="Models to compare (names, folders of engines, checkpoints), and a video, camera or stream "
            "\\[default: the sample clip].",
            metavar="MODEL|VIDEO",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="A model to measure.", metavar="NAME", rich_help_panel=MACHINE),
    ] = None,
    batch: Annotated[
        list[int] | None,
        typer.Option(
            help="Also time calls with this many crops. May be repeated.", min=2, metavar="N", rich_help_panel=MACHINE
        ),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(
            help="How long each network alone is timed, in seconds.", min=0.1, metavar="N", rich_help_panel=MACHINE
        ),
    ] = 3.0,
    threads: Threads = None,
    json: JsonFile = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw where the time goes.", metavar="PNG", rich_help_panel=FILES)
    ] = None,
) -> None:
    """Measure the speed of networks alone, and of the whole way from a video to a masked video.

    Decoding and encoding alone are measured, too: no masking can be faster.
    """
    from realtime.faces.composed import load_model
    from realtime.run import report
    from realtime.run.planned import check_json_files
    from realtime.tools import bench_report
    from realtime.tools.bench import measure, models_and_source

    models, source = models_and_source([*([model] if model else []), *(what or [])])
    check_json_files({"--json": json}, [Path(source)] if source else [])
    engines = [context.obj(name) for name in models]
    result = measure(
        engines, lambda name: load_model(name, threads=threads), source,
        seconds=seconds, batches=batch or (), say=lambda line: typer.echo(line, err=True),
    )  # fmt: skip
    typer.echo(bench_report.bench_text(result), err=report.is_stdout(json))
    if json:
        report.write_json(json, result.to_json())
    if plot:
        bench_report.plot(result, plot)
    raise typer.Exit(int(bool(result.damage)))


def demo(
    context: typer.Context,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for the outputs.", metavar="FOLDER")
    ] = Path("out"),
    model: Model = DEFAULT_MODEL,
    threads: Threads = None,
) -> None:  # fmt: skip
    """Make a sample clip and mask it: demo.mp4, demo_cutout.mp4 and demo_sheet.png."""
    from realtime.faces.composed import load_model
    from realtime.run import report
    from realtime.run.progress import Progress
    from realtime.tools.demo.make import make

    with load_model(context.obj(model), threads=threads) as engine, Progress() as progress:
        progress.say(report.start_line(engine))
        result = make(engine, output, progress)
    typer.echo(report.demo_text(result))
