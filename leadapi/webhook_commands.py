"""The command `python -m leadapi webhooks`: who listens to what happens here.

A secret is shown once, when it is made. Those that write take the database for themselves, as `migrate` does.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable
from typing import Any

from leadapi import clock, database_state, events, hubspot, webhook_endpoints, webhooks
from leadapi.errors import AppError
from leadapi.settings import Settings
from leadapi.store import Store, open_store
from leadapi.tables import new_id
from leadapi.webhook_requests import asker
from leadapi.webhook_targets import TargetRefused


def add_to(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser("webhooks", help="say who is told of leads and comments")
    verbs = parser.add_subparsers(dest="verb", required=True)
    add = verbs.add_parser("add", help="tell a receiver from now on")
    add.add_argument(
        "url",
        nargs="?",
        default="",
        help="HubSpot needs none; Mailchimp: https://DC.api.mailchimp.com/3.0/lists/ID",
    )
    add.add_argument("--kind", choices=webhook_endpoints.KINDS, default="webhook")
    add.add_argument("--events", default="", help=f"comma-separated, of {', '.join(events.KINDS)}; all without it")
    add.add_argument(
        "--secret", default="", help="made and shown where none is given; - reads it from the terminal"
    )
    verbs.add_parser("list", help="print each endpoint with its state")
    for verb, told in (
        ("remove", "forget an endpoint and what waits for it"),
        ("enable", "tell an endpoint again that was disabled"),
        ("test", "ask an endpoint now, and print what it answers"),
    ):
        verbs.add_parser(verb, help=told).add_argument("id")
    rotate = verbs.add_parser("rotate", help="sign with a new secret too; with --finish, with it alone")
    rotate.add_argument("id")
    rotate.add_argument(
        "--secret", default="", help="made and shown where none is given; - reads it from the terminal"
    )
    rotate.add_argument("--finish", action="store_true")


def run(options: argparse.Namespace, settings: Settings) -> None:
    """Carry the command out; what is wrong is one sentence."""
    if options.verb in ("list", "test"):
        database_state.require(settings)
    else:
        database_state.prepare(settings)
    store = open_store(settings.database_url)
    try:
        _VERBS[options.verb](store, options, settings)
    except AppError as error:
        sys.exit(error.message)
    finally:
        store.close()


def _add(store: Store, options: argparse.Namespace, _: Settings) -> None:
    names = [name.strip() for name in options.events.split(",") if name.strip()]
    url = options.url or (hubspot.USUAL_URL if options.kind == "hubspot" else "")
    new = webhook_endpoints.NewEndpoint(url, options.kind, names, _typed(options.secret), clock.now())
    row = store.write_now(webhook_endpoints.add, new)
    print(f"Endpoint {row['id']} is told of: {', '.join(row['events'])}.")
    if row["kind"] == "webhook" and not options.secret:
        _show(row["secrets"][0])


def _list(store: Store, _: argparse.Namespace, __: Settings) -> None:
    rows = store.read_now(webhook_endpoints.listed, None)
    for row in rows:
        print(f"{row['id']}  {row['kind']}  {row['url']}")
        print(f"    told of: {', '.join(row['events'])}")
        waiting = f"{row['waiting']:,} events wait, {row['given_up']:,} were given up"
        rotating = "; two secrets sign" if len(row["secrets"]) > 1 else ""
        if row["disabled_at"]:
            print(f"    disabled on {row['disabled_at']:%Y-%m-%d %H:%M} UTC: {row['disabled_reason']}")
        print(f"    {waiting}{rotating}")
    if not rows:
        print("There is no endpoint. Add one: python -m leadapi webhooks add https://…")


def _remove(store: Store, options: argparse.Namespace, _: Settings) -> None:
    store.write_now(webhook_endpoints.remove, options.id)
    print("It is told of nothing more, and what waited for it is forgotten.")


def _enable(store: Store, options: argparse.Namespace, _: Settings) -> None:
    store.write_now(webhook_endpoints.enable, options.id)
    print("It is told of what happens from now on.")


def _rotate(store: Store, options: argparse.Namespace, _: Settings) -> None:
    if options.finish:
        store.write_now(webhook_endpoints.finish_rotation, options.id)
        print("The old secret signs no more.")
        return
    new = store.write_now(webhook_endpoints.rotate, (options.id, _typed(options.secret)))
    if store.read_now(webhook_endpoints.endpoint, options.id)["kind"] != "webhook":
        print("The new key is in use.")
        return
    if not options.secret:
        _show(new)
    print(f"Both secrets sign now. Give the receiver the new one, then: webhooks rotate {options.id} --finish")


def _test(store: Store, options: argparse.Namespace, settings: Settings) -> None:
    endpoint = store.read_now(webhook_endpoints.endpoint, options.id)
    now = clock.now()
    try:
        answer = asyncio.run(webhooks.trial(asker(settings.webhook_allow), endpoint, new_id(now), now))
    except TargetRefused as error:
        sys.exit(f"Not sent: {error}")
    except Exception as error:  # whatever the network says: it is what was asked for
        sys.exit(f"There was no answer: {database_state.reason(error)}.")
    said = answer.body[:300].decode(errors="replace")
    print(f"It answered {answer.status}. {' '.join(said.split()) if said.isprintable() else ''}".rstrip())
    if not 200 <= answer.status < 300:
        sys.exit("That is no success.")


_VERBS: dict[str, Callable[[Store, argparse.Namespace, Settings], None]] = {
    "add": _add,
    "list": _list,
    "remove": _remove,
    "enable": _enable,
    "rotate": _rotate,
    "test": _test,
}


def _typed(secret: str) -> str:
    return sys.stdin.readline().strip() if secret == "-" else secret  # noqa: S105 - no password


def _show(secret: str) -> None:
    print(f"Its secret, shown this once: {secret}")
