"""What the engine is given by whoever embeds it: its ways to the outside world and its clock."""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
import httpx


@dataclass(frozen=True, slots=True)
class Ports:
    """The engine's collaborators.

    `http_client` makes an httpx client with the timeout (seconds) it is given; the engine closes it.
    `clock` gives seconds since the epoch.
    """

    session: aiohttp.ClientSession
    http_client: Callable[[float], httpx.AsyncClient]
    ssl_context: ssl.SSLContext | None = None
    clock: Callable[[], float] = time.time
