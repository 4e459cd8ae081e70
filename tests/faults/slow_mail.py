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
    """What the server received, with the moment of each."""

    address = ""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: list[tuple[str, float]] = []

    async def handle_MAIL(self, *asked: Any) -> str:
        await asyncio.sleep(random.uniform(*THINKS))
        return await super().handle_MAIL(*asked)

    async def handle_RCPT(self, *asked: Any) -> str:
        await asyncio.sleep(random.uniform(*THINKS))
        return await super().handle_RCPT(*asked)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        await asyncio.sleep(random.uniform(*THINKS))
        letter = message_from_bytes(envelope.original_content)["Message-ID"]
        self.arrived.append((letter, time.monotonic()))
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
