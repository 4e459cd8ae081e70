"""A real mail server in a thread of its own, which thinks for 5 to 20 ms before each answer, as they do."""

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from typing import Any

from mail_server import Mailbox, mail_server

THINKS = (0.005, 0.02)


class SlowMailbox(Mailbox):
    """What the server received, with the moment of each; and by whom: `run` is the service that runs just now.

    A letter belongs to the service that opened its connection, though it may be taken a moment after its death.
    """

    address = ""
    run = 0

    def __init__(self) -> None:
        super().__init__()
        self.arrived: list[tuple[str, float]] = []
        self.of_run: list[tuple[int, str]] = []

    async def handle_MAIL(self, server: Any, session: Any, *asked: Any) -> str:
        session.run = getattr(session, "run", self.run)
        await asyncio.sleep(random.uniform(*THINKS))
        return await super().handle_MAIL(server, session, *asked)

    async def handle_RCPT(self, *asked: Any) -> str:
        await asyncio.sleep(random.uniform(*THINKS))
        return await super().handle_RCPT(*asked)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        await asyncio.sleep(random.uniform(*THINKS))
        letter = message_from_bytes(envelope.original_content)["Message-ID"]
        self.arrived.append((letter, time.monotonic()))
        self.of_run.append((session.run, letter))
        return "250 OK"


@contextmanager
def slow_mail() -> Iterator[SlowMailbox]:
    """The server, while the block runs."""
    mailbox, ready, leave = SlowMailbox(), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with mail_server(mailbox) as mailbox.address:
            ready.set()
            await leave.wait()
            await asyncio.sleep(0.05)  # whoever is about to take leave

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        yield mailbox
    finally:
        loop.call_soon_threadsafe(leave.set)
        thread.join(10)
        loop.close()
