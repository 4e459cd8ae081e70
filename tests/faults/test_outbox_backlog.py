"""Ten thousand letters wait, and a visitor wants theirs now."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from commands import Place, opened
from examples import rows
from slow_mail import SlowMailbox
from sqlalchemy import Connection

from leadapi import deliveries, outbox, smtp, tables
from leadapi.outbox import Delivery
from leadapi.store import Store

pytestmark = pytest.mark.anyio

LETTER = {"to": "alice@example.com", "subject": "Hello", "text": "Hello\n", "html": "<p>Hello</p>\n"}
DRAINED, WAITED = 600.0, 5.0
"""Seconds in which ten thousand letters have to leave, and a new one beside them."""


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


def put(connection: Connection, value: tuple[str, int, datetime]) -> None:
    """Letters to as many visitors, each of which is counted for its mailbox before it leaves."""
    name, count, now = value
    for one in (f"<{name}.{number}@blog.example.com>" for number in range(count)):
        who = sha256(one.encode()).hexdigest()
        letter = LETTER | {"message_id": one}
        row = outbox.Row("letter", letter, one, now, address_hash=who, mailbox_hash=who, planned_at=now)
        outbox.enqueue(connection, row)


@pytest.mark.parametrize("failed_before", [False, True], ids=["untried", "tried before"])
async def test_a_backlog_drains_while_new_letters_pass_it(
    place: Place, mailbox: SlowMailbox, counts: Callable[[int, int], int], failed_before: bool
) -> None:
    """10,000 letters leave within ten minutes, and whoever asks meanwhile waits less than five seconds."""
    count = counts(150, 10_000)
    with opened(place) as store:
        await store.write(put, ("backlog", count, datetime.now(UTC) - timedelta(hours=1)))
        if failed_before:
            once = tables.outbox.update().values(attempts=5)
            await store.write(lambda connection, _: connection.execute(once), None)
        begun = time.monotonic()
        asked = await sent_meanwhile(store, mailbox, count)
        drained = max(moment for letter, moment in mailbox.arrived) - begun
        assert all(row.done_at for row in rows(store, tables.outbox))
    arrived = dict(mailbox.arrived)
    assert len(arrived) == len(mailbox.arrived) == count + len(asked)
    waits = [arrived[letter] - moment for letter, moment in asked.items()]
    print(
        f"{place.good['LEADAPI_DATABASE_URL'].partition(':')[0]}: {count} letters in {drained:.0f} s over "
        f"{len(mailbox.connections)} connections; {len(waits)} new ones waited {max(waits):.2f} s at most"
    )
    assert drained < DRAINED * count / 10_000 + 5
    assert max(waits) < WAITED


async def sent_meanwhile(store: Store, mailbox: SlowMailbox, count: int) -> dict[str, float]:
    """When each of the new letters was asked for, of which one comes twice a second while the backlog drains."""
    asked: dict[str, float] = {}
    async with smtp.sender_to(mailbox.address) as send:

        async def tell(delivery: Delivery) -> None:
            await send(smtp.message(delivery.payload, "blog@example.com", "The Blog"))

        worker = asyncio.create_task(deliveries.work(store, {"letter": tell}))
        try:
            async with asyncio.timeout(DRAINED + 60):
                while len(mailbox.arrived) < count + len(asked):
                    if len(mailbox.arrived) < count:
                        name = f"new-{len(asked)}"
                        asked[f"<{name}.0@blog.example.com>"] = time.monotonic()
                        await store.write(put, (name, 1, datetime.now(UTC)))
                    await asyncio.sleep(0.5)
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
    return asked
