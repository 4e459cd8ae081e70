"""What nobody needs any more is forgotten, however often the service is restarted."""

import time
from datetime import timedelta
from pathlib import Path

from doors import ORIGIN
from examples import NOW, rows
from starlette.testclient import TestClient

from leadapi import clock, rate_limits, sessions, tables
from leadapi.app import create_app
from leadapi.settings import Settings
from leadapi.store import Store

PATIENCE = 20.0


def test_a_start_forgets(store: Store, database_url: str, tmp_path: Path) -> None:
    """Old counts and sessions go when the service starts, not a day later; what is still needed stays."""
    now = clock.now()
    for moment in (NOW - timedelta(days=400), now):
        store.write_now(sessions.begin, ("owner@example.com", moment))
        store.write_now(
            lambda connection, at: rate_limits.take(connection, rate_limits.LEADS_BY_NETWORK, "192.0.2.0/24", at),
            moment,
        )
    settings = Settings(
        env="development",
        database_url=database_url,
        site_url=ORIGIN,
        site_dir=tmp_path,
        mail_url=f"file://{tmp_path}/mail",
    )
    with TestClient(create_app(settings)):
        deadline = time.monotonic() + PATIENCE
        while len(rows(store, tables.sessions)) + len(rows(store, tables.rate_limits)) > 2:
            assert time.monotonic() < deadline, "nothing is forgotten"
            time.sleep(0.01)
    assert [row.created_at for row in rows(store, tables.sessions)] == [now]
    assert len(rows(store, tables.rate_limits)) == 1
