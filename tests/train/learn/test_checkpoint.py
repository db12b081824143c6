import pytest

torch = pytest.importorskip("torch")

from engines.errors import DataError, UsageError  # noqa: E402
from train.learn.checkpoint import average_weights, load_state, load_weights, save_state, save_weights  # noqa: E402


def test_weights_come_back_in_float32_with_their_description(tmp_path):
    weights = {"a.weight": torch.linspace(-1, 1, 7), "a.count": torch.tensor(3)}
    save_weights(tmp_path / "w.safetensors", weights, {"model": "consensus-lite", "step": 9})
    back, metadata = load_weights(tmp_path / "w.safetensors")
    assert metadata == {"model": "consensus-lite", "step": 9}
    assert back["a.weight"].dtype == torch.float32
    assert torch.allclose(back["a.weight"], weights["a.weight"], atol=1e-3)
    assert back["a.count"] == 3


def test_foreign_file_is_no_checkpoint(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"something else entirely")
    with pytest.raises(DataError, match="no checkpoint of unveil"):
        load_weights(path)
    with pytest.raises(DataError, match="no checkpoint at"):
        load_weights(tmp_path / "missing.safetensors")


def test_safetensors_of_another_project_are_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(2)}, str(tmp_path / "w.safetensors"))
    with pytest.raises(DataError, match="no checkpoint of unveil"):
        load_weights(tmp_path / "w.safetensors")


def test_weights_are_found_in_the_folder_of_a_run(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with pytest.raises(DataError, match="or none"):
        load_weights(run)
    save_weights(run / "rgb.safetensors", {"w": torch.ones(1)}, {"model": "parts"})
    assert load_weights(run)[1] == {"model": "parts"}
    save_weights(run / "depth.safetensors", {"w": torch.ones(1)}, {"model": "parts-depth"})
    with pytest.raises(DataError, match=r"depth\.safetensors, rgb\.safetensors"):
        load_weights(run)
    save_weights(run / "weights.safetensors", {"w": torch.ones(1)}, {"model": "consensus"})
    assert load_weights(run)[1] == {"model": "consensus"}


def test_state_is_replaced_whole(tmp_path):
    path = tmp_path / "state.pt"
    save_state(path, {"step": 1})
    save_state(path, {"step": 2})
    assert load_state(path)["step"] == 2
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]


def test_state_of_another_kind_is_refused(tmp_path):
    torch.save([1, 2], tmp_path / "state.pt")
    with pytest.raises(DataError, match="expected a training state"):
        load_state(tmp_path / "state.pt")


def checkpoint_of(path, value, size=3):
    save_weights(path, {"w": torch.full((size,), value), "n": torch.tensor(7)}, {"model": "consensus-lite"})
    return path


def test_average_is_the_weighted_mean_and_says_of_what(tmp_path):
    shares = [(checkpoint_of(tmp_path / "a", 1.0), 0.25), (checkpoint_of(tmp_path / "b", 3.0), 0.75)]
    average_weights(shares, tmp_path / "mean")
    weights, metadata = load_weights(tmp_path / "mean")
    assert weights["w"].tolist() == [2.5, 2.5, 2.5]
    assert int(weights["n"]) == 7
    assert [(name, share) for name, _, share in metadata["average_of"]] == [("a", 0.25), ("b", 0.75)]


@pytest.mark.parametrize("share", [0.5, -1.0, 0.0])
def test_shares_that_do_not_make_a_whole_are_refused(tmp_path, share):
    shares = [(checkpoint_of(tmp_path / "a", 1.0), share), (checkpoint_of(tmp_path / "b", 3.0), 0.75)]
    with pytest.raises(UsageError, match="sum to 1"):
        average_weights(shares, tmp_path / "mean")


def test_averaging_two_networks_is_refused(tmp_path):
    shares = [(checkpoint_of(tmp_path / "a", 1.0, size=4), 0.5), (checkpoint_of(tmp_path / "b", 3.0), 0.5)]
    with pytest.raises(DataError, match="not of one network"):
        average_weights(shares, tmp_path / "mean")
