"""A site that is published while it is read: whoever asks for a file gets one file, whole."""

import threading
from pathlib import Path

import pytest
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from leadapi.site_routes import SiteFiles


@pytest.mark.parametrize("changed", [b"short", b"long" * 500_000, None], ids=["shorter", "longer", "gone"])
@pytest.mark.parametrize("headers", [{}, {"range": "bytes=0-3"}], ids=["whole", "part"])
def test_a_file_that_a_build_exchanges_meanwhile_comes_whole_from_one_of_the_two(
    tmp_path: Path, changed: bytes | None, headers: dict[str, str]
) -> None:
    """It is found, then another takes its place, then it is sent: length and bytes are those of one file."""
    file = tmp_path / "paper.bin"
    file.write_bytes(b"as it was" * 30)

    async def exchanging(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await SiteFiles(tmp_path).get_response("paper.bin", scope)
        file.unlink()
        if changed is not None:
            file.write_bytes(changed)
        await answer(scope, receive, send)

    client = TestClient(ExceptionMiddleware(exchanging), headers={"accept-encoding": "identity"})
    answer = client.get("/paper.bin", headers=headers)
    if changed is None:
        assert answer.status_code == 404
    else:
        expected = changed[:4] if headers else changed
        assert (answer.status_code, answer.content) == (206 if headers else 200, expected)
        assert answer.headers["content-length"] == str(len(expected))


def test_a_page_is_found_while_builds_turn_the_link(tmp_path: Path) -> None:
    """At whatever moment the link is turned to the other tree, the page is there."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(name)
    site, link, ended = tmp_path / "site", tmp_path / "link", threading.Event()
    site.symlink_to("a")

    def turn() -> None:
        while not ended.is_set():
            for name in ("b", "a"):
                link.symlink_to(name)
                link.replace(site)

    turning = threading.Thread(target=turn)
    turning.start()
    try:
        files = SiteFiles(site)
        assert all(files.lookup_path("index.html")[1] for _ in range(5_000))
    finally:
        ended.set()
        turning.join()
