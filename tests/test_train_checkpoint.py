import pytest

torch = pytest.importorskip("torch")

from engines.errors import DataError  # noqa: E402
from train.checkpoint import load_state, load_weights, save_state, save_weights  # noqa: E402


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
