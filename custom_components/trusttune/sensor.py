"""What TrustTune is doing, in numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfDataRate, UnitOfInformation
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .coordinator import TrustTuneConfigEntry
from .engine import EngineStatus
from .engine.tickets.state import State
from .entity import StatusEntity

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class TrustTuneSensorDescription(SensorEntityDescription):
    """A sensor, and what it takes from the status."""

    value_fn: Callable[[EngineStatus], StateType | datetime]
    needs_client: bool = False
    """Whether it can only be known while the torrent client answers."""


def _moment(at: float | None) -> datetime | None:
    return dt_util.utc_from_timestamp(at) if at is not None else None


SENSORS = (
    TrustTuneSensorDescription(
        key="missing_albums",
        translation_key="missing_albums",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda status: status.missing_albums,
    ),
    TrustTuneSensorDescription(
        key="needs_approval",
        translation_key="needs_approval",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda status: status.tickets.get(State.NEEDS_APPROVAL, 0),
    ),
    TrustTuneSensorDescription(
        key="active_downloads",
        translation_key="active_downloads",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda status: status.tickets.get(State.DOWNLOADING, 0),
    ),
    TrustTuneSensorDescription(
        key="download_rate",
        translation_key="download_rate",
        device_class=SensorDeviceClass.DATA_RATE,
        native_unit_of_measurement=UnitOfDataRate.BYTES_PER_SECOND,
        suggested_unit_of_measurement=UnitOfDataRate.MEGABYTES_PER_SECOND,
        suggested_display_precision=2,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda status: status.download_bps,
        needs_client=True,
    ),
    TrustTuneSensorDescription(
        key="upload_rate",
        translation_key="upload_rate",
        device_class=SensorDeviceClass.DATA_RATE,
        native_unit_of_measurement=UnitOfDataRate.BYTES_PER_SECOND,
        suggested_unit_of_measurement=UnitOfDataRate.MEGABYTES_PER_SECOND,
        suggested_display_precision=2,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda status: status.upload_bps,
        needs_client=True,
    ),
    TrustTuneSensorDescription(
        key="last_scan",
        translation_key="last_scan",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda status: _moment(status.last_scan),
    ),
    TrustTuneSensorDescription(
        key="next_scan",
        translation_key="next_scan",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda status: _moment(status.next_scan),
    ),
    TrustTuneSensorDescription(
        key="catalogue_size",
        translation_key="catalogue_size",
        device_class=SensorDeviceClass.DATA_SIZE,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        suggested_unit_of_measurement=UnitOfInformation.GIGABYTES,
        suggested_display_precision=2,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda status: status.catalogue_bytes,
        needs_client=True,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: TrustTuneConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the sensors of an entry."""
    async_add_entities(TrustTuneSensor(entry, description) for description in SENSORS)


class TrustTuneSensor(StatusEntity, SensorEntity):
    """One number of the status."""

    entity_description: TrustTuneSensorDescription

    @property
    def native_value(self) -> StateType | datetime:
        """Give the number."""
        return self.entity_description.value_fn(self.coordinator.data)

    @property
    def available(self) -> bool:
        """Whether it can be known now."""
        return super().available and (
            self.coordinator.data.is_client_connected or not self.entity_description.needs_client
        )
