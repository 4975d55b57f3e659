"""The blueprint that asks on a phone: filled in, running, answered."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from homeassistant.components.blueprint.models import Blueprint, BlueprintInputs
from homeassistant.components.blueprint.schemas import BLUEPRINT_SCHEMA
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from tests.torrent_clients import RunningClient

from .conftest import MakeEntry, set_up, until
from .test_entities_and_actions import act, waiting_ticket

BLUEPRINT = Path(__file__).parents[3] / "blueprints" / "automation" / "trusttune" / "approve_by_phone.yaml"


@pytest.fixture
async def phone(hass: HomeAssistant) -> list[ServiceCall]:
    """Run the automation; what the phone would show is written down, for a phone is not at hand."""
    blueprint = Blueprint(load_yaml_dict(BLUEPRINT), expected_domain="automation", schema=BLUEPRINT_SCHEMA)
    inputs = {"phone": "0123456789abcdef0123456789abcdef", "ticket_events": "event.trusttune_tickets"}
    filled = BlueprintInputs(blueprint, {"use_blueprint": {"path": BLUEPRINT.name, "input": inputs}})
    filled.validate()
    automation = json.loads(json.dumps(filled.async_substitute()))
    for step in list(_steps(automation)):
        if step.get("domain") == "mobile_app":
            shown = {name: step.pop(name) for name in ("title", "message", "data")}
            step.clear()
            step |= {"action": "notify.phone", "data": shown}
    notifications = async_mock_service(hass, "notify", "phone")
    assert await async_setup_component(hass, "automation", {"automation": {"alias": "Ask me", **automation}})
    assert hass.states.get("automation.ask_me").state == "on"
    return notifications


async def test_why_explains_and_decline_rejects(
    hass: HomeAssistant, entry: MockConfigEntry, phone: list[ServiceCall]
) -> None:
    ticket_id = await waiting_ticket(hass)
    await until(hass, lambda: phone)
    asked = phone[0].data
    assert asked["title"] == "Glass Meridian by Velvet Parallax"
    buttons = {button["title"]: button["action"] for button in asked["data"]["actions"]}
    assert list(buttons) == ["Approve", "Decline", "Why"]
    press(hass, buttons["Why"])
    await until(hass, lambda: len(phone) == 2)
    best = (await act(hass, "get_tickets", ticket_id=ticket_id))["candidates"][0]
    assert best["explanation"] in phone[1].data["message"]
    press(hass, buttons["Decline"])
    await hass.async_block_till_done()
    ticket = (await act(hass, "get_tickets", ticket_id=ticket_id))["ticket"]
    assert ticket["state"] == "rejected"


async def test_approve_is_understood_after_a_restart_and_other_buttons_are_not_ours(
    hass: HomeAssistant, make_entry: MakeEntry, own_client: RunningClient, phone: list[ServiceCall]
) -> None:
    entry = make_entry(own_client, options={"always_ask": True})
    await set_up(hass, entry)
    ticket_id = await waiting_ticket(hass)
    await until(hass, lambda: phone)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    await until(hass, lambda: entry.runtime_data.engine.status.is_client_connected)
    assert len(phone) == 1
    for other in ("OPEN_GARAGE", "TRUSTTUNE_APPROVE_", None):
        press(hass, other)
    await hass.async_block_till_done()
    assert (await act(hass, "get_tickets", ticket_id=ticket_id))["ticket"]["state"] == "needs_approval"
    press(hass, f"TRUSTTUNE_APPROVE_{ticket_id}")
    await until(hass, lambda: hass.states.get("sensor.trusttune_active_downloads").state == "1")
    await act(hass, "cancel", ticket_id=ticket_id)
    await hass.config_entries.async_unload(entry.entry_id)


def press(hass: HomeAssistant, action: str | None) -> None:
    """Press a button of a notification."""
    hass.bus.async_fire("mobile_app_notification_action", {"action": action})


def _steps(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _steps(each)
