# SPDX-License-Identifier: AGPL-3.0-or-later
"""Builds a site again and again without starting anew, for whoever watches the files and asks over pipes.

Half of a small build's time goes into starting Python. So one process reads the code and nothing else, and each
build is forked from it: no build inherits anything from another. A build that has ended well stays until the next
one has, since it can show a saved post's own page in a few milliseconds (own_page).

Each line of the input is a question in JSON, and each line of the output an answer:

    {"build": "why"}        {"built": true, "said": "what the author is to know"}
    {"show": "/a/post.md"}  {"shown": "a-post/index.html"}, or "" where only a build can tell

When code has changed that was read, the process ends without an answer, and whoever asks starts it anew.
"""

import gc
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from plugins.incremental.own_page import LastBuild, NotShown

LONGEST_MESSAGE = 16 * 1024
"""Bytes of what a build says that are told: the last ones, where the mistake stands."""

Question = dict[str, str]
Answer = dict[str, Any]


def serve(read_code: Callable[[], object], build: Callable[[], bool]) -> None:
    """Answer until the input ends; `build` says whether the site was built, and prints why not."""
    begun = time.time_ns()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever is printed is no answer
    read_code()
    gc.freeze()
    code = dict(_code())
    last: _Child | None = None
    for line in sys.stdin:
        if any(changed > begun for changed, _ in code.values()) or code != dict(_code(code)):
            break
        question: Question = json.loads(line)
        if "show" in question:
            answer = (last and last.ask(question)) or {"shown": ""}
        else:
            following = _Child(build, answers, last)
            answer = following.ask(None) or {"built": False, "said": "The build ended without a word."}
            for child in (last, None if answer["built"] else following):
                if child:
                    child.end()
            last = following if answer["built"] else None
        print(json.dumps(answer), file=answers)
    if last:
        last.end()


def _code(files: Any = None) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the site's own files of code that were read, with their times and sizes; installed packages stay."""
    installed = (sys.prefix, sys.base_prefix, *(path for path in sys.path if "site-packages" in path))
    if files is None:
        read = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
        files = {os.path.abspath(file) for file in read if file}  # noqa: PTH100
    for file in files:
        if not file.startswith(installed):
            with suppress(OSError):
                found = Path(file).stat()
                yield file, (found.st_mtime_ns, found.st_size)


class _Child:
    """A process that builds the site, and then shows posts."""

    def __init__(self, build: Callable[[], bool], answers: IO[str], before: "_Child | None") -> None:
        """`answers` and the child `before` are the parent's alone."""
        theirs, self._questions = os.pipe()
        answered, mine = os.pipe()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(answers.fileno())
                if before:
                    before.close()
                os.close(self._questions)
                os.close(answered)
                _build_and_show(build, os.fdopen(theirs), os.fdopen(mine, "w", buffering=1))
            finally:
                os._exit(0)
        os.close(theirs)
        os.close(mine)
        self._answers = os.fdopen(answered)

    def ask(self, question: Question | None) -> Answer | None:
        """Return the answer to a question, without one that about the build; None where there is none."""
        try:
            if question:
                os.write(self._questions, f"{json.dumps(question)}\n".encode())
            answer: Answer = json.loads(self._answers.readline())
        except (OSError, ValueError):
            return None
        return answer

    def end(self) -> None:
        """Let it end, which it does when nobody can ask it any more."""
        self.close()
        os.waitpid(self._pid, 0)

    def close(self) -> None:
        """Ask nothing any more."""
        os.close(self._questions)
        self._answers.close()


def _build_and_show(build: Callable[[], bool], questions: IO[str], answers: IO[str]) -> None:
    with tempfile.TemporaryFile() as output, Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        last = LastBuild()
        try:
            good = build()
        except BaseException:  # whatever it is, its author is told
            good = False
            traceback.print_exc()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - LONGEST_MESSAGE))
        said = output.read().decode(errors="replace").strip()
    last.has_ended()
    print(json.dumps({"built": good, "said": said}), file=answers)
    if good:
        last.make_ready()
        gc.freeze()
        for line in questions:
            print(json.dumps({"shown": _shown(last, json.loads(line)["show"])}), file=answers)


def _shown(last: LastBuild, path: str) -> str:
    """Show a post from a process of its own: what the build has left stays as it is."""
    answered, mine = os.pipe()
    pid = os.fork()
    if pid == 0:
        gc.disable()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            os.write(mine, last.show(path).encode())
        except NotShown:
            pass
        except BaseException:  # the build meets it again, and tells
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(mine)
    with os.fdopen(answered) as answer:
        shown = answer.read()
    os.waitpid(pid, 0)
    return shown
