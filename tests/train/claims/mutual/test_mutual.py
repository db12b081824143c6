import dataclasses
import json
import subprocess
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from engines.errors import DataError, UsageError  # noqa: E402
from tests.fakes.parts import write_parts  # noqa: E402
from train.claims.mutual import page as mutual_page  # noqa: E402
from train.claims.mutual import reproduce  # noqa: E402
from train.claims.mutual.claims import COLUMNS  # noqa: E402
from train.claims.mutual.data import Data  # noqa: E402
from train.claims.mutual.plan import PERCENTS, VARIANTS, Plan, Variant, run_name  # noqa: E402
from train.claims.mutual.runs import metrics  # noqa: E402
from train.commands import measure  # noqa: E402
from train.learn.checkpoint import load_weights  # noqa: E402
from train.mutual.config import MutualConfig  # noqa: E402
from train.mutual.networks import spec_of  # noqa: E402

ROOT = Path(__file__).parents[4]
TINY = dataclasses.replace(
    Plan.smallest(), width=4, size_px=32, samples=4, translator_samples=4, joint_samples=8, batch=4, translator_batch=4
)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_parts(tmp_path_factory.mktemp("data") / "parts", photographs=12, synthetic=0)


@pytest.fixture(scope="module")
def finished(faces, tmp_path_factory):
    """A tiny job of every variant: (its output, what it said)."""
    output, said = tmp_path_factory.mktemp("job") / "runs", []
    reproduce.reproduce(faces, output, TINY, say=said.append)
    return output, said


def results_of(output):
    return json.loads((output / mutual_page.RESULTS).read_text())


def weights(output, run, role, stage="joint"):
    return load_weights(output / "runs" / run / stage / f"{role}.safetensors")[0]


def same(ours, other):
    return all(torch.equal(ours[name], other[name]) for name in ours)


def numbers(seeds=(0, 1, 2), **columns):
    """Results as a job writes them: `{variant: {column: a value for each seed}}`; what is not named is 50."""
    runs = []
    for variant in VARIANTS:
        for seed in seeds:
            values = dict.fromkeys(COLUMNS, 50.0) | {
                column: by_seed[seed] for column, by_seed in columns.get(variant.name.replace("-", "_"), {}).items()
            }
            if (variant.kind, variant.percent) in (("alone", 1), ("alone", 100)):
                del values["rgb"]
            runs.append({"variant": variant.name, "seed": seed, "seconds": 1.0, "metrics": values})
    return {
        "plan": Plan(seeds=len(seeds)).to_json(),
        "data": {
            "kind": "photographs", "training_faces": 8, "held_out_faces": 2, "sha256": "0",
            "faces_with_depth": {"1 %": 1, "10 %": 1, "100 %": 8},
        },
        "machine": {"cpu": "a processor", "cores": 2, "torch": "2"},
        "runs": runs,
    }  # fmt: skip


def reading(results):
    return mutual_page.page(results).partition("## Honest reading")[2].partition("\n## ")[0]


def line_of(results, claim):
    return next(line for line in reading(results).splitlines() if claim in line)


def test_the_job_runs_every_variant_and_writes_results_plots_and_page(finished):
    output, said = finished
    assert [run["variant"] for run in results_of(output)["runs"]] == [variant.name for variant in VARIANTS]
    assert said[0] == f"{len(VARIANTS)} runs to do, 0 done before"
    assert said[-1].endswith("0 min left")
    for plot in (mutual_page.SHARES_PLOT, mutual_page.GAINS_PLOT):
        assert (output / plot).stat().st_size > 5000
    page = (output / reproduce.PAGE).read_text()
    both = next(run["metrics"] for run in results_of(output)["runs"] if run["variant"] == "both-10")
    assert f"| + both: the method | {both['rgb']:.1f} | {both['depth']:.1f} |" in page
    assert "the figures mean nothing" in page


def test_all_rows_of_a_share_start_from_the_same_networks(finished):
    output, _ = finished
    first = weights(output, "alone-10-seed0", "rgb", "rgb")
    for percent in (1, 100):  # no depth in it: one RGB parser for all shares
        assert same(weights(output, f"alone-{percent}-seed0", "rgb", "rgb"), first)
    translator = weights(output, "alone-10-seed0", "translator", "translator")
    assert not same(weights(output, "alone-100-seed0", "translator", "translator"), translator)


def test_only_mutual_learning_reaches_the_rgb_parser(finished):
    output, _ = finished
    baseline = weights(output, "baseline-10-seed0", "rgb")
    assert same(weights(output, "end-to-end-10-seed0", "rgb"), baseline)
    assert same(weights(output, "baseline-100-seed0", "rgb"), baseline)
    assert not same(weights(output, "mutual-10-seed0", "rgb"), baseline)
    assert not same(weights(output, "end-to-end-10-seed0", "depth"), weights(output, "baseline-10-seed0", "depth"))


def test_the_baseline_is_trained_further(finished):
    output, _ = finished
    alone = weights(output, "alone-10-seed0", "depth", "depth")
    assert not same(weights(output, "baseline-10-seed0", "depth"), alone)


def test_results_hold_no_path_of_the_machine(finished, faces):
    output, _ = finished
    text = (output / mutual_page.RESULTS).read_text() + (output / reproduce.PAGE).read_text()
    assert str(output.parent) not in text
    assert str(faces.parent) not in text


def test_a_stopped_job_does_only_what_is_missing_with_the_same_result(finished, faces):
    output, _ = finished
    record = output / "runs" / "both-10-seed0.json"
    before, page = json.loads(record.read_text()), (output / reproduce.PAGE).read_text()
    record.unlink()
    said = []
    reproduce.reproduce(faces, output, TINY, say=said.append)
    assert said[0] == f"1 runs to do, {len(VARIANTS) - 1} done before"
    assert len(said) == 2
    assert json.loads(record.read_text())["metrics"] == before["metrics"]
    said.clear()
    reproduce.reproduce(faces, output, TINY, say=said.append)
    assert said == [f"0 runs to do, {len(VARIANTS)} done before"]
    assert mutual_page.page(results_of(output)).splitlines()[:9] == page.splitlines()[:9]


def test_another_plan_or_other_faces_in_the_same_folder_are_refused(finished, faces, tmp_path):
    output, _ = finished
    with pytest.raises(DataError, match="plan"):
        reproduce.reproduce(faces, output, dataclasses.replace(TINY, joint_samples=4), say=lambda _: None)
    others = write_parts(tmp_path / "parts", photographs=8, synthetic=0)
    with pytest.raises(DataError, match="sha256"):
        reproduce.reproduce(others, output, TINY, say=lambda _: None)


def test_synthetic_heads_will_do_and_a_mixture_will_not(tmp_path):
    spec = spec_of(MutualConfig((tmp_path,), tmp_path, size_px=32))
    heads = Data(write_parts(tmp_path / "heads", photographs=0, synthetic=8), spec).identity(PERCENTS)
    assert (heads["kind"], heads["training_faces"], heads["held_out_faces"]) == ("synthetic heads", 4, 4)
    assert heads["faces_with_depth"] == {"1 %": 1, "10 %": 1, "100 %": 4}
    with pytest.raises(DataError, match="photographs and synthetic heads"):
        Data(write_parts(tmp_path / "both", photographs=4, synthetic=4), spec).identity(PERCENTS)


def test_a_row_of_figures_is_of_the_held_out_faces():
    held = {
        "rgb_mean_f1": 60.0,
        "photographs": {"faces": 3, "rgb": {"mean_f1": 60.0, "f1": {"nose": 61.0}}, "translator": {"l1": 0.1}},
    }
    row = metrics(held)
    assert (row["rgb"], row["rgb nose"], row["l1"]) == (60.0, 61.0, 0.1)
    assert row["rgb hair"] is None  # no face has it
    assert "depth" not in row


def test_variants_differ_only_in_what_they_are_about():
    configs = {v.name: Plan().config(v, 0, Path("f"), Path("o"), Path("p")).record("joint") for v in VARIANTS}

    def differences(a, b):
        return {key for key in configs[a] if configs[a][key] != configs[b][key]}

    assert differences("baseline-10", "mutual-10") == {"mutual_weight"}
    assert differences("baseline-10", "end-to-end-10") == {"end_to_end_weight"}
    assert differences("baseline-10", "both-10") == {"mutual_weight", "end_to_end_weight"}
    assert differences("both-1", "both-100") == {"depth_share"}
    assert configs["both-10"]["depth_share"] == 0.1
    assert (configs["both-10"]["rgb_weight"], configs["both-10"]["translation_weight"]) == (0.5, 1.0)


def test_budgets_are_whole_steps_and_runs_come_after_what_they_need():
    plan = Plan(seeds=2)
    assert plan.samples % plan.batch == plan.joint_samples % plan.batch == 0
    assert plan.translator_samples % plan.translator_batch == 0
    names = [run_name(variant, seed) for variant, seed in plan.runs()]
    assert len(set(names)) == 2 * len(VARIANTS)
    for variant, seed in plan.runs():
        for needed in variant.needs:
            assert names.index(run_name(needed, seed)) < names.index(run_name(variant, seed))
    assert Variant("both", 1).needs == (Variant("alone", 1),)


def test_the_page_says_that_a_claim_holds():
    line = line_of(numbers(mutual_10={"rgb": (52.0, 52.2, 51.9)}), "Mutual learning improves RGB")
    assert "Holds here." in line
    assert "+2.0 ± 0.2 (by seed: +2.0, +2.2, +1.9; in the paper +1.1)" in line


def test_the_page_says_that_a_claim_is_reversed():
    results = numbers(mutual_10={"rgb": (48.0, 48.2, 47.9)})
    assert "it is the other way round" in line_of(results, "Mutual learning improves RGB")
    assert "The paper reports 15 differences: 1 show here, 1 fall the other way" in mutual_page.page(results)


def test_the_page_says_that_nothing_is_shown():
    results = numbers(mutual_10={"rgb": (48.0, 52.2, 47.9)})
    assert "within the spread" in line_of(results, "Mutual learning improves RGB")
    assert "The paper reports 15 differences: 0 show here" in mutual_page.page(results)


def test_less_l1_is_better():
    holds = numbers(both_10={"l1": (49.0, 49.1, 49.2)})
    assert "Holds here." in line_of(holds, "than Pix2Pix alone")
    assert "Joint training improves L1. **Holds here.**" in mutual_page.page(holds)
    reversed_ = numbers(both_10={"l1": (51.0, 51.1, 51.2)})
    assert "it is the other way round" in line_of(reversed_, "than Pix2Pix alone")


@pytest.mark.parametrize(
    ("rgb", "words"),
    [
        ((49.0, 51.0, 50.5), "Nothing against it here"),
        ((48.0, 48.1, 47.9), "RGB parsing is worse"),
        ((52.0, 52.1, 51.9), "RGB parsing is better"),
    ],
)
def test_the_page_says_whether_the_amount_of_depth_matters_to_rgb(rgb, words):
    assert words in line_of(numbers(both_1={"rgb": rgb}), "hardly matters to RGB")


def test_what_cannot_be_is_not_given_as_a_figure():
    page = mutual_page.page(numbers())
    assert "| + end-to-end | N/A | 50.0 ± 0.0 |" in page
    assert "| each alone | 50.0 ± 0.0 | 50.0 ± 0.0 | 50.0 ± 0.0 | - | 50.0 ± 0.0 | - |" in page


def test_one_seed_gives_no_verdict():
    page = mutual_page.page(numbers(seeds=(0,), both_10={"rgb": (99.0,)}))
    assert "Holds here" not in page
    assert "there is no spread, and so no verdict" in page
    assert "±" not in page.partition("## Honest reading")[0]


def test_a_short_training_is_no_evidence_against_the_paper():
    line = line_of(numbers(both_10={"depth": (48.0, 48.2, 47.9)}), "The whole method improves depth")
    assert "**Not at this budget: it is the other way round.**" in line
    assert line.endswith("1,000 joint steps after 3,000 of each parser alone; the paper has 100,000 alone.")
    long = numbers(both_10={"depth": (48.0, 48.2, 47.9)})
    long["plan"] |= {"samples": 800_000, "joint_samples": 800_000}
    assert "**Does not hold here: it is the other way round.**" in line_of(long, "The whole method improves depth")


def test_differences_are_shown_against_both_baselines():
    page = mutual_page.page(numbers(alone_10={"depth": (48.0,) * 3}, both_100={"rgb": (51.0,) * 3}))
    section = page.partition("## Against both baselines")[2].partition("\n## ")[0]
    assert "| + both: the method, 10 % of the depth | +2.0 ± 0.0 | +0.0 ± 0.0 |" in section
    assert "| + both: the method, 100 % of the depth | +1.0 ± 0.0 | +1.0 ± 0.0 |" in section


def test_generated_depth_is_beside_measured_or_said_to_be_missing():
    with_it, without = numbers(both_10={"generated": (40.0,) * 3}), numbers()
    for run in without["runs"]:
        del run["metrics"]["generated"]
    assert "| + both: the method | 50.0 ± 0.0 | 50.0 ± 0.0 | 40.0 ± 0.0 |" in mutual_page.page(with_it)
    assert "was not scored beside it" not in mutual_page.page(with_it)
    assert "was not scored beside it" in mutual_page.page(without)


def test_runs_before_the_correction_of_equation_4_are_named():
    results = numbers()
    assert "older than a correction" not in mutual_page.page(results)
    results["runs"][-1]["config"] = {"joint": {"mutual": 1.0}}
    assert "older than a correction" in mutual_page.page(results)


def test_each_paper_names_its_data():
    folder = Path("x")
    with pytest.raises(UsageError, match="consensus needs --occluders"):
        measure.reproduce(folder, folder)
    with pytest.raises(UsageError, match="mutual takes no --occluders"):
        measure.reproduce(folder, folder, measure.Paper.mutual, occluders=folder)
    with pytest.raises(UsageError, match="--small"):
        measure.reproduce(folder, folder, measure.Paper.mutual, small=True, seeds=2)


def test_make_reproduces_both_papers():
    command = ["make", "-n", "--no-print-directory", "reproduce-small", "SHARED=faces"]
    printed = subprocess.run(command, cwd=ROOT, text=True, capture_output=True).stdout
    assert "reproduce --small --labels out/reproduce-small/labels --occluders faces/data/occluders" in printed
    assert "--parts --depth --output out/reproduce-small/parts" in printed
    assert "reproduce --paper mutual --small --labels out/reproduce-small/parts" in printed
