"""The client holds on to one host, and to its limits, whatever a server does."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from support.forge_server import Asked, ForgeServer, Say, pages, raw

from itil_gate.forge.answers import document
from itil_gate.forge.http import Client, Limits
from itil_gate.forge.paging import counted, linked
from itil_gate.forge.protocol import ForgeError
from itil_gate.forge.proxies import proxy_for

if TYPE_CHECKING:
    from collections.abc import Callable

QUICK = Limits(connect=1, read=0.4, whole=5, page=10_000, items=50, tries=3, pause=0.01)
TOKEN = "secret-token"  # noqa: S105 - made up
NEEDS = "pull requests: read"


def client(server: ForgeServer, limits: Limits = QUICK, **headers: str) -> Client:
    return Client(server.url, headers={"Authorization": f"token {TOKEN}", **headers}, limits=limits)


def get(server: ForgeServer, path: str = "/a", limits: Limits = QUICK) -> Any:
    return document(client(server, limits).conversation().get(path, needs=NEEDS))


def refused(server: ForgeServer, path: str = "/a", limits: Limits = QUICK) -> ForgeError:
    with pytest.raises(ForgeError) as caught:
        get(server, path, limits)
    return caught.value


def test_an_answer_is_read_with_the_token_and_the_clock_of_the_forge(server: ForgeServer) -> None:
    server.moment = datetime(2026, 11, 22, 23, 9, 26, tzinfo=UTC)
    server.on("GET", "/a", {"number": 7})
    talk = client(server).conversation()
    assert document(talk.get("/a", query=(("state", "all"),), needs=NEEDS)) == {"number": 7}
    assert talk.server_time == server.moment
    (asked,) = server.asked
    assert asked.query == {"state": "all"}
    assert asked.headers["authorization"] == f"token {TOKEN}"
    assert asked.headers["accept-encoding"] == "identity"


def test_an_answer_without_a_date_gives_no_clock(server: ForgeServer) -> None:
    @raw
    def answer(wire: Any) -> None:
        wire.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        wire.write(b"Content-Length: 2\r\n\r\n{}")

    server.on("GET", "/a", answer)
    talk = client(server).conversation()
    talk.get("/a", needs=NEEDS)
    with pytest.raises(ForgeError, match="what time it is") as caught:
        _ = talk.server_time
    assert caught.value.code == "forge-answer"


@pytest.mark.parametrize("status", [429, 403, 503])
def test_a_forge_that_asks_to_wait_is_waited_for(server: ForgeServer, status: int) -> None:
    server.on("GET", "/a", Say({}, status=status, headers={"Retry-After": "1"}), {"number": 7})
    begun = time.monotonic()
    assert get(server) == {"number": 7}
    assert time.monotonic() - begun >= 1


def test_a_spent_allowance_is_waited_for_by_the_clock_of_the_forge(server: ForgeServer) -> None:
    server.moment = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
    reset = str(int(server.moment.timestamp()) + 1)
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    server.on("GET", "/a", Say({}, status=403, headers=spent), {"number": 7})
    begun = time.monotonic()
    assert get(server) == {"number": 7}
    assert time.monotonic() - begun >= 1


def test_nobody_waits_longer_than_there_is_patience(server: ForgeServer) -> None:
    server.on("GET", "/a", Say({}, status=429, headers={"Retry-After": "3600"}))
    begun = time.monotonic()
    error = refused(server)
    assert error.code == "forge-limited"
    assert "3600 s" in error.hint
    assert time.monotonic() - begun < 1
    assert len(server.asked) == 1


def test_a_forge_that_never_stops_to_ask_for_patience_is_given_up(server: ForgeServer) -> None:
    server.on("GET", "/a", Say({}, status=429))
    assert refused(server).code == "forge-limited"
    assert len(server.asked) == QUICK.tries


def test_a_read_that_fails_at_the_forge_is_tried_again(server: ForgeServer) -> None:
    server.on("GET", "/a", Say({}, status=502), Say(b"", status=500), {"number": 7})
    assert get(server) == {"number": 7}


def test_a_read_that_fails_for_ever_is_an_error(server: ForgeServer) -> None:
    server.on("GET", "/a", Say({"message": "oops"}, status=502))
    error = refused(server)
    assert (error.code, len(server.asked)) == ("forge-unreachable", QUICK.tries)
    assert "502" in error.message
    assert "oops" in error.message


def test_a_write_that_may_have_been_done_is_not_tried_again(server: ForgeServer) -> None:
    server.on("POST", "/a", Say({}, status=502), {"number": 7})
    with pytest.raises(ForgeError) as caught:
        client(server).conversation().send("POST", "/a", body={"b": 1}, needs=NEEDS)
    assert caught.value.code == "forge-unreachable"
    assert [asked.body for asked in server.asked] == [{"b": 1}]


def test_a_write_that_was_turned_away_is_tried_again(server: ForgeServer) -> None:
    server.on("POST", "/a", Say({}, status=429, headers={"Retry-After": "0"}), {"number": 7})
    answer = client(server).conversation().send("POST", "/a", body={}, needs=NEEDS)
    assert document(answer) == {"number": 7}


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (401, "forge-refused", "ITIL_GATE_FORGE_TOKEN"),
        (403, "forge-refused", NEEDS),
        (404, "forge-not-found", NEEDS),
    ],
)
def test_a_refusal_names_what_to_grant(
    server: ForgeServer, status: int, code: str, said: str
) -> None:
    server.on("GET", "/a", Say({"message": "no\x1b[2J\n::error::"}, status=status))
    error = refused(server)
    assert error.code == code
    assert said in error.hint
    assert TOKEN not in error.diagnostics()
    assert not {"\x1b", "\n"} & set(error.message)
    assert len(server.asked) == 1


def test_a_refusal_repeats_what_github_says_it_would_accept(server: ForgeServer) -> None:
    headers = {"X-Accepted-GitHub-Permissions": "pull_requests=read"}
    server.on("GET", "/a", Say({}, status=403, headers=headers))
    assert "pull_requests=read" in refused(server).hint


def _whole(body: bytes, *head: bytes) -> bytes:
    lines = (b"HTTP/1.1 200 OK", b"Content-Type: application/json", *head)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "sent",
    [
        _whole(b'[{"id": 1}', b"Content-Length: 100"),
        _whole(b'10\r\n[{"id": 1}', b"Transfer-Encoding: chunked"),
        b"nonsense\r\n\r\n",
        b"",
    ],
)
def test_an_answer_that_breaks_off_is_never_taken_for_a_shorter_one(
    server: ForgeServer, sent: bytes
) -> None:
    @raw
    def answer(wire: Any) -> None:
        wire.write(sent)

    server.on("GET", "/a", answer)
    assert refused(server).code == "forge-answer"
    assert len(server.asked) == QUICK.tries


def test_an_answer_that_broke_off_once_is_read_again(server: ForgeServer) -> None:
    @raw
    def answer(wire: Any) -> None:
        wire.write(_whole(b"[", b"Content-Length: 100"))

    server.on("GET", "/a", answer, [7])
    assert get(server) == [7]


def _drip(*, head: bool) -> Callable[[Any], None]:
    @raw
    def answer(wire: Any) -> None:
        if not head:
            wire.write(_whole(b"[", b"Content-Length: 100"))
        for _ in range(60):
            wire.write(b"X: y\r\n" if head else b" ")
            wire.flush()
            time.sleep(0.1)

    return answer


@pytest.mark.parametrize("head", [True, False])
def test_an_answer_that_drips_is_given_up_when_the_time_is_over(
    server: ForgeServer, *, head: bool
) -> None:
    server.on("GET", "/a", _drip(head=head))
    begun = time.monotonic()
    limits = Limits(read=5, whole=0.8, tries=1)
    error = refused(server, limits=limits)
    assert error.code in {"forge-timeout", "forge-answer"}
    assert time.monotonic() - begun < 2


def test_a_forge_that_says_nothing_is_given_up(server: ForgeServer) -> None:
    @raw
    def answer(_: Any) -> None:
        time.sleep(1)

    server.on("GET", "/a", answer)
    error = refused(server, limits=Limits(read=0.1, tries=2, pause=0.01))
    assert error.code == "forge-timeout"
    assert len(server.asked) == 2


def test_a_port_where_nobody_listens_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(ForgeError) as caught:
        Client(url, headers={}, limits=QUICK).conversation().get("/a", needs=NEEDS)
    assert caught.value.code == "forge-unreachable"


def test_a_server_without_a_certificate_is_not_talked_to(server: ForgeServer) -> None:
    secure = Client(server.url.replace("http:", "https:"), headers={}, limits=QUICK)
    with pytest.raises(ForgeError) as caught:
        secure.conversation().get("/a", needs=NEEDS)
    assert caught.value.code == "forge-unreachable"
    assert not server.asked


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_refused_and_the_token_stays(
    server: ForgeServer, elsewhere: ForgeServer, status: int
) -> None:
    there = {"Location": f"{elsewhere.url}/a"}
    server.on("GET", "/a", Say(status=status, headers=there))
    elsewhere.on("GET", "/a", {"number": 7})
    assert refused(server).code == "forge-answer"
    assert not elsewhere.asked


def test_a_redirect_on_the_same_host_is_followed(server: ForgeServer) -> None:
    server.on("GET", "/a", Say(status=301, headers={"Location": "/b"}))
    server.on("GET", "/b", {"number": 7})
    assert get(server) == {"number": 7}


def test_a_circle_of_redirects_ends(server: ForgeServer) -> None:
    server.on("GET", "/a", Say(status=301, headers={"Location": "/a"}))
    assert refused(server).code == "forge-answer"
    assert len(server.asked) == 4


def test_a_write_is_not_redirected(server: ForgeServer) -> None:
    server.on("POST", "/a", Say(status=307, headers={"Location": "/b"}))
    server.on("POST", "/b", {})
    with pytest.raises(ForgeError):
        client(server).conversation().send("POST", "/a", body={}, needs=NEEDS)
    assert [asked.path for asked in server.asked] == ["/a"]


@pytest.mark.parametrize(
    "say",
    [
        Say(b"<html>Sign in</html>", kind="text/html"),
        Say(b"[]", kind=""),
        Say(b"[", kind="application/json"),
        Say(b"\xff", kind="application/json"),
        Say(b'{"id": 1, "id": 2}'),
        Say(b'{"id": NaN}'),
        Say(b"[" * 5000),
        Say(b'"' + b"x" * 20_000 + b'"'),
        Say({}, headers={"Content-Encoding": "gzip"}),
    ],
)
def test_what_is_no_json_of_a_bearable_size_is_refused(server: ForgeServer, say: Say) -> None:
    server.on("GET", "/a", say)
    assert refused(server).code == "forge-answer"


def entries(count: int) -> list[Any]:
    return [{"id": number} for number in range(1, count + 1)]


def read_linked(server: ForgeServer) -> list[Any]:
    return list(linked(client(server).conversation(), "/a", needs=NEEDS))


def test_every_page_of_a_linked_list_is_read(server: ForgeServer) -> None:
    server.on("GET", "/a", pages(entries(5)))
    assert read_linked(server) == entries(5)
    assert [asked.query.get("page", "1") for asked in server.asked] == ["1", "2", "3"]


def _second(say: Any) -> Callable[[Asked], Any]:
    first = pages(entries(5))
    return lambda asked: say if asked.query.get("page") == "2" else first(asked)


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (Say({}, status=404), "forge-not-found"),
        (Say({}, status=500), "forge-unreachable"),
        (Say({"message": "no list"}), "forge-answer"),
        (Say([7]), "forge-answer"),
        (Say(entries(2)), "forge-differs"),
    ],
)
def test_a_page_that_fails_fails_the_list(server: ForgeServer, second: Say, code: str) -> None:
    server.on("GET", "/a", _second(second))
    with pytest.raises(ForgeError) as caught:
        read_linked(server)
    assert caught.value.code == code


def test_a_page_that_names_itself_as_next_is_refused(server: ForgeServer) -> None:
    def again(asked: Asked) -> Say:
        link = f'<http://{asked.headers["host"]}/a?per_page=100>; rel="next"'
        return Say([], headers={"Link": link})

    server.on("GET", "/a", again)
    with pytest.raises(ForgeError, match="next"):
        read_linked(server)
    assert len(server.asked) == 2


def test_a_list_that_never_ends_is_refused(server: ForgeServer) -> None:
    def more(asked: Asked) -> Say:
        page = int(asked.query.get("page", "1"))
        link = f'<http://{asked.headers["host"]}/a?page={page + 1}>; rel="next"'
        return Say([{"id": page}], headers={"Link": link})

    server.on("GET", "/a", more)
    with pytest.raises(ForgeError, match="more than 50"):
        read_linked(server)
    assert len(server.asked) == 51


def test_a_next_page_on_another_host_is_refused(
    server: ForgeServer, elsewhere: ForgeServer
) -> None:
    server.on("GET", "/a", Say([], headers={"Link": f'<{elsewhere.url}/a>; rel="next"'}))
    with pytest.raises(ForgeError):
        read_linked(server)
    assert not elsewhere.asked


def test_a_next_page_that_looks_like_this_host_to_one_parser_only_is_refused(
    server: ForgeServer, elsewhere: ForgeServer
) -> None:
    here = server.url.removeprefix("http://")
    for url in (f"{elsewhere.url}\\@{here}/a", f"{elsewhere.url}/@{here}/a", f"http:{here}/a"):
        server.on("GET", "/a", Say([], headers={"Link": f'<{url}>; rel="next"'}))
        with pytest.raises(ForgeError):
            read_linked(server)
    assert not elsewhere.asked


def test_requests_of_one_conversation_share_a_connection(server: ForgeServer) -> None:
    server.on("GET", "/a", pages(entries(9)))
    read_linked(server)
    assert len(server.asked) == 5
    assert len({asked.port for asked in server.asked}) == 1


def read_counted(server: ForgeServer) -> list[Any]:
    limits = Limits(**{**QUICK.__dict__, "items": 500})
    return list(counted(client(server, limits).conversation(), "/a", needs=NEEDS))


def _count(rows: list[Any], total: str | None = None) -> Callable[[Asked], Say]:
    def answer(asked: Asked) -> Say:
        page, limit = int(asked.query["page"]), int(asked.query["limit"])
        headers = {"X-Total-Count": str(len(rows)) if total is None else total}
        return Say(rows[(page - 1) * limit : page * limit] or None, headers=headers)

    return answer


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 120])
def test_every_page_of_a_counted_list_is_read(server: ForgeServer, count: int) -> None:
    server.on("GET", "/a", _count(entries(count)))
    assert read_counted(server) == entries(count)


def test_a_short_page_is_not_the_end_of_a_counted_list(server: ForgeServer) -> None:
    def hiding(asked: Asked) -> Say:
        answer = _count(entries(120))(asked)
        return Say([row for row in answer.value if row["id"] > 60] or None, headers=answer.headers)

    server.on("GET", "/a", hiding)
    assert read_counted(server) == entries(120)[60:]


@pytest.mark.parametrize("total", ["", "many", "501"])
def test_a_list_without_a_bearable_count_is_refused(server: ForgeServer, total: str) -> None:
    server.on("GET", "/a", _count(entries(5), total))
    with pytest.raises(ForgeError) as caught:
        read_counted(server)
    assert caught.value.code == "forge-answer"


def test_a_list_that_grows_while_it_is_read_is_read_anew(server: ForgeServer) -> None:
    server.on("GET", "/a", _count(entries(60)), _count(entries(61)))
    with pytest.raises(ForgeError) as caught:
        read_counted(server)
    assert caught.value.code == "forge-differs"


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("https://api.github.com", {}, None),
        ("https://api.github.com", {"HTTPS_PROXY": "http://p:3128"}, "http://p:3128"),
        ("https://api.github.com", {"https_proxy": "p:3128"}, "http://p:3128"),
        ("https://api.github.com", {"ALL_PROXY": "http://p:1"}, "http://p:1"),
        ("https://api.github.com", {"HTTP_PROXY": "http://p:1"}, None),
        ("https://git.acme.test", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "acme.test"}, None),
        ("https://git.acme.test", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "x, .acme.test"}, None),
        ("https://notacme.test", {"HTTPS_PROXY": "http://p", "NO_PROXY": "acme.test"}, "http://p"),
        ("https://git.acme.test", {"HTTPS_PROXY": "http://p:1", "no_proxy": "*"}, None),
        ("https://a.test:8443", {"HTTPS_PROXY": "http://p", "NO_PROXY": "a.test:8443"}, None),
        ("https://a.test:8444", {"HTTPS_PROXY": "http://p", "NO_PROXY": "a.test:1"}, "http://p"),
        ("http://127.0.0.1:1", {"HTTP_PROXY": "http://p:1", "ALL_PROXY": "http://p:1"}, None),
    ],
)
def test_the_usual_variables_name_the_proxy(
    url: str, environment: dict[str, str], proxy: str | None
) -> None:
    assert proxy_for(url, environment) == proxy


def test_a_proxy_is_used_for_a_host_that_is_elsewhere(server: ForgeServer) -> None:
    there = Client("https://forge.example.test", headers={}, limits=QUICK, proxy=server.url)
    with pytest.raises(ForgeError) as caught:
        there.conversation().get("/a", needs=NEEDS)
    assert caught.value.code == "forge-unreachable"
    assert not [asked for asked in server.asked if "authorization" in asked.headers]
