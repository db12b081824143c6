"""The results page and its plots, made from the figures of the runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engines.spec import PART_LABELS
from train.claims import page as shared
from train.claims import plots
from train.claims.findings import Column, Results, difference, figures, findings, summary
from train.claims.mutual.claims import BEYOND, CLAIMS, COLUMNS, PAPER_TABLE_7, budget, depth_amount_sentence
from train.claims.mutual.plan import (
    ALONE,
    BASELINE,
    BOTH,
    END_TO_END,
    MUTUAL,
    PAPERS_PERCENT,
    PERCENTS,
    TABLE_7,
    TITLES,
    Variant,
)  # fmt: skip

RESULTS = "results/mutual_claims.json"
SHARES_PLOT, GAINS_PLOT = "figures/mutual_depth_share.png", "figures/mutual_gains.png"

_STYLES = {
    ALONE: (plots.BLACK, "each alone"),
    BASELINE: (plots.ORANGE, "baseline: trained on"),
    BOTH: (plots.GREEN, "the method: both losses"),
}
_GAINS = {MUTUAL: "mutual", END_TO_END: "end-to-end", BOTH: "both"}

_PARSING = {name: COLUMNS[name] for name in ("rgb", "depth")}
_DEPTH = {name: COLUMNS[name] for name in ("l1", "l1_mm")}


def page(results: Results) -> str:
    """Markdown. The same results give the same page."""
    found = findings(results, CLAIMS, COLUMNS, budget)
    parts = [
        shared.title("Cross-Domain Mutual Learning", results, summary(found), RESULTS, "every run and its settings"),
        _setting(results), _table_7(results), _both_baselines(results), _classes(results), _table_4(results),
        _figure_7(results),
        shared.reading(results, found, [depth_amount_sentence(results)]),
        _beyond(results), _differs(results), _commands(results),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _setting(results: Results) -> str:
    plan, data = results["plan"], results["data"]
    shares = ", ".join(f"{percent} is {count} faces" for percent, count in data["faces_with_depth"].items())
    steps = plan["joint_samples"] // plan["batch"]
    return "\n".join([
        "## What was run",
        f"- **Data**: {data['training_faces']} {data['kind']} for training and {data['held_out_faces']} held out, with "
        "part labels and depth of `unveil label`; no human label, no depth camera. The paper's tenth of the depth is "
        f"used where nothing else is said: {shares}. The translator learns from the same share.",
        f"- **Networks**: both parsers are `parts`, {plan['width']} channels wide (32 in what ships), on crops of "
        f"{plan['size_px']} px, {plan['crop_scale']:g} times the face's box (160 px and 2). The translator is "
        f"Pix2Pix's U-Net, {plan['width']} channels wide as its PixelGAN discriminator (64 in the paper).",
        f"- **Each alone**: {plan['samples']:,} crops for each parser, {plan['translator_samples']:,} for the "
        "translator, once for each seed and share; all rows of a seed start from these. Mirrored at random, nothing "
        "else is varied.",
        f"- **Joint**: every row is trained on for {steps} steps of {plan['batch']} crops at a tenth of the learning "
        "rates. **The baseline, too**: with neither loss, and measured depth in place of the generated half. So it has "
        "had as many steps as the method; *each alone* has not.",
        "- **Losses**: equation 4 with the paper's weights, 1 and 1 for the two that are switched; a parser's own is "
        "BiSeNet's, OHEM cross-entropy at 0.7. AdamW with a cosine for the parsers, Adam with polynomial decay for the "
        "translator; the last step's weights count.",
        "- **Measured** on the held-out faces, as a perfect detector would frame them: F1 in percent, mean over the "
        "12 classes without background, one confusion matrix over all faces. L1 is over all pixels, in the network's "
        "-1..1, which is 32 cm; in millimetres it is that of pixels where both have depth.",
        shared.where_and_how_long(results),
    ])  # fmt: skip


def _table_7(results: Results) -> str:
    columns, rows = _parsing(results), []
    for variant in TABLE_7:
        rgb, *depth = shared.cells(results, variant.name, columns)
        rows.append([TITLES[variant.kind], "N/A" if variant.kind == END_TO_END else rgb, *depth])
    paper = [
        [TITLES[kind] if kind != BASELINE else "baseline", *("N/A" if f1 is None else f"{f1:.1f}" for f1 in row)]
        for kind, row in PAPER_TABLE_7.items()
    ]
    heads, paper_heads = (["", *(column.title for column in some.values())] for some in (columns, _PARSING))
    measured = (
        ""
        if "generated" in columns
        else (
            "Depth parsing was scored on measured depth alone. Generated depth, on which end-to-end learning trains "
            "the parser, was not scored beside it in these runs.\n\n"
        )
    )
    return (
        f"## Table 7: what each loss adds\nMean{shared.of_seeds(results)}, 10 % of the depth annotated. End-to-end "
        "learning does not reach the RGB parser: with it alone, its runs are the baseline's.\n\n"
        f"{shared.markdown(heads, rows)}\n\n{measured}![Differences to the baseline, seed by seed]({GAINS_PLOT})\n\n"
        "The paper's own rows, EAGRNet on CelebAMask-HQ-D (other data: compare the differences, not the values). With "
        "BiSeNet the method's gain is 8.1 for RGB (80.1 to 88.2, table 2) and 3.1 for depth (75.5 to 78.6, table 3):"
        f"\n\n{shared.markdown(paper_heads, paper)}"
    )


def _parsing(results: Results) -> dict[str, Column]:
    """The columns of table 7, with generated depth where the runs have scored it."""
    scored = figures(results, Variant(BOTH, PAPERS_PERCENT).name, "generated")
    return _PARSING | ({"generated": COLUMNS["generated"]} if scored else {})


def _both_baselines(results: Results) -> str:
    kinds = [(kind, PAPERS_PERCENT) for kind in (MUTUAL, END_TO_END, BOTH)]
    kinds += [(BOTH, percent) for percent in PERCENTS if percent != PAPERS_PERCENT]
    variants = [Variant(kind, percent) for kind, percent in kinds]
    rows = [(variant.name, variant.title) for variant in variants]
    with_rgb = [row for row, variant in zip(rows, variants, strict=True) if variant.kind != END_TO_END]
    percents = {variant.name: variant.percent for variant in variants}
    baselines = {
        TITLES[ALONE]: lambda name: Variant(ALONE, percents[name]).name,
        "trained on": lambda name: Variant(BASELINE, percents[name]).name,
    }
    of_depth = {"depth": COLUMNS["depth"], "l1": COLUMNS["l1"]}
    rgb = {
        TITLES[ALONE]: lambda _: Variant(ALONE, PAPERS_PERCENT).name,  # it sees no depth: one for all shares
        "trained on": baselines["trained on"],
    }
    return (
        "## Against both baselines\n*Each alone* is the paper's baseline. *Trained on* has had as many steps as the "
        f"method, with neither loss. Mean difference{shared.of_seeds(results)}; more L1 is worse.\n\n"
        f"{shared.differences(results, with_rgb, rgb, {'rgb': COLUMNS['rgb']})}\n\n"
        f"{shared.differences(results, rows, baselines, of_depth)}"
    )


def _classes(results: Results) -> str:
    parts = PART_LABELS[1:]
    sections = []
    for role, name in (("rgb", "RGB"), ("depth", "Depth")):
        columns = {f"{role} {part}": Column(part) for part in parts}
        kinds = [variant for variant in TABLE_7 if (role, variant.kind) != ("rgb", END_TO_END)]
        rows = [[TITLES[variant.kind], *_means(shared.cells(results, variant.name, columns))] for variant in kinds]
        sections.append(f"{name}:\n\n{shared.markdown(['', *parts], rows)}")
    return "## Tables 2 and 3: class by class\nF1, mean of the seeds.\n\n" + "\n\n".join(sections)


def _table_4(results: Results) -> str:
    rows = [(variant.name, TITLES[variant.kind]) for variant in TABLE_7]
    return (
        "## Table 4: RGB to depth\n"
        f"Mean{shared.of_seeds(results)}, 10 % of the depth annotated. Lower is better. *Each alone* is Pix2Pix.\n\n"
        f"{shared.table(results, rows, _DEPTH)}\n\n"
        "The paper: 0.122 for Pix2Pix, 0.099 with the method, in units that it does not name."
    )


def _figure_7(results: Results) -> str:
    heads = ["", *(f"{name}, {percent} %" for name in ("depth", "RGB") for percent in PERCENTS)]
    rows = [
        [TITLES[kind], *(cell for role in ("depth", "rgb") for cell in _by_percent(results, kind, role))]
        for kind in (ALONE, BASELINE, BOTH)
    ]
    return (
        "## Figure 7: how much of the depth is annotated\n"
        f"Mean F1{shared.of_seeds(results)}. The RGB parser's baseline sees no depth, and is the same for every share."
        "\n\n"
        f"![F1 over the share of annotated depth]({SHARES_PLOT})\n\n{shared.markdown(heads, rows)}"
    )


def _beyond(results: Results) -> str:
    lines = "\n".join(f"- {finding.text}" for finding in findings(results, BEYOND, COLUMNS))
    return (
        "## Beyond the paper: is it the loss, or the training on? Which activations?\nTable 4 compares a translator "
        "with one that was trained for longer; here it is compared with the baseline, which was trained on for as long."
        f"\n\n{lines}"
    )


def _differs(results: Results) -> str:
    data = results["data"]
    truth = (
        "- The ground truth is generated, too: labels of the held-out faces come from the same teachers as those of "
        "the training faces, and their depth from the same fitted head. The paper's labels are made by people; its "
        "depth is fitted."
        if data["kind"] == "photographs"
        else "- The faces are rendered: their ground truth is exact, but they are no photographs."
    )
    older = (
        []
        if _after_the_correction(results)
        else [
            "- These runs are older than a correction of the joint step: in them the loss on measured depth also "
            "reached the translator, through the batch statistics that measured and generated depth share. Equation 4 "
            "has no such path, and the code no longer has one.",
        ]
    )
    return "\n".join([
        "## What differs from the paper",
        truth,
        *older,
        f"- CelebAMask-HQ-D has 24,161 training faces, so that 1 % of its depth is some 240 faces; here all are "
        f"{data['training_faces']}. LaPa-D and Helen-D are not here (tables 5 and 6).",
        "- A compact parser, narrow and on small crops, in place of BiSeNet and EAGRNet; some thousand steps in place "
        "of 100,000, AdamW in place of SGD. Budgets are fixed: no row is the best that its losses can do.",
        "- \"Activations in the last layer\" are the parsers' softmax here, compared by its squared distance at a "
        "pixel. Their logits were tried first: seed 0 lost some 13 points of RGB's mean F1 at the paper's weight and "
        "these budgets. That reading stayed as a row of its own; the choice was made on the faces measured here.",
        "- Equation 4 compares activations on measured pairs, the introduction on generated depth: both are done "
        "([papers.md](papers.md) names this and other places that the paper leaves open).",
    ])  # fmt: skip


def _after_the_correction(results: Results) -> bool:
    """Whether the runs were made since measured depth no longer trains the translator; a setting came with it."""
    joint = [run["config"]["joint"] for run in results["runs"] if "joint" in run.get("config", {})]
    return all("mutual_generated" in config for config in joint)


def _commands(results: Results) -> str:
    plan = results["plan"]
    amount = " --small" if plan["small"] else f" --seeds {plan['seeds']} --width {plan['width']} --docs docs"
    return f"""## Reproduce it
```sh
unveil label PHOTOGRAPHS --parts --depth --head-model HEAD_MODEL --hair-model hair_segmentation.tflite --output LABELS
unveil reproduce --paper mutual --labels LABELS --output RUNS{amount}   # stopped at any moment, it goes on
make reproduce-small                                                     # both papers in minutes, to see that they run
```
The second command may be started twice, to share the runs between two cores (`OMP_NUM_THREADS=1` for each)."""


def _by_percent(results: Results, kind: str, role: str) -> Iterable[str]:
    for percent in PERCENTS:
        yield from shared.cells(results, f"{kind}-{percent}", {role: COLUMNS[role]})


def _means(cells: list[str]) -> list[str]:
    return [cell.partition(" ")[0] for cell in cells]


def draw_plots(results: Results, folder: Path) -> None:
    """Write both plots as PNG below a folder."""
    plots.save(_shares(results), folder / SHARES_PLOT)
    plots.save(_gains(results), folder / GAINS_PLOT)


def _shares(results: Results) -> Any:
    figure = plots.figure(9, 4)
    for axes, column in zip(figure.subplots(1, 2), ("depth", "rgb"), strict=True):
        for kind, (style, label) in _STYLES.items():
            by_percent = [figures(results, f"{kind}-{percent}", column) for percent in PERCENTS]
            if all(by_percent):  # the RGB parser alone is the same for every share
                plots.band(axes, PERCENTS, list(zip(*by_percent, strict=True)), style, label)
        axes.set_xscale("log")
        axes.set_xticks(PERCENTS, [f"{percent} %" for percent in PERCENTS])
        axes.set_xlabel("share of the depth that is annotated")
        axes.set_ylabel(COLUMNS[column].title)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.suptitle(f"Held-out faces; {plots.seeds_in_words(results['plan']['seeds'])}", fontsize=11)
    return figure


def _gains(results: Results) -> Any:
    figure = plots.figure(9, 3.6)
    for axes, column in zip(figure.subplots(1, 3), ("rgb", "depth", "l1"), strict=True):
        kinds = [kind for kind in _GAINS if (column, kind) != ("rgb", END_TO_END)]
        for place, kind in enumerate(kinds):
            change = difference(*(figures(results, f"{k}-{PAPERS_PERCENT}", column) for k in (kind, BASELINE)))
            axes.bar(place, change.mean, width=0.6, color=plots.BLUE.colour, alpha=0.35)
            axes.plot([place] * len(change.values), change.values, "x", color="black")
        axes.axhline(0, color="black", linewidth=0.8)
        axes.set_xticks(range(len(kinds)), [_GAINS[kind] for kind in kinds])
        axes.set_title(COLUMNS[column].title + (", lower is better" if column == "l1" else ""), fontsize=10)
        axes.grid(axis="y", alpha=0.3)
    figure.suptitle(
        f"Difference to the baseline, {PAPERS_PERCENT} % of the depth; bars: mean, crosses: seeds", fontsize=11
    )
    return figure
