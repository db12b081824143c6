"""The pictures that `unveil label` works on: photographs where they are, and frames taken out of videos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2

from engines.errors import DataError, UsageError
from realtime.video.sources.image import IMAGE_SUFFIXES
from realtime.video.sources.video import VIDEO_SUFFIXES


@dataclass(frozen=True)
class Picture:
    """One picture to label."""

    path: Path
    name: str
    """Its name below the output's folders, without a suffix: the path below the input folder."""


def find_pictures(inputs: list[Path], output: Path, every: int) -> list[Picture]:
    """The pictures of files and folders (searched below, too), each folder's in order of name.

    Args:
        output: the frames of videos are written below its `images`.
        every: of a video, each that many frames.

    Raises:
        UsageError: an input is missing, none holds a picture, or two pictures have one name.
        SourceError: a video cannot be opened.
    """
    missing = [str(entry) for entry in inputs if not entry.exists()]
    if missing:
        raise UsageError(f"no such file or folder: {', '.join(missing)}")
    pictures: dict[str, Picture] = {}
    for picture in _each(inputs, output, every):
        other = pictures.setdefault(picture.name, picture)
        if other.path != picture.path:
            raise UsageError(
                f"{other.path} and {picture.path} would both be labelled as {picture.name}; "
                "rename one, or label them into two folders"
            )
    if not pictures:
        raise UsageError(
            f"nothing to label in {', '.join(map(str, inputs))}; "
            f"expected pictures ({', '.join(sorted(IMAGE_SUFFIXES))}) or videos"
        )
    return list(pictures.values())


def _each(inputs: list[Path], output: Path, every: int) -> Iterator[Picture]:
    for entry in inputs:
        files = sorted(p for p in entry.rglob("*") if p.is_file()) if entry.is_dir() else [entry]
        base = entry if entry.is_dir() else entry.parent
        for path in files:
            name = path.relative_to(base).with_suffix("")
            if path.suffix.lower() in IMAGE_SUFFIXES:
                yield Picture(path.resolve(), str(name))
            elif path.suffix.lower() in VIDEO_SUFFIXES:
                yield from _frames(path, name, output, every)


def _frames(path: Path, name: Path, output: Path, every: int) -> Iterator[Picture]:
    from realtime.video.av_frame import rgb_from_frame
    from realtime.video.sources.open import open_source

    folder = output / "images" / name
    folder.mkdir(parents=True, exist_ok=True)
    with open_source(path) as source:
        for frame in source:
            if frame.index % every:
                continue
            target = folder / f"{frame.index:06d}.png"
            if not target.exists():
                partial = folder / f"{frame.index:06d}.part.png"  # a run may be killed while it writes
                if not cv2.imwrite(str(partial), cv2.cvtColor(rgb_from_frame(frame), cv2.COLOR_RGB2BGR)):
                    raise DataError(f"cannot write {partial}; is the disk full or the folder read-only?")
                partial.replace(target)
            yield Picture(target.resolve(), f"{name}/{frame.index:06d}")
