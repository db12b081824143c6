"""Keys change how a run goes on: each to the next choice, and around."""

from __future__ import annotations

import pytest

from realtime.controls import Controls, Vitals
from realtime.render.background import Blurred
from realtime.run.live.keys import Keys


@pytest.fixture
def controls() -> Controls:
    return Controls()


@pytest.fixture
def keys(controls: Controls) -> Keys:
    return Keys(controls, lambda name: controls.change(model=name), "consensus-lite")


def test_the_models_come_around_one_after_the_other(keys: Keys, controls: Controls) -> None:
    seen = []
    while not seen or controls.settings.model != "consensus-lite":
        keys.press("m")
        seen.append(controls.settings.model)
    assert set(seen) == {"consensus", "parts", "parts-depth", "parts+consensus", "consensus-lite"}


def test_keys_change_renderer_background_occluders_smoothing_and_opacity(keys: Keys, controls: Controls) -> None:
    for name in "rbos++-":
        keys.press(name)
    settings = controls.settings
    assert settings.look.render == "alpha"
    assert isinstance(settings.look.background, Blurred)
    assert (settings.look.keep_occluders, settings.smooth, settings.look.opacity) == (True, False, 0.6)
    for _ in range(20):
        keys.press("+")
    assert controls.settings.look.opacity == 1
    before = controls.settings
    keys.press("z")
    assert controls.settings == before


def test_the_window_tells_how_the_run_is_doing(keys: Keys, controls: Controls) -> None:
    controls.vitals = Vitals(90, 29.97, 30.1, 23.4, 2, 1, "consensus-lite, OpenVINO int8, CPU, 1 thread")
    numbers, engine, settings = keys.lines()
    assert numbers == "30.0 fps (source 30.1)  latency 23 ms  dropped 2  reconnects 1"
    assert engine.startswith("consensus-lite, OpenVINO")
    assert "overlay" in settings
    keys.press("h")
    assert "m  next model" in keys.lines()
    keys.press("h")
    keys.press("i")
    assert list(keys.lines()) == []
