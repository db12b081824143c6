"""Image files of every format: upright, whole, with all their pictures and their tags, or refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageSequence
from PIL.ExifTags import IFD, Base

from engines.errors import SourceError
from realtime.video.sinks.open import open_sink
from realtime.video.sources.open import open_source
from tests.fakes.heic import write_heic
from tests.fakes.video import corner_plane

SUFFIXES = [".jpg", ".png", ".webp", ".tif", ".avif"]
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif(orientation: int = 1) -> Image.Exif:
    """What a telephone states, with a preview in its maker's note."""
    tags = Image.Exif()
    tags[Base.Orientation] = orientation
    tags[Base.Make] = "Acme"
    tags.get_ifd(IFD.Exif).update({Base.DateTimeOriginal: "2024:05:01 10:00:00", Base.MakerNote: b"PREVIEW" * 9})
    tags.get_ifd(IFD.GPSInfo).update({1: "N", 2: (48.0, 8.0, 0.0)})
    return tags


def copied(path: Path, folder: Path) -> Path:
    """What an image becomes where nothing is drawn."""
    target = folder / f"out{path.suffix}"
    with open_source(path) as source, open_sink(target, source.info) as sink:
        for frame in source:
            sink.write(frame)
    return target


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_format_stands_upright_and_states_no_turn(tmp_path: Path, suffix: str, orientation: int) -> None:
    upright = corner_plane((96, 48), 60)
    turns = {
        1: lambda p: p, 2: np.fliplr, 3: lambda p: np.rot90(p, 2), 4: np.flipud, 5: np.transpose,
        6: lambda p: np.rot90(p), 7: lambda p: np.rot90(p, 2).T, 8: lambda p: np.rot90(p, -1),
    }  # fmt: skip  # how a camera stores what has to be turned so
    stored = Image.fromarray(np.ascontiguousarray(turns[orientation](upright))).convert("RGB")
    stored.save(tmp_path / f"in{suffix}", exif=exif(orientation).tobytes())
    with open_source(tmp_path / f"in{suffix}") as source:
        (frame,) = source
    assert source.info.size_wh == (96, 48)
    assert np.abs(frame.planes[0][:, :, 0].astype(int) - upright).mean() < 3
    with Image.open(copied(tmp_path / f"in{suffix}", tmp_path)) as image:
        assert image.size == (96, 48)
        assert image.getexif().get(Base.Orientation, 1) == 1


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_exif_profile_and_resolution_are_kept_but_no_preview(tmp_path: Path, suffix: str) -> None:
    picture = Image.fromarray(corner_plane((96, 48), 60)).convert("RGB")
    picture.save(tmp_path / f"in{suffix}", exif=exif().tobytes(), icc_profile=PROFILE, dpi=(300, 300))
    target = copied(tmp_path / f"in{suffix}", tmp_path)
    with Image.open(target) as image:
        tags = image.getexif()
        assert tags[Base.Make] == "Acme"
        assert tags.get_ifd(IFD.Exif)[Base.DateTimeOriginal].startswith("2024:05:01")
        assert tags.get_ifd(IFD.GPSInfo)[1] == "N"
        assert image.info["icc_profile"] == PROFILE
        if suffix in (".jpg", ".png", ".tif"):  # the others have no resolution
            assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    assert b"PREVIEW" not in target.read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_cut_image_is_called_so(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    path = tmp_path / f"cut{suffix}"
    Image.fromarray(noise).save(path)
    whole = path.read_bytes()
    for part in (3, 30, 60, 90):
        path.write_bytes(whole[: len(whole) * part // 100])
        with pytest.raises(SourceError, match=rf"cut{suffix}.*cut off"):
            open_source(path)


@pytest.mark.parametrize("suffix, timed", [(".webp", True), (".png", True), (".avif", True), (".tif", False)])
def test_animations_and_pages_keep_all_their_pictures(tmp_path: Path, suffix: str, timed: bool) -> None:
    pictures = [Image.fromarray(corner_plane((96, 48), 40 * index)).convert("RGB") for index in range(4)]
    durations = {"duration": [100, 200, 300, 400]} if timed else {}
    pictures[0].save(tmp_path / f"in{suffix}", save_all=True, append_images=pictures[1:], **durations)
    with Image.open(copied(tmp_path / f"in{suffix}", tmp_path)) as image:
        read = [
            (np.asarray(page.convert("L"))[-1, -1], page.info.get("duration")) for page in ImageSequence.Iterator(image)
        ]
    assert [int(value) for value, _ in read] == pytest.approx([0, 40, 80, 120], abs=3)
    assert not timed or [milliseconds for _, milliseconds in read] == [100, 200, 300, 400]


@pytest.mark.parametrize(
    "name, data, says",
    [
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0", "the image is cut off or damaged"),
        ("a.jxl", b"\xff\x0a\0\0\0\0", "JPEG XL cannot be read"),
        ("a.png", b"no picture", "not an image"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match=rf"{name}: {says}"):
        open_source(tmp_path / name)


def test_what_is_not_kept_of_an_image_has_a_word(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (1, 2, 3, 40)).save(tmp_path / "clear.png")
    Image.fromarray(np.full((8, 8), 0x8000, np.uint16)).save(tmp_path / "deep.png")
    with open_source(tmp_path / "clear.png") as clear, open_source(tmp_path / "deep.png") as deep:
        assert "transparency is left out" in clear.remarks.notes[0]
        assert "more than 8 bits per channel become 8" in deep.remarks.notes[0]
        assert next(iter(deep)).planes[0][0, 0].tolist() == [127, 127, 127]


@pytest.mark.parametrize("turns, corner", [(0, (0, 0)), (1, (-1, 0)), (2, (-1, -1)), (3, (0, -1))])
@pytest.mark.parametrize("columns", [1, 2])
def test_heic_is_read_whole_and_upright(tmp_path: Path, turns: int, corner: tuple[int, int], columns: int) -> None:
    """Phones write tiles, which FFmpeg would give one by one."""
    path = write_heic(tmp_path / "in.heic", corner_plane((256, 128), 60), turns=turns, columns=columns)
    with open_source(path) as source:
        (frame,) = source
        assert source.remarks.notes == []
    assert frame.size_wh == ((128, 256) if turns % 2 else (256, 128))
    gray = frame.planes[0][:, :, 1]
    corners = {(y, x): int(gray[y, x]) for y in (0, -1) for x in (0, -1)}
    assert {place for place, value in corners.items() if value > 200} == {corner}
    whole = path.read_bytes()
    for part in (3, 60, 95):
        path.write_bytes(whole[: len(whole) * part // 100])
        with pytest.raises(SourceError, match="cut off"):
            open_source(path)


def test_deep_and_hdr_pictures_have_a_word(tmp_path: Path) -> None:
    write_heic(tmp_path / "hdr.heic", corner_plane((64, 64), 60), bits=10, transfer=16)
    with open_source(tmp_path / "hdr.heic") as source:
        assert [note.partition(": ")[2] for note in source.remarks.notes] == [
            "its more than 8 bits per channel become 8",
            "its colours are PQ, which the output does not state: they look flat in it",
        ]
    with av.open(str(tmp_path / "deep.avif"), "w", format="avif") as out:
        stream = out.add_stream("libsvtav1", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p10le"
        picture = av.VideoFrame.from_ndarray(corner_plane((64, 64), 60), "gray").reformat(format="yuv420p10le")
        out.mux([*stream.encode(picture), *stream.encode(None)])
    with open_source(tmp_path / "deep.avif") as source:
        assert "more than 8 bits" in source.remarks.notes[0]
