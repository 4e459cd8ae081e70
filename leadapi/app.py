"""The composition root: the only place where the parts of the service meet."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from email.message import EmailMessage

import httpx2
import structlog
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from leadapi import (
    admin_routes,
    bounce_routes,
    comment_list,
    comment_routes,
    deliveries,
    delivery_routes,
    dev_routes,
    lead_routes,
    outbox,
    owner_notices,
    privacy_routes,
    proofs,
    rate_limits,
    request_scope,
    retention,
    sessions,
    site_routes,
    smtp,
    suppressions,
    unsubscribe_routes,
    waves,
    webhooks,
)
from leadapi.access_log import AccessLog
from leadapi.clock import now
from leadapi.error_responses import answer, install, unforeseen
from leadapi.errors import StoreUnavailable
from leadapi.guards import BodyLimits, LastResort, SecurityHeaders
from leadapi.index_reading import Index, IndexFromFolder, IndexFromSite
from leadapi.settings import Settings
from leadapi.site_builds import SiteBuilds, call_hook
from leadapi.store import open_store
from leadapi.webhook_requests import asker

FORGET_SECONDS = 24 * 3600

log = structlog.get_logger()


def create_app(settings: Settings, address: str = "", say: Callable[[str], None] | None = None) -> FastAPI:
    """The service, ready for an ASGI server; the database must have its tables.

    `address` is where this process listens: the site's builds ask there for comments. `say` is told what they
    do, for a terminal. Threads, connections and workers live from the server's start to its stop.
    """
    app = with_doors(FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=_running), settings)
    app.state.client = httpx2.AsyncClient(timeout=10)
    app.state.index = _index(settings, app.state.client)
    app.state.builds = site_builds(settings, address, say) if settings.build_command else None
    app.state.stopping = lambda: False
    return app


def site_builds(settings: Settings, address: str, say: Callable[[str], None] | None = None) -> SiteBuilds:
    """The builds of a site that lies on this machine, with what they have to know of this process.

    Before it answers, `address` is empty: the build takes the last good copy of the comments.
    """
    told = {"SITE_URL": settings.site_url, "COMMENTS_URL": f"{address}/api/comments" if address else ""}
    return SiteBuilds(settings.build_command, say, told)


def with_doors(app: FastAPI, settings: Settings) -> FastAPI:
    """Give the app its routes, its guards and its answers to errors; they use `store` and `index` of app.state."""
    app.state.settings = settings
    app.router.redirect_slashes = False
    app.include_router(lead_routes.router)
    app.include_router(delivery_routes.router)
    app.include_router(comment_routes.router)
    app.include_router(privacy_routes.router)
    app.include_router(admin_routes.router)
    app.include_router(unsubscribe_routes.router)
    app.include_router(bounce_routes.router)
    app.include_router(site_routes.router)
    if settings.development:
        app.include_router(dev_routes.router)
    if settings.site_dir:
        app.router.default = site_routes.SiteFiles(settings.site_dir)  # what no route of ours answers
    elif settings.api_url:
        app.router.default = site_routes.ToTheSite(settings.site_url)
    install(app)
    app.add_middleware(BodyLimits, answer=answer)
    app.add_middleware(LastResort, answer=unforeseen)
    if not settings.one_machine:  # the site's pages may ask us directly too (API_URL), without their proxy
        app.add_middleware(CORSMiddleware, allow_origins=[settings.origin], allow_methods=["GET", "POST"])
    app.add_middleware(SecurityHeaders, style_hash=lambda: app.state.index.known().style_hash)
    app.add_middleware(AccessLog)
    return app


def _index(settings: Settings, client: httpx2.AsyncClient) -> Index:
    if settings.site_dir:
        return IndexFromFolder(settings.site_dir)
    return IndexFromSite(settings.site_url, settings.var_dir, client)


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    app.state.store = open_store(settings.database_url)
    mail = AsyncExitStack()
    send = await mail.enter_async_context(smtp.sender_to(settings.mail_url))

    async def tell_letter(delivery: outbox.Delivery) -> None:
        name = (await app.state.index.current()).site_name
        letter: EmailMessage = smtp.message(delivery.payload, settings.mail_from, name)
        await send(letter)

    async def tell_digest(delivery: outbox.Delivery) -> None:
        index = await app.state.index.current()
        due = owner_notices.Digest(
            delivery.payload,
            request_scope.sender(settings, index),
            owner_notices.Owner(settings.owner_email, settings.owner_notices),
            {slug: entry["title"] for slug, entry in [*index.posts.items(), *index.whitepapers.items()]},
        )
        if letter := await app.state.store.read(owner_notices.digest, due):
            await send(smtp.message(letter.payload(), settings.mail_from, index.site_name))

    async def approved() -> str:
        etag: str = await app.state.store.read(comment_list.version, None)
        return etag

    tellers = {
        "letter": tell_letter,
        "digest": tell_digest,
        "webhook": webhooks.teller(app.state.store, asker(settings.webhook_allow)),
    }
    work = [
        deliveries.work(app.state.store, tellers),
        _forget(app),
        _look_at_site(app),
        _look_for_waves(app),
    ]
    if app.state.builds:
        work.append(app.state.builds.keep_up(app.state.index, approved, comment_list.NONE_APPROVED))
        if settings.build_watch:
            work.append(app.state.builds.watch(settings.build_watch))
    if settings.build_hook_url:
        hook, none = settings.build_hook_url, comment_list.NONE_APPROVED
        work.append(call_hook(hook, approved, none, app.state.index, app.state.client))
    tasks = [asyncio.create_task(job) for job in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await mail.aclose()
        await app.state.client.aclose()
        await asyncio.to_thread(app.state.store.close)


async def _look_at_site(app: FastAPI) -> None:
    """Ask the site for its index before anybody needs it."""
    await app.state.index.current()


async def _look_for_waves(app: FastAPI) -> None:
    """Tell the owner within a minute when far more forms come in than usual."""
    settings: Settings = app.state.settings
    while True:
        await asyncio.sleep(waves.LOOK_SECONDS)
        try:
            sender = request_scope.sender(settings, await app.state.index.current())
            await app.state.store.write(waves.look, waves.Look(now(), settings.owner_email, sender))
        except Exception as error:  # whatever it is: the next look may see more
            if not isinstance(error, StoreUnavailable):
                log.error("waves_not_looked_for", exc_info=error)


async def _forget(app: FastAPI) -> None:
    """At the start and once a day, drop what nobody needs any more, and whoever was not here for too long."""
    months = app.state.settings.retention_months
    while True:
        for forget in (
            rate_limits.forget_old,
            sessions.forget_old,
            outbox.forget_old,
            proofs.forget_old,
            suppressions.forget_old,
        ):
            with suppress(StoreUnavailable):  # tomorrow is another day
                await app.state.store.write(forget, now())
        with suppress(StoreUnavailable):
            while await app.state.store.write(retention.forget_inactive, (now(), months)):
                pass
        await asyncio.sleep(FORGET_SECONDS)
