"""Upload, progress, download and cancellation of files."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import string
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from engines.errors import UnveilError, UsageError
from realtime.pipeline import Options
from realtime.render.registry import find_renderer
from realtime.serve.files.job import FileJob
from realtime.serve.limits import KEPT_SECONDS, MOST_FILES, MOST_UPLOAD_BYTES
from realtime.serve.models import Models
from realtime.serve.settings import Choice, choice_of
from realtime.video.sources.open import media_suffixes

_CHUNK_BYTES = 1 << 20
_LONGEST_PAUSE_SECONDS = 60.0  # of an upload: its viewer is gone
_UPLOAD_SECONDS, _SLOWEST_BYTES_PER_SECOND = 60.0, 100_000  # a slower upload blocks the others' room
_SPACE_PER_BYTE = 3  # the upload, its output, and an output's parts that are joined at its end
_HEAD_BYTES = 64
_PLAYLISTS = (b"ffconcat", b"#extm3u", b"<?xml", b"<mpd", b"v=0")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PRINTABLE = frozenset(string.printable.encode())
_RAW_TEXT_HEAD = b"YUV4MPEG2"  # the only kind of media file that begins with a line of text
_log = logging.getLogger(__name__)


class Files:
    """The files of all viewers. They lie in a temporary folder that is deleted with the server.

    One is worked on at a time, in a thread of its own, so that the live views stay fluent.
    """

    def __init__(self, models: Models) -> None:
        self._models = models
        self._folder = Path(tempfile.mkdtemp(prefix="unveil_serve_"))
        self._jobs: dict[str, FileJob] = {}
        self._arriving_bytes = 0  # the sizes of the uploads that have not ended
        self._worker = ThreadPoolExecutor(1, "files")
        self._tasks: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """The routes of the application."""
        return [
            web.post("/files", self.upload),
            web.get("/files/{id}", self.progress),
            web.get("/files/{id}/result", self.download),
            web.delete("/files/{id}", self.delete),
        ]

    async def upload(self, request: web.Request) -> web.Response:
        """Take a file as the body, and begin to mask it.

        The query has its `name` and the viewer's `settings`. Answers 201 with its id, 400 for settings that do not fit,
        408 for an upload that takes too long, 411 for one that does not state its size, 413 for a file that is too
        large, 415 for one of another kind, 503 or 507 where there is no room.
        """
        name = Path(request.query.get("name", "")).name
        try:
            choice = choice_of(request.query.get("settings", "{}"), self._models.names)
            options = _options(choice)
        except UsageError as e:
            return _refused(400, str(e))
        if Path(name).suffix.lower() not in media_suffixes():
            return _refused(415, f"{name or 'a file without a name'} is neither a video nor an image")
        size = request.content_length
        if size is None:
            return _refused(411, f"the upload of {name} does not state its size; expected a Content-Length header")
        if size > MOST_UPLOAD_BYTES:
            return _refused(413, f"{name} is too large; expected at most {MOST_UPLOAD_BYTES >> 20} MiB")
        if len(self._jobs) >= MOST_FILES:
            return _refused(503, f"there are {MOST_FILES} files already; try again once one of them is removed")
        if shutil.disk_usage(self._folder).free < _SPACE_PER_BYTE * (self._arriving_bytes + size):
            return _refused(507, "the server's disk has too little space for this file")
        job_id = secrets.token_urlsafe(16)
        folder = self._folder / job_id
        folder.mkdir()
        job = FileJob(name, folder / f"input{Path(name).suffix.lower()}", choice.settings.look.render)
        self._jobs[job_id] = job
        seconds = _UPLOAD_SECONDS + size / _SLOWEST_BYTES_PER_SECOND
        self._arriving_bytes += size
        try:
            async with asyncio.timeout(seconds) as whole:
                problem = await _receive(request, job.input, size)
        except TimeoutError:
            paused = f"no data came for {_LONGEST_PAUSE_SECONDS:g} s"
            what = f"it took longer than {seconds:.0f} s" if whole.expired() else paused
            problem = _refused(408, f"{what}; upload the file again")
        except BaseException:  # the viewer has cancelled, or is gone
            self._drop(job_id)
            raise
        finally:
            self._arriving_bytes -= size
        if problem:
            self._drop(job_id)
            return problem
        task = asyncio.create_task(self._work(job_id, choice.settings.model, options))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return web.json_response({"id": job_id}, status=201)

    async def progress(self, request: web.Request) -> web.Response:
        """How far a file is, as JSON."""
        return web.json_response(self._job(request).to_json())

    async def download(self, request: web.Request) -> web.StreamResponse:
        """The masked file."""
        job = self._job(request)
        if not job.output.is_file():
            return _refused(404, f"{job.name} has no result")
        disposition = f"attachment; filename*=UTF-8''{quote(job.output_name, safe='')}"
        return web.FileResponse(job.output, headers={"Content-Disposition": disposition})

    async def delete(self, request: web.Request) -> web.Response:
        """Cancel a file, or delete it once it is done."""
        self._job(request)
        self._drop(request.match_info["id"])
        return web.Response(status=204)

    async def close(self) -> None:
        """Cancel what is worked on, and delete everything."""
        for job_id in list(self._jobs):
            self._drop(job_id)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._worker.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _work(self, job_id: str, model: str, options: Options) -> None:
        job, loop = self._jobs[job_id], asyncio.get_running_loop()
        try:
            engine = await self._models.load(model)
            options = _fitting(options, engine.spec.labels)
            await loop.run_in_executor(self._worker, job.work, engine, options)
        except UnveilError as e:
            job.finish(str(e))
        except Exception as e:
            _log.exception("unexpected error while a file was masked")
            job.finish(f"{job.name}: unexpected {type(e).__name__}: {e}")
        loop.call_later(KEPT_SECONDS, self._drop, job_id)

    def _job(self, request: web.Request) -> FileJob:
        job = self._jobs.get(request.match_info["id"])
        if job is None:
            raise web.HTTPNotFound(text="there is no such file; it may have been deleted")
        return job

    def _drop(self, job_id: str) -> None:
        if job := self._jobs.pop(job_id, None):
            job.cancel()


async def _receive(request: web.Request, path: Path, stated_bytes: int) -> web.Response | None:
    """Write a request's body to a file. Returns an answer where it is refused."""
    size, head = 0, b""
    with path.open("wb") as file:
        body = request.content.iter_chunked(_CHUNK_BYTES)
        while chunk := await asyncio.wait_for(anext(body, b""), _LONGEST_PAUSE_SECONDS):
            size += len(chunk)
            head += chunk[: _HEAD_BYTES - len(head)]
            if size > stated_bytes:  # it came compressed
                return _refused(413, f"the file is larger than it states; expected {stated_bytes} bytes")
            await asyncio.to_thread(file.write, chunk)
    if not head:
        return _refused(415, "the file is empty")
    if _is_text(head):
        # FFmpeg knows playlists by their content, whatever their name, and opens the files that they name.
        return _refused(415, "the file holds text; expected a video or an image")
    return None


def _is_text(head: bytes) -> bool:
    if head.removeprefix(_BYTE_ORDER_MARK).lstrip().lower().startswith(_PLAYLISTS):
        return True
    return not head.startswith(_RAW_TEXT_HEAD) and all(byte in _PRINTABLE for byte in head)


def _options(choice: Choice) -> Options:
    """How a file is processed. What the renderer cannot do has no effect."""
    look, renderer = choice.settings.look, find_renderer(choice.settings.look.render)
    background = choice.background if renderer.for_viewing else None
    keeps = look.keep_occluders and (renderer.keeps_occluders or background is not None)
    return Options(look.render, keep_occluders=keeps, background=background, smooth=choice.settings.smooth)


def _fitting(options: Options, labels: Sequence[str]) -> Options:
    """The options without what a model with these labels cannot do."""
    return replace(options, keep_occluders=options.keep_occluders and "occlusion" in labels)


def _refused(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)
