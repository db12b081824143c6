"""`scripts/paper_tables.py` on tiny stand-ins of the published sets: figures without meaning, but every row."""

import importlib.util
import json
import sys

import pytest

torch = pytest.importorskip("torch")

from tests.conftest import ROOT  # noqa: E402
from tests.fakes.datasets import write_celebamask_hq, write_cofw, write_depth, write_helen  # noqa: E402
from train import models, recipes  # noqa: E402
from train.learn.checkpoint import load_weights, save_weights  # noqa: E402

_found = importlib.util.spec_from_file_location("paper_tables", ROOT / "scripts" / "paper_tables.py")
assert _found is not None and _found.loader is not None
paper_tables = importlib.util.module_from_spec(_found)
sys.modules["paper_tables"] = paper_tables  # dataclasses look their module up
_found.loader.exec_module(paper_tables)

TINY_FACES = ("width=8", "batch_size=2", "accumulate=1", "samples=4", "evaluate_every=4", "size_px=32", "workers=0")
TINY_PARTS = (
    "network=parts", "width=4", "translator_width=4", "batch_size=2", "translator_batch_size=2", "size_px=32",
    "samples=2", "translator_samples=2", "joint_samples=2", "workers=0",
)  # fmt: skip


@pytest.fixture
def transfer(tmp_path):
    """Weights as a pre-training leaves them."""
    path = tmp_path / "transfer.safetensors"
    labels = ["background", "face", "occlusion"]
    save_weights(
        path, models.create_model("consensus", width=8).state_dict(),
        {"model": "consensus", "width": 8, "labels": labels, "size_px": 32},
    )  # fmt: skip
    return path


def test_table_1_has_its_five_rows_and_is_resumed(transfer, tmp_path):
    data, output = f"cofw:{write_cofw(tmp_path / 'cofw')}", tmp_path / "runs"
    task = paper_tables.TABLES["cofw"]
    text = paper_tables.make(task, data, output, transfer, TINY_FACES, lambda _: None).read_text()
    assert "3 test pictures (the paper's set: 507)" in text
    face = text.partition("## face against all else, in the face box")[2].partition("##")[0]
    assert [line.split(" | ")[0] for line in face.splitlines() if line.startswith("| s")] == [
        f"| {row.title}" for row in paper_tables.COFW if row.title != "transfer"
    ]
    assert "| transfer |" in face
    said = []
    (output / "ce" / "scores.json").unlink()
    assert paper_tables.make(task, data, output, transfer, TINY_FACES, said.append).read_text().count("\n") > 10
    assert [line for line in said if line.endswith(":")] == ["softmax + CE, transfer + f.t.:"]


def test_figure_7_has_one_rgb_parser_and_generated_depth_beside_measured(tmp_path):
    data = f"celebamask-hq-d:{write_depth(write_celebamask_hq(tmp_path / 'set'))}"
    output = tmp_path / "runs"
    text = paper_tables.make(paper_tables.TABLES["shares"], data, output, None, TINY_PARTS, lambda _: None).read_text()
    for title in ("parts from colour, F1", "parts from measured depth, F1", "parts from depth from colour, F1"):
        assert text.partition(f"## {title}\n")[2].partition("##")[0].count("% of the depth |") == 6
    assert text.partition("## depth from colour, L1")[2].count("% of the depth |") == 6
    first, other = (load_weights(output / f"alone-{share}" / "rgb" / "rgb.safetensors")[0] for share in (10, 100))
    assert all(torch.equal(value, other[name]) for name, value in first.items())


def test_table_6_has_its_merged_classes(tmp_path):
    data = f"helen-d:{write_depth(write_helen(tmp_path / 'set'))}"
    page = paper_tables.make(
        paper_tables.TABLES["helen-d"], data, tmp_path / "runs", None, TINY_PARTS, lambda _: None
    ).read_text()
    merged = page.partition("## parts from colour, F1 of merged classes")[2].partition("##")[0]
    assert "| overall |" in merged
    assert "| our method |" in merged


@pytest.mark.parametrize("name", paper_tables.TABLES)
def test_rows_differ_from_the_recipe_in_settings_that_exist(name):
    task = paper_tables.TABLES[name]
    names = [row.name for row in task.rows]
    assert len(set(names)) == len(names)
    for row in task.rows:
        recipe = recipes.read(task.recipe)
        assert recipe.only(row.stages).with_settings(row.settings).stages
        for needed in (row.after, row.rgb_of):
            assert needed is None or names.index(needed) < names.index(row.name)


def test_losses_of_the_ablation_are_those_of_equation_4():
    weights = {}
    for row in paper_tables.ABLATION[1:]:
        joint = recipes.read("celebamask-hq-d").with_settings(row.settings).stages["joint"]
        weights[row.name] = (joint["mutual_weight"], joint["end_to_end_weight"])
    assert json.dumps(weights) == json.dumps(
        {"baseline": (0.0, 0.0), "mutual": (1.0, 0.0), "end-to-end": (0.0, 1.0), "both": (1.0, 1.0)}
    )
