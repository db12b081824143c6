"""Who may use the server: the hosts and origins that are known, and, beyond this machine, those who have the token."""

from __future__ import annotations

import hmac
import html
import ipaddress
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from engines.errors import UsageError

_LEAST_TOKEN_CHARACTERS = 16
_HEADERS = {
    # The page loads nothing from elsewhere and runs no script but its own files.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
_ASK_FOR_TOKEN = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Unveil</title>
<link rel="stylesheet" href="page/style.css"><main class="token"><h1>Unveil</h1>
<p role="alert">{problem}</p>
<form><label>Token <input name="token" type="password" autocomplete="current-password" autofocus required></label>
<button class="primary">Open</button></form></main></html>
"""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Access:
    """Which requests are answered."""

    local: bool = True
    """Whether the server listens on this machine's own addresses only."""
    token: str | None = None
    """What a viewer must know; None: nothing."""
    names: frozenset[str] = frozenset()
    """Further names of this server, as in --allow-host, lower case."""

    def __post_init__(self) -> None:
        if not self.local and self.token is None:
            raise UsageError("a server that other machines can reach needs a token")
        if self.token is not None and len(self.token) < _LEAST_TOKEN_CHARACTERS:
            raise UsageError(
                f"the token has {len(self.token)} characters; expected at least {_LEAST_TOKEN_CHARACTERS}, so that it "
                "cannot be guessed"
            )

    def knows_host(self, host: str) -> bool:
        """Whether a Host header names this server.

        A name that is not known may be that of a page elsewhere which its owner has pointed to this machine (DNS
        rebinding). Addresses cannot be pointed anywhere. The port may be any: an ssh tunnel has another one.
        """
        try:
            parts = urlsplit(f"//{host}")
            name = (parts.hostname or "").rstrip(".").lower()
            _ = parts.port  # raises where it is no port
        except ValueError:
            return False
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            own = {"localhost"} if self.local else {"localhost", socket.gethostname().lower()}
            return name in own | self.names
        return address.is_loopback or not self.local

    def knows_origin(self, origin: str, host: str) -> bool:
        """Whether a page of this origin may call: one that this server gave out, as its Host header shows.

        Behind a proxy that changes the Host header the origin is known by its name (--allow-host).
        """
        try:
            parts = urlsplit(origin)
            name = (parts.hostname or "").lower()
        except ValueError:
            return False
        if parts.scheme not in ("http", "https"):
            return False
        return parts.netloc.lower() == host.lower() or name in self.names

    def is_told(self, token: str | None) -> bool:
        """Whether this is the token. The time that it takes says nothing about it."""
        if self.token is None or token is None:
            return self.token is None
        given, own = (each.encode(errors="surrogateescape") for each in (token, self.token))
        return hmac.compare_digest(given, own)

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer 403 to a foreign host or origin, 401 without the token, and add the headers of safety to the rest."""
        try:
            response = self._refusal(request) or await handler(request)
        except web.HTTPException as e:
            e.headers.update(_HEADERS)
            raise
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    def _refusal(self, request: web.Request) -> web.Response | None:
        host, origin = request.headers.get(hdrs.HOST, ""), request.headers.get(hdrs.ORIGIN)
        if not self.knows_host(host):
            text = f"the host {host[:100]!r} is not this server; if it is, start it with --allow-host"
            return web.Response(status=403, text=text)
        if origin is not None and not self.knows_origin(origin, host):
            return web.Response(status=403, text=f"pages of {origin[:100]!r} may not use this server")
        return None if self.token is None else self._token_missing(request)

    def _token_missing(self, request: web.Request) -> web.Response | None:
        given = request.query.get("token")
        if given is not None and self.is_told(given):
            # From here on a cookie holds it: an address stays in the history, and is copied with the page.
            moved = web.Response(status=303, headers={"Location": request.path})
            secure = request.scheme == "https" or request.headers.get("X-Forwarded-Proto") == "https"
            moved.set_cookie(_cookie(request), given, httponly=True, samesite="Strict", secure=secure)
            return moved
        bearer = request.headers.get(hdrs.AUTHORIZATION, "").removeprefix("Bearer ")
        if self.is_told(request.cookies.get(_cookie(request))) or self.is_told(bearer):
            return None
        if request.path == "/page/style.css":
            return None
        problem = "This is not the token." if given is not None else "Enter the token that the server printed."
        text = _ASK_FOR_TOKEN.format(problem=html.escape(problem))
        return web.Response(status=401, text=text, content_type="text/html")


def _cookie(request: web.Request) -> str:
    """The name of the cookie. Browsers share cookies between the ports of a host, and each server has its own token."""
    return f"unveil_token_{request.url.port}"


def token_from(token: str | None, file: Path | None) -> str | None:
    """The token that a command line gives, by itself or in a file.

    Raises:
        UsageError: both are given, or the file cannot be read.
    """
    if file is None:
        return token
    if token is not None:
        raise UsageError("--token and --token-file are both given; leave one of them out")
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(f"--token-file {file} cannot be read ({e})") from e


def new_token() -> str:
    """A token that nobody can guess."""
    return secrets.token_urlsafe(24)
