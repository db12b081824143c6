import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import cli  # noqa: E402
from engines.errors import UsageError  # noqa: E402
from engines.spec import ModelSpec  # noqa: E402
from tests.fakes.training import write_labels, write_occluders  # noqa: E402
from train import models, recipes  # noqa: E402
from train.learn.checkpoint import load_weights  # noqa: E402
from train.models.finder import FaceFinder  # noqa: E402
from train.recipes.run import Inputs, configure, run  # noqa: E402

ROOT = Path(__file__).parents[3]
PARAMETERS = {
    "consensus": 4_524_323, "consensus-lite": 2_336_428, "parts": 2_920_788, "rgb-to-depth": 1_042_737,
    "finder": 480_397, "eagrnet": 66_723_037,
}  # fmt: skip
INPUTS = Inputs(Path("run"), [Path("labels")], Path("occluders"))
TINY = ("width=8", "samples=4", "batch_size=4", "workers=0", "size_px=32")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return [write_labels(folder / "labels")], write_occluders(folder / "occluders")


def parameters(network):
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize("name", recipes.names())
def test_shipped_recipe_configures_its_network_with_the_stated_parameters(name):
    recipe = recipes.read(name)
    configs = configure(recipe, replace(INPUTS, start=Path("weights.safetensors")))
    assert list(configs) == list(recipe.stages)
    for config in configs.values():
        if recipe.training == "consensus":
            network = models.create_model(config.model, width=config.width)
            assert parameters(network) == PARAMETERS[config.model]
        elif recipe.training == "presence":
            assert config.start == Path("weights.safetensors"), "the network is the one that the weights are of"
        elif recipe.training == "finder":
            assert parameters(FaceFinder(config.width)) == PARAMETERS["finder"]
        else:
            with torch.device("meta"):
                parser = models.create_model(config.network, width=config.width)
                size_px = config.size_px or models.spec(config.network).size_px
                translator = models.create_model("rgb-to-depth", width=config.translator_width or 16, size_px=size_px)
            assert parameters(parser) == PARAMETERS[config.network]
            of_paper = config.network == "eagrnet"
            assert parameters(translator) == (54_410_433 if of_paper else PARAMETERS["rgb-to-depth"])


def test_every_network_that_ships_has_a_recipe_which_its_card_names():
    for card in sorted((ROOT / "engines" / "zoo").glob("*/card.md")):
        recipe = "parts-depth" if card.parent.name == "rgb-to-depth" else card.parent.name
        assert recipe in recipes.names()
        assert f"train/recipes/{recipe}.toml" in card.read_text(encoding="utf-8")


def test_recipe_holds_what_the_shipped_weights_were_trained_with():
    """The last run of each network, as its weights describe it; settings that later runs changed are left out."""
    for name, stage, weights in (
        ("consensus", "full-size", "consensus"), ("parts-2", "rgb", "parts"), ("parts-depth", "joint", "parts-depth"),
    ):  # fmt: skip
        settings = recipes.read(name).stages[stage]
        trained = load_weights(ROOT / "engines" / "zoo" / weights / "weights.safetensors")[1]["config"]
        shared = {"learning_rate", "samples", "joint_samples", "average_decay", "dice", "ohem", "translator_rate"}
        for setting in shared & settings.keys():
            assert settings[setting] == trained[setting], (name, setting)


def test_recipe_of_one_run_writes_weights_that_restore(inputs, tmp_path):
    recipe = recipes.read("consensus-lite").with_settings(TINY)
    said = []
    folders = run(recipe, Inputs(tmp_path / "mine", *inputs), said.append)
    assert folders == {"": tmp_path / "mine"}
    assert models.restore(tmp_path / "mine")[1].name == "consensus-lite"
    assert json.loads((tmp_path / "mine" / "config.json").read_text())["consensus"] == 0.03


def test_stage_starts_from_the_stage_that_it_names_also_by_itself(inputs, tmp_path):
    recipe = recipes.read("consensus").with_settings([*TINY, "full-size.learning_rate=1e-9", "full-size.size_px=64"])
    folders = run(recipe, Inputs(tmp_path, *inputs), lambda _: None)
    assert list(folders) == ["half-size", "full-size"]
    first, second = (load_weights(folder)[0]["decoder.7.weight"] for folder in folders.values())
    assert torch.allclose(first, second, atol=1e-3)
    assert configure(recipe.only(["full-size"]), Inputs(tmp_path, *inputs))["full-size"].start == folders["half-size"]


def test_network_and_recipe_of_ones_own_are_two_new_files(inputs, tmp_path):
    @models.register(ModelSpec("toy", ("background", "face", "occlusion"), 32))
    class Toy(torch.nn.Conv2d):
        def __init__(self, labels: int) -> None:
            super().__init__(3, labels, 3, padding=1)

    try:
        (tmp_path / "toy.toml").write_text(
            'training = "consensus"\nmodel = "toy"\nsamples = 4\nbatch_size = 4\nworkers = 0\n'
        )
        run(recipes.read(str(tmp_path / "toy.toml")), Inputs(tmp_path / "run", *inputs), lambda _: None)
        assert isinstance(models.restore(tmp_path / "run")[0], Toy)
    finally:
        models.unregister("toy")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("batchsize=8", "no setting 'batchsize'; did you mean batch_size"),
        ("batch_size=eight", "batch_size is 'eight'; expected a whole number"),
        ("batch_size=8.5", "expected a whole number"),
        ("regularised=1", "regularised is 1; expected true or false"),
        ("width=wide", "expected a whole number or none"),
        ("batch_size", "expected NAME=VALUE"),
        ("first.batch_size=8", "no stage 'first' of recipe consensus"),
        ("output=elsewhere", "output is an option of the command"),
    ],
)
def test_wrong_settings_are_named(assignment, message):
    with pytest.raises(UsageError, match=message):
        recipes.read("consensus").with_settings([assignment])


def test_number_of_samples_is_that_of_each_stage():
    configs = configure(recipes.read("parts-depth").with_samples(64), INPUTS)
    assert [config.samples_of(stage) for stage, config in configs.items()] == [64] * 4


def test_settings_take_the_types_of_their_fields():
    recipe = recipes.read("parts").with_settings(["leave_out=hats", "ohem=0", "start=~/w", "width=none", "rgb.dice=1"])
    settings = recipe.stages["rgb"]
    assert settings["leave_out"] == ("hats",)
    assert settings["start"] == Path.home() / "w"
    assert (settings["ohem"], settings["width"], settings["dice"]) == (0.0, None, 1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training = ", "no TOML file"),
        ("samples = 1", "training is None; expected one of consensus, parts"),
        ('training = "parts"', "stages are none; expected some of rgb, depth, translator, joint"),
        ('training = "parts"\n[stages.rgbd]', "stages are rgbd; expected some of rgb"),
        ('training = "consensus"\nlabels = "x"', "labels is an option of the command"),
    ],
)
def test_wrong_recipe_is_refused(text, message, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(text + "\n")
    with pytest.raises(UsageError, match=message):
        recipes.read(str(path))


def test_unknown_recipe_and_stage_are_refused_with_near_names():
    with pytest.raises(UsageError, match="did you mean consensus"):
        recipes.read("consensus-light")
    with pytest.raises(UsageError, match="did you mean full-size"):
        recipes.read("consensus").only(["fullsize"])


def test_inputs_that_do_not_fit_the_recipe_are_refused():
    with pytest.raises(UsageError, match="expected --labels and --occluders, or --data"):
        configure(recipes.read("consensus-lite"), Inputs(Path("run"), [Path("labels")]))
    with pytest.raises(UsageError, match="name --labels once"):
        configure(recipes.read("consensus-lite"), Inputs(Path("run"), [Path("a"), Path("b")], Path("occluders")))
    for nothing_or_both in (Inputs(Path("run")), replace(INPUTS, data="lapa-d:x")):
        with pytest.raises(UsageError, match="unveil label --parts"):
            configure(recipes.read("parts"), nothing_or_both)
    with pytest.raises(UsageError, match="--set leave_out=none"):
        configure(recipes.read("parts"), Inputs(Path("run"), data="lapa:x"))


def command(*words):
    with pytest.raises(SystemExit) as exit_:
        cli.main([str(word) for word in words])
    return exit_.value.code


def test_command_without_a_recipe_trains_the_default_network(inputs, tmp_path, capsys):
    (labels,), occluders = inputs
    settings = [word for setting in TINY for word in ("--set", setting)]
    status = command("train", "--labels", labels, "--occluders", occluders, "--output", tmp_path / "mine", *settings)
    shown = capsys.readouterr()
    assert status == 0, shown.err
    assert shown.err.startswith("training by recipe consensus-lite")
    assert shown.out.splitlines()[-1] == f"weights: {tmp_path / 'mine' / 'weights.safetensors'}"


def test_command_names_a_wrong_recipe_before_it_loads_anything(tmp_path, capsys):
    assert command("train", "consensus-light", "--output", tmp_path) == 2
    assert "did you mean" in capsys.readouterr().err
