"""Reads still pictures through Pillow: upright, as 8-bit RGB, with what the file states about them."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, ImageSequence, UnidentifiedImageError
from PIL.ExifTags import Base

from engines.errors import SourceError
from realtime.frames.types import Rgb
from realtime.video.image_tags import ImageTags

_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    struct.error,
    zlib.error,
    EOFError,
    IndexError,
    RuntimeError,
    Image.DecompressionBombError,
)
"""What Pillow and its plugins raise about a file that is damaged or cut off."""
_DEEP_GRAY = ("I;16", "I;16L", "I;16B", "I;16N", "I")
_STEPS_PER_8_BIT = 257  # 65535 / 255
_MAGIC = (b"\xff\xd8", b"\x89PNG", b"RIFF", b"BM", b"II*\0", b"MM\0*", b"GIF8")
_DESCRIPTIVE = frozenset({
    Base.ImageDescription, Base.Make, Base.Model, Base.Software, Base.DateTime, Base.Artist, Base.HostComputer,
    Base.Copyright, Base.Rating, Base.XPTitle, Base.XPComment, Base.XPAuthor, Base.XPKeywords, Base.XPSubject,
})  # fmt: skip
_OF_THE_FILE = frozenset({Base.MakerNote, Base.ExifInteroperabilityOffset, Base.ExifImageWidth, Base.ExifImageHeight})
"""What does not describe the picture. A maker's note may hold a preview."""
_PNG_DEPTH_AT, _TIFF_BITS = 24, Base.BitsPerSample
_MOST_PIXELS = 2**28  # of all pictures of a file together, which are in memory at the same time
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "HEIF", "AVIF", "BMP", "TIFF", "GIF")
_HEAD_BYTES = 64
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_SEVERAL_VIEWS = ("MPO", "HEIF")
"""Formats whose other pictures are views, depth, previews, or a map for brighter displays."""
_AV1_DEEP = 0x40  # in the third byte of its configuration
_HDR = {16: "PQ", 18: "HLG"}  # ISO/IEC 23091-2
_JPEG_XL = (b"\xff\x0a", b"\0\0\0\x0cJXL ")
Image.MAX_IMAGE_PIXELS = 2**30  # as OpenCV; Pillow's own limit refuses a scan of a large-format photograph


@dataclass(frozen=True)
class Still:
    """The pictures of an image file: one, or those of an animation or of all pages."""

    pictures: tuple[Rgb, ...]
    """Each (H, W, 3) uint8, upright."""
    tags: ImageTags
    notes: tuple[str, ...] = ()
    """What is not kept, in short sentences."""


def read_still(path: Path) -> Still:
    """Read an image file. Animations and files of several pages give all their pictures.

    Raises:
        SourceError: missing, empty, cut off or damaged, or not an image.
    """
    data = _bytes_of(path)
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        _register_heif()
    try:
        with Image.open(io.BytesIO(data)) as image:
            return _still(image, data)
    except UnidentifiedImageError as e:
        raise SourceError(f"{path}: {_why_unknown(data)}") from e
    except _ERRORS as e:
        raise SourceError(f"{path}: the image is cut off or damaged ({str(e).strip()}); get a whole copy of it") from e


def largest_wh(path: Path) -> tuple[int, int]:
    """(width, height) of the largest picture of an image file, without decoding any.

    Raises:
        SourceError: missing, empty, damaged, or of a format that this program does not read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as e:
        raise SourceError(f"{path}: cannot be read ({e.strerror})") from e
    if not head:
        raise SourceError(f"{path}: the file is empty")
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        _register_heif()
    Image.init()
    try:
        with Image.open(path, formats=[each for each in _FORMATS if each in Image.OPEN]) as image:
            sizes = [image.size]
            if image.format == "TIFF":  # its pages may differ; to go to one reads its header only
                sizes += [page.size for page in ImageSequence.Iterator(image)]
            return max(sizes, key=lambda wh: wh[0] * wh[1])
    except UnidentifiedImageError as e:
        raise SourceError(f"{path}: {_why_unknown(head)}") from e
    except _ERRORS as e:
        raise SourceError(f"{path}: the image is cut off or damaged ({str(e).strip()}); get a whole copy of it") from e


def _bytes_of(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as e:
        raise SourceError(f"{path}: cannot be read ({e.strerror})") from e
    if not data:
        raise SourceError(f"{path}: the file is empty")
    return data


def _still(image: Image.Image, data: bytes) -> Still:
    notes = []
    if _is_deep(image, data):
        notes.append("its more than 8 bits per channel become 8")
    if hdr := _hdr(data):
        notes.append(f"its colours are {hdr}, which the output does not state: they look flat in it")
    if image.has_transparency_data:
        notes.append("its transparency is left out")
    count = getattr(image, "n_frames", 1)
    if image.format in _SEVERAL_VIEWS:
        if count > 1:
            notes.append("only its main picture is processed; what else it holds (other views, depth) is left out")
        count = 1
    elif count * image.width * image.height > _MOST_PIXELS:
        notes.append(f"only the first of its {count} pictures is processed, because they are too large together")
        count = 1
    tags = _tags(image)
    if count == 1:
        return Still((_rgb(image),), tags, tuple(notes))
    pictures, durations_ms = [], []
    for page in ImageSequence.Iterator(image):
        pictures.append(_rgb(page))
        durations_ms.append(float(page.info.get("duration") or 0))
    durations = tuple(durations_ms) if any(durations_ms) else ()
    return Still(tuple(pictures), replace(tags, durations_ms=durations, loop=image.info.get("loop")), tuple(notes))


def _rgb(image: Image.Image) -> Rgb:
    upright = ImageOps.exif_transpose(image)
    if upright.mode in _DEEP_GRAY:
        gray = np.clip(np.asarray(upright) // _STEPS_PER_8_BIT, 0, 255).astype(np.uint8)
        return np.repeat(gray[:, :, None], 3, axis=2)
    return np.array(upright.convert("RGB"), np.uint8)


def _tags(image: Image.Image) -> ImageTags:
    profile = image.info.get("icc_profile")
    is_rgb = profile is not None and profile[16:20] == b"RGB "  # that of a CMYK or gray image does not fit any more
    return ImageTags(_kept_exif(image.getexif()), profile if is_rgb else None, image.info.get("dpi"))


def _kept_exif(exif: Image.Exif) -> bytes:
    """What describes the picture, its place and its time; no preview, which would show the faces."""
    kept = Image.Exif()
    kept.update({tag: value for tag, value in exif.items() if tag in _DESCRIPTIVE})
    for ifd in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        described = {tag: value for tag, value in exif.get_ifd(ifd).items() if tag not in _OF_THE_FILE}
        if described:
            kept.get_ifd(ifd).update(described)
            kept[ifd] = described
    return kept.tobytes() if len(kept) else b""


def _is_deep(image: Image.Image, data: bytes) -> bool:
    if image.format == "PNG":
        return data[_PNG_DEPTH_AT] == 16
    if image.format == "HEIF":
        return bool(image.info.get("bit_depth", 8) > 8)
    if image.format == "AVIF":
        at = data.find(b"av1C")
        return at >= 0 and bool(data[at + 6] & _AV1_DEEP)
    bits = getattr(image, "tag_v2", {}).get(_TIFF_BITS, (8,))
    return image.mode in _DEEP_GRAY or max(bits if isinstance(bits, tuple) else (bits,)) > 8


def _hdr(data: bytes) -> str | None:
    """The transfer of an HEIC or AVIF image that is meant for HDR displays."""
    at = data.find(b"colrnclx") if data[4:8] == b"ftyp" else -1
    return _HDR.get(int.from_bytes(data[at + 10 : at + 12], "big")) if at >= 0 else None


@cache
def _register_heif() -> None:
    """Let Pillow read HEIC. Its plugin takes a moment to load, so only where there is such a file."""
    from pi_heif import register_heif_opener

    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def _why_unknown(data: bytes) -> str:
    if data.startswith(_JPEG_XL):
        return "JPEG XL cannot be read; convert it to JPEG or PNG first"
    if data.startswith(_MAGIC) or data[4:8] == b"ftyp":
        return "the image is cut off or damaged; get a whole copy of it"
    return "not an image that Pillow can decode; expected JPEG, PNG, WebP, HEIC, AVIF, BMP or TIFF"
