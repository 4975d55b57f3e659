"""Whether what TrustTune depends on is well."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import TrustTuneConfigEntry
from .engine import EngineStatus
from .entity import StatusEntity

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class TrustTuneBinarySensorDescription(BinarySensorEntityDescription):
    """A binary sensor, and what it takes from the status."""

    is_on_fn: Callable[[EngineStatus], bool]
    attributes_fn: Callable[[EngineStatus], Mapping[str, Any] | None] = lambda _: None


BINARY_SENSORS = (
    TrustTuneBinarySensorDescription(
        key="client_connected",
        translation_key="client_connected",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=lambda status: status.is_client_connected,
        attributes_fn=lambda status: {"version": status.client_version},
    ),
    TrustTuneBinarySensorDescription(
        key="indexers_healthy",
        translation_key="indexers_healthy",
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=lambda status: not status.failing_indexers,
        attributes_fn=lambda status: {"failing": sorted(status.failing_indexers)},
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: TrustTuneConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the binary sensors of an entry."""
    async_add_entities(TrustTuneBinarySensor(entry, description) for description in BINARY_SENSORS)


class TrustTuneBinarySensor(StatusEntity, BinarySensorEntity):
    """One yes or no of the status."""

    entity_description: TrustTuneBinarySensorDescription

    @property
    def is_on(self) -> bool:
        """Whether it is so."""
        return self.entity_description.is_on_fn(self.coordinator.data)

    @property
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Give what explains the state."""
        return self.entity_description.attributes_fn(self.coordinator.data)
