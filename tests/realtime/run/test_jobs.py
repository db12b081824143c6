"""Which files a command works on, and the names of their outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.errors import SourceError, UsageError
from realtime.run.jobs import Job, output_name, plan, with_depth


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    (folder / "inner").mkdir(parents=True)
    for name in ("b.mp4", "a.JPG", "notes.txt", ".hidden.mp4", "inner/c.mp4"):
        (folder / name).touch()
    return folder


def names(jobs: list[Job]) -> list[tuple[str, str]]:
    return [(job.input.name, job.output.name) for job in jobs]


@pytest.mark.parametrize(
    "name, render, output",
    [
        ("clip.mov", "overlay", "clip.mp4"),
        ("clip.mkv", "cutout", "clip.mp4"),
        ("my.clip.avi", "blur", "my.clip.mp4"),
        ("clip.mp4", "labels", "clip.mkv"),
        ("clip.mp4", "alpha", "clip.mov"),
        ("face.jpg", "overlay", "face.jpg"),
        ("face.WEBP", "blur", "face.WEBP"),
        ("face.HEIC", "blur", "face.jpg"),
        ("face.jpg", "labels", "face.png"),
        ("face.jpg", "alpha", "face.png"),
    ],
)
def test_output_keeps_the_stem_and_takes_the_suffix_of_its_kind(name: str, render: str, output: str) -> None:
    assert output_name(Path(name), render) == output


def test_an_output_in_a_format_that_can_only_be_read_is_wrong_use(media: Path, tmp_path: Path) -> None:
    plan([media / "a.JPG"], tmp_path / "out.png", "overlay")
    with pytest.raises(UsageError, match=r"out\.heic does not fit: .* an image as an image file"):
        plan([media / "a.JPG"], tmp_path / "out.heic", "overlay")


def test_folder_gives_its_own_media_sorted(media: Path, tmp_path: Path) -> None:
    assert names(plan([media], tmp_path / "out", "overlay")) == [("a.JPG", "a.JPG"), ("b.mp4", "b.mp4")]


def test_glob_gives_what_matches_and_is_media(media: Path, tmp_path: Path) -> None:
    assert names(plan([str(media / "*")], tmp_path, "overlay")) == [("a.JPG", "a.JPG"), ("b.mp4", "b.mp4")]
    assert names(plan([str(media / "**" / "*.mp4")], tmp_path, "labels")) == [("b.mp4", "b.mkv"), ("c.mp4", "c.mkv")]


@pytest.mark.parametrize("pattern", ["inner/*.jpg", "*.txt", "nothing"])
def test_folder_or_glob_without_media_is_wrong_use(media: Path, tmp_path: Path, pattern: str) -> None:
    (media / "nothing").mkdir()
    with pytest.raises(UsageError, match="has no video or image"):
        plan([media / pattern], tmp_path, "overlay")


def test_file_whose_name_looks_like_a_glob_is_a_file(media: Path, tmp_path: Path) -> None:
    (media / "take[1].mp4").touch()
    assert names(plan([media / "take[1].mp4"], tmp_path, "overlay")) == [("take[1].mp4", "take[1].mp4")]


def test_missing_and_unknown_files_are_jobs_that_fail_when_opened(media: Path, tmp_path: Path) -> None:
    jobs = plan([media / "gone.mp4", media / "notes.txt"], tmp_path, "overlay")
    assert names(jobs) == [("gone.mp4", "gone.mp4"), ("notes.txt", "notes.mp4")]
    assert all(job.problem is None for job in jobs)


def test_the_same_input_twice_is_one_job(media: Path, tmp_path: Path) -> None:
    jobs = plan([media, media / "b.mp4", str(media / "inner" / ".." / "*.mp4")], tmp_path / "out", "overlay")
    assert [job.output.name for job in jobs] == ["a.JPG", "b.mp4"]
    assert all(job.problem is None for job in jobs)


def test_two_inputs_with_one_output_fail_the_second_only(media: Path, tmp_path: Path) -> None:
    (media / "b.mov").touch()
    jobs = plan([media / "b.mov", media / "b.mp4", media / "a.JPG"], tmp_path / "out", "overlay")
    assert [job.problem is None for job in jobs] == [True, False, True]
    assert "and so would" in str(jobs[1].problem)
    assert "b.mp4" in str(jobs[1].problem)


def test_output_over_an_input_fails_that_job_only(media: Path) -> None:
    (media / "a.mkv").touch()
    jobs = plan([media / "inner" / "c.mp4", media / "a.mkv", media / "b.mp4"], media / "inner", "overlay")
    assert ["would overwrite an input" in (job.problem or "") for job in jobs] == [True, False, False]


def test_output_over_an_input_is_seen_through_links(media: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.mp4").hardlink_to(media / "b.mp4")
    (media / "a.mkv").touch()
    jobs = plan([media / "b.mp4", media / "a.mkv"], tmp_path / "out", "overlay")
    assert ["would overwrite an input" in (job.problem or "") for job in jobs] == [False, True]


@pytest.mark.parametrize("name, render", [("b.mov", "overlay"), ("a.JPG", "labels")])
def test_output_beside_its_input_fails_that_job_only(media: Path, name: str, render: str) -> None:
    (media / "b.mov").touch()
    (media.parent / "alias").symlink_to(media)
    for output in (media, media.parent / "alias", media / "inner" / ".."):
        jobs = plan([media / name, media / "inner" / "c.mp4"], output, render)
        assert ["would lie in the same folder" in (job.problem or "") for job in jobs] == [True, False]


def test_names_that_differ_in_case_only_are_one_output(media: Path, tmp_path: Path) -> None:
    (media / "B.mov").touch()
    jobs = plan([media / "b.mp4", media / "B.mov"], tmp_path / "out", "overlay")
    assert ["and so would" in (job.problem or "") for job in jobs] == [False, True]


def test_a_link_to_an_input_is_an_input_of_its_own(media: Path, tmp_path: Path) -> None:
    (media / "link.mp4").symlink_to(media / "b.mp4")
    jobs = plan([media], tmp_path / "out", "overlay")
    assert [job.output.name for job in jobs] == ["a.JPG", "b.mp4", "link.mp4"]
    assert all(job.problem is None for job in jobs)


@pytest.mark.parametrize(
    "name, says", [("loop/x.mp4", "cannot be read"), ("x" * 300 + ".mp4", "too long"), ("empty", "no video or image")]
)
def test_a_bad_argument_is_a_failed_job_and_the_rest_is_done(media: Path, tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "empty").mkdir()
    bad, good = plan([media / "b.mp4", tmp_path / name], tmp_path / "out", "overlay")
    assert says in str(bad.problem)
    assert str(tmp_path / name) in str(bad.problem)
    assert (good.input, good.problem) == (media / "b.mp4", None)
    with pytest.raises(UsageError, match=says):
        plan([tmp_path / name], tmp_path / "out", "overlay")


def test_a_link_that_points_at_itself_fails_when_opened(media: Path, tmp_path: Path) -> None:
    (media / "loop.mp4").symlink_to(media / "loop.mp4")
    jobs = plan([media / "loop.mp4", media / "b.mp4"], tmp_path / "out", "overlay")
    assert [job.problem for job in jobs] == [None, None]


def test_a_folder_without_rights_is_a_failed_job(media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", refused)
    bad, good = plan([media, media / "b.mp4"], tmp_path / "out", "overlay")
    assert bad.problem == f"{media} cannot be read (Permission denied)"
    assert good.problem is None


def jobs(*names: str) -> list[Job]:
    return [Job(Path("in") / name, Path("out") / name) for name in names]


def test_an_image_has_the_picture_of_its_name(tmp_path: Path) -> None:
    one, two = with_depth(jobs("a.jpg", "b.png"), tmp_path)
    assert one.depth is not None
    assert two.depth is not None
    assert [one.depth.path, two.depth.path] == [tmp_path / "a.png", tmp_path / "b.png"]


def test_of_several_videos_the_one_without_depth_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    found, missing = with_depth(jobs("a.mp4", "b.mp4"), tmp_path)
    assert found.depth is not None
    assert found.problem is None
    assert missing.problem == f"in/b.mp4: no depth in {tmp_path}; expected a folder b or a video b.mkv"


def test_one_depth_file_for_several_inputs_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "depth.mkv").touch()
    with pytest.raises(UsageError, match=r"depth of one input; got 2"):
        with_depth(jobs("a.mp4", "b.mp4"), tmp_path / "depth.mkv")


def test_depth_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone: no such depth"):
        with_depth(jobs("a.mp4"), tmp_path / "gone")


def test_a_job_with_a_problem_keeps_it(tmp_path: Path) -> None:
    (job,) = with_depth([Job(Path("a.mp4"), Path("b.mp4"), "a problem")], tmp_path)
    assert (job.problem, job.depth) == ("a problem", None)
