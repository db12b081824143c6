import numpy as np
import pytest

from engines.errors import DataError, UnknownModel
from train import models
from train.learn.checkpoint import save_weights
from train.measure.open_model import open_model


@pytest.mark.parametrize(("name", "labels"), [("parts", 13), ("rgb-to-depth", 2), ("consensus-lite", 3)])
def test_checkpoint_says_probabilities_and_the_likeliest_class(tmp_path, name, labels):
    network = models.create_model(name, width=8)
    save_weights(tmp_path / "w.safetensors", network.state_dict(), {"model": name, "width": 8})
    with open_model(str(tmp_path / "w.safetensors")) as model:
        size = model.spec.size_px
        crops = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)
        shares, ids = model.probabilities(crops), model.predict(crops)
    assert shares.shape == (2, size, size, labels) and shares.dtype == np.uint8
    assert np.abs(shares.sum(axis=3, dtype=int) - 255).max() <= labels
    sure = np.sort(shares, axis=3)[..., -1] > np.sort(shares, axis=3)[..., -2]
    assert (shares.argmax(axis=3) == ids)[sure].all()


def test_missing_checkpoint_and_unknown_model_are_refused():
    with pytest.raises(DataError, match="no checkpoint at"), open_model("nowhere.safetensors"):
        pass
    with pytest.raises(UnknownModel, match="neither a known model nor an engine folder"), open_model("nothing"):
        pass
