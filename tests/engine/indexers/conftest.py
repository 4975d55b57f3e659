"""An HTTP session, the world's indexer, and a small server for what no world's service says."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.world.fixtures import AUDIO_CACHE
from tests.world.world import World

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
type Serve = Callable[[Handler], AbstractAsyncContextManager[str]]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def serve() -> Serve:
    """Serve one handler at every path, and give its address."""

    @asynccontextmanager
    async def serve(handler: Handler) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        async with TestServer(app, host="127.0.0.1") as server:
            yield str(server.make_url("/")).rstrip("/")

    return serve


@pytest.fixture
async def indexers_world(tmp_path: Path) -> AsyncIterator[World]:
    """Give the world's indexers without a swarm."""
    async with World(tmp_path / "world", seed=False, audio_cache=AUDIO_CACHE) as world:
        yield world
