"""`unveil label`: pseudo-labels for folders of photographs and for videos, in parallel and resumable.

The output folder holds

    faces.jsonl         one line per face: image, label file, full-face box, landmarks
    labels/NAME.png     (H, W) uint8 class ids at the size of the picture: 0 background, 1 face, 2 occlusion
    blobs/NAME.png      (H, W) uint8: 0 background, 1 face, 2.. one id for each connected occlusion (equation 2)
    images/NAME.png     the frames that were taken from videos; photographs stay where they are
    skipped.txt         pictures in which no usable face was found
    provenance.json     how the labels were made
    sheet.png           a look at some of them
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engines.errors import DataError, SourceError, UsageError
from engines.manifest import sha256_of
from engines.spec import OCCLUSION
from realtime.files import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from realtime.source_image import read_rgb
from realtime.types import U8
from train.pseudo_label import PseudoLabel, label_face
from train.teachers import FaceMesh, HairSegmenter

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Picture:
    """One picture to label."""

    path: Path
    name: str
    """Its name below the output's folders, without a suffix: the path below the input folder."""


@dataclass(frozen=True)
class LabelSummary:
    """What a run did."""

    labelled: int
    skipped: int
    already_done: int
    unreadable: tuple[str, ...]


def label(
    inputs: list[Path],
    output: Path,
    hair_model: Path,
    *,
    every: int = 10,
    workers: int = 2,
    progress: Progress | None = None,
) -> LabelSummary:
    """Label every face of the inputs; what an earlier run finished is kept.

    Args:
        inputs: pictures, videos or folders of either (searched below, too).
        every: of a video, each that many frames is labelled.
        workers: processes.

    Raises:
        UsageError: an input is missing or holds no picture.
        DataError: the hair segmenter is missing.
    """
    if not hair_model.is_file():
        raise DataError(
            f"no hair segmenter at {hair_model}; "
            "expected MediaPipe's hair_segmentation.tflite, name it with --hair-model"
        )
    output.mkdir(parents=True, exist_ok=True)
    pictures = list(_pictures(inputs, output, every))
    if not pictures:
        raise UsageError(
            f"nothing to label in {', '.join(map(str, inputs))}; "
            f"expected pictures ({', '.join(sorted(IMAGE_SUFFIXES))}) or videos"
        )
    _end_last_line(output / "faces.jsonl")
    done = _done(output)
    todo = [picture for picture in pictures if picture.name not in done]
    labelled, skipped, unreadable = 0, 0, []
    with (output / "faces.jsonl").open("a") as faces, (output / "skipped.txt").open("a") as skips:
        for count, (picture, outcome) in enumerate(_label_all(todo, output, hair_model, workers), 1):
            if isinstance(outcome, dict):
                faces.write(json.dumps(outcome) + "\n")
                faces.flush()
                labelled += 1
            else:
                skips.write(f"{picture.name}\t{outcome}\n")
                skips.flush()
                skipped += 1
                if outcome == "unreadable":
                    unreadable.append(str(picture.path))
            if progress:
                progress(count, len(todo))
    _write_provenance(output, inputs, hair_model, every)
    sheet(output)
    return LabelSummary(labelled, skipped, len(pictures) - len(todo), tuple(unreadable))


def read_faces(folder: Path) -> list[dict[str, Any]]:
    """The lines of `faces.jsonl`. A last line that a kill cut short is left out."""
    path = folder / "faces.jsonl"
    if not path.is_file():
        raise DataError(f"no faces.jsonl in {folder}; expected the output folder of `unveil label`")
    rows = []
    for line in path.read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def sheet(folder: Path, count: int = 40, tile_px: int = 200) -> Path:
    """Write `sheet.png`: a sample of the labels over their pictures. Returns its path."""
    from train.views import overlay_tile, write_grid

    rows = read_faces(folder)
    picked = [rows[i] for i in np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)] if rows else []
    tiles = []
    for row in picked:
        labels = read_labels(folder / row["labels"])
        tiles.append(overlay_tile(read_rgb(Path(row["image"])), labels, row["box_xyxy"], tile_px))
    return write_grid(tiles, folder / "sheet.png", columns=8)


def read_labels(path: Path) -> U8:
    """(H, W) uint8 class ids. Raises DataError where the file is missing or no picture."""
    labels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if labels is None:
        raise DataError(f"cannot read {path}; expected an 8-bit PNG of class ids. Label again with `unveil label`")
    return labels.astype(np.uint8)


def blobs_of(labels: U8) -> U8:
    """C(I) of equation 2: 0 background, 1 face, then one id for each 8-connected occlusion (at most 254)."""
    _, ids = cv2.connectedComponents((labels == OCCLUSION).astype(np.uint8), connectivity=8)
    shifted = np.minimum(ids + 1, 255)
    return np.where(ids > 0, shifted, (labels > 0).astype(np.int32)).astype(np.uint8)


def _pictures(inputs: list[Path], output: Path, every: int) -> Iterator[Picture]:
    for entry in inputs:
        if not entry.exists():
            raise UsageError(f"no such file or folder: {entry}")
        files = sorted(p for p in entry.rglob("*") if p.is_file()) if entry.is_dir() else [entry]
        base = entry if entry.is_dir() else entry.parent
        for path in files:
            if path.suffix.lower() in IMAGE_SUFFIXES:
                yield Picture(path.resolve(), str(path.relative_to(base).with_suffix("")))
            elif path.suffix.lower() in VIDEO_SUFFIXES:
                yield from _video_pictures(path, output, every)


def _video_pictures(path: Path, output: Path, every: int) -> Iterator[Picture]:
    from realtime.av_frame import rgb_from_frame
    from realtime.source import open_source

    folder = output / "images" / path.stem
    folder.mkdir(parents=True, exist_ok=True)
    with open_source(path) as source:
        for frame in source:
            if frame.index % every:
                continue
            target = folder / f"{frame.index:06d}.png"
            if not target.exists():
                cv2.imwrite(str(target), cv2.cvtColor(rgb_from_frame(frame), cv2.COLOR_RGB2BGR))
            yield Picture(target.resolve(), f"{path.stem}/{frame.index:06d}")


def _end_last_line(path: Path) -> None:
    """A line that a kill cut short must not swallow the next one."""
    if path.is_file() and not path.read_bytes().endswith(b"\n"):
        with path.open("a") as file:
            file.write("\n")


def _done(output: Path) -> set[str]:
    names = {row["name"] for row in read_faces(output)} if (output / "faces.jsonl").is_file() else set()
    skipped = output / "skipped.txt"
    if skipped.is_file():
        names |= {line.split("\t")[0] for line in skipped.read_text().splitlines()}
    return names


def _label_all(
    pictures: list[Picture], output: Path, hair_model: Path, workers: int
) -> Iterator[tuple[Picture, dict[str, Any] | str]]:
    context = multiprocessing.get_context("spawn")  # MediaPipe's threads do not survive a fork
    with context.Pool(max(1, min(workers, len(pictures))), _start_worker, (str(hair_model),)) as pool:
        yield from pool.imap(_label_one, [(picture, output) for picture in pictures], chunksize=4)


_teachers: tuple[FaceMesh, HairSegmenter]  # of this worker process


def _start_worker(hair_model: str) -> None:
    global _teachers
    os.environ.setdefault("GLOG_minloglevel", "2")
    cv2.setNumThreads(1)
    _teachers = FaceMesh(), HairSegmenter(Path(hair_model))


def _label_one(job: tuple[Picture, Path]) -> tuple[Picture, dict[str, Any] | str]:
    picture, output = job
    try:
        rgb = read_rgb(picture.path)
    except SourceError:
        return picture, "unreadable"
    found = label_face(rgb, *_teachers)
    if found is None:
        return picture, "no usable face"
    for folder, pixels in (("labels", found.labels), ("blobs", blobs_of(found.labels))):
        target = output / folder / f"{picture.name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(target), pixels):
            raise DataError(f"cannot write {target}; is the disk full or the folder read-only?")
    return picture, _row(picture, found)


def _row(picture: Picture, found: PseudoLabel) -> dict[str, Any]:
    return {
        "name": picture.name,
        "image": str(picture.path),
        "labels": f"labels/{picture.name}.png",
        "blobs": f"blobs/{picture.name}.png",
        "box_xyxy": [round(value, 1) for value in found.box_xyxy],
        "landmarks": np.round(found.landmarks, 1).tolist(),
    }


def _write_provenance(output: Path, inputs: list[Path], hair_model: Path, every: int) -> None:
    provenance = {
        "made_by": "unveil label",
        "teacher": "FaceMesh contour minus hair (train/pseudo_label.py)",
        "hair_model_sha256": sha256_of(hair_model),
        "inputs": [str(path) for path in inputs],
        "every": every,
        "labels": {"0": "background", "1": "face", "2": "occlusion"},
    }
    (output / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")
