"""What all entities have in common."""

from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN, NAME
from .coordinator import StatusCoordinator, TrustTuneConfigEntry


def device_info(entry: TrustTuneConfigEntry) -> DeviceInfo:
    """Give the one device of an entry: the service."""
    return DeviceInfo(
        identifiers={(DOMAIN, entry.entry_id)},
        entry_type=DeviceEntryType.SERVICE,
        manufacturer=NAME,
        name=NAME,
    )


class StatusEntity(CoordinatorEntity[StatusCoordinator]):
    """An entity that shows a part of the engine's status."""

    _attr_has_entity_name = True

    def __init__(self, entry: TrustTuneConfigEntry, description: EntityDescription) -> None:
        super().__init__(entry.runtime_data.status)
        self.entity_description = description
        self._attr_unique_id = f"{entry.entry_id}_{description.key}"
        self._attr_device_info = device_info(entry)
