"""`unveil evaluate` and `unveil reproduce`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engines.errors import UsageError
from train.commands.options import JsonFile, Labels, needs_training

_VIDEO = "Composed clips"


class Paper(StrEnum):
    """The paper whose claims are tested."""

    consensus = "consensus"
    mutual = "mutual"


def evaluate(
    model: Annotated[
        str,
        typer.Argument(
            help="A model that ships, an engine's folder, a .safetensors checkpoint or a training run's folder."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            help="Evaluate on a data set, such as cofw:~/sets/cofw. docs/datasets.md lists the kinds.",
            metavar="KIND:FOLDER",
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Split of the data set: train, val or test \\[default: test].")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            help="Use only this many pictures of the data set, evenly spread; with --video, compose this many scenes "
            "of each scenario.",
            min=1,
        ),
    ] = None,
    baseline: Annotated[str | None, typer.Option(help="Another model to compare with.", metavar="MODEL")] = None,
    translator: Annotated[
        str | None,
        typer.Option(
            help="Model that generates depth from colour (rgb-to-depth), as a further input of models that see depth.",
            metavar="MODEL",
        ),
    ] = None,
    light: Annotated[
        list[str] | None,
        typer.Option(help="For parts and depth: normal, dark, glare (may be repeated) or all \\[default: normal]."),
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="The folder that `unveil label` wrote.")] = None,
    occluders: Annotated[
        Path | None, typer.Option(help="Cut-out occluders (RGBA) in hands, masks and objects.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Write pictures: input, ground truth, prediction; with --video, what failed."),
    ] = None,
    groups_sheet: Annotated[
        Path | None, typer.Option(help="Write pictures for each group of held-out faces.", metavar="FILE")
    ] = None,
    json: JsonFile = None,
    video: Annotated[
        bool, typer.Option("--video", help="Evaluate on composed clips and pictures.", rich_help_panel=_VIDEO)
    ] = False,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            help="Compose only this scenario (may be repeated) \\[default: all].",
            metavar="NAME",
            rich_help_panel=_VIDEO,
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Compose few scenes, in less than a minute.", rich_help_panel=_VIDEO)
    ] = False,
    seed: Annotated[
        int, typer.Option(help="Seed of the composed scenes.", min=0, metavar="N", rich_help_panel=_VIDEO)
    ] = 0,
    page: Annotated[
        Path | None, typer.Option(help="Write the tables as Markdown.", metavar="FILE", rich_help_panel=_VIDEO)
    ] = None,
    before: Annotated[
        Path | None,
        typer.Option(help="An earlier --json, to compare with on the page.", metavar="FILE", rich_help_panel=_VIDEO),
    ] = None,
) -> None:
    """Evaluate a model on a data set (--data), on held-out faces and occluders (--labels and --occluders), or on clips
    and pictures that are composed of them (--video)."""
    if not video and (scenario or quick or seed or page or before):
        raise UsageError("--scenario, --quick, --seed, --page and --before go with --video; add it")
    if video:
        if data or split or baseline or translator or light or groups_sheet or labels is None or occluders is None:
            raise UsageError("evaluate --video needs --labels and --occluders; leave out the options of data sets")
    elif data is None:
        if labels is None or occluders is None or split or limit or baseline or translator or light:
            raise UsageError(
                "evaluate needs --data KIND:FOLDER (--split, --limit, --baseline, --translator and --light go with "
                "it), or both --labels and --occluders"
            )
    elif labels or occluders or groups_sheet:
        raise UsageError(
            "evaluate takes --data, or --labels and --occluders (--groups-sheet goes with them); got both: "
            "leave one out"
        )
    from realtime.run.planned import check_json_files

    check_json_files({"--json": json}, [path for path in (before, page, sheet, groups_sheet) if path])
    needs_training("evaluating", "torch")
    from realtime.run.progress import counted
    from realtime.run.report import is_stdout, write_json

    if video:
        assert labels is not None and occluders is not None  # checked above
        from train.measure.video.evaluate import Plan, evaluate_video
        from train.measure.video.page import read_result, video_text, write_page

        earlier = read_result(before) if before else None
        plan = Plan(tuple(scenario or ()), seed, limit, quick)
        with counted("evaluating", "scenes") as progress:
            result = evaluate_video(model, labels, occluders, plan, sheet=sheet, progress=progress)
        text = video_text(result)
        if page:
            write_page(page, result, earlier)
    elif data is not None:
        from train.measure.evaluate_dataset import evaluate_data
        from train.measure.light import LIGHTS
        from train.measure.tables import dataset_text

        with counted("evaluating", "pictures") as progress:
            result = evaluate_data(
                model, data, split=split or "test", limit=limit, baseline=baseline, translator=translator,
                lights=tuple(LIGHTS) if light == ["all"] else tuple(light or ()), sheet=sheet, progress=progress,
            )  # fmt: skip
        text = dataset_text(result)
    else:
        assert labels is not None and occluders is not None  # checked above
        from train.measure.evaluate_held_out import evaluate_model
        from train.measure.tables import held_out_text

        result = evaluate_model(model, labels, occluders, sheet, groups_sheet)
        text = held_out_text(result)
    typer.echo(text, err=is_stdout(json))
    if json:
        write_json(json, result)


def reproduce(
    labels: Labels,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder of the runs. A job that was stopped continues in it.")
    ],
    paper: Annotated[
        Paper, typer.Option(help="consensus, or mutual with the labels of `unveil label --parts --depth`.")
    ] = Paper.consensus,
    occluders: Annotated[
        Path | None, typer.Option(help="For consensus: cut-out occluders (RGBA) in hands, masks and objects.")
    ] = None,
    docs: Annotated[
        Path | None, typer.Option(help="The folder for page, plots and raw results \\[default: --output].")
    ] = None,
    small: Annotated[
        bool, typer.Option("--small", help="Do tiny runs in minutes, as a check that everything works.")
    ] = False,
    seeds: Annotated[int | None, typer.Option(help="Number of runs of each variant \\[default: 3].", min=1)] = None,
    width: Annotated[
        int | None, typer.Option(help="Channels of the networks' first layer, 64 in the papers \\[default: 16].", min=4)
    ] = None,
) -> None:
    """Test the claims of Structure via Consensus or Cross-Domain Mutual Learning, and write a page with the results."""
    if small and (docs or seeds or width):
        raise UsageError("--small has one seed and its own width, and writes to --output only; leave out the others")
    if (occluders is None) == (paper is Paper.consensus):
        raise UsageError(f"--paper {paper.value} {'needs' if occluders is None else 'takes no'} --occluders")
    needs_training("reproducing", "torch")
    if occluders is not None:
        page = _consensus_page(labels, occluders, output, small, seeds, width, docs)
    else:
        page = _mutual_page(labels, output, small, seeds, width, docs)
    typer.echo(f"results: {page}")


def _consensus_page(
    labels: Path, occluders: Path, output: Path, small: bool, seeds: int | None, width: int | None, docs: Path | None
) -> Path:
    from train.claims.consensus.plan import Plan
    from train.claims.consensus.reproduce import reproduce as run_claims

    plan = Plan.smallest() if small else Plan(seeds=seeds or Plan.seeds, width=width or Plan.width)
    return run_claims(labels, occluders, output, plan, docs=docs, say=typer.echo)


def _mutual_page(
    labels: Path, output: Path, small: bool, seeds: int | None, width: int | None, docs: Path | None
) -> Path:
    from train.claims.mutual.plan import Plan
    from train.claims.mutual.reproduce import reproduce as run_claims

    plan = Plan.smallest() if small else Plan(seeds=seeds or Plan.seeds, width=width or Plan.width)
    return run_claims(labels, output, plan, docs=docs, say=typer.echo)
