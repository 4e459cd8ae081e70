"""The command line: python -m leadapi serve | migrate | doctor | export-leads | dead-letters | bounces | webhooks.

Whatever an operator can get wrong is answered in one sentence and an exit code, never in a traceback.
"""

import os
import signal

if __name__ == "__main__":  # Ctrl-C while all that is needed is read, which takes a second
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

import argparse
import asyncio
import socket
import sys
from types import FrameType

import structlog
import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from leadapi import clock, database_lock, database_state, lead_export, leads, mail_commands, webhook_commands
from leadapi.app import create_app, site_builds
from leadapi.settings import BadSettings, Problem, Settings, from_environment
from leadapi.start_checks import problems
from leadapi.store import open_store
from leadapi.wire import BoundedProtocol

GRACE_SECONDS = 10


def main() -> None:
    """Read the command and carry it out."""
    parser = argparse.ArgumentParser(prog="python -m leadapi", description="The blog's service.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve_command = commands.add_parser("serve", help="answer requests")
    serve_command.add_argument("--host", default="127.0.0.1")
    serve_command.add_argument("--port", default="8000")
    commands.add_parser("migrate", help="bring the database to the newest version")
    commands.add_parser("doctor", help="say what is wrong with the settings and the database")
    export_command = commands.add_parser("export-leads", help="print every lead, one JSON object a line")
    export_command.add_argument("--format", choices=lead_export.FORMATS, default="jsonl")
    export_command.add_argument(
        "--marketing", action="store_true", help="only those who agreed to letters and may still be written to"
    )
    dead = commands.add_parser("dead-letters", help="print the letters that could not be delivered")
    dead.add_argument("--send-again", action="store_true", help="send them all again")
    mailbox = commands.add_parser("bounces", help="note the bounces and complaints in a mailbox")
    mailbox.add_argument("path", nargs="?", help="a Maildir, an mbox, a folder of .eml files, or - for stdin")
    mailbox.add_argument("--secret", action="store_true", help="print the secret for POST /api/bounces instead")
    webhook_commands.add_to(commands)
    options = parser.parse_args()
    try:
        if options.command == "serve":
            serve(options.host, options.port)
        elif options.command == "bounces" and options.secret:
            mail_commands.show_bounce_secret(from_environment())
        elif options.command == "bounces":
            mail_commands.note_bounces(from_environment(), options.path or mailbox.error("say which mailbox"))
        elif options.command == "dead-letters":
            show = mail_commands.send_again if options.send_again else mail_commands.show_dead_letters
            show(from_environment())
        elif options.command == "export-leads":
            export_leads(options.format, marketing=options.marketing)
        elif options.command == "webhooks":
            webhook_commands.run(options, from_environment())
        else:
            {"migrate": migrate, "doctor": doctor}[options.command]()
    except BadSettings as error:
        sys.exit("\n".join(map(str, error.problems)))
    except database_state.Unusable as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def serve(host: str, port: str) -> None:
    """Refuse with a sentence, or serve until SIGINT or SIGTERM; requests under way are finished."""
    signal.signal(signal.SIGTERM, _leave)  # while the site is built: the build ends too
    listener = _listen(host, port)
    name = "127.0.0.1" if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host  # noqa: S104
    address = f"http://{name}:{listener.getsockname()[1]}"
    settings, found = _examined(address)
    for problem in found:
        _say(f"{'' if problem.fatal else 'Warning: '}{problem}")
    if any(problem.fatal for problem in found):
        sys.exit("The service was not started. Mend the settings above and start it again.")
    _log_as_json(quiet=settings.development)
    database_state.prepare(settings)
    if settings.development and settings.build_command:
        _build_first(settings)
    app = create_app(settings, address, _say if settings.development else None)
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config, settings)
    app.state.stopping = lambda: server.should_exit
    for stop in (signal.SIGINT, signal.SIGTERM):  # for the moment before uvicorn hears them itself, and when it
        signal.signal(stop, lambda *_: setattr(server, "should_exit", True))  # raises them again: all is done then
    try:
        listener.listen(config.backlog)
    except OSError as error:  # another server has begun to while our site was built
        sys.exit(_cannot_listen(host, port, error))
    server.run(sockets=[listener])
    if not server.started:
        sys.exit("The service could not start; the line above says why.")


def migrate() -> None:
    """Bring the database to the newest version."""
    settings = from_environment()
    database_state.upgrade(settings)
    print("The database is up to date.")


def doctor() -> None:
    """Print each problem; exit with 1 when `serve` would refuse to start."""
    settings, found = _examined()
    if not any(problem.variable == "DATABASE_URL" for problem in found):
        ours = database_lock.take_if_free(settings.database_url)
        found += database_state.examined(settings, ours=ours)
        if not ours:
            print(
                "Note: the database is in use, as by a running service; whether it can be written was not tried."
            )
    for problem in found:
        print(f"{'Error' if problem.fatal else 'Warning'}: {problem}")
    if any(problem.fatal for problem in found):
        sys.exit(1)
    print("Nothing keeps the service from starting.")


def export_leads(form: lead_export.Format, *, marketing: bool) -> None:
    """Print the leads in the form that was asked for; may run beside the service.

    It needs no secret, but for `marketing` the key under which the suppression list knows an address.
    """
    settings = from_environment()
    if marketing and not settings.hash_key:
        sys.exit("LEADAPI_HASH_KEY: is not set; without it nobody can tell who must not be written to.")
    database_state.require(settings)
    store = open_store(settings.database_url)
    try:
        with store.engine.connect() as connection:
            found = leads.export(connection)
            if marketing:
                found = lead_export.for_marketing(connection, found, settings.hash_key, clock.now())
            for text in lead_export.written(found, form):
                sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    except SQLAlchemyError as error:
        sys.exit(f"The leads cannot be read: {database_state.reason(error)}.")
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still in the buffer
        if not isinstance(error, BrokenPipeError):  # that is a reader who has seen enough
            sys.exit(f"The leads cannot be printed: {error.strerror}.")
    finally:
        store.close()


class _Server(uvicorn.Server):
    """uvicorn's server, which says where the blog is once it listens."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if self.started and self._settings.development:
            site = self._settings.site_url
            _say(f"The blog           {site}/")
            _say(f"The owner's desk   {site}/admin/ (sign in as {self._settings.owner_email})")
            _say(f"The mailbox        {site}/dev/mail/")
            _say("Ctrl-C stops it all.")


def _examined(address: str = "http://127.0.0.1:8000") -> tuple[Settings, list[Problem]]:
    """The settings, as far as they can be understood, and all that is wrong with them."""
    try:
        settings, found = from_environment(address), list[Problem]()
    except BadSettings as error:
        settings, found = error.rest, error.problems
    told = {problem.variable for problem in found}
    return settings, found + [problem for problem in problems(settings) if problem.variable not in told]


def _listen(host: str, port: str) -> socket.socket:
    if not (port.isdecimal() and int(port) < 2**16):
        sys.exit(f"Cannot listen on port {port!r}: a port is a number from 0 to 65535.")
    try:
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
    except (OSError, TypeError) as error:  # the latter: a name that cannot be a host
        sys.exit(_cannot_listen(host, port, error))
    listener.set_inheritable(True)
    return listener


def _cannot_listen(host: str, port: str, error: OSError | TypeError) -> str:
    reason = str(getattr(error, "strerror", None) or "no such host")
    return f"Cannot listen on {host}:{port}: {reason}. Choose another port or host, e.g. make serve PORT=8080."


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _build_first(settings: Settings) -> None:
    builds = site_builds(settings, "", _say)
    good = asyncio.run(builds.build("the service starts"))
    if not good and not (settings.site_dir and (settings.site_dir / "index.html").exists()):
        sys.exit("There is no earlier site to show. Mend the mistake above and start again.")


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def _log_as_json(*, quiet: bool) -> None:
    least = 40 if quiet else 20  # errors only on a developer's terminal, everything where logs are collected
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # main() answers it from here on
    main()
