"""Structure via Consensus, section 3.2: losses over blobs, in one pass over all blobs of the batch.

A blob is a set of pixels that is treated as one object: a class's region, or a connected component. Every function
takes logits `(N, K, H, W)`, labels `(N, H, W)` int64 (class ids) and blobs `(N, H, W)` int64 (ids that need to differ
only within an image). Each blob must lie within one class. Results are finite for any finite logits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class ConsensusLoss:
    """Equation 8: mean over the batch's blobs of `alpha * KL(y || p_c) + beta / |c| * sum_s KL(p_c || p(s))`."""

    alpha: float = 10.0
    """Weight of the first-order term: the blob's mean probability matches its label."""
    beta: float = 5.0
    """Weight of the second-order term: no pixel deviates from its blob's mean."""

    def __call__(self, logits: Tensor, labels: Tensor, blobs: Tensor) -> dict[str, Tensor]:
        """Named terms, each a scalar: `label`, `deviation` (both unweighted) and `total`."""
        label, deviation = consensus_terms(logits, labels, blobs)
        return {"label": label, "deviation": deviation, "total": self.alpha * label + self.beta * deviation}


def consensus_terms(logits: Tensor, labels: Tensor, blobs: Tensor) -> tuple[Tensor, Tensor]:
    """The two terms of equation 8, unweighted, each averaged over the blobs of the batch.

    The first is `-log p_c[label]` (section 3.3: the one-hot label has no entropy). The second uses
    `1/|c| sum_s KL(p_c || p(s)) = sum_k p_c[k] * (log p_c[k] - 1/|c| sum_s log p(s)[k])`, so that one sum of
    `p` and one of `log p` over each blob is all that is needed.
    """
    ids, count = dense_blob_ids(blobs)
    logits = _at_least_float32(logits).contiguous()  # a softmax over 3 neighbours in memory costs ten times as much
    log_p = F.log_softmax(logits, dim=1).permute(0, 2, 3, 1).flatten(0, 2)
    pixels = torch.bincount(ids, minlength=count).to(log_p.dtype)
    mean_log_p = _sum_by_blob(log_p, ids, count) / pixels[:, None]
    log_mean_p = _logsumexp_by_blob(log_p, ids, count) - pixels.log()[:, None]  # equation 6, in the log domain
    label_of_blob = ids.new_zeros(count).scatter_(0, ids, labels.flatten())
    label_term = -log_mean_p.gather(1, label_of_blob[:, None]).mean()
    deviation_term = (log_mean_p.exp() * (log_mean_p - mean_log_p)).sum(dim=1).mean()
    return label_term, deviation_term


def blob_balanced_cross_entropy(logits: Tensor, labels: Tensor, blobs: Tensor) -> Tensor:
    """Equation 5: the cross-entropy averaged within each blob, over an image's blobs of one class, and summed over its
    classes; mean over the images of the batch. (The paper has several blobs only of occlusion: there `1/|O| sum_O`.)
    """
    ids, count = dense_blob_ids(blobs)
    losses = F.cross_entropy(_at_least_float32(logits), labels, reduction="none").flatten()
    mean = losses.new_zeros(count).index_add_(0, ids, losses) / torch.bincount(ids, minlength=count)
    images = torch.arange(len(labels), device=ids.device).view(-1, 1, 1)
    kinds = (images * logits.shape[1] + labels).flatten()  # one number for each image and class
    kind_of_blob = ids.new_zeros(count).scatter_(0, ids, kinds)
    blobs_of_kind = torch.bincount(kind_of_blob, minlength=len(labels) * logits.shape[1])
    return (mean / blobs_of_kind.index_select(0, kind_of_blob)).sum() / len(labels)


def dense_blob_ids(blobs: Tensor) -> tuple[Tensor, int]:
    """Number the blobs of a batch from 0 without gaps.

    Returns:
        (N*H*W,) int64, and the number of blobs.
    """
    images = torch.arange(blobs.shape[0], device=blobs.device).view(-1, 1, 1)
    keys = (images * (int(blobs.max()) + 1) + blobs).flatten()
    present = torch.bincount(keys) > 0
    numbers = present.cumsum(0) - 1
    return numbers.index_select(0, keys), int(present.sum())  # three times as fast as numbers[keys]


def _at_least_float32(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _sum_by_blob(values: Tensor, ids: Tensor, count: int) -> Tensor:
    return torch.zeros(count, values.shape[1], dtype=values.dtype, device=values.device).index_add_(0, ids, values)


def _logsumexp_by_blob(values: Tensor, ids: Tensor, count: int) -> Tensor:
    index = ids[:, None].expand_as(values)
    start = torch.full((count, values.shape[1]), -torch.inf, dtype=values.dtype, device=values.device)
    largest = start.scatter_reduce(0, index, values.detach(), "amax")
    return _sum_by_blob((values - largest.index_select(0, ids)).exp(), ids, count).log() + largest
