"""The networks that ship, on clips of people: each shows the one face, in every frame, and nothing else."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from engines.load import find_engine, load_engine
from realtime.faces.detect import Detector
from realtime.faces.parse import crop_faces, parse_faces
from realtime.faces.tracker import Tracker
from realtime.frames.types import U8, Frame
from realtime.video.av_frame import rgb_from_frame
from realtime.video.sources.open import open_source

CLIPS = Path(__file__).parents[4] / "shared" / "clips"
# In both a skull is printed on the shirt, which the detector doubts and now and then finds.
pytestmark = pytest.mark.skipif(not CLIPS.is_dir(), reason="no ../shared/clips beside the checkout")


def pictures(clip: str, zoom: float) -> list[U8]:
    with open_source(CLIPS / clip) as source:
        shown = [rgb_from_frame(frame) for frame in source]
    height, width = shown[0].shape[:2]
    affine = cv2.getRotationMatrix2D((width / 2, 0), 0, zoom)
    return [cv2.warpAffine(picture, affine, (width, height)) for picture in shown]


@pytest.mark.parametrize("zoom", [1.0, 0.85, 1.15])
@pytest.mark.parametrize("model", ["consensus-lite", "parts"])
@pytest.mark.parametrize("clip", ["again.mkv", "yes.mkv"])
def test_one_face_is_shown_in_every_frame_and_no_skull(clip: str, model: str, zoom: float) -> None:
    shown = pictures(clip, zoom)
    neck = 0.42 * zoom * shown[0].shape[0]
    with load_engine(find_engine(model)) as engine, Tracker(Detector("auto"), engine.spec) as tracker:
        for index, picture in enumerate(shown):
            frame = Frame((picture,), "rgb", index)
            regions = tracker.regions(frame)
            faces = tracker.update(parse_faces(engine, crop_faces(frame, regions, engine.spec.size_px), regions))
            assert [face.region.centre_y < neck for face in faces] == [True], f"frame {index}"
