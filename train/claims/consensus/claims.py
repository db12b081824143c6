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
