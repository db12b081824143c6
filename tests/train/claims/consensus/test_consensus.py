import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from engines.errors import DataError  # noqa: E402
from tests.fakes.claims import numbers  # noqa: E402
from tests.fakes.training import write_labels, write_occluders  # noqa: E402
from train import models  # noqa: E402
from train.claims.consensus import page as consensus_page  # noqa: E402
from train.claims.consensus import reproduce  # noqa: E402
from train.claims.consensus.data import Data  # noqa: E402
from train.claims.consensus.plan import VARIANTS, Plan, Variant, run_name  # noqa: E402
from train.claims.journal import Journal  # noqa: E402

ROOT = Path(__file__).parents[4]
TINY = dataclasses.replace(
    Plan.smallest(), width=4, transfer_samples=4, fine_samples=4, distinct=4, batch=2, evaluate_every=2
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return write_labels(folder / "labels", count=12), write_occluders(folder / "occluders")


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """A tiny job of every variant: (its output, what it said)."""
    output, said = tmp_path_factory.mktemp("job") / "runs", []
    reproduce.reproduce(*data, output, dataclasses.replace(TINY, small=False), say=said.append)
    return output, said


def test_the_job_runs_every_variant_and_writes_results_plot_and_page(finished):
    output, _ = finished
    results = json.loads((output / consensus_page.RESULTS).read_text())
    assert results["runs"][0]["variant"] == "transfer"
    assert {run["variant"] for run in results["runs"]} == {variant.name for variant in VARIANTS}
    assert (output / consensus_page.PLOT).stat().st_size > 5000
    face_iou = results["runs"][0]["metrics"]["iou_face"]
    assert f"| CE, transfer | {face_iou:.1f} |" in (output / reproduce.PAGE).read_text()


def test_fine_tuning_starts_from_the_transfer_and_scratch_does_not(finished):
    output, _ = finished
    runs = {run["variant"]: run for run in json.loads((output / consensus_page.RESULTS).read_text())["runs"]}
    started = {name: run["curve"][0] for name, run in runs.items()}
    assert started["ce"] == started["consensus"] == started["regularised"]
    ended = runs["transfer"]["metrics"]["accuracy"]
    assert started["ce"]["accuracy"] == pytest.approx(ended, abs=0.2)  # weights are kept as float16
    assert abs(started["scratch"]["accuracy"] - ended) > 1


def test_results_hold_no_path_of_the_machine(finished, data):
    output, _ = finished
    text = (output / consensus_page.RESULTS).read_text() + (output / reproduce.PAGE).read_text()
    assert str(output.parent) not in text
    assert str(data[0].parent) not in text


def test_a_finished_job_runs_nothing_again(finished, data):
    output, _ = finished
    page = (output / reproduce.PAGE).read_text()
    said = []
    reproduce.reproduce(*data, output, dataclasses.replace(TINY, small=False), say=said.append)
    assert said == [f"0 runs to do, {len(VARIANTS)} done before"]
    assert (output / reproduce.PAGE).read_text() == page


def test_a_stopped_job_does_only_what_is_missing_with_the_same_result(finished, data):
    output, said_before = finished
    record = output / "runs" / "consensus-seed0.json"
    before = json.loads(record.read_text())
    record.unlink()
    said = []
    reproduce.reproduce(*data, output, dataclasses.replace(TINY, small=False), say=said.append)
    assert said[0] == f"1 runs to do, {len(VARIANTS) - 1} done before"
    assert len(said) == 3 < len(said_before)  # two evaluations
    after = json.loads(record.read_text())
    assert after["curve"] == before["curve"]


def test_another_plan_in_the_same_folder_is_refused(finished, data):
    output, _ = finished
    with pytest.raises(DataError, match="plan"):
        reproduce.reproduce(*data, output, TINY, say=lambda _: None)


def test_seeds_can_be_added_to_a_finished_job(finished, data):
    output, _ = finished
    said = []

    def stop(text):
        said.append(text)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reproduce.reproduce(*data, output, dataclasses.replace(TINY, small=False, seeds=2), say=stop)
    runs = len(VARIANTS)
    assert said == [f"{runs} runs to do, {runs} done before"]


def test_a_damaged_record_is_named(tmp_path):
    journal = Journal(tmp_path)
    journal.write("one", {"a": 1})
    assert journal.read("one") == {"a": 1}
    assert journal.read("other") is None
    (tmp_path / "runs" / "one.json").write_text('{"a"')
    with pytest.raises(DataError, match=r"one\.json"):
        journal.read("one")


def test_progress_says_what_is_left(finished):
    _, said = finished
    assert said[0] == f"{len(VARIANTS)} runs to do, 0 done before"
    last = VARIANTS[-1].title
    assert said[-1].startswith(f"run {len(VARIANTS)} of {len(VARIANTS)}: {last}, seed 0: 4/4 crops")
    assert said[-1].endswith("0 min left")


def test_small_sets_are_of_other_faces_than_the_transfer(data):
    shared = Data(*data, models.spec("consensus"))
    counts = shared.identity()
    assert (counts["transfer_faces"], counts["small_set_faces"], counts["held_out_faces"]) == (4, 2, 6)
    config = TINY.config(variant("ce"), 0, *data, None)
    assert len({shared.small_set(config)[index].rgb.tobytes() for index in range(40)}) == TINY.distinct


def test_one_face_cannot_be_shared_out(tmp_path, data):
    labels = write_labels(tmp_path / "labels", count=2)
    shared = Data(labels, data[1], models.spec("consensus"))
    with pytest.raises(DataError, match="two or more"):
        shared.transfer(TINY.config(variant("transfer"), 0, *data, None))


def variant(name: str) -> Variant:
    return next(v for v in VARIANTS if v.name == name)


def test_variants_differ_only_in_what_they_are_about():
    configs = {v.name: Plan().config(v, 0, Path("l"), Path("o"), Path("w")).record() for v in VARIANTS}

    def differences(a, b):
        return {key for key in configs[a] if configs[a][key] != configs[b][key]}

    assert differences("ce", "consensus") <= {"cross_entropy", "consensus", "blobs"}
    assert differences("consensus", "regularised") == {"regularised"}
    assert differences("consensus", "beta-0") == {"beta"}
    assert differences("consensus", "class-blobs") == {"blobs"}
    assert differences("ce", "ce-slow") == differences("consensus", "consensus-slow") == {"learning_rate"}
    assert differences("class-blobs", "both") <= {"cross_entropy", "consensus"}
    assert differences("ce", "scratch") == {"start", "optimiser", "learning_rate"}  # scratch needs the transfer's rate


def test_budgets_are_whole_steps_and_evaluations():
    plan = Plan()
    assert plan.transfer_samples % plan.batch == 0
    assert plan.fine_samples % plan.evaluate_every == 0 == plan.evaluate_every % plan.batch


def test_runs_of_a_seed_come_after_its_transfer():
    names = [run_name(v, seed) for v, seed in Plan(seeds=2).runs()]
    assert names.index("transfer-seed1") < names.index("ce-seed1")
    assert len(set(names)) == 2 * len(VARIANTS)


def test_a_small_run_says_so_and_leaves_out_what_it_did_not_run(finished, tmp_path):
    results = numbers(seeds=(0,))
    rows = {row.name for row in Plan.smallest().variants}
    small = results | {"plan": Plan.smallest().to_json(), "runs": [r for r in results["runs"] if r["variant"] in rows]}
    text = reproduce.write(small, tmp_path).read_text()
    assert "the figures mean nothing" in text
    assert "Figure 4b" not in text
    assert "beta" not in text.partition("## Honest reading")[2].partition("##")[0]
    assert not (tmp_path / consensus_page.PLOT).exists()
    assert "the figures mean nothing" not in (finished[0] / reproduce.PAGE).read_text()


def test_docs_are_written_where_asked(finished, data, tmp_path):
    output, _ = finished
    page = reproduce.reproduce(
        *data, output, dataclasses.replace(TINY, small=False), docs=tmp_path / "docs", say=lambda _: None
    )
    assert page == tmp_path / "docs" / reproduce.PAGE
    assert (tmp_path / "docs" / consensus_page.PLOT).is_file()
    assert (tmp_path / "docs" / consensus_page.RESULTS).is_file()


def test_make_says_in_one_line_what_is_missing(tmp_path):
    run = subprocess.run(
        ["make", "--no-print-directory", "shared", f"SHARED={tmp_path}"], cwd=ROOT, text=True, capture_output=True
    )
    assert run.returncode != 0
    assert (
        run.stdout.strip()
        == f"{tmp_path}/data/faces/generated_portraits is missing: name its folder with make SHARED=..."
    )


def test_small_refuses_the_options_that_it_sets(tmp_path):
    command = ["-m", "cli", "reproduce", "--labels", "l", "--occluders", "o", "--output", str(tmp_path), "--small"]
    run = subprocess.run(
        [sys.executable, *command, "--docs", "docs"], cwd=ROOT, text=True, capture_output=True, env=dict(os.environ)
    )
    assert run.returncode == 2
    assert "--small" in run.stderr
