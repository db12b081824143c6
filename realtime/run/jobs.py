"""Which files a command works on, and the names of their outputs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engines.errors import SourceError, UsageError
from realtime.render.registry import find_renderer
from realtime.run.inputs import Found, find_inputs
from realtime.video.codecs import SUFFIX_OF, VideoCodec
from realtime.video.sinks.part_file import LONGEST_NAME
from realtime.video.sources.depth_files import DepthInput, depth_of
from realtime.video.sources.image import WRITTEN_AS, is_image
from realtime.video.sources.open import media_suffixes


@dataclass(frozen=True)
class Job:
    """One input and the output that is to be made of it."""

    input: Path
    output: Path
    problem: str | None = None
    """Why it cannot be done, in a sentence; such a job counts as failed and touches no file."""
    depth: DepthInput | None = None
    """Where the depth of its frames is; None for none."""
    among_others: bool = False
    """Whether it was one of several inputs that share a place for their depth, now or in the run that is tried again.
    Then a folder of pictures is not taken for the depth of this one."""
    overwrite: bool = False
    """Whether to make an output again that is there. Otherwise it is kept where its record fits, and left untouched
    where not."""


FAILED = "failed.jsonl"
"""The name of the list of files that failed (`realtime.run.failed`)."""


def output_name(path: Path, render: str, pattern: str | None = None, codec: VideoCodec = "h264") -> str:
    """The output's file name: the input's stem, and the suffix that fits the render.

    Args:
        codec: that of videos for viewing.
        pattern: another name, in which {stem}, {suffix} (that of the output), {render}, {source} (the input's suffix
            without the dot) and {folder} (the name of the input's folder) are filled in.

    Raises:
        UsageError: the pattern has other fields, names a folder or does not end in the suffix.
    """
    renderer = find_renderer(render)
    if is_image(path):
        suffix = renderer.image_suffix or WRITTEN_AS.get(path.suffix.lower(), path.suffix)
    else:
        suffix = SUFFIX_OF[codec] if renderer.codec == "h264" else renderer.video_suffix
    if pattern is None:
        return path.stem + suffix
    fields = {
        "stem": path.stem,
        "suffix": suffix,
        "render": render,
        "source": path.suffix.removeprefix("."),
        "folder": path.absolute().parent.name,
    }
    try:
        name = pattern.format(**fields)
    except (KeyError, IndexError, ValueError, AttributeError) as e:
        known = ", ".join(f"{{{field}}}" for field in fields)
        raise UsageError(f"--name {pattern!r} cannot be filled in ({e}); expected a name with {known}") from e
    if name != Path(name).name or not name.endswith(suffix) or name.startswith("."):
        raise UsageError(
            f"--name {pattern!r} gives {name!r}; expected a visible file name that ends in {{suffix}}, here {suffix}"
        )
    return name


def data_path(output: Path) -> Path:
    """The file of an output's faces as data."""
    return output.with_suffix(".jsonl")


def plan(
    inputs: Sequence[str | Path],
    output: Path,
    render: str,
    *,
    overwrite: bool = False,
    name: str | None = None,
) -> list[Job]:
    """The jobs that a command line asks for, in order, each input once: those of `plan_found` for `find_inputs`."""
    return plan_found(find_inputs(inputs), output, render, overwrite=overwrite, name=name)


def plan_found(
    found: Found,
    output: Path,
    render: str,
    *,
    overwrite: bool = False,
    name: str | None = None,
    codec: VideoCodec = "h264",
    data: bool = False,
) -> list[Job]:
    """The jobs for the files that were found, in order.

    An input that gives no file becomes a job with a problem; those come first. A file that does not exist is a job like
    any other, which fails when it is opened.

    Args:
        output: the folder of the outputs, which is not the folder of an input, where they could replace other files;
            or the output itself, where there is one input: a path that ends in a media suffix and is no folder.
        overwrite: replace outputs that are already there.
        name, codec: as `output_name` takes them.
        data: each job also writes its faces as data.

    Raises:
        UsageError: no input gives any file; an output file for several inputs, or with a suffix that does not fit; a
            name that is no pattern.
    """
    failed = [Job(path, output, problem) for path, problem in found.problems]
    if not found.inputs:
        raise UsageError("; ".join(str(job.problem) for job in failed))
    paths = [each.path for each in found.inputs]
    if is_folder(output):
        targets = [
            output / (each.output or each.folder / output_name(each.path, render, name, codec)) for each in found.inputs
        ]
        return failed + _checked(paths, targets, identity(output), overwrite, data)
    if (count := len(paths) + len(failed)) > 1:
        raise UsageError(f"--output {output} is one file, but there are {count} inputs; expected a folder")
    if name is not None:
        raise UsageError(f"--name is for outputs in a folder, and --output {output} is a file; leave one of them out")
    check_suffix(output, paths[0], render, codec)
    return _checked(paths, [output], None, overwrite, data)


def with_depth(jobs: Sequence[Job], path: Path, scale_m: float | None = None) -> list[Job]:
    """The jobs with their depth. A job without depth gets a problem.

    Args:
        path: for one job as in `depth_of`; for several jobs a folder that holds STEM.png for an image, and STEM.mkv or
            a folder STEM for a video.
        scale_m: the length of one step in metres, as in `depth_of`.

    Raises:
        SourceError: there is no such path.
        UsageError: there is one depth file for several inputs, or the scale is not a positive number.
    """
    if path.is_file() and len(jobs) > 1:
        raise UsageError(f"{path} is the depth of one input; got {len(jobs)}: give a folder with the depth of each")
    return [_with_depth(replace(job, among_others=job.among_others or len(jobs) > 1), path, scale_m) for job in jobs]


def _with_depth(job: Job, path: Path, scale_m: float | None) -> Job:
    if job.problem:
        return job
    try:
        return replace(job, depth=depth_of(job.input, path, scale_m, alone=not job.among_others))
    except SourceError as e:
        if not path.exists():
            raise
        return replace(job, problem=str(e))


def is_folder(output: Path) -> bool:
    """Whether --output names the folder of the outputs, which need not exist; otherwise it is one file."""
    return output.suffix.lower() not in media_suffixes() or os.path.isdir(output)  # noqa: PTH112  (False for any fault)


def check_suffix(output: Path, path: Path, render: str, codec: VideoCodec) -> None:
    """Raises UsageError where an output's suffix does not fit its input and render."""
    usual = Path(output_name(path, render, codec=codec)).suffix
    if is_image(path) and not find_renderer(render).image_suffix:  # a picture in colour may be of any kind
        fits = is_image(output) and output.suffix.lower() not in WRITTEN_AS
        expected = "an image file, such as .png"
    else:
        fits, expected = output.suffix.lower() == usual, usual
    if not fits:
        kind = "an image" if is_image(path) else "a video"
        other = next((name for name, suffix in SUFFIX_OF.items() if suffix == output.suffix.lower()), None)
        advice = (
            f", or add --codec {other}" if other and find_renderer(render).codec == "h264" and kind == "a video" else ""
        )
        raise UsageError(f"--output {output} does not fit: --render {render} writes {kind} as {expected}{advice}")


def _checked(
    paths: Sequence[Path], targets: Sequence[Path], folder: tuple[int, int] | None, overwrite: bool, data: bool
) -> list[Job]:
    """A job for each path, with a problem where its output would cost a file.

    Args:
        folder: the identity of the outputs' folder, which must not be that of an input.
    """
    own = {identity(path) for path in paths} - {None}
    taken: dict[str, Path] = {}  # by lower-case names: some file systems ignore case
    jobs = []
    for path, target in zip(paths, targets, strict=True):
        written = [target, data_path(target)] if data else [target]
        names = [str(each).casefold() for each in written]
        problem = None
        if long := next((each.name for each in written if len(os.fsencode(each.name)) > LONGEST_NAME), None):
            problem = f"{path}: its output's name would have {len(os.fsencode(long))} bytes; file systems allow "
            problem += f"{LONGEST_NAME}: choose a shorter --name"
        elif identity(target) in own:
            problem = f"{path}: its output {target} would overwrite an input; choose another --output"
        elif folder is not None and identity(path.parent) in (folder, identity(target.parent)):
            problem = f"{path}: its output {target} would lie in the same folder, among files that it could replace; "
            problem += "choose another --output folder"
        elif clash := next((each for each in written if str(each).casefold() in taken), None):
            other = taken[str(clash).casefold()]
            problem = f"{path}: it would write {clash}, and so would {other}; tell them apart with --name, "
            problem += "such as --name '{folder}_{stem}_{source}{suffix}'"
        elif data and data_path(target).name == FAILED:
            problem = f"{path}: its data would be {FAILED}, the list of files that failed; choose another --name"
        else:
            taken |= dict.fromkeys(names, path)
        jobs.append(Job(path, target, problem, overwrite=overwrite))
    return jobs


def identity(path: Path) -> tuple[int, int] | None:
    """What is the same for all names of a file or folder; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
