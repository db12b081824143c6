"""`unveil label --synthetic N`: rendered heads with exact part labels and depth, in parallel and resumable.

The output is a folder as `train/parts/folder.py` describes it, with

    provenance.json     how the heads are made; a run that would make them differently is refused
    parts_sheet.png     a sample of the parts over their pictures

A head depends only on the seed and on its own number, so more can be added later, by any number of workers.
"""

from __future__ import annotations

import functools
import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from engines.errors import DataError, UsageError
from engines.spec import PART_LABELS
from realtime.video.sources.image import IMAGE_SUFFIXES
from train.heads.model import head_model_sha256
from train.labels.label_folder import drop_incomplete_line
from train.labels.provenance import refuse_other_settings, write_provenance
from train.labels.sheets import write_parts_sheet
from train.parts.folder import read_parts, row_json
from train.parts.synthetic.scene import DEPTH_SCALE_M, SIDE_PX, HeadMaker, SyntheticHead

Progress = Callable[[int, int], None]

_RECIPE = 1  # increased when the same seed gives different heads
_INDEX = "faces.jsonl"


@dataclass(frozen=True)
class SyntheticOptions:
    """How heads are made. Raises UsageError if the folder of backgrounds is missing."""

    head_model: Path | None
    """Folder of the head model."""
    seed: int = 0
    backgrounds: Path | None = None
    """Folder of pictures for backgrounds; None for drawn ones."""

    def __post_init__(self) -> None:
        if self.backgrounds is not None and not self.backgrounds.is_dir():
            raise UsageError(f"--backgrounds {self.backgrounds} is not a folder; expected a folder of pictures")


@dataclass(frozen=True)
class SyntheticSummary:
    """Numbers of heads in one run."""

    made: int
    already_done: int


def make_heads(
    count: int, output: Path, options: SyntheticOptions, *, workers: int = 2, progress: Progress | None = None
) -> SyntheticSummary:
    """Render the heads 0 to `count` - 1. Heads that an earlier run finished are kept.

    Raises:
        UsageError: the output contains heads that were made with other settings.
        DataError: the head model is missing or damaged, there is no background picture, or writing fails.
    """
    backgrounds = _pictures(options)
    settings = _settings(options, backgrounds)
    refuse_other_settings(output, settings)
    for folder in ("rgb", "parts", "depth"):
        (output / folder).mkdir(parents=True, exist_ok=True)
    write_provenance(output, settings, [options.backgrounds] if options.backgrounds else [], PART_LABELS)
    done = _done(output)
    todo = [index for index in range(count) if name_of(options.seed, index) not in done]
    with (output / _INDEX).open("a") as rows:
        for number, row in enumerate(_make_all(todo, output, options, backgrounds, workers), 1):
            print(row_json(row), file=rows, flush=True)
            if progress:
                progress(number, len(todo))
    write_parts_sheet(output, [_for_sheet(row.name, row.box_xyxy, output) for row in read_parts(output)])
    return SyntheticSummary(len(todo), count - len(todo))


def name_of(seed: int, index: int) -> str:
    """The name of a head; it contains the seed and the number that make it."""
    return f"synthetic_{seed}_{index:06d}"


def _settings(options: SyntheticOptions, backgrounds: tuple[Path, ...]) -> dict[str, Any]:
    names = "\n".join(path.name for path in backgrounds)
    return {
        "parts": "synthetic",
        "recipe": _RECIPE,
        "seed": options.seed,
        "head_model_sha256": head_model_sha256(options.head_model),
        "backgrounds": len(backgrounds),
        "background_names_sha256": hashlib.sha256(names.encode()).hexdigest(),
        "depth_scale_m": DEPTH_SCALE_M,
        "size_px": SIDE_PX,
    }


def _pictures(options: SyntheticOptions) -> tuple[Path, ...]:
    if options.backgrounds is None:
        return ()
    found = tuple(sorted(p for p in options.backgrounds.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES))
    if not found:
        raise DataError(f"no picture in {options.backgrounds}; expected {', '.join(sorted(IMAGE_SUFFIXES))}")
    return found


def _done(output: Path) -> set[str]:
    """Names of the heads that an earlier run finished."""
    drop_incomplete_line(output / _INDEX)
    return {row.name for row in read_parts(output)} if (output / _INDEX).is_file() else set()


def _make_all(
    todo: list[int], output: Path, options: SyntheticOptions, backgrounds: tuple[Path, ...], workers: int
) -> Iterator[dict[str, Any]]:
    jobs = [(index, output, options, backgrounds) for index in todo]
    if min(workers, len(jobs)) < 2:  # one head needs no process of its own
        yield from map(_make_one, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(workers, len(jobs)), _start_worker) as pool:
        yield from pool.imap(_make_one, jobs, chunksize=2)


def _start_worker() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # the workers share the cores
    cv2.setNumThreads(1)


@functools.cache
def _maker(options: SyntheticOptions, backgrounds: tuple[Path, ...]) -> HeadMaker:
    """The maker of this worker process. Opened in its first job, because errors of a pool's initializer are lost."""
    return HeadMaker(options.head_model, backgrounds)


def _make_one(job: tuple[int, Path, SyntheticOptions, tuple[Path, ...]]) -> dict[str, Any]:
    index, output, options, backgrounds = job
    head = _maker(options, backgrounds).make(options.seed, index)
    return _written(head, name_of(options.seed, index), output)


def _written(head: SyntheticHead, name: str, output: Path) -> dict[str, Any]:
    files = {"image": f"rgb/{name}.png", "parts": f"parts/{name}.png", "depth": f"depth/{name}.png"}
    pictures = (cv2.cvtColor(head.rgb, cv2.COLOR_RGB2BGR), head.parts, head.depth)
    for file, pixels in zip(files.values(), pictures, strict=True):
        if not cv2.imwrite(str(output / file), pixels):
            raise DataError(f"cannot write {output / file}; is the disk full or the folder read-only?")
    return {
        "name": name,
        **files,
        "depth_scale_m": DEPTH_SCALE_M,
        "box_xyxy": list(head.box_xyxy),
        "fit_error": 0.0,
        "source": "synthetic",
    }


def _for_sheet(name: str, box_xyxy: tuple[float, float, float, float], output: Path) -> dict[str, Any]:
    return {"image": str(output / f"rgb/{name}.png"), "parts": f"parts/{name}.png", "box_xyxy": box_xyxy}
