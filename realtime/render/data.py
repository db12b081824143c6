"""Faces as data for programs: one line of JSON per frame, with masks in the run-length encoding of COCO.

docs/data.md describes the lines. `SCHEMA` increases with changes that
could break a program that reads them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from pycocotools import mask as coco

from engines.installation import version
from engines.spec import BACKGROUND, ModelSpec
from realtime.frames.types import Frame, ParsedFace
from realtime.render.face import Face, faces_on_frame
from realtime.video.sinks.part_file import HeldFile, sink_errors

SCHEMA = 1
_DIGITS = 4


class FaceData:
    """Writes the faces of each frame into a file, after a first line about the whole.

    A context manager: a file that was not published is removed.
    """

    def __init__(self, path: Path, source: str, spec: ModelSpec, *, kept: Path | None = None, frames: int = 0) -> None:
        """Args:
        path: the file.
        source: the name of the source.
        spec: the spec of the model that parses the faces.
        kept: where the lines are meanwhile, so that another process can go on with them.
        frames: the frames whose lines are there already; those of later ones are written again.

        Raises:
            SinkError: it cannot be written.
        """
        self._held, self._spec = HeldFile(path), spec
        self._kept, self._frames = kept, frames
        with sink_errors(path):
            if frames and kept:
                self._file = kept.open("r+", encoding="utf-8")
                for _ in range(frames + 1):
                    self._file.readline()
                self._file.seek(self._file.tell())
                self._file.truncate()
                return
            self._file = (kept or self._held.part).open("w", encoding="utf-8")
        self._line({"schema": SCHEMA, "unveil": version(), "source": source, "labels": list(spec.labels)})

    def write(self, frame: Frame, faces: Sequence[ParsedFace]) -> None:
        """Write one frame. Faces that were missed in it are left out: only their last place is known.

        Raises:
            SinkError: the file cannot be written.
        """
        seen = [face for face in faces if not face.missed]
        width, height = frame.size_wh
        found = faces_on_frame(seen, frame, self._spec)
        self._line(
            {
                "frame": self._frames,
                "time_s": None if frame.pts_seconds is None else round(frame.pts_seconds, 6),
                "size_wh": [width, height],
                "faces": [self._face(face, parsed) for face, parsed in zip(found, seen, strict=True)],
            }
        )
        self._frames += 1

    def flush(self) -> None:
        """Put the lines so far on the disk. Raises SinkError where that fails."""
        with sink_errors(self._held.path):
            self._file.flush()
            os.fsync(self._file.fileno())

    def finish(self) -> HeldFile:
        """Complete the file, for the caller to publish. Raises SinkError where it cannot be written."""
        with sink_errors(self._held.path):
            self._file.close()
            if self._kept:
                shutil.copyfile(self._kept, self._held.part)
        self._held.keep()
        return self._held

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        self._held.discard()

    def _face(self, face: Face, parsed: ParsedFace) -> dict[str, Any]:
        labels = np.asfortranarray(face.labels)
        masks = {}
        for index, name in enumerate(self._spec.labels):
            if index != BACKGROUND and (there := labels == index).any():
                encoded = coco.encode(there.view(np.uint8))
                masks[name] = {"size": list(encoded["size"]), "counts": encoded["counts"].decode("ascii")}
        return {
            "track_id": face.track_id,
            "box_xyxy": [round(value, _DIGITS) for value in face.box_xyxy],
            "angle_deg": round(parsed.region.angle_deg, _DIGITS),
            "confidence": round(face.confidence, _DIGITS),
            "presence": None if parsed.presence is None else round(float(parsed.presence), _DIGITS),
            "masks": masks,
        }

    def _line(self, values: dict[str, Any]) -> None:
        with sink_errors(self._held.path):
            self._file.write(json.dumps(values) + "\n")
