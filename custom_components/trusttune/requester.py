"""Who is behind a call: the person, or an automation."""

from homeassistant.core import Context, HomeAssistant

from .engine.tickets.ticket import Requester, Source

AUTOMATION = Requester("automation", Source.AUTOMATION)


async def requester_of(hass: HomeAssistant, context: Context | None, source: Source = Source.PERSON) -> Requester:
    """Give the person whose context this is; an automation has none."""
    if context is not None and context.user_id is not None:
        user = await hass.auth.async_get_user(context.user_id)
        if user is not None and user.name and not user.system_generated:
            return Requester(user.name, source)
    return Requester("voice", source) if source is Source.VOICE else AUTOMATION
