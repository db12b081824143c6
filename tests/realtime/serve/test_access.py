"""Who may use the server, and what the page may load."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import pytest
from aiohttp import WSServerHandshakeError

import realtime.serve
from engines.errors import UnveilError, UsageError
from realtime.render.background import Blurred, PlainColour
from realtime.serve.access import Access, new_token, token_from
from realtime.serve.listening import is_local, listen, url_of
from realtime.serve.settings import choice_of
from tests.fakes.serve import run, serving

PAGE = Path(realtime.serve.__file__).parent / "page"
TOKEN = "a token of some length"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:9999", 200),  # an ssh tunnel
        ("LOCALHOST.", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:80", 200),
        ("unveil.example", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("192.168.1.2", 403),
        ("[::1", 403),
        ("localhost:99999", 403),
        ("localhost:x", 403),
        ("", 403),
    ],
)
def test_a_foreign_host_is_refused(host: str, status: int) -> None:
    async def test() -> None:
        async with serving(access=Access(names=frozenset({"unveil.example"}))) as client:
            answer = await client.get("/", headers={"Host": host})
            assert answer.status == status

    run(test())


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:9999", 101),
        ("https://localhost:9999", 101),
        ("https://unveil.example", 101),
        ("http://localhost:9998", 403),
        ("http://evil.example", 403),
        ("null", 403),
        ("file://localhost:9999", 403),
    ],
)
def test_a_page_of_a_foreign_origin_is_refused(origin: str, status: int) -> None:
    async def test() -> None:
        async with serving(access=Access(names=frozenset({"unveil.example"}))) as client:
            headers = {"Host": "localhost:9999", "Origin": origin}
            try:
                socket = await client.ws_connect("/ws", headers=headers)
                came = 101
                await socket.close()
            except WSServerHandshakeError as e:
                came = e.status
            assert came == status
            posted = await client.post("/files?name=x.txt", headers=headers, data=b"")
            assert (posted.status == 403) is (status == 403)

    run(test())


def test_with_a_token_only_those_are_let_in_who_have_it() -> None:
    async def test() -> None:
        async with serving(access=Access(local=False, token=TOKEN)) as client:
            for wrong in ({}, {"token": TOKEN[:-1]}, {"token": TOKEN + "x"}):
                answer = await client.get("/", params=wrong)
                assert (answer.status, 'name="token"' in await answer.text()) == (401, True)
            with pytest.raises(WSServerHandshakeError):
                await client.ws_connect("/ws")
            assert (await client.post("/files?name=x.png", data=b"")).status == 401
            for header in (b"Authorization: Bearer \xff\xe9", b"Cookie: unveil_token_%d=\xff" % client.port):
                reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
                writer.write(b"GET / HTTP/1.1\r\nHost: localhost:%d\r\n%s\r\n\r\n" % (client.port, header))
                assert b" 401 " in await reader.readline()
                writer.close()
            bearer = {"Authorization": f"Bearer {TOKEN}"}
            assert (await client.get("/page/main.js", headers=bearer)).status == 200
            moved = await client.get("/", params={"token": TOKEN}, allow_redirects=False)
            cookie = moved.headers["Set-Cookie"]
            assert (moved.status, moved.headers["Location"]) == (303, "/")
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
            with_cookie = {"Cookie": cookie.partition(";")[0]}
            assert (await client.get("/", headers=with_cookie)).status == 200
            await (await client.ws_connect("/ws", headers=with_cookie)).close()

    run(test())


def test_the_page_runs_its_own_scripts_only_and_loads_nothing_from_elsewhere() -> None:
    async def test() -> None:
        async with serving() as client:
            for path in ("/", "/page/main.js", "/no/such/page"):
                policy = (await client.get(path)).headers["Content-Security-Policy"]
                assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
                assert "unsafe" not in policy

    run(test())
    for file in PAGE.iterdir():
        addresses = set(re.findall(r"""(?:https?:)?//[\w.-]+\.\w+[^\s"'`)]*""", file.read_text(encoding="utf-8")))
        assert addresses <= {"http://www.w3.org/2000/svg"}, file
        assert not re.search(r"<script>|\son\w+=|style=", file.read_text(encoding="utf-8")), file


def test_everything_that_the_page_names_is_there() -> None:
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    names = set(re.findall(r'(?:href|src)="page/([^"]+)"', html))
    for script in PAGE.glob("*.js"):
        names |= set(re.findall(r'from "\./([^"]+)"', script.read_text(encoding="utf-8")))
    assert names
    assert {name for name in names if not (PAGE / name).is_file()} == set()


def test_a_token_is_long_and_comes_from_one_place(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert token_from(None, file) == TOKEN
    assert new_token() != new_token()
    for token, path, says in [("x", file, "leave one of them out"), (None, tmp_path / "no", "cannot be read")]:
        with pytest.raises(UsageError, match=says):
            token_from(token, path)
    with pytest.raises(UsageError, match="has 5 characters; expected at least 16"):
        Access(token="short")
    with pytest.raises(UsageError, match="needs a token"):
        Access(local=False)


def test_localhost_is_both_loopback_addresses() -> None:
    opened = listen("localhost", 0)
    try:
        assert {each.getsockname()[0] for each in opened} <= {"127.0.0.1", "::1"}
        assert len({each.getsockname()[1] for each in opened}) == 1
        assert all(url_of(each) == f"http://localhost:{each.getsockname()[1]}/" for each in opened)
        port = opened[0].getsockname()[1]
        with pytest.raises(UnveilError, match=f"port {port} of 127.0.0.1 is in use; choose another one with --port"):
            listen("localhost", port)
    finally:
        for each in opened:
            each.close()
    assert [is_local(host) for host in ("localhost", "127.0.0.2", "::1", "0.0.0.0", "::")] == [True] * 3 + [False] * 2


def test_a_host_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"--host 192\.0\.2\.1 is no address of this machine"):
        listen("192.0.2.1", 0)

    def nobody(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(UsageError, match="is no address that can be found"):
        listen("nowhere.example", 0)


def test_a_colour_is_never_looked_up_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("#00ff10", "blur"):
        (tmp_path / name).write_bytes(b"no picture")
    assert choice_of('{"background": "#00ff10"}', ["fake"]).settings.look.background == PlainColour((0, 255, 16))
    assert isinstance(choice_of('{"background": "blur"}', ["fake"]).settings.look.background, Blurred)
