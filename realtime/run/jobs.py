"""Which files a command works on, and the names of their outputs."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engines.errors import SourceError, UsageError
from realtime.render.registry import find_renderer
from realtime.video.sources.depth_files import DepthInput, depth_of
from realtime.video.sources.image import is_image
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
    overwrite: bool = False
    """Whether to make an output again that is there. Otherwise it is kept where its record fits, and left untouched
    where not."""


def output_name(path: Path, render: str) -> str:
    """The output's file name: the input's stem, and the suffix that fits the render."""
    renderer = find_renderer(render)
    return path.stem + ((renderer.image_suffix or path.suffix) if is_image(path) else renderer.video_suffix)


def plan(inputs: Sequence[str | Path], output: Path, render: str, *, overwrite: bool = False) -> list[Job]:
    """The jobs that a command line asks for, in order, each input once.

    Args:
        inputs: files, folders (their media files, not those of folders inside) and globs. A file that does not exist
            becomes a job like any other, which fails when it is opened. One that gives no file at all becomes a job
            with a problem; those come first.
        output: the folder of the outputs, which is not the folder of an input, where they could replace other files;
            or the output itself, where there is one input: a path that ends in a media suffix and is no folder.
        overwrite: replace outputs that are already there.

    Raises:
        UsageError: no input gives any file; an output file for several inputs, or with a suffix that does not fit.
    """
    paths: dict[Path, Path] = {}
    failed = []
    for text in inputs:
        try:
            paths |= {path.parent.resolve() / path.name: path for path in _expand(text)}  # two links are two inputs
        except UsageError as e:
            failed.append(Job(Path(text), output, str(e)))
        except (OSError, RuntimeError) as e:  # no rights, a name too long, links in a circle
            failed.append(Job(Path(text), output, f"{text} cannot be read ({getattr(e, 'strerror', None) or e})"))
    if not paths:
        raise UsageError("; ".join(str(job.problem) for job in failed))
    found = list(paths.values())
    if output.suffix.lower() not in media_suffixes() or output.is_dir():
        targets = [output / output_name(path, render) for path in found]
        return failed + _checked(found, targets, _identity(output), overwrite)
    if (count := len(found) + len(failed)) > 1:
        raise UsageError(f"--output {output} is one file, but there are {count} inputs; expected a folder")
    _check_suffix(output, found[0], render)
    return _checked(found, [output], None, overwrite)


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
    return [_with_depth(job, path, scale_m, alone=len(jobs) == 1) for job in jobs]


def _with_depth(job: Job, path: Path, scale_m: float | None, alone: bool) -> Job:
    if job.problem:
        return job
    try:
        return replace(job, depth=depth_of(job.input, path, scale_m, alone=alone))
    except SourceError as e:
        if not path.exists():
            raise
        return replace(job, problem=str(e))


def _check_suffix(output: Path, path: Path, render: str) -> None:
    """Raises UsageError where an output's suffix does not fit its input and render."""
    usual = Path(output_name(path, render)).suffix
    if is_image(path) and usual == path.suffix:  # a picture in colour may be of any kind
        fits, expected = is_image(output), "the suffix of an image, such as .png"
    else:
        fits, expected = output.suffix.lower() == usual, usual
    if not fits:
        kind = "an image" if is_image(path) else "a video"
        raise UsageError(f"--output {output}: the {render} of {kind} has another format; expected {expected}")


def _checked(
    paths: Sequence[Path], targets: Sequence[Path], folder: tuple[int, int] | None, overwrite: bool
) -> list[Job]:
    """A job for each path, with a problem where its output would cost a file.

    Args:
        folder: the identity of the outputs' folder, which must not be that of an input.
    """
    own = {_identity(path) for path in paths} - {None}
    taken: dict[str, Path] = {}  # by lower-case names: some file systems ignore case
    jobs = []
    for path, target in zip(paths, targets, strict=True):
        problem = None
        if _identity(target) in own:
            problem = f"{path}: its output {target} would overwrite an input; choose another --output"
        elif folder is not None and _identity(path.parent) == folder:
            problem = f"{path}: its output {target} would lie in the same folder, among files that it could replace; "
            problem += "choose another --output folder"
        elif (first := taken.setdefault(target.name.casefold(), path)) is not path:
            problem = f"{path}: its output {target} is already that of {first}; process them into two folders"
        jobs.append(Job(path, target, problem, overwrite=overwrite))
    return jobs


def _identity(path: Path) -> tuple[int, int] | None:
    """What is the same for all names of a file or folder; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _expand(text: str | Path) -> Iterator[Path]:
    if not str(text).strip():
        raise UsageError("an input is empty; name a file, a folder or a glob pattern (. is the current folder)")
    path = Path(text)
    if path.is_dir():
        found = _media(path.iterdir())
        kind = "folder"
    elif not path.exists() and glob.has_magic(str(text)):
        found = _media(Path(name) for name in glob.glob(str(text), recursive=True))  # noqa: PTH207  (may be absolute)
        kind = "pattern"
    else:
        found = [path]
    if not found:
        suffixes = " ".join(sorted(media_suffixes()))
        raise UsageError(f"the {kind} {text} has no video or image; expected files ending in {suffixes}")
    yield from found


def _media(paths: Iterator[Path]) -> list[Path]:
    wanted = media_suffixes()
    shown = (path for path in paths if path.suffix.lower() in wanted and not path.name.startswith("."))
    return sorted(path for path in shown if path.is_file())
