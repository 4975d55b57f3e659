"""What a person sees and can ask: entities, actions, the list of approvals, the websocket, the sentence."""

import asyncio
from typing import Any, ClassVar, cast

import pytest
from homeassistant.components.todo import TodoServices
from homeassistant.components.websocket_api import ActiveConnection
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import intent
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.trusttune.configuration import database_path
from custom_components.trusttune.const import DOMAIN
from custom_components.trusttune.engine.errors import EngineError
from custom_components.trusttune.engine.tickets.state import State
from custom_components.trusttune.sentences import request_by_voice
from custom_components.trusttune.websocket_api import _Following
from tests.torrent_clients import RunningClient
from tests.world.faults import Fault
from tests.world.world import World

from .conftest import MakeEntry, set_up, until

APPROVALS = "todo.trusttune_approvals"
ALBUM = {"artist": "Velvet Parallax", "album": "Glass Meridian", "year": 2019}


async def act(hass: HomeAssistant, action: str, context: Context | None = None, **fields: Any) -> Any:
    """Call an action and give its response."""
    return await hass.services.async_call(DOMAIN, action, fields, blocking=True, return_response=True, context=context)


async def waiting_ticket(hass: HomeAssistant, **album: Any) -> str:
    """Ask for an album and wait until a person is needed."""
    ticket_id: str = (await act(hass, "request_album", **(album or ALBUM)))["ticket"]["id"]
    await until(hass, lambda: int(hass.states.get(APPROVALS).state) > 0)
    return ticket_id


async def test_every_entity_has_a_state(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    states = {state.entity_id: state.state for state in hass.states.async_all() if "trusttune" in state.entity_id}
    assert set(states) == {
        each.entity_id for each in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    }
    assert states["binary_sensor.trusttune_download_client"] == "on"
    assert states["binary_sensor.trusttune_indexers"] == "on"
    assert states["sensor.trusttune_needs_approval"] == "0"
    assert states["sensor.trusttune_active_downloads"] == "0"
    assert float(states["sensor.trusttune_download_rate"]) >= 0
    assert states["switch.trusttune_scanner"] == "on"
    assert states["sensor.trusttune_next_scan"] > "2020"
    assert states[APPROVALS] == "0"


async def test_the_button_scans_and_the_switch_stops_the_scan(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    await hass.services.async_call("button", "press", {"entity_id": "button.trusttune_scan_now"}, blocking=True)
    await until(hass, lambda: hass.states.get("sensor.trusttune_missing_albums").state == "6")
    assert hass.states.get("sensor.trusttune_last_scan").state > "2020"
    for action, state in (("turn_off", "off"), ("turn_on", "on")):
        await hass.services.async_call("switch", action, {"entity_id": "switch.trusttune_scanner"}, blocking=True)
        assert hass.states.get("switch.trusttune_scanner").state == state


async def test_an_album_is_asked_for_once_by_name_and_found(
    hass: HomeAssistant, entry: MockConfigEntry, hass_admin_user: MockUser
) -> None:
    response = await act(hass, "request_album", Context(user_id=hass_admin_user.id), **ALBUM, priority="high")
    ticket = response["ticket"]
    assert response["is_new"]
    assert ticket["requesters"] == [{"name": hass_admin_user.name, "source": "person"}]
    again = await act(hass, "request_album", **ALBUM)
    assert (again["is_new"], again["ticket"]["id"]) == (False, ticket["id"])
    await until(hass, lambda: hass.states.get("sensor.trusttune_needs_approval").state == "1")
    await until(hass, lambda: last_event(hass)["event_type"] == "needs_approval")
    event = last_event(hass)
    assert (event["ticket_id"], event["album"]) == (ticket["id"], "Glass Meridian")
    details = await act(hass, "get_tickets", ticket_id=ticket["id"])
    assert details["candidates"][0]["explanation"]
    assert details["journal"][0]["event"] == "created"
    listed = await act(hass, "get_tickets", states=["needs_approval"])
    assert [each["id"] for each in listed["tickets"]] == [ticket["id"]]
    assert (await act(hass, "get_tickets", states=["completed"]))["tickets"] == []


def last_event(hass: HomeAssistant) -> Any:
    """Give what the event entity shows."""
    return hass.states.get("event.trusttune_tickets").attributes


async def test_searching_makes_no_ticket(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    found = await act(hass, "search", **ALBUM)
    assert any(not candidate["is_refused"] for candidate in found["candidates"])
    assert (await act(hass, "get_tickets"))["tickets"] == []


async def test_a_ticket_is_rejected_searched_again_and_cancelled(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    first = await waiting_ticket(hass)
    moves: list[State | None] = []
    unsubscribe = entry.runtime_data.engine.subscribe(lambda row: moves.append(row.to_state))
    searched = await act(hass, "force_search", ticket_id=first)
    assert searched["ticket"]["state"] == "pending"
    await until(hass, lambda: State.NEEDS_APPROVAL in moves)
    unsubscribe()
    assert (await act(hass, "reject", ticket_id=first, why="Not now"))["ticket"]["state"] == "rejected"
    second = await waiting_ticket(hass, artist="Copper Almanac", album="Harbour Songs")
    assert (await act(hass, "cancel", ticket_id=second))["ticket"]["state"] == "cancelled"


async def test_what_cannot_be_done_is_refused_in_words(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    with pytest.raises(ServiceValidationError) as unknown:
        await act(hass, "approve", ticket_id="0123456789")
    assert unknown.value.translation_key == "unknown_ticket"
    ticket_id = await waiting_ticket(hass)
    for action, fields, key in (
        ("retry", {}, None),
        ("approve", {"candidate": 999}, "ticket_refused"),
        ("force_magnet", {"magnet": "http://127.0.0.1/"}, "invalid_magnet"),
    ):
        with pytest.raises(ServiceValidationError) as refused:
            await act(hass, action, ticket_id=ticket_id, **fields)
        assert refused.value.translation_domain == DOMAIN
        assert key in {None, refused.value.translation_key}
        assert str(refused.value)


async def test_a_scan_that_cannot_reach_lidarr_says_so_and_opens_an_issue(
    hass: HomeAssistant, entry: MockConfigEntry, quiet_world: World
) -> None:
    quiet_world.faults.set("lidarr", Fault.LOGIN_PAGE)
    with pytest.raises(HomeAssistantError) as failed:
        await act(hass, "scan_now")
    assert not isinstance(failed.value, ServiceValidationError)
    assert failed.value.translation_key == "unexpected_reply"
    assert open_issues(hass) == {"lidarr"}
    quiet_world.faults.clear()
    report = await act(hass, "scan_now")
    assert report["gaps"] == 6
    assert report["created"] > 0
    assert open_issues(hass) == set()


async def test_checking_off_an_approval_downloads_and_deleting_one_rejects(
    hass: HomeAssistant, make_entry: MakeEntry, own_client: RunningClient
) -> None:
    entry = make_entry(own_client, options={"always_ask": True})
    await set_up(hass, entry)
    ticket_id = await waiting_ticket(hass)
    rows = await hass.services.async_call(
        "todo", TodoServices.GET_ITEMS, {"entity_id": APPROVALS}, blocking=True, return_response=True
    )
    (row,) = rows[APPROVALS]["items"]
    assert (row["uid"], row["summary"]) == (ticket_id, "Glass Meridian by Velvet Parallax (2019)")
    assert "sure" in row["description"]
    with pytest.raises(ServiceValidationError):
        await todo(hass, TodoServices.UPDATE_ITEM, item=ticket_id, rename="Something else")
    await todo(hass, TodoServices.UPDATE_ITEM, item=ticket_id, status="completed")
    await until(hass, lambda: hass.states.get("sensor.trusttune_active_downloads").state == "1")
    other = await waiting_ticket(hass, artist="Copper Almanac", album="Harbour Songs")
    await todo(hass, TodoServices.REMOVE_ITEM, item=[other])
    assert hass.states.get(APPROVALS).state == "0"
    assert (await act(hass, "get_tickets", ticket_id=other))["ticket"]["state"] == "rejected"
    await act(hass, "cancel", ticket_id=ticket_id)
    await hass.config_entries.async_unload(entry.entry_id)


async def todo(hass: HomeAssistant, action: str, **fields: Any) -> None:
    """Do something to the list of approvals."""
    await hass.services.async_call("todo", action, {"entity_id": APPROVALS, **fields}, blocking=True)


async def test_the_websocket_sends_a_snapshot_and_then_every_entry_once(
    hass: HomeAssistant, entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    first = await waiting_ticket(hass)
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "trusttune/tickets/subscribe"})
    # Rows that are written while the snapshot is read come after it, or are in it.
    asked = asyncio.create_task(act(hass, "request_album", artist="Copper Almanac", album="Harbour Songs"))
    assert (await client.receive_json())["success"]
    snapshot = (await client.receive_json())["event"]
    assert snapshot["type"] == "snapshot"
    assert first in {ticket["id"] for ticket in snapshot["tickets"]}
    second = (await asked)["ticket"]["id"]
    seq = snapshot["seq"]
    states = {ticket["id"]: ticket["state"] for ticket in snapshot["tickets"]}
    async with asyncio.timeout(15):
        while states.get(second) != "needs_approval":
            event = (await client.receive_json())["event"]
            assert (event["type"], event["seq"]) == ("entry", seq + 1)
            seq += 1
            if event["entry"]["to_state"]:
                assert event["ticket"]["id"] == event["entry"]["ticket_id"]
                states[event["entry"]["ticket_id"]] = event["entry"]["to_state"]
    await client.send_json_auto_id({"type": "trusttune/ticket", "ticket_id": second})
    details = (await client.receive_json())["result"]
    assert details["ticket"]["id"] == second
    assert details["candidates"]
    assert [row["seq"] for row in details["journal"]] == sorted(row["seq"] for row in details["journal"])
    await client.send_json_auto_id({"type": "trusttune/ticket", "ticket_id": "0123456789"})
    refused = await client.receive_json()
    assert (refused["success"], refused["error"]["translation_key"]) == (False, "unknown_ticket")
    await client.close()


async def test_diagnostics_hold_no_secret_no_address_and_no_name(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    shared_client: RunningClient,
    quiet_world: World,
    hass_admin_user: MockUser,
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    await act(hass, "request_album", Context(user_id=hass_admin_user.id), **ALBUM)
    await until(hass, lambda: hass.states.get("sensor.trusttune_needs_approval").state == "1")
    text = str(await get_diagnostics_for_config_entry(hass, hass_client, entry))
    assert "Glass Meridian" in text
    assert "needs_approval" in text
    for secret in (
        shared_client.password,
        shared_client.url,
        shared_client.url.removeprefix("http://"),
        quiet_world.lidarr.api_key,
        quiet_world.jellyfin.api_key,
        quiet_world.torznab.api_key,
        quiet_world.torznab.url,
        hass_admin_user.name,
        "magnet:",
    ):
        assert secret not in text


async def test_a_client_that_goes_away_is_an_issue_until_it_returns(
    hass: HomeAssistant, make_entry: MakeEntry, own_client: RunningClient
) -> None:
    entry = make_entry(own_client)
    await set_up(hass, entry)
    assert open_issues(hass) == set()
    await own_client.kill()
    await until(hass, lambda: open_issues(hass) == {"client_unreachable"}, within_s=30)
    assert hass.states.get("binary_sensor.trusttune_download_client").state == "off"
    assert hass.states.get("sensor.trusttune_download_rate").state == "unavailable"
    await own_client.start()
    await until(hass, lambda: not open_issues(hass), within_s=30)
    assert hass.states.get("binary_sensor.trusttune_download_client").state == "on"
    await hass.config_entries.async_unload(entry.entry_id)


async def test_unloading_takes_the_issues_and_removing_takes_the_database(
    hass: HomeAssistant, make_entry: MakeEntry, own_client: RunningClient
) -> None:
    entry = make_entry(own_client)
    await own_client.stop()
    await set_up(hass, entry)
    await until(hass, lambda: open_issues(hass) == {"client_unreachable"})
    database = database_path(hass, entry)
    assert database.exists()
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    assert open_issues(hass) == set()
    with pytest.raises(ServiceValidationError):
        await act(hass, "get_tickets", config_entry_id=entry.entry_id)
    await hass.config_entries.async_remove(entry.entry_id)
    assert list(database.parent.iterdir()) == []


def open_issues(hass: HomeAssistant) -> set[str]:
    """Give the kinds of our open issues."""
    return {
        issue.translation_key
        for (domain, _), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN and issue.translation_key
    }


@pytest.mark.parametrize(
    "sentence",
    [
        "get me Glass Meridian by Velvet Parallax",
        "download Glass Meridian by Velvet Parallax",
        "find me the album Glass Meridian by Velvet Parallax.",
    ],
)
async def test_an_album_is_asked_for_aloud(hass: HomeAssistant, entry: MockConfigEntry, sentence: str) -> None:
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "conversation", {})
    await hass.async_block_till_done()
    for beginning in ("I asked for", "Glass Meridian by Velvet Parallax was already"):
        result = await hass.services.async_call(
            "conversation", "process", {"text": sentence}, blocking=True, return_response=True
        )
        speech = result["response"]["speech"]["plain"]["speech"]
        assert speech.startswith(beginning)
        assert speech.endswith("I will tell you if I need you.")
    (ticket,) = (await act(hass, "get_tickets"))["tickets"]
    assert (ticket["album"], ticket["artist"]) == ("Glass Meridian", "Velvet Parallax")
    assert ticket["requesters"] == [{"name": "voice", "source": "voice"}]


async def test_an_intent_asks_for_an_album_too(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    response = await intent.async_handle(
        hass,
        "test",
        "TrustTuneRequestAlbum",
        {"album": {"value": "Harbour Songs"}, "artist": {"value": "Copper Almanac"}},
    )
    assert response.speech["plain"]["speech"].startswith("I asked for Harbour Songs by Copper Almanac.")


async def test_what_is_written_while_the_snapshot_is_read_is_neither_lost_nor_told_twice(
    hass: HomeAssistant, entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(hass)
    wanted: set[str] = set()

    async def keep_asking() -> None:
        for number in range(60):
            asked = await act(hass, "request_album", artist="Nobody Here", album=f"Volume {number}")
            wanted.add(asked["ticket"]["id"])

    asking = asyncio.create_task(keep_asking())
    for message_id in range(1, 11):
        await client.send_json({"id": message_id, "type": "trusttune/tickets/subscribe"})
    seqs: dict[int, int] = {}
    seen: dict[int, set[str]] = {}
    async with asyncio.timeout(30):
        while not asking.done() or len(seen) < 10 or any(each < wanted for each in seen.values()):
            message = await client.receive_json()
            if message["type"] == "result":
                assert message["success"]
                continue
            subscriber, event = message["id"], message["event"]
            if event["type"] == "snapshot":
                assert subscriber not in seqs
                seen[subscriber] = {ticket["id"] for ticket in event["tickets"]}
            else:
                assert event["seq"] == seqs[subscriber] + 1
                if event["entry"]["event"] == "created":
                    assert event["entry"]["ticket_id"] not in seen[subscriber]
                    seen[subscriber].add(event["entry"]["ticket_id"])
            seqs[subscriber] = event["seq"]
    await asking
    await client.close()


async def test_a_database_that_cannot_be_read_fails_the_entry_in_words(
    hass: HomeAssistant, make_entry: MakeEntry, shared_client: RunningClient
) -> None:
    entry = make_entry(shared_client)
    database = database_path(hass, entry)
    database.parent.mkdir(parents=True)
    database.write_bytes(b"this is no database at all, " * 200)
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.reason
    assert entry.error_reason_translation_key == "engine_failed"


async def test_home_assistant_stops_the_engine_when_it_stops(
    hass: HomeAssistant, make_entry: MakeEntry, shared_client: RunningClient
) -> None:
    entry = make_entry(shared_client)
    await set_up(hass, entry)
    await hass.async_stop(force=True)
    with pytest.raises(EngineError):
        await entry.runtime_data.engine.tickets()


async def test_asking_aloud_while_nothing_runs_is_answered(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    answer = await request_by_voice(hass, "Harbour Songs", "Copper Almanac", Context())
    assert answer == "TrustTune is not running."


async def test_rows_before_the_snapshot_are_held_back_and_those_in_it_left_out(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    class Connection:
        sent: ClassVar[list[int]] = []

        def send_event(self, message_id: int, event: dict[str, Any]) -> None:
            self.sent.append(event["seq"])

    details = await entry.runtime_data.engine.ticket(await waiting_ticket(hass))
    first, second, third, *_ = details.journal
    following = _Following(entry.runtime_data, cast(ActiveConnection, Connection()), 1)
    following.entry_written(first, details.ticket)
    following.entry_written(second, details.ticket)
    assert Connection.sent == []
    following.go_on_after(first.seq)
    assert Connection.sent == [second.seq]
    following.entry_written(second, details.ticket)
    following.entry_written(third, details.ticket)
    assert Connection.sent == [second.seq, third.seq]
