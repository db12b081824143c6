"""Tiny training data in our own folder layout: drawn faces, labels and occluders."""

import json
from pathlib import Path

import cv2
import numpy as np

SIZE = 96


def drawn_face(seed: int):
    """(rgb, labels, landmarks): an ellipse of skin on a plain ground."""
    rng = np.random.default_rng(seed)
    rgb = np.full((SIZE, SIZE, 3), rng.integers(0, 90, 3), np.uint8)
    labels = np.zeros((SIZE, SIZE), np.uint8)
    centre = (48, 50)
    cv2.ellipse(rgb, centre, (22, 30), 0, 0, 360, tuple(int(v) for v in rng.integers(150, 250, 3)), -1)
    cv2.ellipse(labels, centre, (22, 30), 0, 0, 360, 1, -1)
    angles = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    landmarks = np.stack([48 + 15 * np.cos(angles), 50 + 20 * np.sin(angles)], axis=1)
    landmarks[10], landmarks[152], landmarks[234], landmarks[454] = (48, 22), (48, 80), (26, 50), (70, 50)
    landmarks[6], landmarks[4], landmarks[13] = (48, 42), (48, 54), (48, 66)
    landmarks[[33, 133]], landmarks[[263, 362]] = [(34, 42), (44, 42)], [(62, 42), (52, 42)]
    return rgb, labels, landmarks


def write_labels(folder: Path, count: int = 24) -> Path:
    """A folder as `unveil label` writes it; both sides of the split are there. Returns it."""
    from train.data.split import face_split

    (folder / "labels").mkdir(parents=True)
    rows, sides, number = [], {"train": 0, "held out": 0}, 0
    while len(rows) < count:
        name = f"face_{number:03d}"
        number += 1
        side = face_split(name)
        if sides[side] >= count // 2:
            continue
        sides[side] += 1
        rgb, labels, landmarks = drawn_face(number)
        cv2.imwrite(str(folder / f"{name}.png"), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        cv2.imwrite(str(folder / "labels" / f"{name}.png"), labels)
        rows.append(
            {
                "name": name,
                "image": str(folder / f"{name}.png"),
                "labels": f"labels/{name}.png",
                "box_xyxy": [26, 20, 71, 81],
                "landmarks": landmarks.tolist(),
            }
        )
    (folder / "faces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def write_occluders(folder: Path) -> Path:
    """Folders `hands`, `masks`, `objects` with a few RGBA discs on each side of the split. Returns it."""
    from train.data.split import occluder_split

    for kind in ("hands", "masks", "objects"):
        (folder / kind).mkdir(parents=True)
        for side in ("train", "held out"):
            stem = next(s for i in range(999) if occluder_split(s := f"{kind}{i}") == side)
            rgba = np.zeros((40, 40, 4), np.uint8)
            cv2.circle(rgba, (20, 20), 15, (40, 200, 40, 255), -1)
            cv2.imwrite(str(folder / kind / f"{stem}.png"), rgba)
    return folder
