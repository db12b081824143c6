"""`unveil reproduce` for Cross-Domain Mutual Learning: do the missing runs, then write results, plots and page."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from train import models
from train.claims.findings import Results
from train.claims.job import Task, run_job
from train.claims.journal import Journal
from train.claims.mutual.data import Data
from train.claims.mutual.page import RESULTS, draw_plots, page
from train.claims.mutual.plan import PERCENTS, Plan, run_name
from train.claims.mutual.runs import cost, run
from train.claims.page import write as write_page
from train.learn.log import Say

PAGE = "results_mutual.md"


def reproduce(faces: Path, output: Path, plan: Plan, *, docs: Path | None = None, say: Say = print) -> Path:
    """Do the runs of a plan. Runs that an earlier call with the same output has finished are kept.

    Args:
        faces: photographs with parts and depth (`unveil label --parts --depth`), or synthetic heads.
        output: holds a JSON file and the weights of each run. Several processes may share it.
        docs: where to write the page, its plots and the raw results; None for `output`.

    Returns:
        The page.

    Raises:
        DataError: data are missing, or the output holds the runs of another plan.
    """
    spec = replace(models.spec("parts"), size_px=plan.size_px, crop_scale=plan.crop_scale)
    data, journal = Data(faces, spec), Journal(output)
    results = run_job(journal, plan.to_json(), data.identity(PERCENTS), lambda: tasks(plan, data, journal), say)
    return write(results, docs or output)


def write(results: Results, folder: Path) -> Path:
    """Write raw results, plots and page below a folder. Returns the page."""
    draw_plots(results, folder)
    return write_page(results, page(results), folder, page=PAGE, raw=RESULTS)


def tasks(plan: Plan, data: Data, journal: Journal) -> list[Task]:
    """The runs of a plan, in its order."""
    return [
        Task(
            run_name(variant, seed), f"{variant.title}, seed {seed}", cost(plan, variant),
            partial(run, plan, data, journal, variant, seed),
            needs=tuple(run_name(needed, seed) for needed in variant.needs),
        )
        for variant, seed in plan.runs()
    ]  # fmt: skip
