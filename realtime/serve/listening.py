"""The sockets on which the server listens."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket

from engines.errors import UnveilError, UsageError

LOCALHOST = "localhost"
_BACKLOG = 128


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of a host; localhost is 127.0.0.1 and, where there is IPv6, ::1.

    Args:
        port: 0: any that is free, the same on each address.

    Raises:
        UsageError: there is no such host, or it is no address of this machine.
        UnveilError: the port is in use, or may not be used.
    """
    opened: list[socket.socket] = []
    try:
        for family, address in addresses_of(host):
            port = port or (opened[0].getsockname()[1] if opened else 0)
            opened += _listen(family, address, port, may_lack=host == LOCALHOST and family == socket.AF_INET6)
    except BaseException:
        for each in opened:
            each.close()
        raise
    return opened


def addresses_of(host: str) -> list[tuple[socket.AddressFamily, str]]:
    """The addresses of a host. Raises UsageError where there is none."""
    if host == LOCALHOST:
        return [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as e:
        raise UsageError(f"--host {host!r} is no address that can be found ({e}); try localhost or 0.0.0.0") from e
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def is_local(host: str) -> bool:
    """Whether only this machine can reach a host's addresses."""
    return all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for _, address in addresses_of(host))


def url_of(listening: socket.socket) -> str:
    """What to open in a browser."""
    address, port = listening.getsockname()[:2]
    own = ipaddress.ip_address(address.partition("%")[0])
    if own.is_loopback:
        name = LOCALHOST
    elif own.is_unspecified:
        name = socket.gethostname()
    else:
        name = f"[{address}]" if own.version == 6 else address
    return f"http://{name}:{port}/"


def _listen(family: socket.AddressFamily, address: str, port: int, *, may_lack: bool) -> list[socket.socket]:
    try:
        return [socket.create_server((address, port), family=family, backlog=_BACKLOG)]
    except OSError as e:
        if may_lack and e.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            return []
        if e.errno == errno.EADDRINUSE:
            raise UnveilError(f"port {port} of {address} is in use; choose another one with --port") from e
        if e.errno == errno.EADDRNOTAVAIL:
            raise UsageError(f"--host {address} is no address of this machine; try localhost or 0.0.0.0") from e
        reason = os.strerror(e.errno) if e.errno else str(e)
        raise UnveilError(f"cannot listen on port {port} of {address} ({reason}); try another --port") from e
