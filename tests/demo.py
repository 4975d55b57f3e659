"""The demo: a missing album on its way into the library, in a real Home Assistant. Run by scripts/demo."""

import argparse
import asyncio
import contextlib
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from .home_assistant import PASSWORD, ROOT, USERNAME, HomeAssistant, HomeAssistantError, Person
from .setting_up import DASHBOARD, make_dashboard, set_up_trusttune
from .torrent_clients import ClientName, RunningClient, torrent_client
from .world.world import World

CACHE = ROOT / ".cache"
FOLDER = CACHE / "demo"
ARTIST, ALBUM = "Velvet Parallax", "Glass Meridian"
PATIENCE_S = 90.0
CLIENTS: dict[str, ClientName] = {
    "torrentd": "torrentd",
    "qbittorrent": "qbittorrent-5.3",
    "qbittorrent-5.3": "qbittorrent-5.3",
    "qbittorrent-4.5": "qbittorrent-4.5",
}
_WAITING = {"needs_approval"}
_LOST = {"failed", "acquisition_failed", "rejected", "cancelled"}


class DemoError(Exception):
    """The album did not arrive; the message says why."""


def say(text: str = "") -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201


@contextlib.contextmanager
def step(what: str) -> Any:
    """Say what is being done and how long it took."""
    print(f"  {what} ... ", end="", flush=True)  # noqa: T201
    began = time.monotonic()
    yield
    say(f"{time.monotonic() - began:.1f} s")


@contextlib.asynccontextmanager
async def household(
    folder: Path, client_name: ClientName, *, environment: dict[str, str] | None = None
) -> AsyncIterator[tuple[World, RunningClient, HomeAssistant]]:
    """Start the world, a torrent client and Home Assistant with TrustTune configured; stop them all with the block."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    async with contextlib.AsyncExitStack() as stack:
        with step("The world: Lidarr, Jellyfin, an indexer, a swarm"):
            world = await stack.enter_async_context(World(folder / "world", audio_cache=CACHE / "world"))
        with step(f"The torrent client: {client_name}"):
            client = await stack.enter_async_context(torrent_client(client_name, folder / "client"))
        home = HomeAssistant(folder / "home-assistant")
        with step("Home Assistant"):
            await home.start(environment=environment)
            stack.push_async_callback(home.stop)
            await home.onboard()
        with step("TrustTune, through its configuration dialog"):
            async with home.person() as person:
                await set_up_trusttune(person, world, client)
                await make_dashboard(person)
        yield world, client, home


async def take_album(person: Person, *, told: Callable[[str], None] = say) -> dict[str, Any]:
    """Let the scan find what is missing and follow one album until it is in the library.

    Gives the ticket as it ended, with `states`: each state and the seconds it was reached after.
    Raises DemoError.
    """
    events = await person.follow("trusttune/tickets/subscribe")
    report = await person.act("scan_now")
    told(f"  The scan found {report['gaps']} missing albums and made {report['created']} tickets.")
    began = time.monotonic()
    wanted, states = "", []
    shown = 0.0
    while True:
        try:
            async with asyncio.timeout(PATIENCE_S):
                event = await events.get()
        except TimeoutError:
            last = states[-1][0] if states else "no state"
            raise DemoError(f"Nothing happened for {PATIENCE_S:.0f} s; the ticket is in {last}") from None
        if event["type"] != "entry" or event["ticket"] is None:
            continue
        ticket, entry = event["ticket"], event["entry"]
        if (ticket["artist"], ticket["album"]) != (ARTIST, ALBUM):
            continue
        wanted = wanted or ticket["id"]
        if entry["to_state"] is None:
            continue
        states.append((entry["to_state"], entry["at"]))
        told(f"  {time.monotonic() - began:5.1f} s  {entry['to_state']:<15} {entry['why']}")
        shown = max(shown, entry["at"])
        if entry["to_state"] in _WAITING:
            told("           approving the best candidate, as a person would with one tap")
            await person.act("approve", ticket_id=wanted)
        elif entry["to_state"] in _LOST:
            raise DemoError(f"The ticket is {entry['to_state']}: {entry['why']}")
        elif entry["to_state"] == "completed":
            return {**ticket, "states": states}


def table(states: list[tuple[str, float]]) -> str:
    """Give a ticket's states, when each was reached and how long it lasted."""
    rows = ["  state            reached after   lasted"]
    for (state, at), following in zip(states, [*states[1:], None], strict=True):
        lasted = f"{following[1] - at:7.2f} s" if following else ""
        rows.append(f"  {state:<16} {at - states[0][1]:10.2f} s {lasted}")
    return "\n".join(rows)


async def check_library(world: World) -> list[str]:
    """Hold that the album's files are there and Jellyfin was told. Raises DemoError."""
    album = world.catalogue.album("glass-meridian")
    folder = world.music_folder / album.folder
    files = sorted(path.name for path in await asyncio.to_thread(lambda: list(folder.glob("*"))))
    if len(files) != len(album.tracks):
        raise DemoError(f"{folder} has {len(files)} files, the album {len(album.tracks)} tracks")
    if not world.jellyfin.refreshes:
        raise DemoError("Jellyfin was not told")
    return files


async def run(client_name: ClientName, *, once: bool, stop: asyncio.Event) -> None:
    """Run the demo until it is over, or `stop`. Raises DemoError, HomeAssistantError, RuntimeError."""
    say("Starting:")
    async with household(FOLDER, client_name) as (world, client, home):
        say(f"\nOne album from gap to library: {ALBUM} by {ARTIST}")
        async with home.person() as person:
            ticket = await take_album(person)
        files = await check_library(world)
        say(f"\nTicket {ticket['id']}:")
        say(table(ticket["states"]))
        say(f"\n{len(files)} files in {world.music_folder / world.catalogue.album('glass-meridian').folder}:")
        for file in files:
            say(f"  {file}")
        say("Jellyfin was told.")
        if once:
            return
        addresses = {"Home Assistant": home.url + DASHBOARD, "torrent client": client.url, "Lidarr": world.lidarr.url}
        say("\nLook around:")
        for name, url in addresses.items():
            say(f"  {name:<15} {url}")
        say(f"  Home Assistant login: {USERNAME} / {PASSWORD}")
        say(f"  {client_name} login: {client.username} / {client.password}")
        say("\nCtrl-C ends everything.")
        await stop.wait()
        say("\nStopping.")


async def main(arguments: argparse.Namespace) -> int:
    """Run the demo and give the exit status."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    work = asyncio.create_task(run(CLIENTS[arguments.client], once=arguments.once, stop=stop))

    def end() -> None:
        if not stop.is_set():
            stop.set()
            if not work.done():
                # Before everything is up there is nothing to wait for: what has started is stopped on the way out.
                loop.call_later(1.0, work.cancel)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end)
    try:
        await work
    except asyncio.CancelledError:
        return 130
    except (DemoError, HomeAssistantError, RuntimeError) as error:
        say(f"\n\nThe demo failed: {error}")
        log = FOLDER / "home-assistant" / "home-assistant.log"
        say(f"Home Assistant's log: {log}")
        return 1
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Starts a small world, a torrent client and Home Assistant with TrustTune, and takes one "
        "missing album from gap to library. Everything runs on 127.0.0.1 and lies under .cache/demo.",
    )
    parser.add_argument("--once", action="store_true", help="end when the album has arrived; exit 0 if it did")
    parser.add_argument("--client", choices=sorted(CLIENTS), default="torrentd", help="default: torrentd")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(parse(sys.argv[1:]))))
