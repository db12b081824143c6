"""The loop: source -> buffer -> detect or track -> crop -> parse -> buffer -> smooth -> render -> sink.

Five threads share the work. Each hands its frames, in order, to the next one:

    reader   decodes. It waits for the parser where the source is a file, and drops the oldest frame where it is live
    search   looks for new faces, while the parser goes on with the faces that it knows
    parser   finds each known face's place, crops it and runs the network. It holds the last frames of a file back, and
             follows each new face backwards through them. Of a live source it takes another model, or a parser of
             another kind, between two frames where the controls ask for it
    main     steadies the masks, draws them and hands the frame to the sink. While it waits, a window takes keys
    writer   encodes, where the sink is a video. An image or a window is written by the main thread
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice

import cv2

from engines.engine import Engine
from realtime.buffer import READ_AHEAD, Buffer, Policy
from realtime.controls import Controls, Settings, Vitals
from realtime.faces.detect import DetectsFaces
from realtime.faces.face_parser import FaceParser
from realtime.faces.finding.detectors import open_detector
from realtime.faces.held_back import HELD_FRAMES
from realtime.faces.smooth import new_smoothing
from realtime.frames.types import LARGE_PX, Frame, ParsedFace
from realtime.options import LeftOut, Options, RunState, Segments, Summary
from realtime.parsers import FaceParsers, Parsed
from realtime.render.draw import render
from realtime.timing import Pace, StageTimer
from realtime.video.sinks.base import BackgroundSink, Sink
from realtime.video.sources.base import Source

__all__ = ["Options", "Summary", "run"]
_LARGE_READ_AHEAD = 1


def run(
    source: Source,
    engine: Engine,
    sink: Sink,
    options: Options | None = None,
    *,
    detector: DetectsFaces | None = None,
    controls: Controls | None = None,
    on_frame: Callable[[int], None] | None = None,
    on_faces: Callable[[Frame, Sequence[ParsedFace]], None] | None = None,
    segments: Segments | None = None,
) -> Summary:
    """Process a source from its first frame to its last.

    Args:
        source: open; closed at the end, whatever happens.
        engine: loaded; the caller closes it.
        sink: open; closed at the end, aborted on an error.
        detector: finds faces; None: the one that the options name.
        controls: what may change while a live source runs, in place of what the options say about it. They are told
            how the run is doing.
        on_frame: called after each frame with the number of frames that are done.
        on_faces: called with each frame and its faces before they are drawn.
        segments: saves what is known at the boundaries of segments, and where a killed run had saved it, goes on from
            there. For a file whose frames are held back.
    """
    options, timer = options or Options(), StageTimer()
    controls = controls or Controls(Settings(options.look, engine.name, options.smooth))
    policy = options.policy or (Policy.DROP_OLDEST if source.info.live else Policy.WAIT)
    at_once = policy is Policy.DROP_OLDEST or source.info.kind == "image"
    state = (segments and segments.resumed) or RunState()
    frames_done, frames_without_face = state.frames, state.frames_without_face
    left_out = list(state.left_out)  # faces, in each frame where the limit left out any
    left_visible = left_out[:] if controls.settings.look.hides_faces else []  # those where faces are hidden
    track_ids = {(0, track_id) for track_id in state.track_ids}  # with the number of their parser
    source_pace, pace, unwatched = Pace(), Pace(), Pace()
    stopped = False  # before the source's end: what was read ahead does not count
    start = time.perf_counter()
    with (
        _one_opencv_thread(),
        source,
        BackgroundSink(sink, timer) if sink.wants_thread else sink as writer,
        ThreadPoolExecutor(1, "search") as search,
        FaceParsers(
            partial(_new_parser, source, options, at_once, detector or open_detector(options.detector), search, timer),
            engine, controls,
        ) as parsers,
        Buffer(
            source_pace.each(timer.each("decode", source)), policy,
            capacity=_read_ahead(source), stop=source.stop, name="reader",
        ) as frames,
        Buffer(
            _parsed(parsers, _watched(frames, writer, unwatched), options.limit, state, segments, at_once),
            capacity=1, stop=frames.close, name="parser",
        ) as parsed_frames,
    ):  # fmt: skip
        options.check_model(engine.spec)
        for parsed in parsed_frames.read_while(partial(_idle, writer)):
            frame, parser = parsed.frame, parsed.parser
            if segments and frames_done % segments.length == 0 and frames_done > state.frames:
                known, ids = parser.saved(frames_done), frozenset(track_id for _, track_id in track_ids)
                segments.save(RunState(frames_done, known, frames_without_face, tuple(left_out), ids))
            faces = parser.smooth(parsed.faces)
            if on_faces:
                with timer.stage("data"):
                    on_faces(frame, faces)
            with timer.stage("draw"):
                drawn = render(frame, faces, parsed.look, parsed.spec)
            with timer.stage("write"):
                writer.write(drawn)
            latency_ms = timer.add_latency(frame.captured_at)
            pace.count()
            frames_done += 1
            frames_without_face += not faces
            track_ids.update((parsed.parser_number, face.track_id) for face in faces)
            if count := parser.left_out(frame):
                left_out.append(count)
                left_visible += [count] if parsed.look.hides_faces else []
            controls.vitals = Vitals(
                frames_done, pace.fps, source_pace.fps, latency_ms, frames.dropped, source.reconnects,
                parsed.engine.description, parsed.spec.labels,
            )  # fmt: skip
            if on_frame:
                on_frame(frames_done)
            if stopped := frames_done == options.limit or not writer.wants_more:
                break
        stopped = stopped or not writer.wants_more
        damage = None if stopped else frames.damage
        if stopped or damage:
            writer.cut_sound()
    wall_seconds = time.perf_counter() - start
    times = timer.to_json()
    return Summary(
        source=source.info.name,
        size_wh=source.info.size_wh,
        render=options.render,
        engine=engine.description,
        depth=source.info.depth,
        frames=frames_done,
        faces=len(track_ids),
        frames_without_face=frames_without_face,
        dropped=frames.dropped,
        late_frames=parsers.late_frames,
        damage=damage,
        losses=source.remarks.losses + writer.remarks.losses,
        notes=source.remarks.notes + writer.remarks.notes,
        left_out=_left_out(options, left_out),
        wall_seconds=round(wall_seconds, 3),
        fps=round((frames_done - state.frames) / wall_seconds, 2),
        latency_ms=times["latency_ms"],
        stages_ms=times["stages_ms"],
        unwatched=unwatched.total,
        reconnects=source.reconnects,
        source_fps=source_pace.mean_fps if source.info.live else None,
        left_visible=_left_out(options, left_visible),
    )


def _read_ahead(source: Source) -> int:
    """Frames that are decoded ahead of the parser. Large ones take much memory."""
    return _LARGE_READ_AHEAD if math.prod(source.info.size_wh) > LARGE_PX else READ_AHEAD


def _idle(sink: Sink) -> bool:
    sink.idle()
    return sink.wants_more


def _left_out(options: Options, faces: Sequence[int]) -> LeftOut | None:
    return LeftOut(options.max_faces or 0, len(faces), max(faces)) if faces else None


def _new_parser(
    source: Source, options: Options, at_once: bool, detector: DetectsFaces, search_thread: Executor,
    timer: StageTimer, engine: Engine, settings: Settings,
) -> FaceParser:  # fmt: skip
    """The face parser of a source, for settings that may have changed."""
    is_image = source.info.kind == "image"
    hides_faces = settings.look.hides_faces
    return FaceParser(
        engine,
        detector,
        # The pictures of an image file (an animation, pages) may have nothing in common.
        redetect_every=1 if is_image else options.search_interval(hides_faces, frames_are_held=not at_once),
        max_faces=options.max_faces,
        hold_frames=0 if at_once else HELD_FRAMES,
        smoothing=new_smoothing() if settings.smooth and not is_image else None,
        hides_faces=hides_faces,
        independent=is_image,
        search_thread=search_thread,
        timer=timer,
    )


def _parsed(
    parsers: FaceParsers, frames: Iterable[Frame], limit: int | None, state: RunState, segments: Segments | None,
    at_once: bool,
) -> Iterator[Parsed]:  # fmt: skip
    frames = islice(frames, state.frames, limit)
    if at_once:
        return parsers.parse_live(frames)
    return parsers.parse_each(frames, state, segments.length if segments else None)


def _watched(frames: Iterable[Frame], sink: Sink, unwatched: Pace) -> Iterator[Frame]:
    """The frames that somebody sees. The others are only counted: not even parsed."""
    for frame in frames:
        if sink.is_watched:
            yield frame
        else:
            unwatched.count()


@contextmanager
def _one_opencv_thread() -> Iterator[None]:
    """OpenCV's own threads would take the cores from the network, the decoder and the encoder."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
