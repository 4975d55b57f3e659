"""The calls under `sync`: changes since the last answer."""

from ..records.sync import server_state
from .call import Call, Endpoint, Reply


async def maindata(call: Call) -> Reply:
    """`sync/maindata`."""
    await call.register.engine.refresh()
    state = server_state(call.register, call.services.free_bytes)
    return call.services.main_data.answer(call.session_id, call.number("rid"), state)


ENDPOINTS = {"maindata": Endpoint(maindata)}
