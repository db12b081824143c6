import numpy as np
import pytest

from engines.errors import DataError, UnknownModel
from train import models
from train.learn.checkpoint import save_weights
from train.measure.open_model import open_model


@pytest.mark.parametrize(("name", "labels"), [("parts", 13), ("rgb-to-depth", 2), ("consensus-lite", 3)])
def test_checkpoint_gives_probabilities_and_the_most_likely_class(tmp_path, name, labels):
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


def test_the_folder_of_a_training_run_is_opened_like_its_checkpoint(tmp_path):
    network = models.create_model("consensus-lite", width=4)
    save_weights(tmp_path / "weights.safetensors", network.state_dict(), {"model": "consensus-lite", "width": 4})
    crops = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), np.uint8)
    with open_model(str(tmp_path)) as of_run, open_model(str(tmp_path / "weights.safetensors")) as of_file:
        assert of_run.name == of_file.name == "consensus-lite, weights.safetensors"
        assert of_run.engine is None
        assert (of_run.predict(crops) == of_file.predict(crops)).all()


def test_missing_checkpoint_and_unknown_model_are_refused():
    with pytest.raises(DataError, match="no checkpoint at"), open_model("nowhere.safetensors"):
        pass
    with pytest.raises(UnknownModel, match="neither a known model nor an engine folder"), open_model("nothing"):
        pass
