"""The web application: the page, the WebSockets and the files, for a limited number of viewers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

from aiohttp import WSCloseCode, web

from engines.zoo import DEFAULT_MODEL
from realtime.render.registry import renderers
from realtime.serve.access import Access
from realtime.serve.limits import HEARTBEAT_SECONDS, MOST_FILES, MOST_MESSAGE_BYTES, MOST_UPLOAD_BYTES, MOST_VIEWERS
from realtime.serve.viewer import Shared, Viewer, end
from realtime.video.sources.open import media_suffixes

_PAGE = Path(__file__).parent / "page"
_CLOSE_SECONDS = 2.0  # for a viewer's own goodbye


class ServesFiles(Protocol):
    """What masks the files that viewers drop on the page (`realtime.serve.files.routes`)."""

    def routes(self) -> list[web.RouteDef]:
        """Its routes in the application."""
        ...

    async def close(self) -> None:
        """End its work, and delete all files."""


class BrowserView:
    """Serves the page to viewers, and shares what they use.

    Args:
        shared: closed with the application.
        files: closed with the application.
        access: which requests are answered.
        model: the one of a viewer who has not chosen.
        most_viewers: WebSockets at a time.
    """

    def __init__(
        self,
        shared: Shared,
        files: ServesFiles,
        access: Access,
        model: str = DEFAULT_MODEL,
        most_viewers: int = MOST_VIEWERS,
    ) -> None:
        self._shared, self._files, self._access, self._most = shared, files, access, most_viewers
        self._model = model
        self._viewers: set[Viewer] = set()

    def application(self) -> web.Application:
        """The application, ready to be run."""
        application = web.Application(middlewares=[self._access.guard])
        application.add_routes([web.get("/", self._page), web.get("/ws", self._view), *self._files.routes()])
        application.router.add_static("/page", _PAGE)
        application.cleanup_ctx.append(self._open)
        application.on_shutdown.append(self._send_all_away)
        return application

    async def _open(self, application: web.Application) -> AsyncIterator[None]:
        try:
            await self._shared.models.load(self._model)  # what is wrong with it is told now, and not to a viewer
            yield
        finally:
            await self._close()

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(_PAGE / "index.html")

    async def _view(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT_SECONDS, max_msg_size=MOST_MESSAGE_BYTES, compress=False, timeout=_CLOSE_SECONDS
        )
        await socket.prepare(request)
        if len(self._viewers) >= self._most:
            viewers = "1 viewer is" if self._most == 1 else f"{self._most} viewers are"
            await end(socket, WSCloseCode.TRY_AGAIN_LATER, f"{viewers} watching already, and no more are allowed")
            return socket
        viewer = Viewer(socket, self._shared)
        self._viewers.add(viewer)
        try:
            await socket.send_json({"hello": self._hello()})
            await viewer.run()
        finally:
            self._viewers.discard(viewer)
        return socket

    def _hello(self) -> dict[str, Any]:
        """What the page needs to know to show its controls."""
        source = self._shared.source
        return {
            "source": source.name if source else None,
            "models": self._shared.models.names,
            "renderers": [
                {"name": each.name, "keeps_occluders": each.keeps_occluders, "for_viewing": each.for_viewing}
                for each in renderers().values()
            ],
            "model": self._model,
            "files": {"most_bytes": MOST_UPLOAD_BYTES, "most": MOST_FILES, "suffixes": sorted(media_suffixes())},
        }

    async def _send_all_away(self, application: web.Application) -> None:
        for viewer in self._viewers:
            viewer.send_away()

    async def _close(self) -> None:
        await self._files.close()
        if self._shared.source:
            await asyncio.to_thread(self._shared.source.wait_until_closed)
        await self._shared.models.close()
        for executor in (self._shared.workers, self._shared.searches):
            executor.shutdown()
