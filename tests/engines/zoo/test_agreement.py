"""The same label video from every engine of a network that ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines.compiling.build import build
from engines.load import load_engine
from engines.manifest import sha256_of
from engines.spec import BuildSpec
from engines.zoo import engine_folder, weights
from realtime.faces.detect import Detector
from realtime.frames.types import U8
from realtime.pipeline import Options
from realtime.run.batch import process_file
from realtime.run.jobs import Job
from realtime.video.sources.open import open_source

pytest.importorskip("torch")
from train.models import deployable


def label_video(engine_folder: Path, clip: Path, output: Path) -> U8:
    """(N, H, W) class ids that `unveil process --render labels` writes for a clip."""
    with load_engine(engine_folder) as engine:
        outcome = process_file(Job(clip, output), engine, Options(render="labels"), Detector())
    assert outcome.error is None
    with open_source(output) as source:
        return np.stack([frame.planes[0] for frame in source])


@pytest.mark.parametrize("name", ["consensus", "consensus-lite", "parts"])
def test_every_engine_writes_the_same_labels(name: str, sample_clip: Path, tmp_path: Path) -> None:
    network, spec = deployable(weights(name))
    build(network, spec, BuildSpec("torch", "fp32"), tmp_path / "torch", checkpoint_sha256=sha256_of(weights(name)))
    folders = {"torch": tmp_path / "torch"} | {kind: engine_folder(name, kind) for kind in ("fp32", "int8")}
    videos = {kind: label_video(folder, sample_clip, tmp_path / f"{kind}.mkv") for kind, folder in folders.items()}
    reference = videos["torch"]
    shown = reference > 0
    assert shown.mean() > 0.05, "a video without a face would agree with anything"
    for kind, wanted, on_face in (("fp32", 0.995, 0.995), ("int8", 0.985, 0.95)):
        same = videos[kind] == reference
        assert same.mean() >= wanted, kind
        assert same[shown].mean() >= on_face, f"{kind}, where a face is"
