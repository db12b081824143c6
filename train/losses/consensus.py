"""Losses of Structure via Consensus, section 3.2: equation 5, and the consensus loss of equations 6 to 8.

A blob is a set of pixels that is treated as one object: the region of a class, or a connected component. Every function
takes

    logits    (N, K, H, W) float
    labels    (N, H, W) int64, class ids
    blobs     (N, H, W) int64, ids that are unique within an image; each blob lies within one class

and handles all blobs of the batch in one pass. Results are finite for any finite logits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class ConsensusLoss:
    """Equation 8: `alpha * KL(y || p_c) + beta / |c| * sum_s KL(p_c || p(s))`, mean over the blobs of the batch."""

    alpha: float = 10.0
    """Weight of the first-order term, which pulls the blob's mean probability to its label."""
    beta: float = 5.0
    """Weight of the second-order term, which pulls each pixel to its blob's mean."""

    def __call__(self, logits: Tensor, labels: Tensor, blobs: Tensor) -> dict[str, Tensor]:
        """Scalars: `label` (first order) and `deviation` (second order), both unweighted, and the weighted `total`."""
        label, deviation = consensus_terms(logits, labels, blobs)
        return {"label": label, "deviation": deviation, "total": self.alpha * label + self.beta * deviation}


def consensus_terms(logits: Tensor, labels: Tensor, blobs: Tensor) -> tuple[Tensor, Tensor]:
    """The two terms of equation 8, unweighted, each averaged over the blobs of the batch.

    The first-order term is `-log p_c[label]`, since the one-hot label has no entropy (section 3.3). The second-order
    term is computed as

        1/|c| sum_s KL(p_c || p(s)) = sum_k p_c[k] * (log p_c[k] - 1/|c| sum_s log p(s)[k])

    and so needs only one sum of `p` and one of `log p` over each blob.

    Returns:
        The first-order and the second-order term, each a scalar.
    """
    ids, count = dense_blob_ids(blobs)
    # A softmax over channels-last logits is ten times as slow.
    logits = _at_least_float32(logits).contiguous()
    log_p = F.log_softmax(logits, dim=1).permute(0, 2, 3, 1).flatten(0, 2)
    pixels = torch.bincount(ids, minlength=count).to(log_p.dtype)
    mean_log_p = _sum_by_blob(log_p, ids, count) / pixels[:, None]
    log_mean_p = _logsumexp_by_blob(log_p, ids, count) - pixels.log()[:, None]  # equation 6, in the log domain
    label_of_blob = ids.new_zeros(count).scatter_(0, ids, labels.flatten())
    label_term = -log_mean_p.gather(1, label_of_blob[:, None]).mean()
    deviation_term = (log_mean_p.exp() * (log_mean_p - mean_log_p)).sum(dim=1).mean()
    return label_term, deviation_term


def blob_balanced_cross_entropy(logits: Tensor, labels: Tensor, blobs: Tensor) -> Tensor:
    """Equation 5: cross-entropy in which every blob of a class has the same weight, whatever its size.

    It is averaged over the pixels of each blob, then over the blobs of each class, summed over the classes of each
    image, and averaged over the images. In the paper only occlusion has several blobs: `1/|O| sum_O`.

    Returns:
        A scalar.
    """
    ids, count = dense_blob_ids(blobs)
    losses = F.cross_entropy(_at_least_float32(logits), labels, reduction="none").flatten()
    mean_of_blob = losses.new_zeros(count).index_add_(0, ids, losses) / torch.bincount(ids, minlength=count)
    images = torch.arange(len(labels), device=ids.device).view(-1, 1, 1)
    image_and_class = (images * logits.shape[1] + labels).flatten()  # one number for each image and class
    group_of_blob = ids.new_zeros(count).scatter_(0, ids, image_and_class)
    blobs_in_group = torch.bincount(group_of_blob, minlength=len(labels) * logits.shape[1])
    return (mean_of_blob / blobs_in_group.index_select(0, group_of_blob)).sum() / len(labels)


def dense_blob_ids(blobs: Tensor) -> tuple[Tensor, int]:
    """Number the blobs of a batch from 0 without gaps.

    Returns:
        (N*H*W,) int64 blob numbers of the pixels, and the number of blobs.
    """
    images = torch.arange(blobs.shape[0], device=blobs.device).view(-1, 1, 1)
    keys = (images * (int(blobs.max()) + 1) + blobs).flatten()
    present = torch.bincount(keys) > 0
    numbers = present.cumsum(0) - 1
    return numbers.index_select(0, keys), int(present.sum())  # index_select is three times as fast as numbers[keys]


def _at_least_float32(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _sum_by_blob(values: Tensor, ids: Tensor, count: int) -> Tensor:
    return torch.zeros(count, values.shape[1], dtype=values.dtype, device=values.device).index_add_(0, ids, values)


def _logsumexp_by_blob(values: Tensor, ids: Tensor, count: int) -> Tensor:
    index = ids[:, None].expand_as(values)
    start = torch.full((count, values.shape[1]), -torch.inf, dtype=values.dtype, device=values.device)
    largest = start.scatter_reduce(0, index, values.detach(), "amax")
    return _sum_by_blob((values - largest.index_select(0, ids)).exp(), ids, count).log() + largest
