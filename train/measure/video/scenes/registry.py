"""All scenarios: what is composed, how often, and what is measured on it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from train.measure.video.scenes import clips, pictures
from train.measure.video.scenes.composer import Scene
from train.measure.video.scenes.material import Material, Rng

Build = Callable[[Material, Rng, int], Scene]


@dataclass(frozen=True)
class Scenario:
    """One kind of scene."""

    name: str
    title: str
    """What is shown, in a line."""
    build: Build
    count: int
    """Scenes by default."""
    quick: int
    """Scenes of a quick run."""
    scores: Literal["followed", "found", "blurred"] = "followed"
    """Clips: ghosts, late and lost frames. Pictures: found and false faces. Both under `blur`: what it leaves."""
    edges: bool = False
    """Whether flicker and the lag of edges are measured, too."""

    def scene(self, material: Material, seed: int, index: int) -> Scene:
        """One scene. The same seed and index always give the same one."""
        return self.build(material, self.rng(seed, index), index)

    def rng(self, seed: int, index: int) -> Rng:
        """The random numbers of one scene."""
        return np.random.default_rng((seed, zlib.crc32(self.name.encode()), index))


SCENARIOS = (
    Scenario("cut-to-wall", "a cut to a wall, clothes, a hand or an object", clips.cut_to_wall, 28, 2),
    Scenario("cut-to-face", "a cut to another person", clips.cut_to_face, 8, 1),
    Scenario("leaving", "a face leaves the frame", clips.leaving, 24, 2),
    Scenario("entering", "a face enters the frame", clips.entering, 16, 2),
    Scenario("revealed", "a second face comes out from behind an object", clips.revealed, 6, 1),
    Scenario("crossing", "two people walk past each other", clips.crossing, 10, 1),
    Scenario("covered", "a whole face is covered for 2 s", clips.fully_covered, 20, 1),
    Scenario("passing", "a hand or an object crosses the face", clips.passing, 12, 1, edges=True),
    Scenario("still", "a still face, with the noise of a camera", clips.still_face, 12, 1, edges=True),
    Scenario("flash", "four frames are bright, dark or blurred", clips.flash, 6, 1),
    Scenario("turning", "the camera turns around its axis", clips.turning, 8, 1),
    Scenario("small", "a small face walks", clips.small, 8, 1),
    Scenario("nearing", "a face comes near or goes away", clips.nearing, 6, 1),
    Scenario("shaking", "a shaken camera, a fast head", clips.shaking, 6, 1),
    Scenario("clips", "the clips as filmed", clips.clips, 8, 1, edges=True),
    Scenario("upright", "upright", lambda m, rng, _: pictures.turned(m, rng, 0), 30, 3, "found"),
    Scenario("small-24", "24 px in 480x270", pictures.small_in_270p, 30, 4, "found"),
    Scenario("small-40", "40 px in 1280x720", pictures.small_in_720p, 50, 4, "found"),
    Scenario("filling", "fills the picture", pictures.filling, 30, 4, "found"),
    Scenario("half-outside", "half beyond an edge", pictures.half_outside, 40, 4, "found"),
    Scenario("occluded", "under a hand or an object", pictures.occluded, 120, 8, "found"),
    Scenario("half-behind", "half behind a large object", pictures.half_behind, 30, 4, "found"),
    Scenario("few-pixels", "64x64 and 100x100 in all", pictures.few_pixels, 30, 4, "found"),
    Scenario("nobody", "no face", pictures.nobody, 500, 30, "found"),
    Scenario("crowd-24", "24 people", pictures.crowd_of_24, 4, 1, "blurred"),
    Scenario("crowd-60", "60 people", pictures.crowd_of_60, 4, 1, "blurred"),
    Scenario("entering-blur", "a face enters the frame", clips.entering, 4, 1, "blurred"),
    Scenario("passing-blur", "a hand or an object crosses the face", clips.passing, 4, 1, "blurred"),
)
TURNED = "turned"
"""The scenario that `turned.py` composes: its faces are compared with their upright masks."""
