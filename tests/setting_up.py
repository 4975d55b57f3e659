"""Fills TrustTune's configuration dialogs in a real Home Assistant with what the small world offers."""

import asyncio
from typing import Any

from .home_assistant import Person
from .torrent_clients import RunningClient
from .world.world import World

DASHBOARD = "/trust-tune/0"


async def set_up_trusttune(person: Person, world: World, client: RunningClient) -> str:
    """Add TrustTune with its download client, all services, music folder and one indexer; give its entry id."""
    result = await person.form(
        "flow",
        "trusttune",
        {
            "url": client.url,
            "username": client.username,
            "password": client.password,
            "verify_ssl": True,
            "folders": {},
        },
        {
            "lidarr_url": world.lidarr.url,
            "lidarr_api_key": world.lidarr.api_key,
            "jellyfin_url": world.jellyfin.url,
            "jellyfin_api_key": world.jellyfin.api_key,
            "jellyfin_verify_ssl": True,
            "musicbrainz_url": world.musicbrainz.url,
        },
        {"music_folder": str(world.music_folder), "internet_archive": False},
    )
    entry_id: str = result["result"]["entry_id"]
    await add_indexer(person, entry_id, world)
    await until_loaded(person, entry_id)
    return entry_id


async def until_loaded(person: Person, entry_id: str, *, within_s: float = 30.0) -> None:
    """Wait until the entry is loaded; a change reloads it a moment later."""
    async with asyncio.timeout(within_s):
        while True:
            # Whatever reload the last change asked for has been begun when this comes back.
            entries = await person.ask("config_entries/get", domain="trusttune")
            if [each["state"] for each in entries if each["entry_id"] == entry_id] == ["loaded"]:
                return
            await asyncio.sleep(0.05)


async def add_indexer(person: Person, entry_id: str, world: World) -> None:
    """Add the world's Torznab indexer."""
    form = {"kind": "torznab", "name": "World", "url": world.torznab.url, "api_key": world.torznab.api_key}
    await person.form("subentries/flow", [entry_id, "indexer"], form)


async def set_options(person: Person, entry_id: str, **changes: Any) -> None:
    """Change some of the options."""
    options = {
        "brain_mode": "heuristics_only",
        "auto_approve_threshold": 0.9,
        "always_ask": False,
        "scan_cron": "30 3 * * *",
        "max_new_tickets": 5,
        "storage_budget": 50,
    }
    await person.form("options/flow", entry_id, options | changes)
    await until_loaded(person, entry_id)


async def make_dashboard(person: Person) -> None:
    """Make a dashboard: the approvals, what is going on, and the numbers."""
    await person.ask(
        "lovelace/dashboards/create",
        url_path=DASHBOARD.split("/")[1],
        title="Music",
        icon="mdi:music-box-multiple",
        mode="storage",
    )
    numbers = ("missing_albums", "needs_approval", "active_downloads", "download_rate", "next_scan", "catalogue_size")
    await person.ask(
        "lovelace/config/save",
        url_path=DASHBOARD.split("/")[1],
        config={
            "views": [
                {
                    "title": "Music",
                    "type": "masonry",
                    "cards": [
                        {"type": "todo-list", "entity": "todo.trusttune_approvals", "title": "Waiting for you"},
                        {
                            "type": "entities",
                            "title": "TrustTune",
                            "entities": [
                                *(f"sensor.trusttune_{number}" for number in numbers),
                                "binary_sensor.trusttune_download_client",
                                "binary_sensor.trusttune_indexers",
                                "switch.trusttune_scanner",
                                "button.trusttune_scan_now",
                            ],
                        },
                    ],
                }
            ]
        },
    )
