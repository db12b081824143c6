"""The media files that a command line names, and a count of the other files in its folders."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engines.errors import UsageError
from realtime.video.sources.open import media_suffixes

_FILE, _FOLDER = "file", "folder"
_HIDDEN_MEDIA, _HIDDEN_FOLDER = "hidden video or image", "hidden folder"
_LINK, _SPECIAL = "link to a folder", "special file (such as a pipe)"
_PLURALS = {
    _HIDDEN_MEDIA: "hidden videos or images",
    _HIDDEN_FOLDER: "hidden folders",
    _LINK: "links to folders",
    _SPECIAL: "special files (such as pipes)",
}
"""What is left out and counted, by its kind."""


@dataclass(frozen=True)
class Input:
    """One file to process."""

    path: Path
    folder: Path = Path()
    """Where it lies below the folder that was named, for `--recursive`; else empty."""
    output: Path | None = None
    """The path of its output below the folder of the outputs; None: by the folder and the usual name."""


@dataclass
class Found:
    """What the inputs of a command line give."""

    inputs: list[Input] = field(default_factory=list)
    """Each file once, in order."""
    problems: list[tuple[Path, str]] = field(default_factory=list)
    """Inputs that give no file, and why not, in a sentence."""
    other_files: Counter[str] = field(default_factory=Counter)
    """Files in the folders that are no media, by lower-case suffix, or "without a suffix"."""
    others: Counter[str] = field(default_factory=Counter)
    """What else was left out of the folders, by its kind."""
    folders: int = 0
    """Folders inside the named folders into which the search did not go."""

    @property
    def left_out(self) -> str | None:
        """What was left out of the named folders, in a line; None where nothing was."""
        files = sum(self.other_files.values())
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.other_files.most_common())
        parts = [f"{files} file{'s' * (files > 1)} that {_is(files)} not a video or image ({kinds})"] if files else []
        parts += [f"{count} {kind if count == 1 else _PLURALS[kind]}" for kind, count in sorted(self.others.items())]
        if self.folders:
            parts.append(f"{self.folders} folder{'s' * (self.folders > 1)} inside (--recursive includes them)")
        return "left out: " + " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]])) if parts else None


def find_inputs(named: Sequence[str | Path], *, recursive: bool = False, not_in: Path | None = None) -> Found:
    """The files that folders, globs and paths name. A path that does not exist is a file like any other.

    Args:
        named: what a command line names.
        recursive: also take the folders inside folders; links to folders are not followed.
        not_in: a folder that is not searched: that of the outputs.
    """
    found = Found()
    seen: set[Path] = set()
    for text in named:
        try:
            for each in _expand(text, recursive, not_in, found):
                # Two links to one file are two inputs.
                key = each.path.parent.resolve() / each.path.name
                if key not in seen:
                    seen.add(key)
                    found.inputs.append(each)
        except UsageError as e:
            found.problems.append((Path(text), str(e)))
        except (OSError, RuntimeError) as e:  # no rights, a name too long, links in a circle
            problem = f"{text} cannot be read ({getattr(e, 'strerror', None) or e})"
            found.problems.append((Path(text), problem))
    return found


def _expand(text: str | Path, recursive: bool, not_in: Path | None, found: Found) -> list[Input]:
    if not str(text).strip():
        raise UsageError("an input is empty; name a file, a folder or a glob pattern (. is the current folder)")
    path, problems = Path(text), len(found.problems)
    if path.is_dir():
        kind, inputs = "folder", _media(_in_folder(path, recursive, not_in, found), found, path)
    elif not path.exists() and glob.has_magic(str(text)):
        names = glob.glob(str(text), recursive=True)  # noqa: PTH207  (may be absolute)
        kind, inputs = "pattern", _media(_files([(name, _kind(name)) for name in map(Path, names)], found), found)
    else:
        return [Input(path)]
    if not inputs and len(found.problems) == problems:
        suffixes = " ".join(sorted(media_suffixes()))
        raise UsageError(f"the {kind} {text} has no video or image; expected files ending in {suffixes}")
    return inputs


def _in_folder(folder: Path, recursive: bool, not_in: Path | None, found: Found) -> list[Path]:
    """The files of a folder, and of those inside if that is asked for. A folder that cannot be read is a problem."""
    try:
        inside = [(path, _kind(path)) for path in folder.iterdir()]
    except OSError as e:
        found.problems.append((folder, f"{folder} cannot be read ({e.strerror})"))
        return []
    inside = [(path, kind) for path, kind in inside if kind == _FILE or not _is_same(path, not_in)]
    files = _files(inside, found)
    for path, kind in inside:
        if kind != _FOLDER:
            continue
        if recursive:
            files += _in_folder(path, recursive, not_in, found)
        else:
            found.folders += 1
    return files


def _files(paths: Sequence[tuple[Path, str | None]], found: Found) -> list[Path]:
    """The files among some paths with their kinds. What is neither a file nor a folder to search is counted."""
    found.others.update(kind for _, kind in paths if kind in _PLURALS)
    return [path for path, kind in paths if kind == _FILE]


def _kind(path: Path) -> str | None:
    """What a path is; None for hidden files that are no media, among them those that Unveil makes."""
    hidden = path.name.startswith(".")
    if path.is_dir():
        if hidden:
            return None if path.suffix == ".segments" else _HIDDEN_FOLDER
        return _LINK if path.is_symlink() else _FOLDER
    if path.is_file() or (path.is_symlink() and not path.exists()):  # a link to nothing fails when it is opened
        if hidden:
            return _HIDDEN_MEDIA if path.suffix.lower() in media_suffixes() else None
        return _FILE
    return _SPECIAL


def _is_same(path: Path, other: Path | None) -> bool:
    try:
        return other is not None and path.samefile(other)
    except OSError:
        return False


def _media(files: list[Path], found: Found, top: Path | None = None) -> list[Input]:
    """The media among some files, sorted; the others are counted.

    Args:
        top: the folder that was named, if it was one.
    """
    suffixes = media_suffixes()
    media = sorted(path for path in files if path.suffix.lower() in suffixes)
    found.other_files.update(
        path.suffix.lower() or "without a suffix" for path in files if path.suffix.lower() not in suffixes
    )
    return [Input(path, path.parent.relative_to(top) if top else Path()) for path in media]


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
