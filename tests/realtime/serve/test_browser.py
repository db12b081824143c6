"""The page in a real Chromium, whose camera is a file: masked pictures, settings, and recovery.

Needs Debian's chromium. With UNVEIL_CHROMIUM=required the tests fail where there is none, else they are skipped.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import ROOT

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None and os.environ.get("UNVEIL_CHROMIUM") != "required",
        reason="no Chromium here (apt-get install chromium)",
    ),
]
playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
sys.path.insert(0, str(ROOT / "scripts"))
browser = importlib.import_module("measure_browser")

# The share of the masked picture that is black, and that differs from what the camera shows.
SHARES = """(() => {
  const pixels = (image, width, height) => {
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d").drawImage(image, 0, 0, width, height);
    return canvas.getContext("2d").getImageData(0, 0, width, height).data;
  };
  const picture = document.getElementById("picture");
  const masked = pixels(picture, picture.width, picture.height);
  const seen = pixels(document.querySelector("video"), picture.width, picture.height);
  let black = 0, changed = 0;
  for (let i = 0; i < masked.length; i += 4) {
    black += masked[i] + masked[i + 1] + masked[i + 2] < 30;
    changed += Math.abs(masked[i] - seen[i]) > 40;
  }
  return { black: (4 * black) / masked.length, changed: (4 * changed) / masked.length };
})()"""
LOST = ("WebSocket", "ERR_CONNECTION_REFUSED", "status of 401")  # what Chromium says of a server that is gone
STATE = "document.getElementById('state').dataset.state"


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A camera whose picture holds still, so that only the mask differs from what it shows."""
    from realtime.tools.demo.clip import FPS, write_clip

    folder = tmp_path_factory.mktemp("camera")
    write_clip(folder / "still.mp4", 1 / FPS)
    browser.write_camera(folder / "still.mp4", folder / "camera.mjpeg")
    return folder / "camera.mjpeg"


@pytest.fixture(scope="module")
def address(sample_clip: Path) -> Iterator[str]:
    with browser.serving(str(sample_clip)) as server:
        yield server.address


@pytest.fixture(scope="module")
def chromium(camera: Path) -> Iterator[Any]:
    with browser.chromium(camera, CHROMIUM or "chromium") as page:
        yield page.context.browser


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page that has no errors, not even those of its security policy."""
    errors: list[str] = []

    def note(said: Any) -> None:
        if said.type == "error" and not any(each in said.text for each in LOST):
            errors.append(said.text)

    page = chromium.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", note)
    yield page
    page.close()
    assert errors == []


def shares(page: Any) -> dict[str, float]:
    found: dict[str, float] = page.evaluate(SHARES)
    return found


def wait_until(page: Any, condition: Any, seconds: float = 60) -> None:
    """Wait until it is so on the page. The last values are in the error."""
    end = time.monotonic() + seconds
    while not condition(found := shares(page)):
        assert time.monotonic() < end, (found, page.inner_text("#state"), page.inner_text("#problem"))
        page.wait_for_timeout(50)


def is_overlay(found: dict[str, float]) -> bool:
    return 0.05 < found["changed"] < 0.4 and found["black"] < 0.5


def is_unmasked(found: dict[str, float]) -> bool:
    return found["changed"] < 0.02  # noise of JPEG, and a little occlusion


def test_the_camera_comes_back_masked_and_settings_act(page: Any, address: str) -> None:
    page.goto(address)
    page.click("#start-camera")
    wait_until(page, is_overlay)
    assert page.evaluate(STATE) == "live"
    page.locator("[name=opacity]").fill("0")
    wait_until(page, is_unmasked)
    page.locator("[name=opacity]").fill("1")
    wait_until(page, is_overlay)
    page.get_by_label("face", exact=True).uncheck(force=True)
    wait_until(page, is_unmasked)
    page.get_by_label("Cutout").check(force=True)
    wait_until(page, lambda found: found["black"] > 0.8)
    page.select_option("select[name=model]", "parts")
    page.get_by_label("Overlay").check(force=True)
    wait_until(page, lambda found: found["black"] < 0.5)
    assert page.get_by_label("upper lip").count() == 1
    with page.expect_download() as download:
        page.click("#snapshot")
    assert download.value.suggested_filename.endswith(".png")
    page.click("#record")
    page.wait_for_timeout(600)
    with page.expect_download() as download:
        page.click("#record")
    assert download.value.path().stat().st_size > 1000
    page.click("#stop")
    wait_until(page, lambda found: found["black"] == 1)


def test_the_servers_source_is_shown_and_a_reload_goes_on(page: Any, address: str) -> None:
    page.goto(address)
    page.click("#start-camera")
    wait_until(page, is_overlay)
    page.get_by_label("sample.mp4").check(force=True)
    browser.wait_for(page, "document.getElementById('latency-name').textContent === 'Latency in the server'")
    page.evaluate("document.getElementById('picture').getContext('2d').clearRect(0, 0, 4000, 4000)")
    wait_until(page, lambda found: found["black"] < 0.5)
    page.get_by_label("Cutout").check(force=True)
    wait_until(page, lambda found: found["black"] > 0.8)
    page.reload()
    wait_until(page, lambda found: 0.8 < found["black"] < 1)
    assert page.get_by_label("Cutout").is_checked()


def test_a_file_is_masked_and_fetched(page: Any, address: str, sample_clip: Path) -> None:
    page.goto(address)
    browser.wait_for(page, f"{STATE} === 'ready'")
    page.set_input_files("#choose", str(sample_clip))
    with page.expect_download() as download:
        page.get_by_label("Download sample_overlay.mp4").click()
    assert download.value.path().stat().st_size > 10_000
    page.get_by_label("Remove sample.mp4").click()
    assert page.locator("#jobs li").count() == 0


def test_a_server_that_is_ended_and_comes_back_is_found_again(page: Any) -> None:
    with browser.serving() as server:
        page.goto(server.address)
        page.click("#start-camera")
        wait_until(page, is_overlay)
    browser.wait_for(page, f"{STATE} === 'lost'")
    assert "trying again in" in page.inner_text("#state")
    port = server.address.rstrip("/").rpartition(":")[2]
    with browser.serving("--port", port, end=signal.SIGTERM):
        browser.wait_for(page, f"{STATE} === 'live'")
        page.evaluate("document.getElementById('picture').getContext('2d').clearRect(0, 0, 4000, 4000)")
        wait_until(page, is_overlay)


def test_a_page_whose_token_no_longer_counts_asks_for_another(page: Any) -> None:
    with browser.serving("--token", "the-first-token-of-some-length") as server:
        page.goto(server.address)
        browser.wait_for(page, f"{STATE} === 'ready'")
    port = str(urlsplit(server.address).port)
    with browser.serving("--port", port, "--token", "another-token-of-some-length"):
        page.locator("[name=token]").wait_for(timeout=30_000)
