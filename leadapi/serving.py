"""The service as a process: it examines its settings, builds the site first where it is asked to, and listens.

The port is taken before anything takes time, so that a second server is told at once; it is listened on last.
"""

import asyncio
import signal
import socket
import sys
from types import FrameType

import structlog
import uvicorn

from leadapi import database_state, start_checks
from leadapi.app import create_app, site_builds
from leadapi.settings import Settings
from leadapi.wire import BoundedProtocol

GRACE_SECONDS = 10


def serve(host: str, port: str) -> None:
    """Refuse with a sentence, or serve until SIGINT or SIGTERM; requests under way are finished."""
    signal.signal(signal.SIGTERM, _leave)  # while the site is built: the build ends too
    listener = _listen(host, port)
    name = "127.0.0.1" if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host  # noqa: S104
    address = f"http://{name}:{listener.getsockname()[1]}"
    settings, found = start_checks.examined(address)
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
