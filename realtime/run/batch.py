"""Processes files: a failure is named, and the rest is done."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engines.engine import Engine
from engines.errors import UnveilError
from realtime.faces.detect import DetectsFaces
from realtime.faces.finding.detectors import open_detector
from realtime.faces.saved_state import StateError
from realtime.pipeline import Options, Summary, run
from realtime.render.registry import find_renderer
from realtime.run.executors import Executor, Local
from realtime.run.jobs import Job, data_path
from realtime.run.outcome import Outcome
from realtime.run.outputs.records import check_place, is_provisional, kept, publish
from realtime.run.outputs.requests import Request
from realtime.run.outputs.segments import SegmentFolder, is_long, remove_segments
from realtime.video.sinks.base import Sink
from realtime.video.sinks.open import Encoding, open_sink, open_video_sink
from realtime.video.sinks.part_file import HeldFile, remove_stale_parts
from realtime.video.sinks.segmented import SegmentedSink
from realtime.video.sources.base import Source, SourceInfo
from realtime.video.sources.image import is_image
from realtime.video.sources.open import open_source
from realtime.video.sources.trimmed import TrimmedSource

if TYPE_CHECKING:
    from realtime.render.data import FaceData

_log = logging.getLogger(__name__)


class Progress(Protocol):
    """What shows how far a batch is: a progress bar, or nothing."""

    def started(self, job: Job, info: SourceInfo) -> None:
        """A job's input is open."""
        ...

    def frame_done(self, frames: int) -> None:
        """This many frames of the job are done."""
        ...

    def finished(self, outcome: Outcome) -> None:
        """The job has ended: it is done, or it failed."""
        ...


class Unwatched:
    """Shows nothing."""

    def started(self, job: Job, info: SourceInfo) -> None:
        """Shows nothing."""

    def frame_done(self, frames: int) -> None:
        """Shows nothing."""

    def finished(self, outcome: Outcome) -> None:
        """Shows nothing."""


def process(
    jobs: Iterable[Job],
    engine: Engine,
    options: Options | None = None,
    *,
    detector: DetectsFaces | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> list[Outcome]:
    """Process every job, in order. A job that fails never raises.

    Args:
        detector: finds faces; None: the one that the options name, made once for all jobs.
        executor: what runs the jobs; None: this process, one after the other.
    """
    return list(process_each(jobs, engine, options, detector=detector, progress=progress, executor=executor))


def process_each(
    jobs: Iterable[Job],
    engine: Engine,
    options: Options | None = None,
    *,
    detector: DetectsFaces | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
    open_engine: Callable[[], Engine] | None = None,
) -> Iterator[Outcome]:
    """As `process`, but yields each outcome as it comes. A caller that stops early keeps the outcomes so far.

    Args:
        open_engine: opens the engine again in each other process that the executor starts; picklable.
    """
    options, progress = options or Options(), progress or Unwatched()
    options.check_model(engine.spec)
    detector = detector or open_detector(options.detector)
    jobs = list(jobs)
    for folder in {job.output.parent for job in jobs}:
        remove_stale_parts(folder)

    work = _Work(options, open_engine, engine, detector, progress)
    for outcome in (executor or Local()).run(jobs, work):
        progress.finished(outcome)
        yield outcome


class _Work:
    """Processes files with the engine and detector it was given or, in another process, with its own."""

    def __init__(
        self,
        options: Options,
        open_engine: Callable[[], Engine] | None,
        engine: Engine | None = None,
        detector: DetectsFaces | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._options, self._open_engine = options, open_engine
        self._engine, self._detector, self._progress = engine, detector, progress

    def __call__(self, job: Job) -> Outcome:
        if self._engine is None:
            assert self._open_engine is not None, "work in other processes needs a way to open the engine there"
            try:
                self._engine = self._open_engine()
            except UnveilError as e:
                return Outcome(job, error=str(e))
        if self._detector is None:
            self._detector = open_detector(self._options.detector)
        return process_file(job, self._engine, self._options, self._detector, self._progress)

    def __reduce__(self) -> tuple[type[_Work], tuple[Options, Callable[[], Engine] | None]]:
        return _Work, (self._options, self._open_engine)


def process_file(
    job: Job, engine: Engine, options: Options, detector: DetectsFaces, progress: Progress | None = None
) -> Outcome:
    """Process one file. Its output appears whole or not at all, so that running it again is always safe."""
    if job.problem:
        return Outcome(job, error=job.problem)
    try:
        return _process(job, engine, options, detector, progress or Unwatched())
    except StateError as e:  # saved by other code: what a killed run left is of no use
        if not remove_segments(job.output):
            return Outcome(job, error=f"{job.input}: {e}; remove the hidden folder of segments beside {job.output}")
        return process_file(job, engine, options, detector, progress)
    except UnveilError as e:
        return Outcome(job, error=str(e))
    except Exception as e:  # a fault of ours in one file must not cost the user the other thousand
        _log.exception("%s: unexpected error", job.input)
        return Outcome(job, error=f"{job.input}: unexpected {type(e).__name__}: {e}")


def exit_status(outcomes: Sequence[Outcome]) -> int:
    """0: all done; 1: something failed."""
    return int(any(outcome.error for outcome in outcomes))


def _process(job: Job, engine: Engine, options: Options, detector: DetectsFaces, progress: Progress) -> Outcome:
    stamp = _stamp(job.input)
    request = _request(job, engine, options)
    if request is None:
        _open(job, options).close()  # tells why the input cannot be read
    files = [*([data_path(job.output)] if options.data else []), job.output]
    if not job.overwrite and not is_provisional(job.output):
        if job.output.is_file():
            record = kept(job.output, request)
            if not is_image(job.input):
                remove_segments(job.output)
            return Outcome(job, record.summary, record.error, skipped=True)
        check_place(files, request)
    with ExitStack() as opened:
        source = opened.enter_context(_open(job, options))
        output = opened.enter_context(HeldFile(job.output))
        progress.started(job, source.info)
        segments = None
        if request and is_long(source.info):
            segments = opened.enter_context(SegmentFolder(job.output, request.sha256))
        elif source.info.kind != "image":
            remove_segments(job.output)
        data = opened.enter_context(_face_data(job, source, engine, segments)) if options.data else None
        summary = run(
            source,
            engine,
            _sink(output, source.info, options, segments),
            options,
            detector=detector,
            on_frame=progress.frame_done,
            on_faces=data.write if data else None,
            segments=segments,
        )
        changed = request is not None and _stamp(job.input) != stamp
        error = _problems(job, summary, changed=changed)
        if output.is_complete:
            written = [*([data.finish()] if data else []), output]
            publish(written, request, summary, error, overwrite=job.overwrite, provisional=changed)
            if segments:
                segments.finish()
    return Outcome(job, summary, error)


def _sink(output: HeldFile, info: SourceInfo, options: Options, segments: SegmentFolder | None) -> Sink:
    codec = find_renderer(options.render).codec
    encoding = Encoding(
        preset=options.preset,
        crf=options.crf,
        encoder=options.encoder,
        video_codec=options.video_codec,
        audio=options.audio,
    )
    if segments is None:
        return open_sink(output, info, codec, **encoding)
    open_segment = partial(open_video_sink, codec=codec, **encoding)
    return SegmentedSink(output, info, open_segment, segments.path, segments.length, done=segments.done)


def _face_data(job: Job, source: Source, engine: Engine, segments: SegmentFolder | None) -> FaceData:
    from realtime.render.data import FaceData, lines_in  # pycocotools takes a moment

    path = data_path(job.output)
    if segments is None:
        return FaceData(path, source.info.name, engine.spec)
    kept_lines = segments.path / "data.jsonl"
    if segments.resumed and lines_in(kept_lines) < segments.resumed.frames + 1:
        segments.start_again()
    frames = segments.resumed.frames if segments.resumed else 0
    data = FaceData(path, source.info.name, engine.spec, kept=kept_lines, frames=frames)
    segments.before_save = data.flush
    return data


def _request(job: Job, engine: Engine, options: Options) -> Request | None:
    """The request that a job's output answers; None where the input is no file, or cannot be read."""
    try:
        depth = (job.depth.path, job.depth.scale.step_m) if job.depth else None
        return Request.of(job.input, depth, engine, options) if job.input.is_file() else None
    except OSError:
        return None  # opening it tells why


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes when a file is written to."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _problems(job: Job, summary: Summary, *, changed: bool) -> str | None:
    kept_frames = f"; the {summary.frames} frames that could be read are in {job.output}"
    problems = [summary.damage and summary.damage + kept_frames, *summary.losses, summary.visible_faces]
    if changed:
        problems.append(f"{job.input} changed while it was read; process it again once it is complete")
    return "; ".join(filter(None, problems)) or None


def _open(job: Job, options: Options) -> Source:
    source = open_source(job.input, depth=job.depth, deinterlace=options.deinterlace == "auto")
    if source.info.kind != "image" and (options.start_seconds or options.end_seconds is not None):
        return TrimmedSource(source, options.start_seconds, options.end_seconds)
    return source
