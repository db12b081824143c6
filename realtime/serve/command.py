"""`unveil serve`. Nothing heavy is imported up here: `unveil --help` answers at once."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engines.errors import UsageError
from engines.installation import MissingExtra
from engines.zoo import DEFAULT_MODEL
from realtime.run.options import Model, Threads
from realtime.serve.limits import MOST_VIEWERS

if TYPE_CHECKING:
    from aiohttp import web

    from engines.engine import Engine
    from realtime.serve.shared_source import SharedSource

_PORT = 8765
_ADDRESS = "Address"


def serve(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Argument(
            help="What the page can show besides the viewer's own camera: the index of a webcam of this machine, a "
            "video file (played at its own speed, in a loop) or the URL of a stream."
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(help="The port of the page. 0: any free port.", min=0, max=65535, metavar="N",
                          rich_help_panel=_ADDRESS)
    ] = _PORT,
    host: Annotated[
        str,
        typer.Option(
            help="The address to listen on. All except localhost let other machines in; they need the token. 0.0.0.0 "
            "is every IPv4 address, :: every IPv6 address.",
            metavar="ADDRESS", rich_help_panel=_ADDRESS,
        ),
    ] = "localhost",
    token: Annotated[
        str | None,
        typer.Option(
            help="What viewers must enter \\[default: none on localhost, otherwise one that is made and printed]. "
            "Other users of this machine can see it in the command line; --token-file hides it.",
            metavar="TEXT", rich_help_panel=_ADDRESS,
        ),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="A file that holds the token.", metavar="FILE", rich_help_panel=_ADDRESS)
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="A further name of this server, such as that of a proxy in front of it. Repeatable.", metavar="NAME",
            rich_help_panel=_ADDRESS,
        ),
    ] = None,
    max_viewers: Annotated[int, typer.Option(help="Most viewers at a time.", min=1, metavar="N")] = MOST_VIEWERS,
    model: Model = DEFAULT_MODEL,
    threads: Threads = None,
) -> None:  # fmt: skip
    """Mask a webcam in the browser: on this machine, on a phone, or through an ssh tunnel. Ctrl-C stops it.

    The page can also mask files that are dropped on it. Nothing is stored. See docs/browser.md.

    Exit status: 1 the port is in use or the source cannot be opened, 2 wrong use, 130 Ctrl-C.
    """
    if find_spec("aiohttp") is None:
        raise MissingExtra("the browser view", "web")
    from realtime.faces.composed import load_model
    from realtime.run import report
    from realtime.serve.access import Access, new_token, token_from
    from realtime.serve.app import BrowserView
    from realtime.serve.files.routes import Files
    from realtime.serve.listening import is_local, listen, url_of
    from realtime.serve.models import served_models
    from realtime.serve.server import run, shared_by_viewers

    local = is_local(host)
    token = token_from(token, token_file) or (None if local else new_token())
    access = Access(local, token, frozenset(name.lower() for name in allow_host or []))
    context.obj(model)  # a wrong name is told before the work
    shared_source = _checked_source(source) if source is not None else None
    listening = listen(host, port)

    def open_engine(name: str) -> Engine:
        engine = load_model(context.obj(name), threads=threads)
        typer.echo(report.start_line(engine), err=True)
        return engine

    def application() -> web.Application:
        shared = shared_by_viewers(served_models(model), open_engine, shared_source)
        return BrowserView(shared, Files(shared.models), access, model, max_viewers).application()

    def say() -> None:
        query = f"?token={token}" if token else ""
        for url in dict.fromkeys(map(url_of, listening)):
            typer.echo(f"open {url}{query}", err=True)
        if not local:
            typer.echo("browsers allow the camera only over https or on localhost: see docs/browser.md", err=True)
        typer.echo("Ctrl-C stops it", err=True)

    with suppress(KeyboardInterrupt):
        run(application, listening, say)
    raise typer.Exit(130)


def _checked_source(address: str) -> SharedSource:
    """The server's source. It is opened once, so that an error is told at once.

    Raises:
        SourceError: it cannot be opened.
        UsageError: it is an image.
    """
    from realtime.serve.shared_source import SharedSource
    from realtime.video.sources.open import open_source

    with open_source(address, live=True) as source:
        if source.info.kind == "image":
            raise UsageError(f"{address} is an image; expected a camera, a video or a stream (or drop it on the page)")
        name = source.info.name
    return SharedSource(name, lambda: open_source(address, live=True))
