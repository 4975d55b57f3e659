"""Asking for an album aloud: sentences for the default agent, and an intent for all others."""

from typing import TYPE_CHECKING

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import intent
from homeassistant.setup import async_when_setup

from .const import ATTR_ALBUM, ATTR_ARTIST, DOMAIN
from .coordinator import TrustTuneConfigEntry
from .engine.errors import EngineError
from .engine.tickets.ticket import Source
from .requester import requester_of

if TYPE_CHECKING:
    from hassil.recognize import RecognizeResult
    from homeassistant.components.conversation import ConversationInput

INTENT_REQUEST_ALBUM = "TrustTuneRequestAlbum"
SENTENCES = ["(get|find|download) [me] [the album] {album} by {artist}"]


@callback
def async_setup_sentences(hass: HomeAssistant) -> None:
    """Listen for the sentences as soon as somebody can be spoken to."""
    intent.async_register(hass, RequestAlbumIntent())
    async_when_setup(hass, "conversation", _register_sentences)


async def _register_sentences(hass: HomeAssistant, component: str) -> None:
    # Its requirements are only there when it is.
    from homeassistant.components.conversation.agent_manager import get_agent_manager

    async def heard(spoken: ConversationInput, result: RecognizeResult) -> str:
        album, artist = (str(result.entities[name].value) for name in (ATTR_ALBUM, ATTR_ARTIST))
        return await request_by_voice(hass, album, artist, spoken.context)

    get_agent_manager(hass).register_trigger(SENTENCES, heard)


async def request_by_voice(hass: HomeAssistant, album: str, artist: str, context: Context) -> str:
    """Ask for an album and answer in a sentence."""
    album, artist = _cleaned(album), _cleaned(artist)
    entries: list[TrustTuneConfigEntry] = hass.config_entries.async_entries(DOMAIN)
    entry = next((entry for entry in entries if entry.state is ConfigEntryState.LOADED), None)
    if entry is None:
        return "TrustTune is not running."
    requester = await requester_of(hass, context, Source.VOICE)
    try:
        _, is_new = await entry.runtime_data.engine.request(artist, album, requester=requester)
    except EngineError as error:
        return f"I could not ask for {album} by {artist}. {error}"
    if is_new:
        return f"I asked for {album} by {artist}. I will tell you if I need you."
    return f"{album} by {artist} was already asked for. I will tell you if I need you."


def _cleaned(name: str) -> str:
    return " ".join(name.split()).strip(" .!?")[:300]


class RequestAlbumIntent(intent.IntentHandler):
    """Ask for an album."""

    intent_type = INTENT_REQUEST_ALBUM
    description = "Asks TrustTune for an album that is missing in the music library"
    slot_schema = {ATTR_ALBUM: cv.string, ATTR_ARTIST: cv.string}  # noqa: RUF012 - as the base class has it

    async def async_handle(self, intent_obj: intent.Intent) -> intent.IntentResponse:
        """Ask, and answer in a sentence."""
        slots = self.async_validate_slots(intent_obj.slots)
        response = intent_obj.create_response()
        response.async_set_speech(
            await request_by_voice(
                intent_obj.hass, slots[ATTR_ALBUM]["value"], slots[ATTR_ARTIST]["value"], intent_obj.context
            )
        )
        return response
