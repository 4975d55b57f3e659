"""Measures, and prints JSON. Each figure stands beside its goal; nothing here passes or fails."""

import argparse
import asyncio
import contextlib
import io
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx

from custom_components.trusttune.engine import Engine, EngineConfig, Ports
from custom_components.trusttune.engine.config import ClientConfig, ScanConfig
from custom_components.trusttune.engine.journal.entry import Entry, Event
from custom_components.trusttune.engine.tickets.state import State
from custom_components.trusttune.engine.tickets.ticket import Requester
from tests import demo
from tests.home_assistant import ROOT, HomeAssistant
from tests.household import configuration, household
from tests.setting_up import set_up_trusttune
from tests.torrent_clients import torrent_client
from tests.world.world import World

REPEATS = 5

_IMPORT = """
import json, resource, sys, time
def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
# What any Home Assistant has loaded before it comes to us.
import homeassistant.bootstrap, homeassistant.config_entries, homeassistant.components.http
import homeassistant.components.websocket_api, homeassistant.components.conversation, homeassistant.components.repairs
import homeassistant.components.diagnostics, homeassistant.helpers.selector, homeassistant.helpers.httpx_client
for platform in ("binary_sensor", "button", "event", "sensor", "switch", "todo"):
    __import__("homeassistant.components." + platform)
before, began = resident(), time.perf_counter()
import importlib, pathlib, pkgutil
import custom_components.trusttune as package
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
seconds, imported = time.perf_counter() - began, resident()
# What the engine imports off the loop when it first needs it.
import pyarr, jellyfin_apiclient_python, ollama, apscheduler.schedulers.asyncio, mutagen
print(json.dumps({"seconds": seconds, "bytes": imported - before, "all_bytes": resident() - before}))
"""


def measure_import() -> dict[str, Any]:
    """Import every module of the integration into a process that has Home Assistant loaded."""
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", _IMPORT], cwd=ROOT, capture_output=True, check=True).stdout)
        for _ in range(REPEATS)
    ]
    return {
        "import_s": _summary([run["seconds"] for run in runs], goal_below=0.5),
        "import_memory_mb": _summary([run["bytes"] / 1e6 for run in runs], goal_below=60),
        "import_memory_with_every_package_mb": _summary([run["all_bytes"] / 1e6 for run in runs], goal_below=60),
    }


async def measure_queue() -> dict[str, Any]:
    """Move 1,000 queued tickets through the search, with no indexer to wait for."""
    number = 1000
    with tempfile.TemporaryDirectory() as folder:
        config = EngineConfig(
            database=Path(folder) / "trusttune.sqlite",
            music_folder=Path(folder),
            client=ClientConfig("http://127.0.0.1:9", "nobody", "nothing"),
            scan=ScanConfig(cron=""),
        )
        async with aiohttp.ClientSession() as session:
            engine = Engine(config, Ports(session, lambda timeout_s: httpx.AsyncClient(timeout=timeout_s)))
            moves, done = 0, asyncio.Event()

            def hear(entry: Entry) -> None:
                nonlocal moves
                moves += entry.event is Event.MOVED
                if moves >= 2 * number:
                    done.set()

            engine.subscribe(hear)
            await engine._database.open()
            began_writing = time.perf_counter()
            for each in range(number):
                await engine.request("Nora Quill", f"Album {each}", requester=Requester("bench"))
            requested_s = time.perf_counter() - began_writing
            began = time.perf_counter()
            await engine.start()
            async with asyncio.timeout(300):
                await done.wait()
            seconds = time.perf_counter() - began
            await engine.stop()
    return {
        "tickets_queued": number,
        "requests_per_second": round(number / requested_s, 1),
        "tickets_moved_per_second": round(2 * number / seconds, 1),
    }


async def measure_request() -> dict[str, Any]:
    """Time from a request to its torrent in the client, less what the indexer took to answer."""
    beyond, whole = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            World(folder / "world", audio_cache=ROOT / ".cache" / "world") as world,
            torrent_client("torrentd", folder / "client") as client,
            household(configuration(folder, world, client)) as home,
        ):
            await home.engine.search("Copper Almanac", "Harbour Songs")
            for artist, album in (
                ("Velvet Parallax", "Glass Meridian"),
                ("Velvet Parallax", "Night Ledger II"),
                ("Velvet Parallax", "Night Ledger III"),
                ("The Tin Meridians", "Glass Meridian"),
                ("Мирна Заря", "Polar Lanterns"),
            ):
                asked: list[float] = []
                indexers = home.engine._acquisition._indexers
                with _timed(indexers, asked):
                    began = time.perf_counter()
                    ticket, _ = await home.engine.request(artist, album, requester=Requester("bench"))
                    await home.until(
                        lambda ticket_id=ticket.id: any(
                            each.ticket_id == ticket_id and each.event is Event.ADDED_TO_CLIENT for each in home.entries
                        )
                    )
                    took = time.perf_counter() - began
                whole.append(took)
                beyond.append(took - sum(asked))
                await home.reaches(ticket.id, State.COMPLETED)
    return {
        "request_to_torrent_running_s": _summary(whole),
        "request_to_torrent_beyond_indexer_s": _summary(beyond, goal_below=1.0),
    }


@contextlib.contextmanager
def _timed(indexers: Any, asked: list[float]) -> Any:
    """Note how long each search took, on the indexers themselves."""
    searches = {indexer: indexer.search for indexer in indexers}

    def timed(search: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
        async def ask(query: Any) -> Any:
            began = time.perf_counter()
            try:
                return await search(query)
            finally:
                asked.append(time.perf_counter() - began)

        return ask

    for indexer, search in searches.items():
        indexer.search = timed(search)
    try:
        yield
    finally:
        for indexer in indexers:
            del indexer.search


async def measure_loop() -> dict[str, Any]:
    """Run the demo in a Home Assistant whose event loop is watched."""
    folder = ROOT / ".cache" / "bench"
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    async with contextlib.AsyncExitStack() as stack:
        world = await stack.enter_async_context(World(folder / "world", audio_cache=ROOT / ".cache" / "world"))
        client = await stack.enter_async_context(torrent_client("torrentd", folder / "client"))
        home = HomeAssistant(folder / "home-assistant", extra_integrations=(Path(__file__).parent / "loop_watch",))
        await home.start()
        stack.push_async_callback(home.stop)
        await home.onboard()
        async with home.person() as person:
            await asyncio.sleep(5)  # what Home Assistant still does by itself after its start is not ours
            quiet = time.time()
            await asyncio.sleep(5)
            began = time.time()
            await set_up_trusttune(person, world, client)
            running = time.time()
            with contextlib.redirect_stdout(io.StringIO()):
                await demo.take_album(person, told=lambda text: None)
            ended = time.time()
        gaps = [json.loads(line) for line in (home.folder / "loop_watch.jsonl").read_text().splitlines()]

    def longest(first: float, last: float) -> dict[str, Any]:
        """Give the longest stall, and the longest that was not Python's collector going over Home Assistant's heap."""
        here = [gap for gap in gaps if first <= gap["at"] <= last]
        collected = [gap for gap in here if any("garbage" in each for each in gap["seen"])]
        others = [gap for gap in here if gap not in collected]
        return {
            "longest": max((round(gap["stall_s"] * 1000, 1) for gap in here), default=0.0),
            "longest_but_for_garbage_collection": max((round(gap["stall_s"] * 1000, 1) for gap in others), default=0.0),
        }

    return {
        "loop_stall_ms": {
            "home_assistant_alone": longest(quiet, began),
            "while_set_up_and_loaded": longest(began, running),
            "while_an_album_arrives": longest(running, ended),
            "goal_below": 50,
        }
    }


def _summary(values: list[float], **extra: Any) -> dict[str, Any]:
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
        **extra,
    }


MEASURES: dict[str, Callable[[], Any]] = {
    "import": measure_import,
    "queue": measure_queue,
    "request": measure_request,
    "loop": measure_loop,
}


def main() -> None:
    """Measure what the command line names, or all."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures TrustTune and prints JSON.")
    parser.add_argument("measure", nargs="*", help=f"some of {', '.join(MEASURES)}; default: all")
    chosen = parser.parse_args().measure or list(MEASURES)
    if unknown := set(chosen) - set(MEASURES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    results: dict[str, Any] = {}
    for name in chosen:
        result = MEASURES[name]()
        results[name] = asyncio.run(result) if asyncio.iscoroutine(result) else result
    print(json.dumps(results, indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
