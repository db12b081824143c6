"""The claims of Cross-Domain Mutual Learning, each as a difference between two variants."""

from __future__ import annotations

from train.claims.findings import Claim, Column, Results, Verdict, difference, figures, signed, verdict

COLUMNS = {
    "rgb": Column("RGB parsing, mean F1"),
    "depth": Column("depth parsing, mean F1"),
    "generated": Column("depth parsing on generated depth, mean F1"),
    "l1": Column("RGB to depth, L1", 4),
    "l1_mm": Column("L1 on the head, mm", 2),
}
PAPER_TABLE_7 = {"baseline": (89.1, 80.5), "mutual": (90.2, 81.2), "end-to-end": (None, 80.8), "both": (90.3, 81.3)}
"""EAGRNet on CelebAMask-HQ-D: RGB, depth."""

CLAIMS = (
    Claim("Mutual learning improves RGB parsing (table 7).", "mutual-10", "baseline-10", "rgb", 1, 1.1),
    Claim("The whole method improves RGB parsing (tables 2, 7).", "both-10", "baseline-10", "rgb", 1, 1.2),
    Claim("For RGB, end-to-end learning adds to mutual learning.", "both-10", "mutual-10", "rgb", 1, 0.1),
    Claim("Mutual learning improves depth parsing (table 7).", "mutual-10", "baseline-10", "depth", 1, 0.7),
    Claim("End-to-end learning improves depth parsing (table 7).", "end-to-end-10", "baseline-10", "depth", 1, 0.3),
    Claim("The whole method improves depth parsing (tables 3, 7).", "both-10", "baseline-10", "depth", 1, 0.8),
    Claim("For depth, end-to-end learning adds to mutual learning.", "both-10", "mutual-10", "depth", 1, 0.1),
    Claim("For depth, mutual learning adds to end-to-end learning.", "both-10", "end-to-end-10", "depth", 1, 0.5),
    Claim("Joint training draws depth better than Pix2Pix alone (table 4).", "both-10", "alone-10", "l1", -1, -0.023),
    Claim("With 1 % of the depth, the method improves depth parsing.", "both-1", "baseline-1", "depth", 1),
    Claim("With 100 % of it, the method improves depth parsing.", "both-100", "baseline-100", "depth", 1),
    Claim("With 1 % of the depth, its depth parsing is worse than with 10 %.", "both-1", "both-10", "depth", -1),
    Claim("With 10 % of the depth, it is worse than with 100 %.", "both-10", "both-100", "depth", -1),
    Claim("With 1 % of the depth, the method improves RGB parsing.", "both-1", "baseline-1", "rgb", 1),
    Claim("With 100 % of it, the method improves RGB parsing.", "both-100", "baseline-100", "rgb", 1),
)
"""The last six are those of figure 7, which gives no numbers in its text."""
BEYOND = (
    Claim("Joint training improves L1.", "both-10", "baseline-10", "l1", -1),
    Claim("End-to-end learning alone improves L1.", "end-to-end-10", "baseline-10", "l1", -1),
    Claim("Joint training improves the depth of the head itself.", "both-10", "baseline-10", "l1_mm", -1),
    Claim("Training on, without either loss, improves RGB parsing.", "baseline-10", "alone-10", "rgb", 1),
    Claim("Training on, without either loss, improves depth parsing.", "baseline-10", "alone-10", "depth", 1),
    Claim("Training on, without either loss, improves L1.", "baseline-10", "alone-10", "l1", -1),
    Claim("For RGB, logits that agree are better than probabilities.", "mutual-logits-10", "mutual-10", "rgb", 1),
    Claim("For depth, they are, too.", "mutual-logits-10", "mutual-10", "depth", 1),
)
"""Not claims of the paper: how much of a gain is due to more steps, and whether it matters which activations agree."""
_PAPERS_STEPS = 100_000  # of a parser by itself (section 4.2); the paper does not say how long the joint training takes
_FEW = 0.1  # of the paper's steps


def budget(results: Results, claim: Claim) -> str | None:
    """Why the runs could not show a claim: their trainings are much shorter than the paper's."""
    plan = results["plan"]
    alone, joint = plan["samples"] // plan["batch"], plan["joint_samples"] // plan["batch"]
    if min(alone, joint) >= _FEW * _PAPERS_STEPS:
        return None
    return f"{joint:,} joint steps after {alone:,} of each parser alone; the paper has {_PAPERS_STEPS:,} alone"


_DEPTH_AMOUNT_VERDICTS = {
    Verdict.HOLDS: "Does not hold here: with less of it, RGB parsing is better.",
    Verdict.REVERSED: "Does not hold here: with less of it, RGB parsing is worse.",
    Verdict.UNCLEAR: "Nothing against it here: the difference is within the spread of the seeds.",
    Verdict.ONE_SEED: "No verdict: one seed has no spread.",
}


def depth_amount_sentence(results: Results) -> str:
    """The other claim of figure 7: RGB parsing hardly depends on the amount of annotated depth."""
    change = difference(figures(results, "both-1", "rgb"), figures(results, "both-100", "rgb"))
    judged = _DEPTH_AMOUNT_VERDICTS[verdict(change, 1)]
    return (
        f"How much depth is annotated hardly matters to RGB parsing (figure 7). **{judged}** "
        f"{COLUMNS['rgb'].title}, 1 % less 100 %: {signed(change, 1)}."
    )
