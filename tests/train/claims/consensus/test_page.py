"""What the results page says of each claim."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from tests.fakes.claims import numbers  # noqa: E402
from train.claims.consensus import page as consensus_page  # noqa: E402
from train.claims.findings import Spread, Verdict, difference, verdict  # noqa: E402

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1.0, 1.2, 0.9), Verdict.HOLDS),
        ((-1.0, -1.2, -0.9), Verdict.REVERSED),
        ((1.0, -0.1, 0.9), Verdict.UNCLEAR),  # the seeds disagree
        ((0.1, 0.1, 5.0), Verdict.UNCLEAR),  # one seed is all of it
        ((0.0, 0.0, 0.0), Verdict.UNCLEAR),
        ((1.0,), Verdict.ONE_SEED),
    ],
)
def test_a_difference_counts_where_it_stands_out_of_the_seeds(values, expected):
    assert verdict(Spread(values), 1) is expected


def test_a_claim_of_less_is_judged_the_other_way():
    assert verdict(Spread((-1.0, -1.2, -0.9)), -1) is Verdict.HOLDS


def test_differences_are_taken_seed_by_seed():
    found = difference([3.0, 5.0], [2.0, 3.0])
    assert found.values == (1.0, 2.0)
    assert found.text() == "1.5 ± 0.7"
    with pytest.raises(ValueError, match="zip"):
        difference([1.0], [1.0, 2.0])


def reading(results):
    return consensus_page.page(results).partition("## Honest reading")[2]


def line_of(results, claim):
    return next(line for line in reading(results).splitlines() if claim in line)


def test_the_page_says_that_a_claim_holds():
    results = numbers(consensus={"iou_face": (52.0, 52.2, 51.9)})
    line = line_of(results, "Consensus beats the pixel loss")
    assert "Holds here." in line
    assert "+2.0 ± 0.2 (by seed: +2.0, +2.2, +1.9; in the paper +1.6)" in line


def test_the_page_says_that_a_claim_is_reversed():
    results = numbers(consensus={"iou_face": (48.0, 48.2, 47.9)})
    assert "it is the other way round" in line_of(results, "Consensus beats the pixel loss")
    assert "1 fall the other way" not in consensus_page.page(results)  # it is worse than transfer and reg., too
    assert "2 fall the other way" in consensus_page.page(results)


def test_the_page_says_that_nothing_is_shown():
    results = numbers(consensus={"iou_face": (48.0, 52.2, 47.9)})
    assert "within the spread" in line_of(results, "Consensus beats the pixel loss")
    assert "The paper reports 12 differences: 0 show here" in consensus_page.page(results)


@pytest.mark.parametrize(
    ("sparsity", "words"),
    [
        ((4.0, 4.1, 4.2), "Sparsity: component blobs are better"),
        ((60.0, 61.0, 62.0), "Sparsity: class blobs are better"),
        ((49.0, 51.0, 50.0), "Sparsity: no difference"),
    ],
)
def test_blobs_are_compared_both_ways(sparsity, words):
    assert words.lower() in consensus_page.page(numbers(consensus={"sparsity": sparsity})).lower()


def test_one_seed_gives_no_verdict():
    results = numbers(seeds=(0,), consensus={"iou_face": (99.0,)})
    page = consensus_page.page(results)
    assert "Holds here" not in page
    assert "there is no spread, and so no verdict" in page
    assert "±" not in page.partition("## Honest reading")[0]


def test_a_difference_smaller_than_the_spread_could_not_have_been_shown():
    results = numbers(consensus={"iou_face": (48.0, 52.2, 47.9)})  # ± 2.5; the paper has +1.2
    line = line_of(results, "Fine-tuning with consensus improves on transfer")
    assert "**Not at this budget: the difference is within the spread" in line
    assert line.endswith("The paper's difference would be within the spread of these seeds.")
    assert "could not have been shown at this budget" in consensus_page.page(results)


def test_a_difference_that_was_still_moving_the_claimed_way_says_so():
    results = numbers(consensus={"iou_face": (48.0, 48.2, 47.9)})
    assert "**Does not hold here" in line_of(results, "Fine-tuning with consensus improves on transfer")
    for run in results["runs"]:
        halfway = 40.0 if run["variant"] == "consensus" else 50.0
        run["curve"] = [{"samples": 4, "iou_face": halfway}] * 3
    line = line_of(results, "Fine-tuning with consensus improves on transfer")
    assert "**Not at this budget: it is the other way round.**" in line
    assert "moving the claimed way: -10.0 ± 0.0 at half of the budget, -2.0 ± 0.2 at its end." in line


def test_what_comes_of_learning_by_heart_is_not_expected_of_a_short_training():
    assert line_of(numbers(), "Fine-tuning with the pixel loss scatters").endswith("each crop of it was seen 19 times.")


def test_a_claim_that_holds_is_not_excused():
    line = line_of(numbers(ce={"sparsity": (52.0, 52.1, 52.2)}), "Fine-tuning with the pixel loss scatters")
    assert "Holds here." in line
    assert "saturates" not in line


def test_differences_are_shown_against_both_baselines():
    page = consensus_page.page(numbers(consensus={"iou_face": (51.0,) * 3}, transfer={"iou_face": (49.0,) * 3}))
    assert "| consensus, transfer + f.t. | +2.0 ± 0.0 | +1.0 ± 0.0 |" in page
