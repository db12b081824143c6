"""The pictures that `unveil label` works on: photographs, which stay where they are, and frames of videos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2

from engines.errors import DataError, UsageError
from realtime.video.sources.base import VIDEO_SUFFIXES
from realtime.video.sources.image import IMAGE_SUFFIXES


@dataclass(frozen=True)
class Picture:
    """One picture to label."""

    path: Path
    name: str
    """Its path below the input folder, without suffix; the names of its label files come from it."""


def find_pictures(inputs: list[Path], output: Path, every: int) -> list[Picture]:
    """Find the pictures of files and folders (with subfolders), each folder's sorted by name.

    Args:
        output: frames of videos are written to its folder `images`.
        every: every Nth frame of a video is taken.

    Raises:
        UsageError: an input is missing, no input contains a picture, or two pictures have the same name.
        SourceError: a video cannot be opened.
    """
    missing = [str(path) for path in inputs if not path.exists()]
    if missing:
        raise UsageError(f"no such file or folder: {', '.join(missing)}")
    pictures: dict[str, Picture] = {}
    for picture in _iterate_pictures(inputs, output, every):
        first = pictures.setdefault(picture.name, picture)
        if first.path != picture.path:
            raise UsageError(
                f"{first.path} and {picture.path} would both be labelled as {picture.name}; "
                "rename one, or label them into two folders"
            )
    if not pictures:
        raise UsageError(
            f"nothing to label in {', '.join(map(str, inputs))}; "
            f"expected pictures ({', '.join(sorted(IMAGE_SUFFIXES))}) or videos"
        )
    return list(pictures.values())


def _iterate_pictures(inputs: list[Path], output: Path, every: int) -> Iterator[Picture]:
    for path in inputs:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        base = path if path.is_dir() else path.parent
        for file in files:
            name = file.relative_to(base).with_suffix("")
            if file.suffix.lower() in IMAGE_SUFFIXES:
                yield Picture(file.resolve(), str(name))
            elif file.suffix.lower() in VIDEO_SUFFIXES:
                yield from _extract_frames(file, name, output, every)


def _extract_frames(video: Path, name: Path, output: Path, every: int) -> Iterator[Picture]:
    """Write every Nth frame of a video to `images/NAME/` in the output folder, if it is not there yet."""
    from realtime.video.av_frame import rgb_from_frame
    from realtime.video.sources.open import open_source

    folder = output / "images" / name
    folder.mkdir(parents=True, exist_ok=True)
    with open_source(video) as source:
        for frame in source:
            if frame.index % every:
                continue
            target = folder / f"{frame.index:06d}.png"
            if not target.exists():
                partial = folder / f"{frame.index:06d}.part.png"  # renamed when complete: a run may be killed
                if not cv2.imwrite(str(partial), cv2.cvtColor(rgb_from_frame(frame), cv2.COLOR_RGB2BGR)):
                    raise DataError(f"cannot write {partial}; is the disk full or the folder read-only?")
                partial.replace(target)
            yield Picture(target.resolve(), f"{name}/{frame.index:06d}")
