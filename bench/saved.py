"""Measures how long a save takes until readers are given the saved words, as an author of this site works.

The service watches and serves a site of the corpus. A post's body is changed, and its page is asked for over HTTP
again and again until it has the new words. The next save waits until the build that follows has ended.
"""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from corpus_files import Corpus
from processes import Failed, memory_mb
from sides import Site, all_sides

SAVES = 7
ASK_AGAIN_SECONDS = 0.001
PATIENCE_SECONDS = 900
REST_SECONDS = 0.5
BUILDING, BUILT = "Building the site", "The site was built in"


class Watching:
    """A service that watches a site's files and serves the site."""

    def __init__(self, site: Site) -> None:
        self.home, self.log = site.home, site.home / "serve.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        program = Path(__file__).with_name("watched_site.py")
        settings = {
            "ENV": "development",
            "DATABASE_URL": f"sqlite:///{self.home}/leadapi.sqlite3",
            "VAR_DIR": str(self.home / "var"),
            "SITE_DIR": "out",
            "BUILD_COMMAND": f"{sys.executable} {program} --resident",
            "BUILD_WATCH": "content,theme",
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LEADAPI_")}
        environment |= {f"LEADAPI_{name}": value for name, value in settings.items()}
        environment |= {"BENCH_WHOLE_SITE": "1", "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
        with self.log.open("wb") as log:
            self.program = subprocess.Popen(
                [sys.executable, "-m", "leadapi", "serve", "--port", str(self.port)],
                cwd=self.home,
                env=environment,
                stdout=log,
                stderr=log,
            )

    def wait_for(self, words: str, times: int) -> None:
        """Wait until the service has said something so many times. Raises Failed."""
        end = time.monotonic() + PATIENCE_SECONDS
        while self.log.read_text().count(words) < times:
            if self.program.poll() is not None or time.monotonic() > end:
                raise Failed(f"{self.log}:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.02)

    def begin(self, path: Path) -> None:
        """Save a post until it is noticed: nothing says when the watch has begun."""
        end, number = time.monotonic() + PATIENCE_SECONDS, 0
        while self.log.read_text().count(BUILT) < 2:
            if number % 100 == 0 and self.log.read_text().count(BUILDING) < 2:
                path.write_text(f"{path.read_text()}\nSaved once more.\n")
            if self.program.poll() is not None or time.monotonic() > end:
                raise Failed(f"{self.log}:\n{self.log.read_text()[-3000:]}")
            number += 1
            time.sleep(0.02)

    def page(self, slug: str) -> str:
        """Return a post's page as readers get it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", f"/{slug}/")
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def save(self, path: Path, words: str) -> float:
        """Save a post with one more paragraph; return the seconds until its page has it."""
        text = f"{path.read_text()}\n{words}\n"
        begun = time.perf_counter()
        path.write_text(text)
        while words not in self.page(path.stem):
            if time.perf_counter() - begun > PATIENCE_SECONDS:
                raise Failed(f"{path} was saved and is not shown.")
            time.sleep(ASK_AGAIN_SECONDS)
        return time.perf_counter() - begun


@contextmanager
def watching(site: Site) -> Iterator[Watching]:
    """Let the service watch a site, and end it."""
    service = Watching(site)
    try:
        service.wait_for("Ctrl-C stops it all", 1)
        yield service
    finally:
        service.program.terminate()
        service.program.wait()


def measure_saves(made: Corpus, home: Path) -> dict[str, Any]:
    """Save posts of a corpus, one after the other; return what it took."""
    ours = next(side for side in all_sides(sys.executable, "", "") if side.name == "ours")
    site, taken = Site(ours, home, made), []
    posts = sorted((site.home / "content").glob("*.md"))
    chosen = [posts[len(posts) * number // (SAVES + 1)] for number in range(SAVES + 1)]
    for path in chosen:  # files of their own, before anybody watches
        text = path.read_text()
        path.unlink()  # a link to the corpus
        path.write_text(text)
    with watching(site) as service:
        service.begin(chosen.pop())
        for path in chosen:
            builds = service.log.read_text().count(BUILT)
            taken.append(service.save(path, f"Saved at {time.time_ns()}."))
            service.wait_for(BUILT, builds + 1)
            time.sleep(REST_SECONDS)  # an author reads what is shown
        memory = memory_mb(service.program.pid)
    figures = {
        "wall_seconds_median": round(median(taken), 4),
        "peak_memory_mb_median": round(memory, 3),
        "runs": len(taken),
        "wall_seconds_each": [round(seconds, 4) for seconds in taken],
    }
    return {"posts": made.count, "sides": {"ours": figures}}
