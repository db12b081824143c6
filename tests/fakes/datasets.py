"""Tiny data sets in the published layouts: drawn faces, in the formats of the real files."""

import json
from pathlib import Path

import cv2
import numpy as np

SIZE = 64
CENTRE, AXES = (32, 34), (16, 22)
LEFT_EYE_X, RIGHT_EYE_X = 38, 26  # the subject's left lies on the right of the picture
# Part of the drawn face -> (centre, axes); Helen's and LaPa's classes in their order, from 1 on.
_DRAWN = {
    1: (CENTRE, AXES), 2: ((RIGHT_EYE_X, 24), (4, 1)), 3: ((LEFT_EYE_X, 24), (4, 1)), 4: ((RIGHT_EYE_X, 28), (3, 2)),
    5: ((LEFT_EYE_X, 28), (3, 2)), 6: ((32, 36), (3, 4)), 7: ((32, 43), (5, 1)), 8: ((32, 45), (4, 1)),
    9: ((32, 47), (5, 1)),
}  # fmt: skip


def drawn_ids():
    """(SIZE, SIZE) uint8: the eleven classes, hair (10) above the face."""
    ids = np.zeros((SIZE, SIZE), np.uint8)
    cv2.ellipse(ids, (32, 22), (20, 16), 0, 0, 360, 10, -1)
    for k, (centre, axes) in _DRAWN.items():
        cv2.ellipse(ids, centre, axes, 0, 0, 360, k, -1)
    return ids


def hand_over_the_mouth(mask):
    """The same mask without a disc that an occluder hides."""
    covered = mask.copy()
    cv2.circle(covered, (32, 45), 8, 0, -1)
    return covered


def drawn_rgb(seed=0):
    """(SIZE, SIZE, 3) uint8: the face on a dark ground."""
    rng = np.random.default_rng(seed)
    rgb = np.full((SIZE, SIZE, 3), rng.integers(0, 60, 3), np.uint8)
    rgb[drawn_ids() > 0] = rng.integers(120, 250, 3)
    return rgb


def write_cofw(folder: Path, masks=3, pictures=3):
    """Both .mat files as MATLAB v7.3 writes them, and masks. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, keys in (("train", ("IsTr", "phisTr", "bboxesTr")), ("test", ("IsT", "phisT", "bboxesT"))):
        write_mat73(folder / f"COFW_{split}_color.mat", keys, pictures)
        (folder / "masks" / split).mkdir(parents=True)
        face = (drawn_ids() > 0).astype(np.uint8) * 255
        for number in range(1, masks + 1):
            # Not filled with zeros: 10 must come after 9.
            cv2.imwrite(str(folder / "masks" / split / f"{number}.png"), hand_over_the_mouth(face))
    return folder


def write_mat73(path: Path, keys, pictures=3):
    """Cells of pictures, landmarks and boxes: HDF5 behind MATLAB's 512 bytes, matrices column-major."""
    import h5py

    landmarks = np.zeros(87)
    landmarks[:29], landmarks[29:58] = np.linspace(20, 46, 29) + 1, np.linspace(24, 54, 29) + 1
    with h5py.File(path, "w", userblock_size=512) as file:
        references = np.empty((1, pictures), h5py.ref_dtype)
        for i in range(pictures):
            # The last picture is grey, as some of the real ones are.
            pixels = drawn_rgb(i) if i < pictures - 1 else drawn_rgb(i)[:, :, 0]
            references[0, i] = file.create_dataset(f"#refs#/p{i}", data=pixels.T).ref
        file.create_dataset(keys[0], data=references, dtype=h5py.ref_dtype)
        file[keys[1]] = np.tile(landmarks, (pictures, 1)).T
        file[keys[2]] = np.tile([17.0, 13.0, 32.0, 44.0], (pictures, 1)).T
    return path


def write_part_labels(folder: Path, superpixels=True):
    """Three splits of two aligned faces each. Returns the folder."""
    ids = drawn_ids()
    colours = np.zeros((SIZE, SIZE, 3), np.uint8)
    for k, channel in ((0, 2), (1, 1), (2, 0)):  # background blue, face green, hair red
        colours[np.where(ids == 10, 2, ids.clip(max=1)) == k, channel] = 255
    blocks = np.arange(SIZE) // 4
    for person, split in (("Ann_Example", "train"), ("Bo_Example", "validation"), ("Cy_De_Example", "test")):
        for number in (1, 12):
            name = f"{person}_{number:04d}"
            write_rgb(folder / "lfw_funneled" / person / f"{name}.jpg", drawn_rgb(number))
            write_rgb(folder / "parts_lfw_funneled_gt_images" / f"{name}.ppm", colours)
            if superpixels:
                path = folder / "parts_lfw_funneled_superpixels_mat" / person / f"{name}.dat"
                path.parent.mkdir(parents=True, exist_ok=True)
                np.savetxt(path, blocks[:, None] * 16 + blocks, fmt="%d")
        (folder / f"parts_{split}.txt").write_text(f"{person} 1\n{person} 12\n")
    return folder


def write_celebamask_hq(folder: Path, partition=True):
    """Pictures 0 to 2 of train, val and test, at twice the size of their masks. Returns the folder."""
    names = ("skin", "l_brow", "r_brow", "l_eye", "r_eye", "nose", "u_lip", "mouth", "l_lip", "hair")
    ids = drawn_ids()
    files = ("000012.jpg", "170000.jpg", "200000.jpg")
    for number in range(len(files)):
        picture = cv2.resize(drawn_rgb(number), (2 * SIZE, 2 * SIZE))
        write_rgb(folder / "CelebA-HQ-img" / f"{number}.jpg", picture)
        for k, name in enumerate(names, 1):
            mask = ids == k if name != "skin" else (ids > 0) & (ids < 10)
            write_rgb(mask_path(folder, number, name), np.repeat(mask[:, :, None], 3, 2).astype(np.uint8) * 255)
        glasses = np.zeros((SIZE, SIZE, 3), np.uint8)
        cv2.rectangle(glasses, (RIGHT_EYE_X - 5, 25), (LEFT_EYE_X + 5, 31), (255, 255, 255), -1)
        write_rgb(mask_path(folder, number, "eye_g"), glasses)
    rows = "".join(f"{i}          {int(f[:6]) - 1}     {f}\n" for i, f in enumerate(files))
    (folder / "CelebA-HQ-to-CelebA-mapping.txt").write_text(f"idx     orig_idx    orig_file\n{rows}")
    if partition:
        (folder / "list_eval_partition.txt").write_text("".join(f"{f} {i}\n" for i, f in enumerate(files)))
    return folder


def mask_path(folder: Path, number: int, name: str):
    return folder / "CelebAMask-HQ-mask-anno" / "0" / f"{number:05d}_{name}.png"


def write_lapa(folder: Path, ids=None):
    """Two pictures a split. Returns the folder."""
    for split in ("train", "val", "test"):
        for name in ("100012_0", "100013_1"):
            write_rgb(folder / split / "images" / f"{name}.jpg", drawn_rgb())
            write_gray(folder / split / "labels" / f"{name}.png", drawn_ids() if ids is None else ids)
            path = folder / split / "landmarks" / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            angles = np.linspace(0, 2 * np.pi, 106, endpoint=False)
            points = np.stack([32 + 15 * np.cos(angles), 36 + 19 * np.sin(angles)], axis=1)
            path.write_text("106\n" + "".join(f"{x:.3f} {y:.3f}\n" for x, y in points))
    return folder


def write_helen(folder: Path):
    """One picture a split. Returns the folder."""
    for number, listed in enumerate(("exemplars", "tuning", "testing")):
        name = f"10003254{number}_1"
        write_rgb(folder / "images" / f"{name}.jpg", drawn_rgb(number))
        for k in range(11):
            share = (drawn_ids() == k).astype(np.uint8) * 200
            write_gray(folder / "labels" / name / f"{name}_lbl{k:02d}.png", share)
        (folder / f"{listed}.txt").write_text(f"1 , {name}\n\n")
    return folder


def write_depth(folder: Path):
    """Depth of every .jpg of a set, at half of its size, as `unveil label --depth` writes it. Returns the folder."""
    steps = (drawn_ids() > 0).astype(np.uint16) * 5000
    lines = []
    for number, picture in enumerate(sorted(folder.rglob("*.jpg"))):
        write_gray(folder / "depth" / "depth" / f"{number}.png", steps[::2, ::2])
        image = f"../{picture.relative_to(folder)}" if number % 2 else str(picture)
        lines.append(json.dumps({"image": image, "depth": f"depth/{number}.png", "depth_scale_m": 0.0001}))
    (folder / "depth" / "faces.jsonl").write_text("".join(line + "\n" for line in lines))
    return folder


def write_rgb(path: Path, rgb):
    write_gray(path, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def write_gray(path: Path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
