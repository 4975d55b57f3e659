"""The button that scans now."""

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import TrustTuneConfigEntry
from .entity import StatusEntity
from .errors import translated_errors
from .requester import requester_of

PARALLEL_UPDATES = 1

SCAN_NOW = ButtonEntityDescription(key="scan_now", translation_key="scan_now")


async def async_setup_entry(
    hass: HomeAssistant, entry: TrustTuneConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the button of an entry."""
    async_add_entities([ScanNowButton(entry, SCAN_NOW)])


class ScanNowButton(StatusEntity, ButtonEntity):
    """Looks for missing albums at once."""

    async def async_press(self) -> None:
        """Scan."""
        who = (await requester_of(self.hass, self._context)).name
        with translated_errors():
            await self.coordinator.config_entry.runtime_data.engine.scan_now(who=who)
