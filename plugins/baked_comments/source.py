# SPDX-License-Identifier: AGPL-3.0-or-later
"""Fetches the approved comments from the service, and keeps the last good answer for when there is none.

A build must not depend on the service: readers read when it is down. Whatever goes wrong (no answer, a slow one,
an error page, half of one, something huge) costs some seconds and a warning, and the last good copy is used: the
one in var/, or on a machine that keeps no files between two builds the one that the published site holds.
"""

import json
import os
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from plugins.baked_comments.approved import Comment, NotAsPromised, read_comments

SILENCE_SECONDS = 3.0
"""How long the service may say nothing."""

ANSWER_SECONDS = 12.0
"""How long the whole answer may take, however steadily it drips."""

LARGEST = 32 * 1024 * 1024
"""Bytes of an answer: some 50,000 comments."""


@dataclass(frozen=True)
class Approved:
    """The approved comments, oldest first, and the service's name for this state of them."""

    etag: str | None = None
    comments: list[Comment] = field(default_factory=list)
    raw: list[Any] = field(default_factory=list, repr=False)
    """As the service told them: what is kept."""


class NoAnswer(Exception):
    """The service gave no list of comments; the text says why."""


def approved_comments(url: str, kept: Path, published: str = "") -> tuple[Approved, str]:
    """Return the comments at `url`, else the copy in the file `kept`, else the one at the address `published`.

    And a warning, "" where all is well.
    """
    last = read_copy(kept)
    if not url:
        return last or Approved(), ""
    try:
        fresh = fetch(url, last)
    except NoAnswer as why:
        where: object = kept
        if last is None and published:
            with suppress(NoAnswer):
                where, last = published, fetch(published, None)
        instead = (
            f"the {len(last.comments)} of the last good copy ({where}) are shown" if last else "none are shown"
        )
        return (
            last or Approved(),
            f"The approved comments could not be fetched from {url}: {why}. Of them, {instead}.",
        )
    if fresh is last:
        return fresh, ""
    try:
        write_copy(kept, fresh)
    except OSError as error:
        return fresh, f"No copy of the comments could be kept in {kept}: {error.strerror}."
    return fresh, ""


def read_copy(kept: Path) -> Approved | None:
    """Return the last good copy; None where there is none, or not any more."""
    try:
        raw = json.loads(kept.read_bytes())
        etag = raw["etag"]
        return Approved(etag if isinstance(etag, str) else None, read_comments(raw), raw["comments"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def write_copy(kept: Path, approved: Approved) -> None:
    """Replace the copy in one step: a build that is killed leaves the old one or the new one."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    descriptor, fresh = tempfile.mkstemp(dir=kept.parent, prefix=".comments-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(copy_text(approved))
        Path(fresh).replace(kept)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise


def fetch(url: str, last: Approved | None) -> Approved:
    """Ask the service, with the last ETag (RFC 9110, 13.1.2). Raises NoAnswer.

    urllib bounds each wait, not their sum, so the asking is done by a thread that may be left behind.
    """
    answers: SimpleQueue[Approved | NoAnswer] = SimpleQueue()

    def asking() -> None:
        try:
            answers.put(ask(url, last))
        except NoAnswer as why:
            answers.put(why)

    Thread(target=asking, daemon=True).start()
    try:
        answer = answers.get(timeout=ANSWER_SECONDS)
    except Empty:
        raise NoAnswer(f"the answer took longer than {ANSWER_SECONDS:g} seconds") from None
    if isinstance(answer, NoAnswer):
        raise answer
    return answer


def ask(url: str, last: Approved | None) -> Approved:
    """Ask and read the answer; `last` itself where nothing has changed. Raises NoAnswer."""
    headers = {"Accept": "application/json"}
    if last and last.etag:
        headers["If-None-Match"] = last.etag
    try:
        if not url.lower().startswith(("http://", "https://")):
            raise NoAnswer("COMMENTS_URL must begin with http:// or https://")
        request = urllib.request.Request(url, headers=headers)  # noqa: S310  # http or https: checked above
        with urllib.request.urlopen(request, timeout=SILENCE_SECONDS) as answer:  # noqa: S310  # as above
            body = read_bounded(answer)
            etag = answer.headers.get("ETag")
        told = json.loads(body)
        comments = read_comments(told)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 304 and last and last.etag:
            return last
        raise NoAnswer(f"the answer's status was {error.code}") from error
    except TimeoutError as error:
        raise NoAnswer(f"there was no answer within {SILENCE_SECONDS:g} seconds") from error
    except urllib.error.URLError as error:
        raise NoAnswer(str(getattr(error.reason, "strerror", None) or error.reason)) from error
    except NotAsPromised as error:
        raise NoAnswer(f"the answer is not a list of comments ({error})") from error
    except (ValueError, RecursionError) as error:
        raise NoAnswer("the answer is not JSON") from error
    except (OSError, HTTPException) as error:
        raise NoAnswer(f"the answer broke off ({type(error).__name__})") from error
    if isinstance(told.get("etag"), str):  # a copy: it names the service's state, its header only the file's
        return Approved(told["etag"], comments, told["comments"])
    # A proxy that compresses makes the ETag a weak one; the service names its states by the strong one.
    return Approved(etag.removeprefix("W/") if etag else None, comments, told["comments"])


def copy_text(approved: Approved) -> str:
    """Return the copy of an answer as a file holds it."""
    return json.dumps({"etag": approved.etag, "comments": approved.raw}, ensure_ascii=False)


def read_bounded(answer: Any) -> bytes:
    """Read the body; raises NoAnswer where it is larger than LARGEST or ends early (read1 does not say so)."""
    deadline, body = time.monotonic() + ANSWER_SECONDS, bytearray()
    while part := answer.read1(65536):
        body += part
        if len(body) > LARGEST:
            raise NoAnswer(f"the answer is larger than {LARGEST // 1024**2} MB")
        if time.monotonic() > deadline:
            raise NoAnswer(f"the answer took longer than {ANSWER_SECONDS:g} seconds")
    if answer.headers.get("Content-Length", str(len(body))) != str(len(body)):
        raise NoAnswer("the answer broke off")
    return bytes(body)
