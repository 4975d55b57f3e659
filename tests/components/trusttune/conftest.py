"""A Home Assistant with TrustTune, a real torrent client, and the world's servers around it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from homeassistant.config_entries import ConfigSubentryData
from homeassistant.const import CONF_API_KEY, CONF_NAME, CONF_PASSWORD, CONF_URL, CONF_USERNAME, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant, callback
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_socket import enable_socket, socket_allow_hosts

from custom_components.trusttune.const import (
    CONF_CLIENT,
    CONF_JELLYFIN,
    CONF_KIND,
    CONF_LIDARR,
    CONF_MUSIC_FOLDER,
    CONF_MUSICBRAINZ,
    DOMAIN,
    NAME,
    SUBENTRY_INDEXER,
)
from custom_components.trusttune.coordinator import TrustTuneRuntime
from tests.torrent_clients import RunningClient, torrent_client
from tests.world.fixtures import AUDIO_CACHE
from tests.world.world import World

type MakeEntry = Callable[..., MockConfigEntry]

SESSION_CLIENT_STARTS_WITHIN_S = 40


@pytest.fixture(autouse=True)
def our_integration_is_found(enable_custom_integrations: None) -> None:
    """Let Home Assistant see custom_components/."""


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Keep every test's database to itself."""
    return hass_tmp_config_dir


class _Beside:
    """A torrent client that outlives one test's event loop: it is started and ended on a loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="torrent clients", daemon=True)
        self._thread.start()

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SESSION_CLIENT_STARTS_WITHIN_S)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="session")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningClient]:
    """Give a torrentd for tests that neither download nor stop it nor guess its password."""
    # Session fixtures come before the one that opens the sockets of each test.
    enable_socket()
    socket_allow_hosts(["127.0.0.1"])
    beside = _Beside()
    client = torrent_client("torrentd", tmp_path_factory.mktemp("torrentd"))
    try:
        yield beside.run(client.__aenter__())
        beside.run(client.__aexit__(None, None, None))
    finally:
        beside.close()


@pytest.fixture
async def own_client(tmp_path: Path) -> AsyncIterator[RunningClient]:
    """Give a torrentd that this test may do anything with."""
    async with torrent_client("torrentd", tmp_path / "torrentd") as running:
        yield running


@pytest.fixture
async def quiet_world(tmp_path: Path) -> AsyncIterator[World]:
    """Give the world without its swarm."""
    async with World(tmp_path / "world", seed=False, audio_cache=AUDIO_CACHE) as world:
        yield world


@pytest.fixture
def make_entry(quiet_world: World) -> MakeEntry:
    """Make an entry that is connected to the world and a client."""

    def make(running: RunningClient, *, options: dict[str, Any] | None = None, **changes: Any) -> MockConfigEntry:
        data = entry_data(running, quiet_world)
        for name, value in changes.items():
            data[name] = {**data[name], **value} if isinstance(value, dict) else value
        return MockConfigEntry(
            domain=DOMAIN,
            title=NAME,
            unique_id=running.url.removeprefix("http://"),
            data={name: value for name, value in data.items() if value is not None},
            options=options or {},
            subentries_data=[
                ConfigSubentryData(
                    data={
                        CONF_NAME: "World",
                        CONF_URL: quiet_world.torznab.url,
                        CONF_KIND: "torznab",
                        CONF_API_KEY: quiet_world.torznab.api_key,
                    },
                    subentry_type=SUBENTRY_INDEXER,
                    title="World",
                    unique_id=quiet_world.torznab.url,
                )
            ],
        )

    return make


@pytest.fixture
async def entry(
    hass: HomeAssistant, make_entry: MakeEntry, shared_client: RunningClient
) -> AsyncIterator[MockConfigEntry]:
    """Give a running TrustTune that always asks before it downloads."""
    entry = make_entry(shared_client, options={"always_ask": True})
    await set_up(hass, entry)
    yield entry
    await hass.config_entries.async_unload(entry.entry_id)


def entry_data(client: RunningClient, world: World) -> dict[str, Any]:
    """Give what the dialog makes of this client and this world."""
    return {
        CONF_CLIENT: {
            CONF_URL: client.url,
            CONF_USERNAME: client.username,
            CONF_PASSWORD: client.password,
            CONF_VERIFY_SSL: True,
        },
        CONF_LIDARR: {CONF_URL: world.lidarr.url, CONF_API_KEY: world.lidarr.api_key},
        CONF_JELLYFIN: {CONF_URL: world.jellyfin.url, CONF_API_KEY: world.jellyfin.api_key, CONF_VERIFY_SSL: True},
        CONF_MUSICBRAINZ: {CONF_URL: world.musicbrainz.url},
        CONF_MUSIC_FOLDER: str(world.music_folder),
    }


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set an entry up and wait until the client was asked once."""
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    runtime: TrustTuneRuntime | None = getattr(entry, "runtime_data", None)
    if runtime is not None:
        await until(hass, lambda: runtime.engine.status.is_client_connected or runtime.engine.status.problems)


async def until(hass: HomeAssistant, claim: Callable[[], object], *, within_s: float = 15) -> None:
    """Wait until something is so; looked at whenever a state changes or the engine says something."""
    changed = asyncio.Event()

    @callback
    def look(*_: object) -> None:
        changed.set()

    unsubscribes = [hass.bus.async_listen("*", look)]
    for entry in hass.config_entries.async_entries(DOMAIN):
        if runtime := getattr(entry, "runtime_data", None):
            unsubscribes += [
                runtime.engine.subscribe(look),
                runtime.engine.subscribe_status(look),
                runtime.approvals.async_add_listener(look),
                runtime.feed.async_subscribe(look),
            ]
    try:
        async with asyncio.timeout(within_s):
            while not claim():
                await changed.wait()
                changed.clear()
    finally:
        for unsubscribe in unsubscribes:
            unsubscribe()
