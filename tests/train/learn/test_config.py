from train.learn.config import TrainConfig


def test_settings_hold_no_path_of_the_machine(tmp_path):
    config = TrainConfig(
        tmp_path / "labels", tmp_path / "occluders", tmp_path / "run", start=tmp_path / "w.safetensors"
    )
    assert str(tmp_path) in str(config.record())
    assert str(tmp_path) not in str(config.settings())
