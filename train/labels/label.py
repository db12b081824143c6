"""`unveil label`: pseudo-labels for folders of photographs and for videos, in parallel and resumable.

The output folder holds

    faces.jsonl         one line per face: image, label file, full-face box, landmarks
    labels/NAME.png     (H, W) uint8 class ids at the size of the picture: 0 background, 1 face, 2 occlusion
    blobs/NAME.png      (H, W) uint8: 0 background, 1 face, 2.. one id for each connected occlusion (equation 2)
    images/NAME.png     the frames that were taken from videos; photographs stay where they are
    skipped.txt         pictures without a usable face, each with the reason
    provenance.json     how the labels were made; a run that would make them differently is refused
    sheet.png           a look at some of them

and with part labels and depth what `parts.py` names.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.errors import DataError, SourceError
from realtime.frames.types import U8
from realtime.run.terminal import hide_native_output, standard_error_hidden
from realtime.video.sources.image import read_rgb
from train.labels.inputs import Picture, find_pictures
from train.labels.json_lines import drop_cut_line
from train.labels.label_folder import read_faces, read_labels
from train.labels.options import (
    LabelOptions,
    contour_provenance,
    open_full_face,
    open_labeller,
    open_teacher,
    rgbd_provenance,
)
from train.labels.provenance import check, note
from train.labels.pseudo_label import FullFace, PseudoLabel, label_face
from train.labels.teachers.base import Teacher, Unusable
from train.labels.teachers.mediapipe_models import FaceMesh

if TYPE_CHECKING:
    from train.parts.photo.labeller import PhotoLabeller

Progress = Callable[[int, int], None]
_UNREADABLE = "unreadable"


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
    options: LabelOptions,
    *,
    workers: int = 2,
    progress: Progress | None = None,
) -> LabelSummary:
    """Label every face of the inputs; what an earlier run finished is kept.

    Args:
        inputs: pictures, videos or folders of either (searched below, too).
        workers: processes.

    Raises:
        UsageError: an input is missing or holds no picture; the output holds labels that were made differently.
        DataError: a model or mask that the teacher needs is missing or does not fit.
    """
    settings = _settings(options)  # here, so that a missing model is met before any work
    check(output, settings)
    pictures = find_pictures(inputs, output, options.every)
    output.mkdir(parents=True, exist_ok=True)
    note(output, settings, inputs)
    for name in ("faces.jsonl", "skipped.txt"):
        drop_cut_line(output / name)
    done = _done(output)
    todo = [picture for picture in pictures if picture.name not in done]
    summary = _write_all(todo, output, options, workers, progress)
    sheet(output)
    if options.rgbd:
        from train.labels.sheets import parts_sheet

        parts_sheet(output, read_faces(output))
    return replace(summary, already_done=len(pictures) - len(todo))


def sheet(folder: Path, count: int = 40, tile_px: int = 200) -> Path:
    """Write `sheet.png`: a sample of the labels over their pictures. Returns its path."""
    from train.measure.label_pictures import overlay_tile, write_grid

    rows = read_faces(folder)
    picked = [rows[i] for i in np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)] if rows else []
    tiles = []
    for row in picked:
        labels = read_labels(folder / row["labels"])
        tiles.append(overlay_tile(read_rgb(Path(row["image"])), labels, row["box_xyxy"], tile_px))
    return write_grid(tiles, folder / "sheet.png", columns=8)


def _done(output: Path) -> set[str]:
    names = {row["name"] for row in read_faces(output)} if (output / "faces.jsonl").is_file() else set()
    skipped = output / "skipped.txt"
    if skipped.is_file():
        names |= {line.split("\t")[0] for line in skipped.read_text().splitlines()}
    return names


def _settings(options: LabelOptions) -> dict[str, Any]:
    with standard_error_hidden():
        teacher = open_teacher(options).provenance()
    return {
        **teacher,
        "contour": options.contour,
        **contour_provenance(options),
        **rgbd_provenance(options),
        "morphology": options.morphology,
        "every": options.every,
        "landmarks": f"FaceMesh, mediapipe {version('mediapipe')}",
    }


def _write_all(
    pictures: list[Picture], output: Path, options: LabelOptions, workers: int, progress: Progress | None
) -> LabelSummary:
    labelled, skipped, unreadable = 0, 0, []
    with (output / "faces.jsonl").open("a") as faces, (output / "skipped.txt").open("a") as skips:
        for count, (picture, outcome) in enumerate(_label_all(pictures, output, options, workers), 1):
            if isinstance(outcome, dict):
                print(json.dumps(outcome), file=faces, flush=True)
                labelled += 1
            else:
                print(picture.name, outcome, sep="\t", file=skips, flush=True)
                skipped += 1
                if outcome == _UNREADABLE:
                    unreadable.append(str(picture.path))
            if progress:
                progress(count, len(pictures))
    return LabelSummary(labelled, skipped, 0, tuple(unreadable))


def _label_all(
    pictures: list[Picture], output: Path, options: LabelOptions, workers: int
) -> Iterator[tuple[Picture, dict[str, Any] | str]]:
    context = multiprocessing.get_context("spawn")  # MediaPipe's threads do not survive a fork
    with context.Pool(max(1, min(workers, len(pictures))), _start_worker) as pool:
        yield from pool.imap(_label_one, [(picture, output, options) for picture in pictures], chunksize=4)


def _start_worker() -> None:
    hide_native_output()  # MediaPipe and TensorFlow Lite log a page as they start
    os.environ["OMP_NUM_THREADS"] = "1"  # of torch, where it runs a teacher: the workers share the cores
    cv2.setNumThreads(1)


@functools.cache
def _tools(options: LabelOptions) -> tuple[FaceMesh, Teacher, FullFace, PhotoLabeller | None]:
    """Of this worker process. Opened by its first job: what a pool's initializer raises is never heard."""
    return FaceMesh(), open_teacher(options), open_full_face(options), open_labeller(options)


def _label_one(job: tuple[Picture, Path, LabelOptions]) -> tuple[Picture, dict[str, Any] | str]:
    picture, output, options = job
    mesh, teacher, full_face, labeller = _tools(options)
    try:
        rgb = read_rgb(picture.path)
        found = label_face(rgb, mesh, teacher, full_face, options.morphology, picture.name)
        more = _more(labeller, rgb, found, picture.name, output)
    except SourceError:
        return picture, _UNREADABLE
    except Unusable as e:
        return picture, str(e)
    for folder, pixels in (("labels", found.labels), ("blobs", found.blobs)):
        target = output / folder / f"{picture.name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(target), pixels):
            raise DataError(f"cannot write {target}; is the disk full or the folder read-only?")
    return picture, {**_row(picture, found), **more}


def _more(labeller: PhotoLabeller | None, rgb: U8, found: PseudoLabel, name: str, output: Path) -> dict[str, Any]:
    if labeller is None:
        return {}
    from train.labels.sheets import write_parts

    return write_parts(labeller, rgb, found, name, output)


def _row(picture: Picture, found: PseudoLabel) -> dict[str, Any]:
    return {
        "name": picture.name,
        "image": str(picture.path),
        "labels": f"labels/{picture.name}.png",
        "blobs": f"blobs/{picture.name}.png",
        "box_xyxy": [round(value, 1) for value in found.box_xyxy],
        "landmarks": np.round(found.landmarks, 1).tolist(),
    }
