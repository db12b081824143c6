"""The results page and its plot, made from the figures of the runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from train.claims import page as shared
from train.claims import plots
from train.claims.consensus.claims import BEYOND as BEYOND_CLAIMS
from train.claims.consensus.claims import CLAIMS, COLUMNS, blob_sentences, budget
from train.claims.consensus.plan import BETAS, BEYOND, CLASS_BLOBS, TABLE_1, TRANSFER
from train.claims.findings import Results, figures, findings, summary
from train.occluders.kinds import EVALUATED_KINDS

RESULTS, PLOT = "results/consensus_claims.json", "figures/sparsity_over_beta.png"

_STYLES = {
    "ce": plots.BLACK,
    "beta-0": plots.ORANGE,
    "beta-1": plots.YELLOW,
    "consensus": plots.GREEN,
    "beta-10": plots.BLUE,
}

_TITLES = {variant.name: variant.title for variant in (*TABLE_1, CLASS_BLOBS, *BEYOND)}


def page(results: Results) -> str:
    """Markdown. The same results give the same page."""
    found = findings(results, CLAIMS, COLUMNS, budget)
    head = shared.title(
        "Structure via Consensus", results, summary(found), RESULTS, "every run, its settings and curves"
    )
    parts = [head, _setting(results), _table_1(results)]
    if figures(results, "beta-0", "sparsity"):
        parts.append(_beta(results))
    if figures(results, CLASS_BLOBS.name, "sparsity"):
        parts.append(_blobs(results))
    if figures(results, BEYOND[0].name, "sparsity"):
        parts.append(_beyond(results))
    return "\n\n".join([*parts, shared.reading(results, found), _left_out(), _commands(results)]) + "\n"


def _setting(results: Results) -> str:
    plan, data = results["plan"], results["data"]
    reduced = "" if plan["width"] == 64 else " (the paper's: 64; reduced for a CPU)"
    return "\n".join([
        "## What was run",
        f"- **Network**: the paper's, `consensus`, {plan['width']} channels wide{reduced}, on crops of "
        f"{plan['size_px']} px (the paper's: 128).",
        f"- **Transfer**: {plan['transfer_samples']:,} crops of {data['transfer_faces']} photographs with the "
        "pseudo-labels of `unveil label`, every other one under one shape drawn at random; pixel cross-entropy, Adam "
        f"from {plan['transfer_rate']:g} by a cosine to a hundredth. Once for each seed: its rows all start from it.",
        f"- **Fine-tuning** (f.t.): {plan['distinct']} fixed crops (COFW has 500) of {data['small_set_faces']} other "
        "photographs, under the occluders that `unveil train` pastes, whose masks are exact. "
        f"{plan['fine_samples']:,} crops are shown; Adam at a flat {plan['fine_rate']:g}, batch {plan['batch']}, the "
        "last step's weights, the same for every row. A seed draws the crops and their order.",
        "- **Scratch**: the fine-tuning's budget only, as in the paper, at the transfer's learning rate and cosine. It "
        "sees the fewest crops of all rows.",
        "- **Consensus**: equation 8 alone, alpha 10, beta 5, component blobs, as the paper does on COFW. **reg.**: "
        "dropout and flips while fine-tuning.",
        f"- **Measured** on {data['held_out_faces']} held-out faces, each under one held-out occluder "
        f"({', '.join(EVALUATED_KINDS)}), over the whole crop (1.5 times the face's box). Face "
        "against all else, in percent; sparsity in components of the face; *occluder as face*: of "
        "the occluder's pixels on the face.",
        shared.where_and_how_long(results),
    ])  # fmt: skip


def _table_1(results: Results) -> str:
    rows = [(variant.name, variant.title) for variant in TABLE_1]
    paper = [
        [variant.title, *(f"{variant.paper[column]:.1f}" if column in variant.paper else "-" for column in COLUMNS)]
        for variant in TABLE_1
    ]
    heads = ["", *(column.title for column in COLUMNS.values())]
    return (
        f"## Table 1: the ablation\nMean{shared.of_seeds(results)}.\n\n{_rows(results, rows)}\n\n"
        "The paper's own rows, on COFW's photographs and human masks (other data: compare the differences, not the "
        f"values):\n\n{shared.markdown(heads, paper)}\n\n"
        "Against both baselines: the transfer as it is, and trained on for as long with the pixel loss (positive: more "
        f"than the baseline):\n\n{_both_baselines(results)}"
    )


def _both_baselines(results: Results) -> str:
    rows = [(variant.name, variant.title) for variant in TABLE_1 if variant.name in ("consensus", "regularised")]
    baselines = {"transfer": lambda _: TRANSFER, "CE + f.t.": lambda _: "ce"}
    return shared.differences(results, rows, baselines, {name: COLUMNS[name] for name in ("iou_face", "sparsity")})


def _beta(results: Results) -> str:
    rows = [
        (name, "pixel cross-entropy" if beta is None else f"consensus, beta {beta}") for name, beta in BETAS.items()
    ]
    return (
        "## Figure 4b: sparsity over fine-tuning\nFrom the same transferred network of each seed.\n\n"
        f"![Sparsity over fine-tuning for values of beta]({PLOT})\n\nAt the end:\n\n{_rows(results, rows)}"
    )


def _blobs(results: Results) -> str:
    rows = [("consensus", "component blobs"), (CLASS_BLOBS.name, "class blobs")]
    lines = "\n".join(f"- {sentence}" for sentence in blob_sentences(results))
    return f"## Component blobs against class blobs\nThe same budget and start.\n\n{_rows(results, rows)}\n\n{lines}"


def _beyond(results: Results) -> str:
    rows = [(name, _TITLES[name]) for name in ("ce", "consensus", *(variant.name for variant in BEYOND))]
    lines = "\n".join(f"- {finding.text}" for finding in findings(results, BEYOND_CLAIMS, COLUMNS, budget))
    return (
        "## Beyond the paper: another learning rate, and both losses at once\nThe same budget and start.\n\n"
        f"{_rows(results, rows)}\n\n{lines}"
    )


def _left_out() -> str:
    return "\n".join([
        "## What was left out",
        "- COFW itself and human masks: none can be had here. The ground truth of the faces is a "
        "pseudo-label like those that the transfer learns from; only the occluder's is exact.",
        "- The paper's width and crops of 128 px, and its training until nothing is gained: budgets are fixed and "
        "small. No row is the best that its loss can do, and a loss that learns more slowly looks worse than it may "
        "be.",
        "- A learning rate for each loss: one for all, and higher than the paper's 1e-5, for fewer steps.",
        "- Speed (table 1's fps): `unveil bench` measures it.",
    ])  # fmt: skip


def _commands(results: Results) -> str:
    plan = results["plan"]
    amount = " --small" if plan["small"] else f" --seeds {plan['seeds']} --width {plan['width']} --docs docs"
    return f"""## Reproduce it
```sh
unveil label PHOTOGRAPHS --hair-model hair_segmentation.tflite --output LABELS
unveil reproduce --labels LABELS --occluders OCCLUDERS --output RUNS{amount}   # stopped at any moment, it goes on
make reproduce-small                                                     # table 1 in minutes, to see that it runs
```"""


def _rows(results: Results, rows: list[tuple[str, str]]) -> str:
    return shared.table(results, rows, COLUMNS)


def draw_plot(results: Results, path: Path) -> bool:
    """Write figure 4b as PNG: sparsity over fine-tuning, the mean of the seeds and their range as a band.

    Returns:
        False if the results have no run of figure 4b. Nothing is written then.
    """
    curves = {name: _curves(results, name) for name in BETAS}
    if not curves["beta-0"]:
        return False
    figure = plots.figure(7, 4.3)
    axes = figure.add_subplot()
    for name, beta in BETAS.items():
        samples = [point["samples"] for point in curves[name][0]]
        values = [[point["sparsity"] for point in curve] for curve in curves[name]]
        label = "pixel cross-entropy" if beta is None else f"consensus, beta {beta}"
        plots.band(axes, samples, values, _STYLES[name], label)
    axes.set_xlabel("crops learned from in fine-tuning")
    axes.set_ylabel("sparsity: |components - true components|, mean")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    seeds = plots.seeds_in_words(len(curves["beta-0"]))
    axes.set_title(f"Sparsity on held-out faces; {seeds}", fontsize=11)
    plots.save(figure, path)
    return True


def _curves(results: Results, variant: str) -> list[list[dict[str, Any]]]:
    return [run["curve"] for run in results["runs"] if run["variant"] == variant]
