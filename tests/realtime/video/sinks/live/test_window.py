"""The window: colours, keys, and what is shown where a frame is transparent."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from engines.errors import SinkError
from realtime.frames.types import U8, Frame
from realtime.video.av_frame import rgb_from_frame
from realtime.video.sinks.live import window
from realtime.video.sinks.live.many import ManySinks
from realtime.video.sinks.live.viewing import grays
from realtime.video.sinks.open import NullSink, WindowSink
from tests.fakes.video import yuv_frame


def rgb_frame(rgb: tuple[int, ...], layout: str = "rgb", size_wh: tuple[int, int] = (64, 48)) -> Frame:
    pixels = np.full((size_wh[1], size_wh[0], len(rgb)), rgb, np.uint8)
    return Frame((pixels,), "rgba" if layout == "rgba" else "rgb", pts=0)


def test_window_without_a_display_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SinkError, match=r"no display.*--view none"):
        WindowSink()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
@pytest.mark.parametrize("name", [":987", "no-such-host.invalid:0", "nonsense"])
def test_a_display_that_is_named_but_dead_is_a_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", name)
    with pytest.raises(SinkError, match=rf"the display '{name}'.*does not answer.*--view none"):
        WindowSink()


@pytest.mark.parametrize(
    "size_wh, expected", [((640, 480), (640, 480)), ((1080, 1920), (547, 972)), ((3840, 2160), (1728, 972))]
)
def test_a_window_fits_the_screen_and_keeps_its_shape(size_wh: tuple[int, int], expected: tuple[int, int]) -> None:
    assert window.fitted_wh(size_wh, (1920, 1080)) == expected


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A screen: what was shown goes nowhere, keys come from the list."""
    pressed: list[int] = []
    monkeypatch.setattr(window, "check_display", lambda: None)
    monkeypatch.setattr(window, "screen_size_wh", lambda: (1920, 1080))
    monkeypatch.setattr(window.cv2, "namedWindow", lambda title, flags: None)
    monkeypatch.setattr(window.cv2, "resizeWindow", lambda title, width, height: None)
    monkeypatch.setattr(window.cv2, "imshow", lambda title, bgr: None)
    monkeypatch.setattr(window.cv2, "waitKey", lambda delay: pressed.pop() if pressed else -1)
    monkeypatch.setattr(window.cv2, "getWindowProperty", lambda title, prop: 1.0)
    monkeypatch.setattr(window.cv2, "destroyAllWindows", lambda: None)
    yield pressed


@pytest.mark.parametrize("key, goes_on", [(ord("q"), False), (27, False), (ord("x"), True)])
def test_window_ends_with_q_or_escape(keys: list[int], key: int, goes_on: bool) -> None:
    with WindowSink() as sink:
        sink.write(yuv_frame())
        assert sink.wants_more
        keys.append(key)
        sink.write(yuv_frame())
        assert sink.wants_more is goes_on


def test_other_keys_are_handed_on_and_lines_are_written_on_the_picture(keys: list[int], shown: list[U8]) -> None:
    pressed: list[str] = []
    keys.append(ord("m"))
    with WindowSink(on_key=pressed.append, lines=lambda: ["30 fps"]) as sink:
        sink.write(rgb_frame((90, 90, 90)))
    assert pressed == ["m"]
    written = (shown[0] != 90).any(2)
    assert written[:20].any()
    assert not written[30:].any()


def test_window_that_was_closed_wants_no_more(keys: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    with WindowSink() as sink:
        sink.write(yuv_frame())
        monkeypatch.setattr(window.cv2, "getWindowProperty", lambda title, prop: 0.0)
        sink.write(yuv_frame())
        assert not sink.wants_more


def test_keys_and_the_close_button_work_while_no_frame_comes(keys: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    pressed: list[str] = []
    with WindowSink(on_key=pressed.append) as sink:
        sink.idle()
        sink.write(yuv_frame())
        keys.append(ord("m"))
        sink.idle()
        assert (pressed, sink.wants_more) == (["m"], True)
        monkeypatch.setattr(window.cv2, "getWindowProperty", lambda title, prop: 0.0)
        ManySinks([NullSink(), sink]).idle()
        assert not sink.wants_more


@pytest.fixture
def shown(keys: list[int], monkeypatch: pytest.MonkeyPatch) -> list[U8]:
    """What windows show, as RGB."""
    pictures: list[U8] = []
    monkeypatch.setattr(window.cv2, "imshow", lambda title, bgr: pictures.append(bgr[:, :, ::-1]))
    return pictures


def test_window_shows_each_gray_value_in_its_colour_or_as_it_is(shown: list[U8]) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)
    ids = Frame((np.arange(13, dtype=np.uint8)[None],), "gray")
    for given, expected in ((lambda: colours, colours[:13]), (grays, np.arange(13)[:, None].repeat(3, 1))):
        with WindowSink(given) as sink:
            sink.write(ids)
        np.testing.assert_array_equal(shown[-1][0], expected)


@pytest.mark.parametrize("layout", ["rgba", "yuv420p"])
def test_window_shows_what_is_transparent_as_a_checkerboard(shown: list[U8], layout: str) -> None:
    alpha = np.zeros((48, 64), np.uint8)
    alpha[:, :16] = 255
    plain = yuv_frame() if layout == "yuv420p" else rgb_frame((200, 10, 90))
    pixels = rgb_from_frame(plain)
    frame = replace(plain, alpha=alpha) if layout == "yuv420p" else Frame((np.dstack([pixels, alpha]),), "rgba")
    with WindowSink() as sink:
        sink.write(frame)
    np.testing.assert_array_equal(shown[0][:, :16], pixels[:, :16])
    np.testing.assert_array_equal(np.unique(shown[0][:, 16:]), (102, 153))
    assert (shown[0][0, 16] != shown[0][0, 32]).all()
