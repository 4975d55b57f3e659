"""A household in the small world: its engine, configured and running, and ways to wait for what it does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import httpx

from custom_components.trusttune.engine import Engine, EngineConfig, EngineStatus, Ports
from custom_components.trusttune.engine.config import (
    BrainConfig,
    ClientConfig,
    IndexerConfig,
    JellyfinConfig,
    LidarrConfig,
    MusicBrainzConfig,
    ScanConfig,
    WorkerConfig,
)
from custom_components.trusttune.engine.journal.entry import Entry
from custom_components.trusttune.engine.tickets.state import State
from custom_components.trusttune.engine.tickets.ticket import Ticket

from .torrent_clients import RunningClient
from .world.world import World

PATIENCE_S = 40.0


def configuration(folder: Path, world: World, client: RunningClient, **changes: Any) -> EngineConfig:
    """Give the configuration of a household that uses everything the world has."""
    config = EngineConfig(
        database=folder / "trusttune.sqlite",
        music_folder=world.music_folder,
        client=ClientConfig(client.url, client.username, client.password),
        lidarr=LidarrConfig(world.lidarr.url, world.lidarr.api_key),
        jellyfin=JellyfinConfig(world.jellyfin.url, world.jellyfin.api_key),
        musicbrainz=MusicBrainzConfig(world.musicbrainz.url),
        indexers=(IndexerConfig("world", "World", world.torznab.url, api_key=world.torznab.api_key),),
        brain=BrainConfig(),
        scan=ScanConfig(cron=""),
        workers=WorkerConfig(poll_interval_s=0.3, missing_timeout_s=1.0),
    )
    return replace(config, **changes)


class Household:
    """A running engine and everything it ever told."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.entries: list[Entry] = []
        self._told = asyncio.Condition()
        engine.subscribe(self._hear)
        self._tasks: set[asyncio.Task[None]] = set()

    def _hear(self, entry: Entry) -> None:
        self.entries.append(entry)
        task = asyncio.ensure_future(self._notify())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _notify(self) -> None:
        async with self._told:
            self._told.notify_all()

    async def until(self, claim: Callable[[], Any], *, within_s: float = PATIENCE_S) -> None:
        """Wait until a claim about what was told is true."""
        try:
            async with asyncio.timeout(within_s), self._told:
                await self._told.wait_for(claim)
        except TimeoutError:
            last = [f"{each.from_state} -> {each.to_state}: {each.why}" for each in self.entries[-8:]]
            raise AssertionError(f"It did not happen within {within_s} s. Last: {last}") from None

    async def shows(self, claim: Callable[[EngineStatus], bool], *, within_s: float = PATIENCE_S) -> None:
        """Wait until a claim about the engine's status is true."""
        shown = asyncio.Event()
        unsubscribe = self.engine.subscribe_status(lambda status: shown.set() if claim(status) else None)
        try:
            if not claim(self.engine.status):
                async with asyncio.timeout(within_s):
                    await shown.wait()
        finally:
            unsubscribe()

    async def reaches(self, ticket_id: str, states: State | Collection[State], **bounds: float) -> Ticket:
        """Wait until a ticket has been in one of these states, and give it as it is now."""
        wanted = {states} if isinstance(states, State) else set(states)
        await self.until(
            lambda: any(each.ticket_id == ticket_id and each.to_state in wanted for each in self.entries), **bounds
        )
        return (await self.engine.ticket(ticket_id)).ticket

    def states(self, ticket_id: str) -> list[State]:
        """Give the states a ticket went through since this engine started."""
        return [each.to_state for each in self.entries if each.ticket_id == ticket_id and each.to_state]


@contextlib.asynccontextmanager
async def household(config: EngineConfig, **ports: Any) -> AsyncIterator[Household]:
    """Run an engine, and stop it with the block."""
    async with aiohttp.ClientSession() as session:
        engine = Engine(
            config, Ports(session, lambda timeout_s: httpx.AsyncClient(timeout=timeout_s, trust_env=False), **ports)
        )
        home = Household(engine)
        await engine.start()
        try:
            yield home
        finally:
            await engine.stop()


def files_below(folder: Path) -> set[str]:
    """Give the files under a folder, as relative paths."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
