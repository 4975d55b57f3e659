"""An engine in a process of its own, that dies at a chosen moment.

PYTHONPATH=custom_components/trusttune python engine_process.py CONFIGURATION.json [STATE]

It imports the engine by itself, without Home Assistant. It asks for the album the configuration
names, prints every journal row as JSON, and kills itself
(-9) in the moment a ticket has come to STATE. Without STATE it ends when the ticket has ended.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import httpx
from engine import Engine, EngineConfig, Ports
from engine.config import (
    BrainConfig,
    ClientConfig,
    IndexerConfig,
    JellyfinConfig,
    LidarrConfig,
    ScanConfig,
    WorkerConfig,
)
from engine.journal.entry import Entry
from engine.tickets.state import TERMINAL, State
from engine.tickets.ticket import Requester
from engine.tickets.view import entry_to_dict


def read_configuration(values: dict[str, Any]) -> EngineConfig:
    """Give the engine's configuration from plain values."""
    return EngineConfig(
        database=Path(values["database"]),
        music_folder=Path(values["music_folder"]),
        client=ClientConfig(**values["client"]),
        lidarr=LidarrConfig(**values["lidarr"]),
        jellyfin=JellyfinConfig(**values["jellyfin"]),
        indexers=(IndexerConfig("world", "World", **values["indexer"]),),
        brain=BrainConfig(always_ask=values["always_ask"]),
        scan=ScanConfig(cron=""),
        workers=WorkerConfig(poll_interval_s=0.2),
    )


async def run(values: dict[str, Any], dies_at: State | None) -> None:
    """Run the engine until the ticket has ended, or this process has."""
    ended = asyncio.Event()
    async with aiohttp.ClientSession() as session:
        engine = Engine(
            read_configuration(values),
            Ports(session, lambda timeout_s: httpx.AsyncClient(timeout=timeout_s, trust_env=False)),
        )

        def hear(entry: Entry) -> None:
            print(json.dumps(entry_to_dict(entry)), flush=True)  # noqa: T201
            if dies_at is not None and entry.to_state is dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
            if entry.to_state in TERMINAL:
                ended.set()

        engine.subscribe(hear)
        await engine.start()
        ticket, _ = await engine.request(*values["album"], requester=Requester("Ada"))
        if ticket.state is State.NEEDS_APPROVAL:
            await engine.approve(ticket.id, who="Ada")
        async with asyncio.timeout(60):
            await ended.wait()
        await engine.stop()


if __name__ == "__main__":
    assert "homeassistant" not in sys.modules
    asyncio.run(run(json.loads(Path(sys.argv[1]).read_text()), State(sys.argv[2]) if len(sys.argv) > 2 else None))
