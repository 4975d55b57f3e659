"""Faults of outside services, switched on by name; the middleware stands in front of every server."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web
from aiohttp.typedefs import Middleware


class Fault(StrEnum):
    """Ways in which a service fails in life."""

    SLOW = "slow"
    ERROR_500 = "error_500"
    GARBAGE = "garbage"
    LOGIN_PAGE = "login_page"
    RESET = "reset"
    STARTING_503 = "starting_503"
    RATE_LIMITED_429 = "rate_limited_429"
    ERROR_IN_200 = "error_in_200"


@dataclass(slots=True)
class _ActiveFault:
    fault: Fault
    delay_s: float
    retry_after_s: int
    path: str
    remaining: int | None


_LOGIN_PAGE = (
    "<!doctype html><html><head><title>Sign in</title></head><body>"
    '<form method="post" action="/login"><input name="user"><input name="password" type="password"></form>'
    "</body></html>"
)


class Faults:
    """Which faults are on, for each service."""

    def __init__(self, services: Collection[str]) -> None:
        self._services = frozenset(services)
        self._active: dict[str, dict[Fault, _ActiveFault]] = {}

    def set(
        self,
        service: str,
        fault: str,
        *,
        delay_s: float = 5.0,
        retry_after_s: int = 1,
        path: str = "",
        times: int | None = None,
    ) -> None:
        """Switch a fault on: for requests whose path contains `path`, for the next `times` of them or for good.

        `delay_s` belongs to slow, `retry_after_s` to rate_limited_429 and starting_503. A slow service can have
        one more fault, which comes after the wait.
        """
        kind = Fault(fault)
        if service not in self._services:
            raise ValueError(f"No such service: {service}")
        if kind is Fault.ERROR_IN_200 and service != "torznab":
            raise ValueError("Only Torznab answers errors with HTTP 200")
        self._active.setdefault(service, {})[kind] = _ActiveFault(kind, delay_s, retry_after_s, path, times)

    def clear(self, service: str | None = None, fault: str | None = None) -> None:
        """Switch a fault off, or all of a service, or all."""
        for name in [service] if service else list(self._active):
            if fault is None:
                self._active.pop(name, None)
            else:
                self._active.get(name, {}).pop(Fault(fault), None)

    def _take(self, service: str, path: str) -> list[_ActiveFault]:
        taken = []
        for active in list(self._active.get(service, {}).values()):
            if active.path not in path or active.remaining == 0:
                continue
            if active.remaining is not None:
                active.remaining -= 1
            taken.append(active)
        return sorted(taken, key=lambda active: active.fault is not Fault.SLOW)

    def middleware(self, service: str) -> Middleware:
        """Give the middleware for one service's application."""

        @web.middleware
        async def fail_if_asked(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            for active in self._take(service, request.path):
                if active.fault is Fault.SLOW:
                    await asyncio.sleep(active.delay_s)
                else:
                    return _failure(service, active, request)
            return await handler(request)

        return fail_if_asked


def _failure(service: str, active: _ActiveFault, request: web.Request) -> web.Response:
    retry = {"Retry-After": str(active.retry_after_s)}
    match active.fault:
        case Fault.ERROR_500:
            if service == "lidarr":
                return web.json_response({"message": "database is locked", "description": "   at Lidarr"}, status=500)
            return web.Response(status=500, text="Error processing request.")
        case Fault.GARBAGE:
            content_type = "application/rss+xml" if service in {"torznab", "musicbrainz"} else "application/json"
            return web.Response(body=b'\x00\xff{"half": [1, 2, <rss>', content_type=content_type)
        case Fault.LOGIN_PAGE:
            return web.Response(text=_LOGIN_PAGE, content_type="text/html")
        case Fault.STARTING_503:
            if service == "lidarr":
                return web.json_response({"errorMessage": "Lidarr is starting up"}, status=503, headers=retry)
            page = "<html><body>The server is still starting. Please try again.</body></html>"
            return web.Response(text=page, content_type="text/html", status=503, headers=retry)
        case Fault.RATE_LIMITED_429:
            if service == "torznab":
                text = '<?xml version="1.0" encoding="UTF-8"?><error code="429" description="Request limit reached" />'
                return web.Response(text=text, content_type="application/xml", status=429, headers=retry)
            return web.Response(text="Too many requests", status=429, headers=retry)
        case Fault.ERROR_IN_200:
            text = '<?xml version="1.0" encoding="UTF-8"?><error code="900" description="The tracker is away" />'
            return web.Response(text=text, content_type="application/xml")
        case _:
            _reset(request)
            return web.Response()


def _reset(request: web.Request) -> None:
    """Cut the connection so that the other side sees a reset, not an end."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
