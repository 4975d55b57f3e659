"""TrustTune: completes a home's music library from the indexers the household chose."""

import asyncio
from pathlib import Path

from homeassistant.const import EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

from .configuration import database_path, engine_config, ports
from .const import DOMAIN
from .coordinator import ApprovalsCoordinator, StatusCoordinator, TrustTuneConfigEntry, TrustTuneRuntime
from .engine import Engine
from .errors import setup_errors
from .feed import TicketFeed
from .repairs import ProblemIssues
from .sentences import async_setup_sentences
from .services import async_setup_services
from .websocket_api import async_setup_websocket_api

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.SENSOR,
    Platform.SWITCH,
    Platform.TODO,
]
CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register what does not belong to one entry."""
    async_setup_services(hass)
    async_setup_websocket_api(hass)
    async_setup_sentences(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: TrustTuneConfigEntry) -> bool:
    """Start the engine and show it."""
    engine = Engine(await engine_config(hass, entry), ports(hass))
    try:
        with setup_errors():
            await engine.start()
        approvals = ApprovalsCoordinator(hass, entry, engine)
        entry.runtime_data = TrustTuneRuntime(
            engine, TicketFeed(engine), StatusCoordinator(hass, entry, engine), approvals
        )
        entry.async_create_background_task(hass, entry.runtime_data.feed.run(), "trusttune ticket feed")
        entry.async_on_unload(entry.runtime_data.status.listen())
        entry.async_on_unload(approvals.listen())
        await approvals.async_config_entry_first_refresh()
        entry.async_on_unload(ProblemIssues(hass, entry).listen())
        await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    except BaseException:
        await engine.stop()
        raise

    async def stop_with_home_assistant(_: Event) -> None:
        await engine.stop()

    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop_with_home_assistant))
    # With subentries: adding or changing one does not reload by itself.
    entry.async_on_unload(entry.add_update_listener(_reload))
    return True


async def async_unload_entry(hass: HomeAssistant, entry: TrustTuneConfigEntry) -> bool:
    """Stop the engine."""
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    await entry.runtime_data.engine.stop()
    return True


async def async_remove_entry(hass: HomeAssistant, entry: TrustTuneConfigEntry) -> None:
    """Delete the engine's database."""
    await asyncio.to_thread(_delete_database, database_path(hass, entry))


def _delete_database(database: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


async def _reload(hass: HomeAssistant, entry: TrustTuneConfigEntry) -> None:
    await hass.config_entries.async_reload(entry.entry_id)
