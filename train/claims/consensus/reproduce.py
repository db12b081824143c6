"""`unveil reproduce` for Structure via Consensus: do the missing runs, then write results, plot and page."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from train import models
from train.claims.consensus.data import Data
from train.claims.consensus.page import PLOT, RESULTS, draw_plot, page
from train.claims.consensus.plan import TRANSFER, Plan, Variant, run_name, run_name_of
from train.claims.consensus.runs import Row, run, save
from train.claims.findings import Results
from train.claims.job import Task, Tell, run_job
from train.claims.journal import Journal
from train.claims.page import write as write_page
from train.learn.log import Say

PAGE = "results_consensus.md"


def reproduce(
    labels: Path, occluders: Path, output: Path, plan: Plan, *, docs: Path | None = None, say: Say = print
) -> Path:
    """Do the runs of a plan. Runs that an earlier call with the same output has finished are kept.

    Args:
        output: holds a JSON file and the weights of each run.
        docs: where to write the page, its plot and the raw results; None for `output`.

    Returns:
        The page.

    Raises:
        DataError: data are missing, or the output holds the runs of another plan.
    """
    data = Data(labels, occluders, replace(models.spec("consensus"), size_px=plan.size_px))
    journal = Journal(output)
    results = run_job(journal, plan.to_json(), data.identity(), lambda: tasks(plan, data, journal), say)
    return write(results, docs or output)


def write(results: Results, folder: Path) -> Path:
    """Write raw results, plot and page below a folder. Returns the page."""
    draw_plot(results, folder / PLOT)
    return write_page(results, page(results), folder, page=PAGE, raw=RESULTS)


def tasks(plan: Plan, data: Data, journal: Journal) -> list[Task]:
    """The runs of a plan, in its order."""
    return [
        Task(
            run_name(variant, seed), f"{variant.title}, seed {seed}", plan.samples(variant),
            partial(_run, plan, data, journal, variant, seed),
            needs=(run_name_of(TRANSFER, seed),) if variant.transferred else (),
        )
        for variant, seed in plan.runs()
    ]  # fmt: skip


def _run(plan: Plan, data: Data, journal: Journal, variant: Variant, seed: int, tell: Tell) -> Row:
    start = journal.weights(run_name_of(TRANSFER, seed))
    config = plan.config(variant, seed, data.labels, data.occluders, start)
    supply = data.transfer(config) if variant.name == TRANSFER else data.small_set(config)

    def report(samples: int, row: Row) -> None:
        figures = f"IoU face {row['iou_face']}, sparsity {row['sparsity']}"
        tell(samples, f"{samples}/{config.samples} crops, {figures}")

    outcome = run(config, data.spec, supply, data.evaluate, report)
    save(journal.weights(run_name(variant, seed)), outcome, config, data.spec)
    metrics = {key: value for key, value in outcome.curve[-1].items() if key != "samples"}
    return {
        "variant": variant.name, "seed": seed, "seconds": round(outcome.seconds, 1),
        "config": config.settings(), "metrics": metrics, "curve": outcome.curve,
    }  # fmt: skip
