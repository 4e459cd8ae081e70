"""A builder that stays: it has read its code before anybody saves anything, and answers over pipes.

Starting a program for each save costs more than what most saves change. What is said is a line of JSON each way
(plugins/incremental/resident.py), so service and site still share no code. It is trusted with nothing: whenever it
does not answer it is ended with all that it has started, and the ordinary command builds the site.
"""

import asyncio
import json
import os
import shlex
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

LONGEST_ANSWER = 2**20

Answer = dict[str, Any]


class ResidentBuilder:
    """One process, or none: before `start`, and since it has failed."""

    def __init__(self, command: str, environment: Mapping[str, str]) -> None:
        self._command, self._environment = command, environment
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_there(self) -> bool:
        """Whether it can be asked."""
        return self._process is not None

    async def start(self) -> None:
        """Start it, if it is not there. Cancelled at any moment, it leaves nothing that runs."""
        if self._process:
            return
        starting = asyncio.create_task(
            asyncio.create_subprocess_exec(
                *shlex.split(self._command),
                env=self._environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # why it does not answer is told by the ordinary command
                limit=LONGEST_ANSWER,
                start_new_session=True,  # Ctrl-C is for us; what it started ends with it
            )
        )
        try:
            self._process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            with suppress(OSError, ValueError):
                self._process = await starting
                await self.stop()
            raise
        except (OSError, ValueError):
            return

    async def ask(self, question: Mapping[str, str], seconds: float) -> Answer | None:
        """Return the answer; None where there is none in time, and then the builder is there no more."""
        process, answer = self._process, None
        if process is None or process.stdin is None or process.stdout is None:
            return None
        try:
            async with asyncio.timeout(seconds):
                process.stdin.write(f"{json.dumps(question)}\n".encode())
                await process.stdin.drain()
                answer = json.loads(await process.stdout.readline())
        except (TimeoutError, OSError, ValueError):
            pass
        finally:
            if not isinstance(answer, dict):
                answer = None
                await self.stop()
        return answer

    async def stop(self) -> None:
        """End it and all that it has started."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
