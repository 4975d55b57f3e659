"""The switch of the background scan."""

from typing import Any

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import TrustTuneConfigEntry
from .entity import StatusEntity
from .errors import translated_errors
from .requester import requester_of

PARALLEL_UPDATES = 1

SCANNER = SwitchEntityDescription(key="scanner", translation_key="scanner", entity_category=EntityCategory.CONFIG)


async def async_setup_entry(
    hass: HomeAssistant, entry: TrustTuneConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the switch of an entry."""
    async_add_entities([ScannerSwitch(entry, SCANNER)])


class ScannerSwitch(StatusEntity, SwitchEntity):
    """Whether the scan looks for missing albums by itself."""

    @property
    def is_on(self) -> bool:
        """Whether it does."""
        return self.coordinator.data.is_scanner_enabled

    async def async_turn_on(self, **kwargs: Any) -> None:
        """Let the scan run on its schedule."""
        await self._set(is_enabled=True)

    async def async_turn_off(self, **kwargs: Any) -> None:
        """Let the scan rest."""
        await self._set(is_enabled=False)

    async def _set(self, *, is_enabled: bool) -> None:
        who = (await requester_of(self.hass, self._context)).name
        with translated_errors():
            await self.coordinator.config_entry.runtime_data.engine.set_scanner(is_enabled, who=who)
        await self.coordinator.async_refresh()
