"""A tiny folder of faces with parts and depth, as `unveil label --parts --depth` and `--synthetic` write it."""

import json
from pathlib import Path

import cv2
import numpy as np

from engines.spec import PART_LABELS

SIZE = 96
SCALE_M = 0.0001
SKIN, LEFT_EYE, RIGHT_EYE, NOSE, HAIR = (
    PART_LABELS.index(name) for name in ("skin", "left eye", "right eye", "nose", "hair")
)
# Seen from the front, the subject's left is on the right of the picture.
_PARTS = (
    (HAIR, (48, 40), (28, 32), (60, 40, 20)),
    (SKIN, (48, 52), (20, 26), (210, 160, 130)),
    (RIGHT_EYE, (40, 46), (5, 3), (20, 20, 160)),
    (LEFT_EYE, (56, 46), (5, 3), (20, 160, 20)),
    (NOSE, (48, 56), (4, 6), (250, 190, 170)),
)


def drawn_head(seed: int):
    """(rgb, parts, depth): flat ellipses, half a metre away, on a plain ground. Depth is in units of SCALE_M."""
    rng = np.random.default_rng(seed)
    rgb = np.full((SIZE, SIZE, 3), rng.integers(0, 90, 3), np.uint8)
    parts = np.zeros((SIZE, SIZE), np.uint8)
    for label, centre, axes, colour in _PARTS:
        cv2.ellipse(rgb, centre, axes, 0, 0, 360, colour, -1)
        cv2.ellipse(parts, centre, axes, 0, 0, 360, label, -1)
    depth = np.where(parts > 0, 5000 - 100 * parts.astype(int), 0).astype(np.uint16)
    return rgb, parts, depth


def landmarks_of_head():
    """(478, 3), with those that occluders are placed by."""
    angles = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    points = np.stack([48 + 15 * np.cos(angles), 50 + 20 * np.sin(angles), np.zeros(478)], axis=1)
    for index, (x, y) in {
        10: (48, 26), 152: (48, 78), 234: (28, 52), 454: (68, 52), 6: (48, 44), 4: (48, 58), 9: (48, 36), 13: (48, 68),
        33: (35, 46), 133: (45, 46), 263: (61, 46), 362: (51, 46),
    }.items():  # fmt: skip
        points[index, :2] = x, y
    return points.tolist()


def write_parts(folder: Path, photographs: int = 8, synthetic: int = 8) -> Path:
    """Half of each kind is on each side of the split. Returns the folder."""
    from train.data.split import face_split

    for sub in ("rgb", "parts", "depth"):
        (folder / sub).mkdir(parents=True)
    rows, number = [], 0
    for source, count in (("photograph", photographs), ("synthetic", synthetic)):
        left = {"train": count // 2, "held out": count - count // 2}
        while any(left.values()):
            number += 1
            name = f"{source}_{number:03d}"
            if left[face_split(name)]:
                left[face_split(name)] -= 1
                rows.append(_write(folder, name, source, number))
    (folder / "faces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def _write(folder: Path, name: str, source: str, seed: int) -> dict:
    rgb, parts, depth = drawn_head(seed)
    image = folder / "rgb" / f"{name}.png"
    cv2.imwrite(str(image), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    cv2.imwrite(str(folder / "parts" / f"{name}.png"), parts)
    cv2.imwrite(str(folder / "depth" / f"{name}.png"), depth)
    row = {
        "name": name, "image": str(image) if source == "photograph" else f"rgb/{name}.png",
        "parts": f"parts/{name}.png", "depth": f"depth/{name}.png", "depth_scale_m": SCALE_M,
        "box_xyxy": [28.0, 26.0, 68.0, 78.0], "fit_error": 0.0, "source": source,
    }  # fmt: skip
    return row | ({"landmarks": landmarks_of_head()} if source == "photograph" else {})


def model_of(name, spec, predict):
    """A model with probabilities of 0 and 1. `predict`: crops -> (N, S, S) class ids."""
    from train.measure.open_model import Model

    levels = 255 * np.eye(len(spec.labels), dtype=np.uint8)
    return Model(name, spec, predict, lambda crops: levels[predict(crops)])
