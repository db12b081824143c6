"""The joint training of the three networks: equation 4, one step of it (section 3.2, figure 3)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from train.losses.mutual import MUTUAL_LOSSES, discriminator_loss, generator_loss, l1_loss
from train.losses.parsing import parsing_loss
from train.models.heads import Heads
from train.mutual.autocast import mixed
from train.mutual.batches import Batch
from train.mutual.learner import Learners


def joint_step(learners: Learners, batch: Batch) -> dict[str, Tensor]:
    """One step of all networks. Returns the terms of equation 4, unweighted, their weighted `total`, and the
    discriminator's loss.

    Args:
        batch: faces whose depth isn't used, then pairs of colour and measured depth.
    """
    run, config = learners.run, learners.run.config
    colour_parser, depth_parser = learners.network("rgb"), learners.network("depth")
    translator, discriminator = learners.network("translator"), learners.network("discriminator")
    faces, pairs = batch.split(len(batch) * run.batch // (run.batch + run.pairs))
    made_count = len(pairs) if config.end_to_end else 0  # half of the depth parser's batch, or nothing

    with mixed(run, batch.rgb.device):
        made, translated = translator(torch.cat([faces.rgb[:made_count], pairs.rgb])).split([made_count, len(pairs)])
        of_rgb = colour_parser.heads(batch.rgb if config.mutual else faces.rgb)
        of_depth = depth_parser.heads(torch.cat([pairs.seen, made.expand(-1, 3, -1, -1)]))
        of_true, of_made = discriminator(pairs.rgb, pairs.depth), discriminator(pairs.rgb, translated.detach())
    terms = {"discriminator": discriminator_loss(of_true, of_made)}
    learners.learn(terms["discriminator"], "discriminator")

    with mixed(run, batch.rgb.device):
        of_made = discriminator(pairs.rgb, translated)
    terms["of_rgb"] = parsing_loss(part(of_rgb, slice(len(faces))), faces.parts, config.ohem, config.dice)["total"]
    terms["of_depth"] = parsing_loss(part(of_depth, slice(len(pairs))), pairs.parts, config.ohem, config.dice)["total"]
    terms["gan"] = generator_loss(of_made)
    terms["l1"] = l1_loss(translated, pairs.depth)
    total = config.of_rgb * terms["of_rgb"] + config.of_depth * terms["of_depth"]
    total = total + config.translation * (terms["gan"] + config.l1 * terms["l1"])
    if config.end_to_end:
        generated = part(of_depth, slice(len(pairs), None))
        terms["end_to_end"] = parsing_loss(generated, faces.parts[:made_count], config.ohem, config.dice)["total"]
        total = total + config.end_to_end * terms["end_to_end"]
    if config.mutual:
        of_same_faces = torch.cat([of_rgb.features[len(faces) :], of_rgb.features[:made_count]])
        terms["mutual"] = MUTUAL_LOSSES[config.mutual_of](of_same_faces, of_depth.features)
        total = total + config.mutual * terms["mutual"]
    learners.learn(total, "rgb", "depth", "translator")
    return terms | {"total": total}


def part(heads: Heads, which: slice) -> Heads:
    """The outputs of some samples of a batch."""
    return replace(
        heads,
        logits=heads.logits[which],
        features=heads.features[which],
        auxiliary=tuple(logits[which] for logits in heads.auxiliary),
        edge=None if heads.edge is None else heads.edge[which],
    )
