"""A new renderer is one new file: the command line, the names of outputs, the sinks and the drawing know it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from engines.errors import UsageError
from engines.zoo import DEFAULT_MODEL
from realtime.render.registry import DEFAULT, find_renderer, renderers

RunFresh = Callable[..., subprocess.CompletedProcess[str]]
NEGATIVE = """
from realtime.render.registry import renderer


@renderer("negative", "The colours inverted.", codec="ffv1", video_suffix=".mkv", image_suffix=".png")
def negative(scene):
    return scene.frame.with_planes((255 - scene.frame.planes[0][:, :, 0],), "gray")
"""
# The folder stands in for realtime/render/renderers/, to which nothing is added while tests run.
WITH_FOLDER = (
    "import sys, realtime.render.renderers; realtime.render.renderers.__path__.append(sys.argv[1]); "
    "import cli; cli.main(sys.argv[2:])"
)


@pytest.fixture
def new_file(tmp_path: Path) -> Path:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "negative.py").write_text(NEGATIVE)
    return tmp_path / "new"


def test_process_writes_what_a_new_renderer_draws(new_file: Path, tmp_path: Path, run_fresh: RunFresh) -> None:
    picture = np.full((48, 64, 3), (10, 20, 30), np.uint8)
    cv2.imwrite(str(tmp_path / "image.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 100])
    arguments = [str(tmp_path / "image.jpg"), "--output", str(tmp_path / "out"), "--model", DEFAULT_MODEL]
    run = run_fresh(WITH_FOLDER, str(new_file), "process", *arguments, "--render", "negative")
    assert run.returncode == 0, run.stderr
    written = cv2.imread(str(tmp_path / "out" / "image.png"), cv2.IMREAD_UNCHANGED)
    assert written.shape == (48, 64)
    assert written == pytest.approx(255 - 30, abs=4)


def test_a_new_renderer_names_the_codec_of_its_videos(
    new_file: Path, tmp_path: Path, run_fresh: RunFresh, sample_clip: Path
) -> None:
    code = NEGATIVE.replace("scene.frame.planes[0][:, :, 0]", "scene.frame.planes[0]")
    (new_file / "negative.py").write_text(code)
    run = run_fresh(WITH_FOLDER, str(new_file), "process", str(sample_clip), "--output", str(tmp_path / "out"),
                    "--render", "negative")  # fmt: skip
    assert run.returncode == 0, run.stderr
    with av.open(str(tmp_path / "out" / "sample.mkv")) as container, av.open(str(sample_clip)) as original:
        assert container.streams.video[0].codec_context.name == "ffv1"
        pairs = zip(container.decode(video=0), original.decode(video=0), strict=True)
        for drawn, frame in pairs:
            np.testing.assert_array_equal(drawn.to_ndarray(), 255 - frame.to_ndarray()[: frame.height])


def test_help_lists_a_new_renderer(new_file: Path, run_fresh: RunFresh) -> None:
    assert "negative: The colours inverted." in run_fresh(WITH_FOLDER, str(new_file), "process", "--help").stdout
    assert "negative" not in run_fresh("import cli; cli.main(['process', '--help'])").stdout


def test_the_default_comes_first() -> None:
    assert list(renderers()) == [DEFAULT, "alpha", "blur", "cutout", "labels"]


def test_a_near_name_is_suggested() -> None:
    with pytest.raises(UsageError, match=r"'cutot' is unknown; did you mean cutout\? expected one of overlay, alpha"):
        find_renderer("cutot")
    with pytest.raises(UsageError, match="'sepia' is unknown; expected one of overlay"):
        find_renderer("sepia")
