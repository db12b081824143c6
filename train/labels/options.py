"""How pseudo-labels are made: the choices of `unveil label`, and what they open."""

from __future__ import annotations

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
class LabelOptions:
    """The choices. Raises UsageError where one is unknown."""

    teacher: str = "hair"
    """`hair`, `masks:FOLDER` or `engine:NAME_OR_FOLDER_OR_CHECKPOINT[,ANOTHER...]`."""
    contour: Contour = "silhouette"
    """Of the full face: the hull of FaceMesh's oval (`mesh`), with what stands beyond it in a turned face
    (`silhouette`), or the hull of a posed head's contour, as in the paper (`head`)."""
    morphology: Morphology = "thin"
    """Of the residual."""
    hair_model: Path | None = None
    """MediaPipe's hair_segmentation.tflite; the teacher `hair` and RGB-D labels need it."""
    head_model: Path | None = None
    """Folder of the head model; the contour `head` and RGB-D labels need it."""
    every: int = 10
    """Of a video, each that many frames is labelled."""
    rgbd: bool = False
    """Part labels and depth, too: a head is fitted to each face."""
    parts_teacher: str | None = None
    """Networks of parts that correct the part labels (a second round); None for none."""

    def __post_init__(self) -> None:
        kind, colon, of = self.teacher.partition(":")
        if self.teacher != "hair" and not (kind in ("masks", "engine") and colon and of):
            raise UsageError(f"teacher {self.teacher!r} is unknown; expected hair, masks:FOLDER or engine:NAME[,NAME]")
        for what, got, known in (("contour", self.contour, Contour), ("morphology", self.morphology, Morphology)):
            if got not in get_args(known):
                raise UsageError(f"{what} {got!r} is unknown; expected one of {', '.join(get_args(known))}")
        if self.parts_teacher and not self.rgbd:
            raise UsageError("got a parts teacher, but no part labels are wanted; add --parts --depth")


def open_teacher(options: LabelOptions) -> Teacher:
    """The teacher, ready. Raises what the teachers raise where their files are missing."""
    kind, _, of = options.teacher.partition(":")
    if kind == "engine":
        from train.labels.teachers.engine import EngineTeacher

        return EngineTeacher(of)
    if kind == "masks":
        from train.labels.teachers.masks import MaskTeacher

        return MaskTeacher(Path(of))
    from train.labels.teachers.hair import HairTeacher

    return HairTeacher(options.hair_model)


def open_full_face(options: LabelOptions) -> FullFace:
    """What makes f of equation 1. Raises DataError where the head model is missing."""
    if options.contour == "head":
        from train.heads.posed_contour import HeadContour

        return HeadContour.load(options.head_model)
    return silhouette_mask if options.contour == "silhouette" else hull_mask


def open_labeller(options: LabelOptions) -> PhotoLabeller | None:
    """What makes RGB-D labels, where they are wanted. Raises as it does."""
    if not options.rgbd:
        return None
    from train.parts.photo.labeller import PhotoLabeller

    return PhotoLabeller(options.head_model, options.hair_model, options.parts_teacher)


def rgbd_provenance(options: LabelOptions) -> dict[str, Any]:
    """JSON-ready: what RGB-D labels are made with, where they are wanted. Raises as `PhotoLabeller`."""
    if not options.rgbd:
        return {}
    from train.parts.photo.labeller import provenance

    return provenance(options.head_model, options.hair_model, options.parts_teacher)


def contour_provenance(options: LabelOptions) -> dict[str, Any]:
    """JSON-ready: the hash of the model behind the contour, where there is one."""
    if options.contour != "head":
        return {}
    from train.heads.model import head_model_sha256

    return {"head_model_sha256": head_model_sha256(options.head_model)}
