"""`unveil label`: pseudo-labels for folders of photographs and for videos, in parallel and resumable.

`train/labels/label_folder.py` describes the output folder, `train/parts/folder.py` what part labels and depth add.
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

from engines.errors import SourceError
from realtime.frames.types import U8
from realtime.run.terminal import hide_native_output, standard_error_hidden
from realtime.video.sources.image import read_rgb
from train.labels.inputs import Picture, find_pictures
from train.labels.label_folder import FACES, SKIPPED, drop_incomplete_line, finished_names, read_faces, write_png
from train.labels.options import (
    LabelOptions,
    contour_provenance,
    open_full_face,
    open_parts_labeller,
    open_teacher,
    parts_provenance,
)
from train.labels.provenance import refuse_other_settings, write_provenance
from train.labels.pseudo_label import FullFace, PseudoLabel, label_face
from train.labels.sheets import write_labels_sheet, write_parts_sheet
from train.labels.teachers.base import Teacher, Unusable
from train.labels.teachers.mediapipe_models import FaceMesh

if TYPE_CHECKING:
    from train.parts.photo.labeller import PhotoLabeller

Progress = Callable[[int, int], None]
"""Called with the number of finished pictures and of all."""
Outcome = dict[str, Any] | str
"""A line of `faces.jsonl`, or why the picture was skipped."""
_UNREADABLE = "unreadable"


@dataclass(frozen=True)
class LabelSummary:
    """Numbers of pictures in one run, and the paths of those that could not be read."""

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
    """Label the most prominent face of each picture. Pictures that an earlier run finished are kept.

    Args:
        inputs: pictures, videos or folders of either (with their subfolders).
        workers: processes.

    Raises:
        UsageError: an input is missing or contains no picture, or the output contains labels made with other settings.
        DataError: a model or a mask that the teacher needs is missing or does not fit.
    """
    settings = _settings(options)  # first, so that a missing model is reported before any work
    refuse_other_settings(output, settings)
    pictures = find_pictures(inputs, output, options.every)
    output.mkdir(parents=True, exist_ok=True)
    write_provenance(output, settings, inputs)
    for name in (FACES, SKIPPED):
        drop_incomplete_line(output / name)
    finished = finished_names(output)
    todo = [picture for picture in pictures if picture.name not in finished]
    summary = _label_and_record(todo, output, options, workers, progress)
    write_labels_sheet(output)
    if options.parts:
        write_parts_sheet(output, read_faces(output))
    return replace(summary, already_done=len(pictures) - len(todo))


def _settings(options: LabelOptions) -> dict[str, Any]:
    """JSON-ready: everything that shapes the labels."""
    with standard_error_hidden():
        teacher = open_teacher(options).provenance()
    return {
        **teacher,
        "contour": options.contour,
        **contour_provenance(options),
        **parts_provenance(options),
        "morphology": options.morphology,
        "every": options.every,
        "landmarks": f"FaceMesh, mediapipe {version('mediapipe')}",
    }


def _label_and_record(
    pictures: list[Picture], output: Path, options: LabelOptions, workers: int, progress: Progress | None
) -> LabelSummary:
    labelled, skipped, unreadable = 0, 0, []
    with (output / FACES).open("a") as faces_file, (output / SKIPPED).open("a") as skipped_file:
        for count, (picture, outcome) in enumerate(_label_all(pictures, output, options, workers), 1):
            if isinstance(outcome, dict):
                print(json.dumps(outcome), file=faces_file, flush=True)
                labelled += 1
            else:
                print(picture.name, outcome, sep="\t", file=skipped_file, flush=True)
                skipped += 1
                if outcome == _UNREADABLE:
                    unreadable.append(str(picture.path))
            if progress:
                progress(count, len(pictures))
    return LabelSummary(labelled, skipped, 0, tuple(unreadable))


def _label_all(
    pictures: list[Picture], output: Path, options: LabelOptions, workers: int
) -> Iterator[tuple[Picture, Outcome]]:
    context = multiprocessing.get_context("spawn")  # MediaPipe's threads do not survive a fork
    with context.Pool(max(1, min(workers, len(pictures))), _start_worker) as pool:
        yield from pool.imap(_label_one, [(picture, output, options) for picture in pictures], chunksize=4)


def _start_worker() -> None:
    hide_native_output()  # MediaPipe and TensorFlow Lite log a page as they start
    os.environ["OMP_NUM_THREADS"] = "1"  # torch, if it runs a teacher: the workers share the cores
    cv2.setNumThreads(1)


@functools.cache
def _open_models(options: LabelOptions) -> tuple[FaceMesh, Teacher, FullFace, PhotoLabeller | None]:
    """The models of this worker process. Opened in its first job, because errors of a pool's initializer are lost."""
    return FaceMesh(), open_teacher(options), open_full_face(options), open_parts_labeller(options)


def _label_one(job: tuple[Picture, Path, LabelOptions]) -> tuple[Picture, Outcome]:
    picture, output, options = job
    mesh, teacher, full_face, parts_labeller = _open_models(options)
    try:
        rgb = read_rgb(picture.path)
        face = label_face(rgb, mesh, teacher, full_face, options.morphology, picture.name)
        parts_line = _write_parts(parts_labeller, rgb, face, picture.name, output)
    except SourceError:
        return picture, _UNREADABLE
    except Unusable as e:
        return picture, str(e)
    line = {
        "name": picture.name,
        "image": str(picture.path),
        "labels": f"labels/{picture.name}.png",
        "blobs": f"blobs/{picture.name}.png",
        "box_xyxy": [round(value, 1) for value in face.box_xyxy],
        "landmarks": np.round(face.landmarks, 1).tolist(),
    }
    write_png(output / line["labels"], face.labels)
    write_png(output / line["blobs"], face.blobs)
    return picture, {**line, **parts_line}


def _write_parts(labeller: PhotoLabeller | None, rgb: U8, face: PseudoLabel, name: str, output: Path) -> dict[str, Any]:
    """Write the part labels and the depth of one face, if they are wanted.

    Returns:
        What they add to the face's line in `faces.jsonl`.

    Raises:
        Unusable: no head fits this face well.
    """
    if labeller is None:
        return {}
    from train.parts.photo.labeller import DEPTH_SCALE_M

    made = labeller.label(rgb, face)
    line = {
        "parts": f"parts/{name}.png",
        "depth": f"depth/{name}.png",
        "depth_scale_m": DEPTH_SCALE_M,
        "fit_error": round(made.fit_error, 5),
        "source": "photograph",
    }
    write_png(output / f"parts/{name}.png", made.parts)
    write_png(output / f"depth/{name}.png", made.depth)
    return line
