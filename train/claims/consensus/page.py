"""The results page: tables, plot, commands and a reading, all of it from the numbers of the runs."""

from __future__ import annotations

from typing import Any

from train.claims import page as shared
from train.claims.consensus.claims import BEYOND as BEYOND_CLAIMS
from train.claims.consensus.claims import CLAIMS, COLUMNS, blob_sentences
from train.claims.consensus.plan import BETAS, BEYOND, CLASS_BLOBS, TABLE_1
from train.claims.findings import figures, findings, summary
from train.occluders.kinds import EVALUATED_KINDS

RESULTS, PLOT = "results/consensus_claims.json", "figures/sparsity_over_beta.png"

_TITLES = {variant.name: variant.title for variant in (*TABLE_1, CLASS_BLOBS, *BEYOND)}


def page(results: dict[str, Any]) -> str:
    """Markdown. The same results give the same page."""
    found = findings(results, CLAIMS, COLUMNS)
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


def _setting(results: dict[str, Any]) -> str:
    plan, data = results["plan"], results["data"]
    reduced = "" if plan["width"] == 64 else " (the paper's: 64; reduced for a CPU)"
    return "\n".join([
        "## What was run",
        f"- **Network**: the paper's, `consensus`, {plan['width']} channels wide{reduced}, on crops of "
        f"{plan['size_px']} px (the paper's: 128).",
        f"- **Transfer**: {plan['transfer_samples']:,} crops of {data['transfer_faces']} photographs with the "
        "pseudo-labels of `unveil label`, every other one under one shape drawn at random; pixel cross-entropy, Adam "
        f"from {plan['transfer_rate']:g} by a cosine to a hundredth. Once for each seed: its rows all start from it.",
        f"- **Fine-tuning** (f.t.): {plan['distinct']} fixed crops (COFW has 500) of {data['few_faces']} other "
        "photographs, under the occluders that `unveil train` pastes, whose masks are exact. "
        f"{plan['fine_samples']:,} crops are shown; Adam at a flat {plan['fine_rate']:g}, batch {plan['batch']}, the "
        "last step's weights, the same for every row. A seed draws the crops and their order.",
        "- **Scratch**: the fine-tuning's budget only, as in the paper, at the transfer's learning rate and cosine. It "
        "sees the fewest crops of all rows.",
        "- **Consensus**: equation 8 alone, alpha 10, beta 5, component blobs, as the paper does on COFW. **reg.**: "
        "dropout and flips while fine-tuning.",
        f"- **Measured** on {data['held_faces']} faces that no run learns from, each under one occluder "
        f"({', '.join(EVALUATED_KINDS)}) that no run learns from, over the whole crop (1.5 times the face's box). Face "
        "against all else, in percent; sparsity in components of the face; *occluder as face*: of "
        "the occluder's pixels on the face.",
        shared.where_and_how_long(results),
    ])  # fmt: skip


def _table_1(results: dict[str, Any]) -> str:
    rows = [(variant.name, variant.title) for variant in TABLE_1]
    paper = [
        [variant.title, *(f"{variant.paper[column]:.1f}" if column in variant.paper else "-" for column in COLUMNS)]
        for variant in TABLE_1
    ]
    heads = ["", *(column.title for column in COLUMNS.values())]
    return (
        f"## Table 1: the ablation\nMean{shared.of_seeds(results)}.\n\n{_rows(results, rows)}\n\n"
        "The paper's own rows, on COFW's photographs and human masks (other data: compare the differences, not the "
        f"values):\n\n{shared.markdown(heads, paper)}"
    )


def _beta(results: dict[str, Any]) -> str:
    rows = [
        (name, "pixel cross-entropy" if beta is None else f"consensus, beta {beta}") for name, beta in BETAS.items()
    ]
    return (
        "## Figure 4b: sparsity over fine-tuning\nFrom the same transferred network of each seed.\n\n"
        f"![Sparsity over fine-tuning for values of beta]({PLOT})\n\nAt the end:\n\n{_rows(results, rows)}"
    )


def _blobs(results: dict[str, Any]) -> str:
    rows = [("consensus", "component blobs"), (CLASS_BLOBS.name, "class blobs")]
    lines = "\n".join(f"- {sentence}" for sentence in blob_sentences(results))
    return f"## Component blobs against class blobs\nThe same budget and start.\n\n{_rows(results, rows)}\n\n{lines}"


def _beyond(results: dict[str, Any]) -> str:
    rows = [(name, _TITLES[name]) for name in ("ce", "consensus", *(variant.name for variant in BEYOND))]
    lines = "\n".join(f"- {finding.text}" for finding in findings(results, BEYOND_CLAIMS, COLUMNS))
    return (
        "## Beyond the paper: another learning rate, and both losses at once\nThe same budget and start.\n\n"
        f"{_rows(results, rows)}\n\n{lines}"
    )


def _left_out() -> str:
    return "\n".join([
        "## What was left out",
        "- COFW itself and human masks: none can be had here. The truth of the faces is a pseudo-label like those "
        "that the transfer learns from; only the occluder's is exact.",
        "- The paper's width and crops of 128 px, and its training until nothing is gained: budgets are fixed and "
        "small. No row is the best that its loss can do, and a loss that learns more slowly looks worse than it may "
        "be.",
        "- A learning rate for each loss: one for all, and higher than the paper's 1e-5, for fewer steps.",
        "- Speed (table 1's fps): `unveil bench` measures it.",
    ])  # fmt: skip


def _commands(results: dict[str, Any]) -> str:
    plan = results["plan"]
    amount = " --small" if plan["small"] else f" --seeds {plan['seeds']} --width {plan['width']} --docs docs"
    return f"""## Again
```sh
unveil label PHOTOGRAPHS --hair-model hair_segmentation.tflite --output LABELS
unveil reproduce --labels LABELS --occluders OCCLUDERS --output RUNS{amount}   # stopped at any moment, it goes on
make reproduce-small                                                     # table 1 in minutes, to see that it runs
```"""


def _rows(results: dict[str, Any], rows: list[tuple[str, str]]) -> str:
    return shared.table(results, rows, COLUMNS)
