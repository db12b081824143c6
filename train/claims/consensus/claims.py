"""The claims of Structure via Consensus, each as a difference between two variants."""

from __future__ import annotations

from collections.abc import Iterator

from train.claims.findings import Claim, Column, Results, Verdict, difference, figures, signed, verdict

COLUMNS = {
    "iou_face": Column("IoU face"),
    "accuracy": Column("accuracy"),
    "recall_face": Column("recall face"),
    "mean_recall": Column("mean recall"),
    "sparsity": Column("sparsity", 2),
    "occluder_taken_for_face": Column("occluder as face"),
}
LOWER_IS_BETTER = ("sparsity", "occluder_taken_for_face")

CLAIMS = (
    Claim("Transfer beats training on the small set from scratch.", "transfer", "scratch", "iou_face", 1, 7.7),
    Claim("Fine-tuning with the pixel loss scatters the masks.", "ce", "transfer", "sparsity", 1, 2.8),
    Claim("Fine-tuning with the pixel loss costs face IoU.", "ce", "transfer", "iou_face", -1, -0.4),
    Claim("Fine-tuning with consensus improves on transfer.", "consensus", "transfer", "iou_face", 1, 1.2),
    Claim("Consensus beats the pixel loss at the same budget.", "consensus", "ce", "iou_face", 1, 1.6),
    Claim("Consensus has the better recall over both classes.", "consensus", "ce", "mean_recall", 1, 0.6),
    Claim("Consensus masks are less scattered than the pixel loss's.", "consensus", "ce", "sparsity", -1, -2.2),
    Claim("Regularisation (dropout and flips) adds to it.", "regularised", "consensus", "iou_face", 1, 1.3),
    Claim("Regularisation makes masks less scattered still.", "regularised", "consensus", "sparsity", -1, -0.8),
    Claim("More beta, less sparsity: 1 against 0 (figure 4b).", "beta-1", "beta-0", "sparsity", -1),
    Claim("More beta, less sparsity: 5 against 0 (figure 4b).", "consensus", "beta-0", "sparsity", -1),
    Claim("More beta, less sparsity: 10 against 0 (figure 4b).", "beta-10", "beta-0", "sparsity", -1),
)
BEYOND = (
    Claim("Consensus beats the pixel loss at a third of the rate, too.", "consensus-slow", "ce-slow", "iou_face", 1),
    Claim("Its masks are less scattered there, too.", "consensus-slow", "ce-slow", "sparsity", -1),
    Claim("A little consensus improves the pixel loss.", "both", "ce", "iou_face", 1),
    Claim("It makes its masks less scattered.", "both", "ce", "sparsity", -1),
    Claim("It finds more of the occluder.", "both", "ce", "occluder_taken_for_face", -1),
)
"""Not claims of the paper, but questions about the variants that go beyond it."""


_LEARNED_BY_HEART = ("ce", "regularised")
"""Variants whose effects the paper finds where the training set is learned by heart ("until saturation")."""


def budget(results: Results, claim: Claim) -> str | None:
    """Why the runs could not show a claim: their difference was still moving the claimed way when the budget ended, or
    the paper finds it after a longer training."""
    ours, other = (_halfway(results, name, claim.column) for name in (claim.ours, claim.other))
    end = difference(figures(results, claim.ours, claim.column), figures(results, claim.other, claim.column))
    half = difference(ours, other) if ours and other else end
    digits = COLUMNS[claim.column].digits
    if verdict(difference(end.values, half.values), claim.direction) is Verdict.HOLDS:
        return (
            f"The difference was still moving the claimed way: {signed(half, digits)} at half of the budget, "
            f"{signed(end, digits)} at its end"
        )
    if claim in CLAIMS and {claim.ours, claim.other}.intersection(_LEARNED_BY_HEART):
        plan = results["plan"]
        times = plan["fine_samples"] / plan["distinct"]
        return (
            "The paper fine-tunes until the loss on the training set saturates; here each crop of it was seen "
            f"{times:.0f} times"
        )
    return None


def _halfway(results: Results, variant: str, column: str) -> list[float]:
    """A column of a fine-tuned variant at half of its budget, by seed; at the end for one with a single evaluation."""
    runs = sorted((run for run in results["runs"] if run["variant"] == variant), key=lambda run: run["seed"])
    points = [run["curve"][len(run["curve"]) // 2] for run in runs]
    return [point[column] for point in points if column in point]


def blob_sentences(results: Results) -> Iterator[str]:
    """Component blobs against class blobs, for each column. The paper does not compare them."""
    for name, column in COLUMNS.items():
        change = difference(figures(results, "consensus", name), figures(results, "class-blobs", name))
        better = -1 if name in LOWER_IS_BETTER else 1
        word = {
            Verdict.HOLDS: "component blobs are better",
            Verdict.REVERSED: "class blobs are better",
            Verdict.UNCLEAR: "no difference beyond the spread of the seeds",
            Verdict.ONE_SEED: "one seed, no verdict",
        }[verdict(change, better)]
        yield f"{column.title}: {word} ({signed(change, column.digits)}, component less class)."
