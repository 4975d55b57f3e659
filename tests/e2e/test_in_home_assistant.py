"""The whole way of a request through a real Home Assistant process, by its websocket, as a card would go."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.home_assistant import HomeAssistant, Person
from tests.household import files_below
from tests.setting_up import set_options, set_up_trusttune, until_loaded
from tests.torrent_clients import RunningClient
from tests.world.world import World

pytestmark = pytest.mark.e2e

ARTIST, ALBUM, FOLDER = "Velvet Parallax", "Glass Meridian", "Velvet Parallax/Glass Meridian (2019)"


async def reaches(events: asyncio.Queue[Any], ticket_id: str, state: str) -> dict[str, Any]:
    """Wait until the ticket is said to have come to a state; holds that no sequence number is left out."""
    seq = None
    async with asyncio.timeout(60):
        while True:
            event = await events.get()
            if event["type"] == "snapshot":
                seq = event["seq"]
                for ticket in event["tickets"]:
                    if ticket["id"] == ticket_id and ticket["state"] == state:
                        return ticket
                continue
            assert seq is None or event["seq"] == seq + 1, "a gap in the sequence"
            seq = event["seq"]
            if event["entry"]["ticket_id"] == ticket_id and event["entry"]["to_state"] == state:
                reached: dict[str, Any] = event["ticket"]
                return reached


@contextlib.asynccontextmanager
async def back(home: HomeAssistant, entry_id: str) -> AsyncIterator[Person]:
    """Start a killed Home Assistant again and give a person at it."""
    await home.start()
    async with home.person() as person:
        await until_loaded(person, entry_id)
        yield person


async def until_saved(home: HomeAssistant) -> None:
    """Wait until Home Assistant has written its own configuration, which it does a moment after a change."""
    storage = home.folder / ".storage" / "core.config_entries"
    async with asyncio.timeout(20):
        while "always_ask" not in (storage.read_text() if storage.exists() else ""):
            await asyncio.sleep(0.1)


async def entity_states(person: Person) -> dict[str, str]:
    """Give the state of each of TrustTune's entities by its entity id."""
    states = await person.ask("get_states")
    return {each["entity_id"]: each["state"] for each in states if "trusttune" in each["entity_id"]}


@pytest.mark.timeout(180)
async def test_from_a_gap_to_the_library_by_a_candidate_that_is_not_the_first(
    world: World, torrentd: RunningClient, home: HomeAssistant
) -> None:
    async with home.person() as person:
        entry_id = await set_up_trusttune(person, world, torrentd)
        await set_options(person, entry_id, always_ask=True)
        events = await person.follow("trusttune/tickets/subscribe")
        report = await person.act("scan_now")
        assert report["created"] == 5
        tickets = (await person.act("get_tickets"))["tickets"]
        (ticket,) = [each for each in tickets if (each["artist"], each["album"]) == (ARTIST, ALBUM)]
        await reaches(events, ticket["id"], "needs_approval")

        details = await person.ask("trusttune/ticket", ticket_id=ticket["id"])
        mp3 = next(each for each in details["candidates"] if each["format"] == "mp3-320")
        assert mp3["number"] != details["candidates"][0]["number"]
        assert mp3["indexer"] == "World"
        await person.act("approve", ticket_id=ticket["id"], candidate=mp3["number"])
        await reaches(events, ticket["id"], "completed")

        placed = files_below(world.music_folder / FOLDER)
        assert len(placed) == 4
        assert all(name.endswith(".mp3") for name in placed), "what was approved is what came"
        assert world.jellyfin.refreshes, "Jellyfin was told"
        states = await entity_states(person)
        assert states["binary_sensor.trusttune_download_client"] == "on"
        assert world.lidarr.api_key not in home.log.read_text()
        assert torrentd.password not in home.log.read_text()


@pytest.mark.timeout(300)
async def test_home_assistant_killed_at_every_state_finishes_what_it_began(
    world: World, torrentd: RunningClient, home: HomeAssistant
) -> None:
    async with home.person() as person:
        entry_id = await set_up_trusttune(person, world, torrentd)
        await set_options(person, entry_id, always_ask=True)
        await until_saved(home)
        world.faults.set("torznab", "slow", delay_s=3)
        events = await person.follow("trusttune/tickets/subscribe")
        ticket_id = (await person.act("request_album", artist=ARTIST, album=ALBUM))["ticket"]["id"]
        await reaches(events, ticket_id, "acquiring")
        await home.kill()

    world.faults.clear("torznab")
    await world.seeder.limit(60_000)
    async with back(home, entry_id) as person:
        await reaches(await person.follow("trusttune/tickets/subscribe"), ticket_id, "needs_approval")
        await home.kill()

    async with back(home, entry_id) as person:
        events = await person.follow("trusttune/tickets/subscribe")
        await person.act("approve", ticket_id=ticket_id)
        await reaches(events, ticket_id, "approved")
        await home.kill()

    async with back(home, entry_id) as person:
        await reaches(await person.follow("trusttune/tickets/subscribe"), ticket_id, "downloading")
        await home.kill()

    await world.seeder.limit(0)
    # Jellyfin takes its time to be told: the ticket stays in placing until Home Assistant is gone.
    world.faults.set("jellyfin", "slow", delay_s=20)
    async with back(home, entry_id) as person:
        await reaches(await person.follow("trusttune/tickets/subscribe"), ticket_id, "verifying")
        await home.kill()

    async with back(home, entry_id) as person:
        await reaches(await person.follow("trusttune/tickets/subscribe"), ticket_id, "placing")
        await home.kill()

    world.faults.clear("jellyfin")
    async with back(home, entry_id) as person:
        await reaches(await person.follow("trusttune/tickets/subscribe"), ticket_id, "completed")
        journal = (await person.ask("trusttune/ticket", ticket_id=ticket_id))["journal"]
        reached = [each["to_state"] for each in journal if each["to_state"]]
        assert reached == [
            "pending",
            "acquiring",
            "needs_approval",
            "approved",
            "downloading",
            "verifying",
            "converting",
            "placing",
            "completed",
        ], "each state once: nothing lost, nothing done twice"
    assert len(files_below(world.music_folder / FOLDER)) == 4
    assert not [name for name in files_below(world.music_folder) if "staging" in name]
