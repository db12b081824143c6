"""The command `unveil`: parses, imports what the command needs, calls it and prints.

Nothing heavy is imported up here: `unveil --help` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engines.errors import MissingExtra, UnveilError, UsageError
from engines.zoo import DEFAULT_MODEL

app = typer.Typer(
    help="Shows the face and what covers it: face, occlusion and background for every pixel of a video.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Kind(StrEnum):
    """What is drawn."""

    overlay = "overlay"
    cutout = "cutout"
    labels = "labels"
    alpha = "alpha"
    blur = "blur"


class View(StrEnum):
    """Where a live run is shown."""

    window = "window"
    none = "none"


class Outline(StrEnum):
    """Where the contour of the full face comes from."""

    silhouette = "silhouette"
    mesh = "mesh"
    head = "head"


class Morphology(StrEnum):
    """How a residual is cleaned: thin components left out, as the paper does, or not at all."""

    thin = "thin"
    paper = "paper"
    none = "none"


Model = Annotated[str, typer.Option(help="A model that ships with Unveil, or the folder of an engine.", metavar="NAME")]
Render = Annotated[Kind, typer.Option(help="What is drawn.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the summary as JSON.", metavar="FILE")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Threads = Annotated[int | None, typer.Option(help="Threads for the network \\[default: the cores, at most 4].", min=1)]


@app.command()
def process(
    inputs: Annotated[list[str], typer.Argument(help="Videos, images, folders of them or globs.", metavar="INPUT...")],
    output: Annotated[Path, typer.Option(help="The folder of the outputs, which keep their inputs' names.")],
    model: Model = DEFAULT_MODEL,
    render: Render = Kind.overlay,
    json: JsonFile = None,
    threads: Threads = None,
) -> None:
    """Mask files. Exit status: 0 all done, 1 something failed (the rest is done), 2 wrong use."""
    from engines.load import load_engine
    from realtime import batch, files, report
    from realtime.pipeline import Options
    from realtime.progress import Progress

    jobs = files.plan(inputs, output, render.value)
    with load_engine(model, threads=threads) as engine, Progress() as progress:
        progress.say(report.start_line(engine))
        outcomes = batch.process(jobs, engine, Options(render=render.value), progress=progress)
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
    json: JsonFile = None,
    threads: Threads = None,
) -> None:
    """Mask a camera or stream as it comes. q, Esc or Ctrl-C ends it. Exit status: 1 where the source was lost."""
    from engines.load import load_engine
    from realtime import report
    from realtime.live import play
    from realtime.pipeline import Options
    from realtime.progress import Progress
    from realtime.sink import NullSink, WindowSink

    # The sink comes first: without a display there is nothing to load an engine for.
    sink = WindowSink() if view is View.window else NullSink()
    with load_engine(model, threads=threads) as engine, Progress() as progress:
        progress.say(report.start_line(engine))
        run = play(source, engine, sink, Options(render=render.value, limit=frames), progress, seconds=seconds)
        progress.say(report.live_line(run.summary))
        if run.summary.damage:
            progress.say(f"failed: {run.summary.damage}")
        if json:
            report.write_json(json, run.summary.to_json())
    raise typer.Exit(130 if run.interrupted else int(bool(run.summary.damage)))


@app.command()
def doctor(json: JsonFlag = False) -> None:
    """Say what this machine can do, and why not more. Exit status: 0 if `process` can run here, else 1."""
    from realtime import report
    from realtime.doctor import examine

    findings = examine()
    typer.echo(report.json_text(findings.to_json()) if json else report.doctor_text(findings))
    raise typer.Exit(0 if findings.ready else 1)


@app.command()
def inspect(
    engine: Annotated[str, typer.Argument(help="A model that ships with Unveil, or the folder of an engine.")],
    json: JsonFlag = False,
) -> None:
    """Say what an engine is and how it was made, after checking that its files are the ones that were built."""
    from engines.load import find_engine
    from engines.manifest import read_manifest, verify
    from realtime import report

    folder = find_engine(engine)
    manifest = read_manifest(folder)
    verify(folder, manifest)
    values = manifest.to_json()
    typer.echo(report.json_text(values) if json else report.manifest_text(folder, values))


@app.command()
def bench(
    source: Annotated[
        Path | None, typer.Argument(help="A video \\[default: the sample clip].", metavar="VIDEO")
    ] = None,
    model: Model = DEFAULT_MODEL,
    seconds: Annotated[float, typer.Option(help="How long the network alone is timed.", min=0.1)] = 3.0,
    json: JsonFile = None,
    threads: Threads = None,
) -> None:
    """Time the network alone, and the whole way from a video file to a video file."""
    from engines.load import load_engine
    from realtime import report
    from realtime.bench import measure

    with load_engine(model, threads=threads) as engine:
        result = measure(engine, source, seconds=seconds)
    typer.echo(report.bench_text(result))
    if json:
        report.write_json(json, result.to_json())
    raise typer.Exit(int(bool(result.summary.damage)))


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="The folder of the outputs.")] = Path("out"),
    model: Model = DEFAULT_MODEL,
    threads: Threads = None,
) -> None:
    """Make a sample clip, mask it and show how: demo.mp4, demo_cutout.mp4 and demo_sheet.png."""
    from engines.load import load_engine
    from realtime import report
    from realtime.demo import make
    from realtime.progress import Progress

    with load_engine(model, threads=threads) as engine, Progress() as progress:
        progress.say(report.start_line(engine))
        result = make(engine, output, progress)
    typer.echo(report.demo_text(result))


@app.command()
def label(
    output: Annotated[Path, typer.Option(help="The folder of the labels; a run that was stopped goes on in it.")],
    inputs: Annotated[
        list[Path] | None, typer.Argument(help="Photographs, videos or folders of them.", metavar="INPUT...")
    ] = None,
    teacher: Annotated[
        str,
        typer.Option(help="Who sees the face: hair, masks:FOLDER or engine:NAME[,NAME] (models or checkpoints)."),
    ] = "hair",
    hair_model: Annotated[
        Path | None,
        typer.Option(help="MediaPipe's hair_segmentation.tflite, for the teacher hair and --parts.", metavar="FILE"),
    ] = None,
    contour: Annotated[
        Outline, typer.Option(help="Of the full face: of the landmarks, their hull, or a posed head's.")
    ] = (Outline.silhouette),
    head_model: Annotated[
        Path | None,
        typer.Option(help="Folder with ict_facekit.npz, for the contour head and --depth.", metavar="FOLDER"),
    ] = None,
    morphology: Annotated[Morphology, typer.Option(help="How the residual is cleaned.")] = Morphology.thin,
    every: Annotated[int, typer.Option(help="Of a video, label each that many frames.", min=1)] = 10,
    parts: Annotated[bool, typer.Option("--parts", help="Label 13 parts, too; with --depth and both models.")] = False,
    depth: Annotated[bool, typer.Option("--depth", help="Write the depth of a fitted head; with --parts.")] = False,
    synthetic: Annotated[
        int | None, typer.Option(help="In place of INPUT: render that many heads with parts and depth.", min=1)
    ] = None,
    backgrounds: Annotated[
        Path | None,
        typer.Option(help="Pictures without people to stand those before \\[default: drawn].", metavar="FOLDER"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of those.", min=0)] = 0,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 2,
) -> None:
    """Make pseudo-labels of faces: what of them is visible, without any human label. Or render heads with true ones."""
    if (synthetic is None) == (not inputs):
        raise UsageError(f"got {'both INPUT and' if inputs else 'neither INPUT nor'} --synthetic; expected one of them")
    if synthetic is not None:
        _render_heads(synthetic, output, head_model, seed, backgrounds, workers)
        return
    _needs_training("labelling", "ai_edge_litert" if teacher == "hair" or parts else "torch")
    from realtime.progress import counted
    from train.label import label as make_labels
    from train.label_options import LabelOptions

    if parts != depth:
        raise UsageError("got one of --parts and --depth; the same fitted head makes both, so name both")
    options = LabelOptions(teacher, contour.value, morphology.value, hair_model, head_model, every, parts)
    with counted("labelling", "pictures") as progress:
        done = make_labels(inputs or [], output, options, workers=workers, progress=progress)
    typer.echo(f"{done.labelled} faces labelled, {done.already_done} done before, {done.skipped} without a usable face")
    typer.echo(f"look at {output / 'sheet.png'}")
    for name in done.unreadable:
        typer.echo(f"unveil: {name}: not a picture", err=True)
    raise typer.Exit(int(bool(done.unreadable)))


def _render_heads(
    count: int, output: Path, head_model: Path | None, seed: int, backgrounds: Path | None, workers: int
) -> None:
    from realtime.progress import counted
    from train.parts.synthetic import SyntheticOptions, make_heads

    options = SyntheticOptions(head_model, seed, backgrounds)
    with counted("rendering", "heads") as progress:
        done = make_heads(count, output, options, workers=workers, progress=progress)
    typer.echo(f"{done.made} heads rendered, {done.already_done} done before")
    typer.echo(f"look at {output / 'parts_sheet.png'}")


Labels = Annotated[Path, typer.Option(help="The folder that `unveil label` wrote.")]
OccluderFolder = Annotated[Path, typer.Option(help="Cut-out occluders (RGBA) in hands, masks and objects.")]
TrainedModel = Annotated[str, typer.Option(help="The network to train.")]


@app.command()
def train(
    output: Annotated[Path, typer.Option(help="The folder of state, log and weights; a stopped run goes on in it.")],
    labels: Annotated[Path | None, typer.Option(help="The folder that `unveil label` wrote.")] = None,
    occluders: Annotated[
        Path | None, typer.Option(help="Cut-out occluders (RGBA) in hands, masks and objects, for composed crops.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="A data set in place of composed crops; see docs/datasets.md.", metavar="KIND:DIR"),
    ] = None,
    split: Annotated[str, typer.Option(help="Of --data: what is learned.")] = "train",
    held_split: Annotated[str, typer.Option(help="Of --data: what is looked at in between.")] = "test",
    distinct: Annotated[int | None, typer.Option(help="Only that many different crops, again and again.")] = None,
    flips: Annotated[bool, typer.Option("--flips", help="Of --data or --distinct: mirror every other crop.")] = False,
    augment: Annotated[bool, typer.Option("--augment", help="Of those: turn, zoom and light them a little.")] = False,
    model: TrainedModel = DEFAULT_MODEL,
    width: Annotated[int | None, typer.Option(help="Channels of its first layer \\[default: the model's own].")] = None,
    size_px: Annotated[int | None, typer.Option(help="Side of the crops \\[default: the model's own].")] = None,
    regularised: Annotated[bool, typer.Option("--regularised", help="Dropout in the network, and flips.")] = False,
    start: Annotated[Path | None, typer.Option(help="Weights to start from.", metavar="FILE")] = None,
    samples: Annotated[int, typer.Option(help="Crops in all.", min=1)] = 170_000,
    batch: Annotated[int, typer.Option(help="Crops at once, on all processes together.", min=1)] = 32,
    accumulate: Annotated[int, typer.Option(help="Batches that make one step.", min=1)] = 1,
    optimiser: Annotated[str, typer.Option(help="adamw-cosine, adam-plateau or adam-flat.")] = "adamw-cosine",
    learning_rate: Annotated[
        float | None, typer.Option(help="The peak or start \\[default: 2e-3, 1e-3 or 1e-5, by the optimiser].")
    ] = None,
    patience: Annotated[int, typer.Option(help="Looks without progress that adam-plateau lets pass.", min=0)] = 2,
    stop: Annotated[bool, typer.Option("--stop", help="End where adam-plateau would fall below 1e-5.")] = False,
    cross_entropy: Annotated[float, typer.Option(help="Weight of the pixel loss (equation 3).")] = 1.0,
    balanced: Annotated[float, typer.Option(help="Weight of the blob-balanced pixel loss (equation 5).")] = 0.0,
    consensus: Annotated[float, typer.Option(help="Weight of the consensus loss (equation 8).")] = 0.03,
    alpha: Annotated[float, typer.Option(help="Its first term: a blob's mean fits its label.")] = 10.0,
    beta: Annotated[float, typer.Option(help="Its second term: pixels agree with their blob.")] = 5.0,
    blobs: Annotated[str, typer.Option(help="What a blob is: class or component.")] = "class",
    average_decay: Annotated[float, typer.Option(help="Of the weights' running average; 0: the last weights.")] = 0.999,
    evaluate_every: Annotated[int, typer.Option(help="Crops between two looks at the held-aside set.")] = 17_000,
    seed: int = 0,
    workers: Annotated[int, typer.Option(help="Loader processes of each training process.", min=0)] = 1,
) -> None:
    """Train a network on composed crops or on a data set. Stopped at any moment, it goes on when run again.

    Several processes: torchrun --nproc-per-node 2 -m cli train ...
    """
    _needs_training("training", "torch")
    from train.config import TrainConfig
    from train.loop import train as run_training

    config = TrainConfig(
        labels=labels, occluders=occluders, output=output, data=data, split=split, held_split=held_split,
        distinct=distinct, flips=flips, augment=augment, model=model, width=width, size_px=size_px,
        regularised=regularised,
        start=start, samples=samples, batch=batch, accumulate=accumulate, optimiser=optimiser,
        learning_rate=learning_rate, patience=patience, stop=stop, cross_entropy=cross_entropy, balanced=balanced,
        consensus=consensus, alpha=alpha, beta=beta, blobs=blobs, average_decay=average_decay,
        evaluate_every=evaluate_every, seed=seed, workers=workers,
    )  # fmt: skip
    if run_training(config, say=typer.echo):
        typer.echo(f"weights: {output / 'weights.safetensors'}")


@app.command()
def train_parts(
    folders: Annotated[
        list[Path], typer.Argument(help="Folders of faces with part labels and depth.", metavar="FOLDER...")
    ],
    output: Annotated[Path, typer.Option(help="A folder in it for each stage; a stopped run goes on in it.")],
    stage: Annotated[
        list[str] | None,
        typer.Option(help="rgb, depth, translator (each alone) or joint; may be repeated \\[default: all in turn]."),
    ] = None,
    pretrained: Annotated[
        Path | None, typer.Option(help="The output of another run, whose rgb, depth and translator joint starts from.")
    ] = None,
    occluders: Annotated[
        Path | None, typer.Option(help="Cut-out occluders (RGBA) in hands, masks and objects, to paste over the faces.")
    ] = None,
    network: Annotated[str, typer.Option(help="Of both parsers: parts (compact), bisenet or eagrnet.")] = "parts",
    width: Annotated[int | None, typer.Option(help="Channels of its first layer \\[default: its own].")] = None,
    translator_width: Annotated[int | None, typer.Option(help="The same of the translator.")] = None,
    size_px: Annotated[int | None, typer.Option(help="Side of the crops \\[default: the network's own].")] = None,
    depth_share: Annotated[float, typer.Option(help="Share of the faces whose depth is known in training.")] = 0.1,
    synthetic_share: Annotated[float, typer.Option(help="Share of the samples that are synthetic heads.")] = 0.25,
    augment: Annotated[str, typer.Option(help="none, flips, or all (framing, light, occluders, holes).")] = "all",
    samples: Annotated[int, typer.Option(help="Crops for each parser alone.", min=1)] = 170_000,
    translator_samples: Annotated[int, typer.Option(help="Crops for the translator alone.", min=1)] = 100_000,
    joint_samples: Annotated[int, typer.Option(help="Crops of the joint training.", min=1)] = 85_000,
    batch: Annotated[int, typer.Option(help="Crops of a step, on all processes together.", min=2)] = 32,
    translator_batch: Annotated[int, typer.Option(help="The same for the translator alone.", min=1)] = 8,
    optimiser: Annotated[str, typer.Option(help="Of the parsers: sgd-poly or adamw-cosine.")] = "adamw-cosine",
    learning_rate: Annotated[
        float | None, typer.Option(help="Of the parsers alone; a tenth of it in the joint training.")
    ] = None,
    translator_rate: Annotated[float, typer.Option(help="The same of the translator.")] = 1e-3,
    mutual: Annotated[float, typer.Option(help="Weight of mutual learning (equation 4); 0 leaves it out.")] = 1.0,
    end_to_end: Annotated[float, typer.Option(help="Weight of parsing generated depth; 0 leaves it out.")] = 1.0,
    of_rgb: Annotated[float, typer.Option(help="Weight of the RGB parser's own loss.")] = 0.5,
    of_depth: Annotated[float, typer.Option(help="Weight of the depth parser's own loss.")] = 0.5,
    translation: Annotated[float, typer.Option(help="Weight of the translator's own loss (equation 1).")] = 1.0,
    l1: Annotated[float, typer.Option(help="Weight of L1 in that.")] = 100.0,
    ohem: Annotated[
        float | None, typer.Option(help="Pixels less sure than this count \\[default: 0.7 for bisenet, else all].")
    ] = None,
    average_decay: Annotated[float, typer.Option(help="Of the weights' running average; 0: the last weights.")] = 0.999,
    evaluate_every: Annotated[int, typer.Option(help="Crops between two looks at the held-aside faces.")] = 17_000,
    seed: int = 0,
    workers: Annotated[int, typer.Option(help="Loader processes of each training process.", min=0)] = 1,
) -> None:
    """Train an RGB parser, a depth parser and an RGB-to-depth translator, each alone and then together.

    Stopped at any moment, it goes on when run again.

    Several processes: torchrun --nproc-per-node 2 -m cli train-parts ...
    """
    _needs_training("training", "torch")
    from train.mutual.config import MutualConfig, chosen_stages
    from train.mutual.loop import train_parts as run_training

    config = MutualConfig(
        folders=tuple(folders), output=output, occluders=occluders, network=network, width=width,
        translator_width=translator_width, size_px=size_px, depth_share=depth_share, synthetic_share=synthetic_share,
        augment=augment, samples=samples, translator_samples=translator_samples, joint_samples=joint_samples,
        batch=batch, translator_batch=translator_batch, optimiser=optimiser, learning_rate=learning_rate,
        translator_rate=translator_rate, mutual=mutual, end_to_end=end_to_end, of_rgb=of_rgb, of_depth=of_depth,
        translation=translation, l1=l1, ohem=ohem, average_decay=average_decay, evaluate_every=evaluate_every,
        seed=seed, workers=workers, pretrained=pretrained,
    )  # fmt: skip
    for name, result in run_training(config, chosen_stages(stage), say=typer.echo).items():
        if result:
            typer.echo(f"weights of {name}: {output / name}")


@app.command()
def average(
    checkpoints: Annotated[
        list[str], typer.Argument(help="Checkpoints of one network, each with its share.", metavar="FILE=SHARE...")
    ],
    output: Annotated[Path, typer.Option(help="The checkpoint to write.")],
) -> None:
    """Average the weights of runs that started from one another: often steadier than each of them."""
    _needs_training("averaging", "torch")
    from train.checkpoint import average_weights

    shares = []
    for entry in checkpoints:
        path, _, share = entry.rpartition("=")
        if not path or not share.replace(".", "", 1).isdigit():
            raise UsageError(f"{entry!r}: expected FILE=SHARE, such as runs/two/weights.safetensors=0.8")
        shares.append((Path(path), float(share)))
    average_weights(shares, output)
    typer.echo(f"weights: {output}")


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="A model that ships, an engine's folder or a .safetensors checkpoint.")],
    data: Annotated[
        str | None,
        typer.Option(
            help="A data set, whose tables' rows are printed: KIND is cofw, part-labels, celebamask-hq, lapa, helen "
            "or folder (see docs/datasets.md).",
            metavar="KIND:FOLDER",
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Of the data set: train, val, or test if left out.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only so many pictures of the data set, spread.", min=1)] = None,
    baseline: Annotated[str | None, typer.Option(help="Another model to compare with.", metavar="MODEL")] = None,
    labels: Annotated[Path | None, typer.Option(help="The folder that `unveil label` wrote.")] = None,
    occluders: Annotated[
        Path | None, typer.Option(help="Cut-out occluders (RGBA) in hands, masks and objects.")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="Write a look at it: input, truth, prediction.")] = None,
    groups_sheet: Annotated[
        Path | None, typer.Option(help="Write a look at each group of the faces kept aside.", metavar="FILE")
    ] = None,
    json: JsonFile = None,
) -> None:
    """Measure a checkpoint or engine: on a data set (--data), or on faces and occluders that were kept aside from
    training (--labels and --occluders)."""
    if data is None:
        if labels is None or occluders is None or split or limit or baseline:
            raise UsageError(
                "evaluate needs --data KIND:FOLDER (--split, --limit and --baseline go with it), "
                "or both --labels and --occluders"
            )
    elif labels or occluders or groups_sheet:
        raise UsageError(
            "evaluate takes --data, or --labels and --occluders (--groups-sheet goes with them); got both: "
            "leave one out"
        )
    _needs_training("evaluating", "torch")
    from realtime import report
    from realtime.progress import counted
    from train.report import evaluation_text, tables_text

    if data is not None:
        from train.tables import evaluate_data

        with counted("evaluating", "pictures") as progress:
            result = evaluate_data(
                model, data, split=split or "test", limit=limit, baseline=baseline, sheet=sheet, progress=progress
            )
        typer.echo(tables_text(result))
    elif labels is not None and occluders is not None:
        from train.evaluate import evaluate_model

        result = evaluate_model(model, labels, occluders, sheet, groups_sheet)
        typer.echo(evaluation_text(result))
    if json:
        report.write_json(json, result)


@app.command()
def reproduce(
    labels: Labels,
    occluders: OccluderFolder,
    output: Annotated[Path, typer.Option(help="The folder of the runs; a job that was stopped goes on in it.")],
    docs: Annotated[Path | None, typer.Option(help="Where page, plot and raw results go, if not there.")] = None,
    small: Annotated[bool, typer.Option("--small", help="Only table 1, in minutes, to see that it runs.")] = False,
    seeds: Annotated[int | None, typer.Option(help="Runs of each row \\[default: 3].", min=1)] = None,
    width: Annotated[
        int | None, typer.Option(help="Channels of the network's first layer, 64 in the paper \\[default: 16].", min=4)
    ] = None,
) -> None:
    """Put the claims of Structure via Consensus to the test, and write what comes out, whichever way it falls."""
    if small and (docs or seeds or width):
        raise UsageError("--small has one seed and its own width, and writes to --output only; leave out the others")
    _needs_training("reproducing", "torch")
    from train.claims.consensus import reproduce as run_claims
    from train.claims.consensus_plan import Plan

    plan = Plan.smallest() if small else Plan(seeds=seeds or Plan.seeds, width=width or Plan.width)
    typer.echo(f"results: {run_claims(labels, occluders, output, plan, docs=docs, say=typer.echo)}")


@app.command(name="compile")
def compile_(
    checkpoint: Annotated[Path, typer.Argument(help="Weights that `unveil train` wrote.", metavar="CHECKPOINT")],
    output: Annotated[Path, typer.Option(help="The engine's folder; an engine that is there is replaced.")],
    precision: Annotated[str, typer.Option(help="fp32, bf16 or int8.")] = "int8",
    backend: Annotated[str, typer.Option(help="openvino (CPU), or torch (the reference).")] = "openvino",
    calibration: Annotated[
        Path | None, typer.Option(help="Face crops for int8: a folder, or a sheet \\[default: a small set that ships].")
    ] = None,
) -> None:
    """Compile a checkpoint into an engine, and compare the two."""
    _needs_training("compiling", "torch")
    from engines.build import build
    from engines.manifest import sha256_of
    from engines.spec import BuildSpec
    from engines.zoo import CALIBRATION
    from train.calibration import read_crops
    from train.models import for_inference, restore

    network, spec = restore(checkpoint)
    crops = read_crops(calibration or CALIBRATION, spec)
    build(
        for_inference(network), spec, BuildSpec.of(backend, precision), output,
        checkpoint_sha256=sha256_of(checkpoint), calibration=crops, samples=crops, progress=typer.echo,
    )  # fmt: skip
    typer.echo(f"engine: {output}")


def _needs_training(what: str, module: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise MissingExtra(what, "train")


def _import_problem(error: ImportError) -> str:
    from realtime.system_libraries import missing_packages

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
