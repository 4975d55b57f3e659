"""The world's Lidarr and Jellyfin, and the engine's doors to them."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from custom_components.trusttune.engine.config import JellyfinConfig, LidarrConfig
from custom_components.trusttune.engine.wanted.jellyfin import JellyfinLibrary
from custom_components.trusttune.engine.wanted.lidarr import LidarrLibrary
from tests.world.fixtures import AUDIO_CACHE
from tests.world.world import World


def http_client() -> httpx.AsyncClient:
    # Certificates are not needed for http, and loading them takes long.
    return httpx.AsyncClient(timeout=5, verify=False)


@pytest.fixture(params=["10.11.11", "12.0.0"])
def jellyfin_version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def wanted_world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Give Lidarr and Jellyfin alone; of the version a test asks for, or 12."""
    version = request.getfixturevalue("jellyfin_version") if "jellyfin_version" in request.fixturenames else "12.0.0"
    only = {"lidarr", "jellyfin"}
    async with World(
        tmp_path / "world", seed=False, only=only, audio_cache=AUDIO_CACHE, jellyfin_version=version
    ) as world:
        yield world


@pytest.fixture
async def lidarr(wanted_world: World) -> AsyncIterator[LidarrLibrary]:
    server = wanted_world.lidarr
    library = LidarrLibrary(LidarrConfig(url=server.url, api_key=server.api_key), http_client)
    yield library
    await library.close()


@pytest.fixture
def jellyfin(wanted_world: World) -> JellyfinLibrary:
    server = wanted_world.jellyfin
    return JellyfinLibrary(JellyfinConfig(url=server.url, api_key=server.api_key))
