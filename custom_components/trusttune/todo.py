"""The list of albums that wait for a person: checking one off approves it, deleting it rejects it."""

from homeassistant.components.todo import TodoItem, TodoItemStatus, TodoListEntity, TodoListEntityFeature
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN
from .coordinator import Approval, ApprovalsCoordinator, TrustTuneConfigEntry
from .engine.textbrain.candidate import Candidate
from .entity import device_info
from .errors import translated_errors
from .requester import requester_of

PARALLEL_UPDATES = 1


async def async_setup_entry(
    hass: HomeAssistant, entry: TrustTuneConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the list of an entry."""
    async_add_entities([ApprovalsList(entry)])


class ApprovalsList(CoordinatorEntity[ApprovalsCoordinator], TodoListEntity):
    """Tickets that need approval."""

    _attr_has_entity_name = True
    _attr_translation_key = "approvals"
    _attr_supported_features = TodoListEntityFeature.UPDATE_TODO_ITEM | TodoListEntityFeature.DELETE_TODO_ITEM

    def __init__(self, entry: TrustTuneConfigEntry) -> None:
        super().__init__(entry.runtime_data.approvals)
        self._attr_unique_id = f"{entry.entry_id}_approvals"
        self._attr_device_info = device_info(entry)
        self._engine = entry.runtime_data.engine

    @property
    def todo_items(self) -> list[TodoItem]:
        """Give a row for each ticket."""
        return [_row(approval) for approval in self.coordinator.data]

    async def async_update_todo_item(self, item: TodoItem) -> None:
        """Approve the best candidate of a ticket that was checked off; there is nothing else to change."""
        if item.uid is None or item.status != TodoItemStatus.COMPLETED:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="approvals_only_check_off")
        who = (await requester_of(self.hass, self._context)).name
        with translated_errors():
            await self._engine.approve(item.uid, who=who)
        await self.coordinator.async_refresh()

    async def async_delete_todo_items(self, uids: list[str]) -> None:
        """Reject tickets."""
        who = (await requester_of(self.hass, self._context)).name
        with translated_errors():
            for uid in uids:
                await self._engine.reject(uid, who=who)
        await self.coordinator.async_refresh()


def _row(approval: Approval) -> TodoItem:
    wanted = approval.ticket.wanted
    year = f" ({wanted.year})" if wanted.year else ""
    return TodoItem(
        uid=approval.ticket.id,
        summary=f"{wanted.title} by {wanted.artist}{year}",
        status=TodoItemStatus.NEEDS_ACTION,
        description=_describe(approval.best) if approval.best else approval.ticket.reason,
    )


def _describe(candidate: Candidate) -> str:
    release = candidate.release
    parts = [f"{release.title} ({min(candidate.confidence, 0.99):.0%} sure).", candidate.explanation]
    if release.licence:
        parts.append(f"Licence: {release.licence}.")
    return " ".join(part for part in parts if part)
