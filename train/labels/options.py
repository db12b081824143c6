"""The choices of `unveil label`, and the models that they open.

A new teacher is a class in a file of `train/labels/teachers/`, and an entry of `TEACHERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from engines.errors import UsageError
from train.heads.contour import hull_mask, silhouette_mask
from train.labels.pseudo_label import FullFace, Morphology
from train.labels.teachers.base import Teacher

if TYPE_CHECKING:
    from train.parts.photo.labeller import PhotoLabeller

Contour = Literal["silhouette", "mesh", "head"]


@dataclass(frozen=True)
class TeacherKind:
    """One kind of teacher, as `--teacher` names it."""

    argument: str
    """What follows the name and a colon, such as FOLDER; empty for a teacher without an argument."""
    requires: str
    """The Python package of the extra `train` that it needs."""
    open: Callable[[str, LabelOptions], Teacher]
    """Opens it with its argument. Heavy imports belong into this function."""


@dataclass(frozen=True)
class LabelOptions:
    """How pseudo-labels are made. Raises UsageError if a choice is unknown."""

    teacher: str = "hair"
    """`hair`, `masks:FOLDER` or `engine:NAME_OR_FOLDER_OR_CHECKPOINT[,ANOTHER...]`."""
    contour: Contour = "silhouette"
    """The outline of the full face: the hull of FaceMesh's oval (`mesh`); the same and what extends beyond it in a
    turned face (`silhouette`); or the hull of a fitted head's contour, as in the paper (`head`)."""
    morphology: Morphology = "thin"
    """How the residual is cleaned."""
    hair_model: Path | None = None
    """MediaPipe's hair_segmentation.tflite, needed by the teacher `hair` and by part labels."""
    head_model: Path | None = None
    """Folder of the head model, needed by the contour `head` and by part labels."""
    every: int = 10
    """Every Nth frame of a video is labelled."""
    parts: bool = False
    """Whether part labels and depth are made, too. A head is fitted to each face for them."""
    parts_teacher: str | None = None
    """Part networks that correct the part labels (a second round)."""

    def __post_init__(self) -> None:
        teacher_kind(self.teacher)
        for what, value, known in (("contour", self.contour, Contour), ("morphology", self.morphology, Morphology)):
            if value not in get_args(known):
                raise UsageError(f"{what} {value!r} is unknown; expected one of {', '.join(get_args(known))}")
        if self.parts_teacher and not self.parts:
            raise UsageError("got a parts teacher, but no part labels are wanted; add --parts --depth")


def _open_hair(_argument: str, options: LabelOptions) -> Teacher:
    from train.labels.teachers.hair import HairTeacher

    return HairTeacher(options.hair_model)


def _open_masks(argument: str, _options: LabelOptions) -> Teacher:
    from train.labels.teachers.masks import MaskTeacher

    return MaskTeacher(Path(argument))


def _open_engine(argument: str, _options: LabelOptions) -> Teacher:
    from train.labels.teachers.engine import EngineTeacher

    return EngineTeacher(argument)


TEACHERS = {
    "hair": TeacherKind("", "ai_edge_litert", _open_hair),
    "masks": TeacherKind("FOLDER", "torch", _open_masks),
    "engine": TeacherKind("NAME[,NAME]", "torch", _open_engine),
}


def teacher_kind(teacher: str) -> TeacherKind:
    """The kind of a teacher such as `masks:FOLDER`. Raises UsageError if it is unknown or lacks its argument."""
    name, _, argument = teacher.partition(":")
    kind = TEACHERS.get(name)
    if kind is None or bool(kind.argument) != bool(argument) or (not kind.argument and ":" in teacher):
        known = [f"{name}:{kind.argument}" if kind.argument else name for name, kind in TEACHERS.items()]
        raise UsageError(f"teacher {teacher!r} is unknown; expected {', '.join(known[:-1])} or {known[-1]}")
    return kind


def open_teacher(options: LabelOptions) -> Teacher:
    """The chosen teacher. Raises what the teacher raises if its files are missing."""
    return teacher_kind(options.teacher).open(options.teacher.partition(":")[2], options)


def open_full_face(options: LabelOptions) -> FullFace:
    """The function that makes f of equation 1. Raises DataError if the head model is missing."""
    if options.contour == "head":
        from train.heads.posed_contour import HeadContour

        return HeadContour.load(options.head_model)
    return silhouette_mask if options.contour == "silhouette" else hull_mask


def open_parts_labeller(options: LabelOptions) -> PhotoLabeller | None:
    """The labeller of parts and depth, None if they are not wanted. Raises as `PhotoLabeller`."""
    if not options.parts:
        return None
    from train.parts.photo.labeller import PhotoLabeller

    return PhotoLabeller(options.head_model, options.hair_model, options.parts_teacher)


def parts_provenance(options: LabelOptions) -> dict[str, Any]:
    """JSON-ready: how part labels and depth are made, empty if they are not wanted. Raises as `PhotoLabeller`."""
    if not options.parts:
        return {}
    from train.parts.photo.labeller import provenance

    return provenance(options.head_model, options.hair_model, options.parts_teacher)


def contour_provenance(options: LabelOptions) -> dict[str, Any]:
    """JSON-ready: the hash of the contour's head model, empty if the contour needs none."""
    if options.contour != "head":
        return {}
    from train.heads.model import head_model_sha256

    return {"head_model_sha256": head_model_sha256(options.head_model)}
