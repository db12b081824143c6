"""The metadata of HDR10 video: the screen it was graded on, and its brightness (SMPTE ST 2086, CTA-861.3)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from av.sidedata.sidedata import Type as SideDataType

_CHROMATICITY_UNITS, _LUMINANCE_UNITS = 50_000, 10_000  # of x264 and x265
_NUMBERS = 20  # of AVMasteringDisplayMetadata that are rationals; two flags follow
DYNAMIC = {
    SideDataType.DYNAMIC_HDR_PLUS: "HDR10+", SideDataType.DOVI_METADATA: "Dolby Vision",
    SideDataType.DYNAMIC_HDR_VIVID: "HDR Vivid",
}  # fmt: skip
"""Metadata that change from picture to picture, by kind of side data, and what they are called."""


@dataclass(frozen=True)
class Hdr:
    """What an HDR10 video states about itself."""

    primaries: tuple[Fraction, ...] = ()
    """x and y of red, green and blue and of white: eight numbers; empty where no screen is stated."""
    luminance: tuple[Fraction, Fraction] = (Fraction(0), Fraction(0))
    """The darkest and the brightest of the screen, in candela per square metre."""
    content_light: tuple[int, int] | None = None
    """The brightest pixel, and the highest mean of a picture, in candela per square metre (MaxCLL, MaxFALL)."""

    @property
    def screen(self) -> str:
        """The screen, as x264 and x265 take it; empty where none is stated."""
        if not self.primaries:
            return ""
        values = [round(value * _CHROMATICITY_UNITS) for value in self.primaries]
        darkest, brightest = (round(value * _LUMINANCE_UNITS) for value in self.luminance)
        return _joined([str(value) for value in values], str(brightest), str(darkest))

    @property
    def screen_in_decimals(self) -> str:
        """The screen, as SVT-AV1 takes it; empty where none is stated."""
        if not self.primaries:
            return ""
        darkest, brightest = (f"{float(value):.4f}" for value in self.luminance)
        return _joined([f"{float(value):.5f}" for value in self.primaries], brightest, darkest)

    def parameters(self, screen_name: str, light_name: str, *, in_decimals: bool = False) -> list[str]:
        """What is stated, as parameters of an encoder, which has its own names for them.

        Args:
            in_decimals: as SVT-AV1 takes the screen; x264 and x265 take whole numbers.
        """
        screen = self.screen_in_decimals if in_decimals else self.screen
        light = [f"{light_name}={self.content_light[0]},{self.content_light[1]}"] if self.content_light else []
        return [*([f"{screen_name}={screen}"] if screen else []), *light]


def hdr_of(side_data: dict[SideDataType, bytes]) -> Hdr | None:
    """The metadata in the side data of a picture; None where it has none."""
    screen = side_data.get(SideDataType.MASTERING_DISPLAY_METADATA)
    light = side_data.get(SideDataType.CONTENT_LIGHT_LEVEL)
    content_light = None
    if light is not None:
        brightest, mean = np.frombuffer(light, np.uint32)[:2].tolist()
        content_light = brightest, mean
    if screen is None:
        return Hdr(content_light=content_light) if content_light else None
    numbers = np.frombuffer(screen, np.int32)
    values = [Fraction(*pair) if pair[1] else Fraction(0) for pair in numbers[:_NUMBERS].reshape(-1, 2).tolist()]
    return Hdr(tuple(values[:8]), (values[8], values[9]), content_light)


def _joined(values: list[str], brightest: str, darkest: str) -> str:
    red, green, blue, white = (f"({x},{y})" for x, y in zip(values[::2], values[1::2], strict=True))
    return f"G{green}B{blue}R{red}WP{white}L({brightest},{darkest})"
