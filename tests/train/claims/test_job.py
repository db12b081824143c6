"""Jobs of runs: finished runs are kept on disk, and processes share the others."""

import pytest

from engines.errors import DataError
from train.claims import job
from train.claims.findings import Claim, Column, findings
from train.claims.job import Task, finish
from train.claims.journal import Journal


def silent(_):
    pass


def task(name, done, needs=(), cost=1.0):
    """A task that adds its name to `done`."""

    def do(tell):
        tell(cost / 2, "half of it")
        done.append(name)
        return {"name": name}

    return Task(name, f"task {name}", cost, do, needs)


def test_runs_are_done_once_and_returned_in_their_order(tmp_path):
    done, said = [], []
    tasks = [task("one", done), task("two", done, needs=("one",))]
    assert finish(tasks, Journal(tmp_path), said.append) == [{"name": "one"}, {"name": "two"}]
    assert done == ["one", "two"]
    assert said[0] == "2 runs to do, 0 done before"
    assert said[2].startswith("run 2 of 2: task two: half of it; ")
    assert finish(tasks, Journal(tmp_path), silent) == [{"name": "one"}, {"name": "two"}]
    assert done == ["one", "two"]


def test_a_run_waits_for_what_it_needs(tmp_path):
    done = []
    finish([task("two", done, needs=("one",)), task("one", done)], Journal(tmp_path), silent)
    assert done == ["one", "two"]


def test_a_run_that_another_process_does_is_left_to_it(tmp_path, monkeypatch):
    """The other one finishes while this one waits."""
    done, journal = [], Journal(tmp_path)
    other = journal.lock("one")
    assert other.__enter__()

    def other_finishes(_):
        assert done == ["two"]
        journal.write("one", {"name": "one", "by": "another"})
        other.__exit__(None, None, None)

    monkeypatch.setattr(job.time, "sleep", other_finishes)
    records = finish([task("one", done), task("two", done), task("three", done, needs=("one",))], journal, silent)
    assert done == ["two", "three"]
    assert records[0] == {"name": "one", "by": "another"}


def test_a_run_whose_process_was_killed_is_free_again(tmp_path):
    journal = Journal(tmp_path)
    with pytest.raises(KeyboardInterrupt), journal.lock("one"):
        raise KeyboardInterrupt
    with journal.lock("one") as mine, journal.lock("one") as also_mine:
        assert mine
        assert not also_mine


def test_a_run_that_fails_leaves_no_record(tmp_path):
    def fail(_):
        raise DataError("no faces")

    done = []
    with pytest.raises(DataError, match="no faces"):
        finish([Task("one", "task one", 1.0, fail), task("two", done)], Journal(tmp_path), silent)
    assert Journal(tmp_path).read("one") is None
    assert done == []


def test_a_claim_without_its_runs_is_left_out():
    runs = [{"variant": name, "seed": 0, "metrics": {"f1": 1.0}} for name in ("a", "b")]
    claims = (Claim("a beats b.", "a", "b", "f1", 1), Claim("c beats b.", "c", "b", "f1", 1))
    found = findings({"runs": runs}, claims, {"f1": Column("F1")})
    assert [finding.claim.ours for finding in found] == ["a"]
    assert found[0].text == "a beats b. **No verdict: one seed has no spread.** F1: +0.0 (by seed: +0.0)."


def test_prefetched_items_keep_their_order():
    assert list(job.prefetched(range(5))) == list(range(5))
    assert list(job.prefetched([])) == []


def test_an_error_in_a_prefetched_item_is_raised():

    def broken():
        yield 1
        raise DataError("a picture is missing")

    made = job.prefetched(broken())
    assert next(made) == 1
    with pytest.raises(DataError, match="a picture is missing"):
        next(made)
