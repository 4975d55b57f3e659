"""Puts a service of the world on a port of 127.0.0.1 and keeps what it was asked."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Middleware

from .faults import Faults

_SECRETS = frozenset({"apikey", "api_key", "jackett_apikey", "passkey", "token"})


class Service(Protocol):
    """What the world starts: a named application that is told its address."""

    name: str
    url: str

    def application(self, middlewares: list[Middleware]) -> web.Application:
        """Make the application."""

    def listen_at(self, base_url: str) -> None:
        """Learn the address, without a slash at the end."""


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request a service got; keys are not kept."""

    service: str
    method: str
    path: str
    query: Mapping[str, str]

    @property
    def query_names(self) -> frozenset[str]:
        """Names of the query's members."""
        return frozenset(self.query)


class Requests:
    """All requests to all services, oldest first."""

    def __init__(self) -> None:
        self._all: list[RecordedRequest] = []
        self._came = asyncio.Condition()

    def to(self, service: str, method: str | None = None, path: str = "") -> list[RecordedRequest]:
        """Give the requests to one service, optionally of one method or with a part of the path."""
        return [
            request
            for request in self._all
            if request.service == service and method in {None, request.method} and path in request.path
        ]

    async def wait_for(self, service: str, method: str | None = None, path: str = "", *, bound_s: float = 10.0) -> None:
        """Wait until such a request has come. Raises TimeoutError."""
        async with asyncio.timeout(bound_s), self._came:
            await self._came.wait_for(lambda: bool(self.to(service, method, path)))

    def clear(self) -> None:
        """Forget them."""
        self._all.clear()

    def middleware(self, service: str) -> Middleware:
        """Give the middleware that records one service's requests, whatever becomes of them."""

        @web.middleware
        async def record(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            query = {name: value for name, value in request.query.items() if name.casefold() not in _SECRETS}
            self._all.append(RecordedRequest(service, request.method, request.path, query))
            async with self._came:
                self._came.notify_all()
            return await handler(request)

        return record


async def serve(service: Service, faults: Faults, requests: Requests, port: int = 0) -> web.AppRunner:
    """Start a service on a port of 127.0.0.1 (0: any free one); cleanup() of the runner ends it."""
    middlewares = [requests.middleware(service.name), faults.middleware(service.name)]
    runner = web.AppRunner(
        service.application(middlewares), access_log=None, handler_cancellation=True, shutdown_timeout=0.2
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    service.listen_at(f"http://127.0.0.1:{runner.addresses[0][1]}")
    return runner
