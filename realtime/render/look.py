"""What a viewer may choose about how faces are drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engines.errors import UsageError
from engines.spec import ModelSpec
from realtime.render.background import Background
from realtime.render.registry import DEFAULT, find_renderer

VISIBLE_FACE = "face"
"""The label that every model has: the face that nothing covers, with ears and without hair."""
OPACITY = 0.5


@dataclass(frozen=True)
class Look:
    """How parsed faces are drawn. It cannot be changed: `dataclasses.replace` makes another one.

    A choice that a renderer or a model has no use for has no effect, so that each can be changed by itself.
    """

    render: str = DEFAULT
    """The name of a renderer (`realtime.render.registry`)."""
    keep_occluders: bool = False
    """Whether what lies on a face stays visible, where a renderer hides faces or the background is replaced."""
    label: str = VISIBLE_FACE
    """What a renderer draws that draws one label: a label of the model, or the visible face."""
    opacity: float = OPACITY
    """Opacity of an overlay's colours: 0 (invisible) to 1."""
    shown_labels: frozenset[str] | None = None
    """The labels that an overlay shows; None: all."""
    background: Background | None = None
    """What is shown in place of all that is no face, for renderers whose frames are for viewing; None: the picture's
    own."""

    def __post_init__(self) -> None:
        find_renderer(self.render)
        if not 0 <= self.opacity <= 1:
            raise UsageError(f"opacity is {self.opacity}; expected 0 to 1")

    @property
    def hides_faces(self) -> bool:
        """Whether no face may stay visible."""
        return find_renderer(self.render).hides_faces

    def shows(self, label: str) -> bool:
        """Whether an overlay shows a label."""
        return self.shown_labels is None or label in self.shown_labels

    def fitted(self, spec: ModelSpec) -> Look:
        """The same look without what its renderer or a model cannot do."""
        renderer = find_renderer(self.render)
        labels = (VISIBLE_FACE, *spec.labels[1:])
        return replace(
            self,
            keep_occluders=self.keep_occluders and "occlusion" in spec.labels,
            label=self.label if self.label in labels else VISIBLE_FACE,
            background=self.background if renderer.for_viewing else None,
        )
