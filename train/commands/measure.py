"""`unveil evaluate` and `unveil reproduce`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engines.errors import UsageError
from train.commands.options import JsonFile, Labels, needs_training


class Paper(StrEnum):
    """Whose claims."""

    consensus = "consensus"
    mutual = "mutual"


def evaluate(
    model: Annotated[str, typer.Argument(help="A model that ships, an engine's folder or a .safetensors checkpoint.")],
    data: Annotated[
        str | None,
        typer.Option(
            help="A data set, whose tables' rows are printed: KIND is cofw, part-labels, celebamask-hq, lapa, helen, "
            "the last three with depth (lapa-d), folder or parts (ours; see docs/datasets.md).",
            metavar="KIND:FOLDER",
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Of the data set: train, val, or test if left out.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only so many pictures of the data set, spread.", min=1)] = None,
    baseline: Annotated[str | None, typer.Option(help="Another model to compare with.", metavar="MODEL")] = None,
    translator: Annotated[
        str | None,
        typer.Option(
            help="rgb-to-depth or another: models that see depth also get depth from colour.", metavar="MODEL"
        ),
    ] = None,
    light: Annotated[
        list[str] | None,
        typer.Option(help="Of parts and depth: normal, dark or glare (may be repeated), or all \\[default: normal]."),
    ] = None,
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
    needs_training("evaluating", "torch")
    from realtime.run import report
    from realtime.run.progress import counted
    from train.measure.tables import dataset_text, held_out_text

    if data is not None:
        from train.measure.evaluate_dataset import evaluate_data
        from train.measure.light import LIGHTS

        with counted("evaluating", "pictures") as progress:
            result = evaluate_data(
                model, data, split=split or "test", limit=limit, baseline=baseline, translator=translator,
                lights=tuple(LIGHTS) if light == ["all"] else tuple(light or ()), sheet=sheet, progress=progress,
            )  # fmt: skip
        typer.echo(dataset_text(result))
    elif labels is not None and occluders is not None:
        from train.measure.evaluate_held_out import evaluate_model

        result = evaluate_model(model, labels, occluders, sheet, groups_sheet)
        typer.echo(held_out_text(result))
    if json:
        report.write_json(json, result)


def reproduce(
    labels: Labels,
    output: Annotated[Path, typer.Option(help="The folder of the runs; a job that was stopped goes on in it.")],
    paper: Annotated[
        Paper, typer.Option(help="consensus; or mutual, whose labels are those of `unveil label --parts --depth`.")
    ] = Paper.consensus,
    occluders: Annotated[
        Path | None, typer.Option(help="For consensus: cut-out occluders (RGBA) in hands, masks and objects.")
    ] = None,
    docs: Annotated[Path | None, typer.Option(help="Where page, plots and raw results go, if not there.")] = None,
    small: Annotated[bool, typer.Option("--small", help="A little of it, in minutes, to see that it runs.")] = False,
    seeds: Annotated[int | None, typer.Option(help="Runs of each row \\[default: 3].", min=1)] = None,
    width: Annotated[
        int | None, typer.Option(help="Channels of the networks' first layer, 64 in the papers \\[default: 16].", min=4)
    ] = None,
) -> None:
    """Put the claims of Structure via Consensus, or of Cross-Domain Mutual Learning, to the test, and write what comes
    out, whichever way it falls."""
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
