"""What an input states about itself and its streams, as an .mp4 or .mov states it: tags, languages and chapters."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from av.stream import Stream

if TYPE_CHECKING:  # it is in PyAV's type stubs only
    from av.container.core import Chapter

_TECHNICAL = frozenset({
    "major_brand", "minor_version", "compatible_brands", "encoder", "duration", "variant_bitrate", "comapplehlsv",
})  # fmt: skip  # these describe the file that was read
_WRITTEN = frozenset({
    "title", "artist", "author", "album_artist", "album", "composer", "date", "comment", "genre", "copyright",
    "grouping", "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "track", "disc",
    "location", "creation_time", "season_number", "episode_sort", "compilation",
})  # fmt: skip  # what FFmpeg writes into .mp4 and .mov
_SAME_AS = {  # by the names that phones and Matroska use
    "com.apple.quicktime.location.iso6709": "location", "com.apple.quicktime.creationdate": "date",
    "com.apple.quicktime.title": "title", "com.apple.quicktime.description": "description",
    "location-eng": "location", "date_recorded": "date", "date_released": "date", "year": "date",
}  # fmt: skip
_MOV_LANGUAGES = {  # FFmpeg knows the languages of .mov by these names only
    "deu": "ger", "ell": "gre", "hye": "arm", "isl": "ice", "kat": "geo", "mkd": "mac", "nld": "dut", "sqi": "alb",
    "swe": "sve", "zho": "chi",
}  # fmt: skip


def written_tags(tags: dict[str, str], *, all_kept: bool = False) -> tuple[dict[str, str], list[str]]:
    """The tags of a file that an output can hold, by FFmpeg's names, and the names of the others.

    Args:
        all_kept: the output is an .mkv, which holds any tag; otherwise an .mp4 or .mov.
    """
    named = {_SAME_AS.get(key.lower(), key.lower()): value for key, value in tags.items()}
    described = {key: value for key, value in named.items() if key not in _TECHNICAL}
    kept = {key: value for key, value in described.items() if all_kept or key in _WRITTEN}
    return kept, sorted(described.keys() - kept.keys())


def describe(output: Stream, stream: Stream) -> None:
    """Give a stream of an output the language, name, time code and role of an input's stream."""
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    if name := tags.get("title") or tags.get("handler_name"):
        output.metadata["handler_name"] = name  # the name that .mp4 has for a stream
    for key in ("language", "timecode"):
        if key in tags:
            output.metadata[key] = tags[key]
    if output.container.format.name == "mov" and (language := output.metadata.get("language")):
        output.metadata["language"] = _MOV_LANGUAGES.get(language, language)
    output.disposition = stream.disposition


def shifted_chapters(chapters: list[Chapter], start: Fraction, end: Fraction | None) -> list[Chapter]:
    """The chapters that begin in a part of a file, in the time of that part.

    Args:
        start: the beginning of the part in seconds of the file.
        end: its end; None: the end of the file.
    """
    shifted: list[Any] = []
    for chapter in chapters:
        unit = chapter["time_base"] or Fraction(1, 1000)
        first, last = round(start / unit), None if end is None else round(end / unit)
        if chapter["end"] <= first or (last is not None and chapter["start"] >= last):
            continue
        ends = chapter["end"] if last is None else min(chapter["end"], last)
        shifted.append({**chapter, "start": max(0, chapter["start"] - first), "end": ends - first})
    return shifted
