"""How a face moves, so that one that is hidden for a while is known again where it should be."""

from __future__ import annotations

from dataclasses import dataclass, replace

_VELOCITY_WEIGHT = 0.25  # of a new step in the velocity: about the mean of the last four, at first of all
# Beside another face the measured place errs, because the mask shrinks to what is left of the face, or spreads.
_WEIGHT_BESIDE, _VELOCITY_WEIGHT_BESIDE = 0.1, 0.005
_FADING = 0.9  # of the velocity is kept from frame to frame where nothing is measured: 10 steps in all


@dataclass(frozen=True)
class Motion:
    """A face that goes on as it moves: its centre and its velocity, in pixels of the frame and pixels per frame."""

    x: float
    y: float
    dx: float = 0.0
    dy: float = 0.0
    steps: int = 0
    """Steps that were measured."""

    def predicted(self) -> Motion:
        """The motion in the next frame, before the face is measured there."""
        return replace(self, x=self.x + self.dx, y=self.y + self.dy)

    def measured(self, x: float, y: float, *, beside_another: bool) -> Motion:
        """The predicted motion after the face's centre was measured.

        Args:
            x, y: the measured centre.
            beside_another: another face is so near that the measured centre may be off.
        """
        steps = self.steps + 1
        weight, velocity_weight = 1.0, max(_VELOCITY_WEIGHT, 1 / steps)
        if beside_another:
            weight, velocity_weight = _WEIGHT_BESIDE, _VELOCITY_WEIGHT_BESIDE
        off_x, off_y = x - self.x, y - self.y
        return Motion(
            self.x + weight * off_x,
            self.y + weight * off_y,
            self.dx + velocity_weight * off_x,
            self.dy + velocity_weight * off_y,
            steps,
        )

    def unseen(self, size_wh: tuple[int, int]) -> Motion:
        """The predicted motion of a face that is not seen: it slows down, and stays in the frame."""
        width, height = size_wh
        x, y = min(max(self.x, 0.0), width), min(max(self.y, 0.0), height)
        return replace(self, x=x, y=y, dx=self.dx * _FADING, dy=self.dy * _FADING)

    def backwards(self) -> Motion:
        """The same in a video that runs backwards."""
        return replace(self, dx=-self.dx, dy=-self.dy)
