"""The calls under `auth`. Login is the only one that needs no login."""

from aiohttp import web

from .call import WRITE, ApiError, Call, Endpoint, Reply

COOKIE = "SID"
BANNED = "Your IP address has been banned after too many failed authentication attempts."
MAX_CREDENTIAL_CHARACTERS = 1_024


async def login(call: Call) -> Reply:
    """`auth/login`: `Ok.` with a cookie, `Fails.`, or 403 for a banned address."""
    sessions = call.services.sessions
    if call.session_id:
        return "Ok."
    address = call.request.remote or ""
    if sessions.is_banned(address):
        raise ApiError(403, BANNED)
    username, password = call.get("username"), call.get("password")
    if len(username) + len(password) > MAX_CREDENTIAL_CHARACTERS:
        raise ApiError(400)
    session_id = await sessions.login(username, password, address)
    if session_id is None:
        return "Fails."
    response = web.Response(text="Ok.", content_type="text/plain", charset="UTF-8")
    response.set_cookie(COOKIE, session_id, httponly=True, samesite="Strict", path="/")
    return response


async def logout(call: Call) -> Reply:
    """`auth/logout`: forget the cookie."""
    call.services.sessions.logout(call.session_id)
    call.services.main_data.forget(call.session_id)
    response = web.Response(text="", content_type="text/plain", charset="UTF-8")
    response.del_cookie(COOKIE, path="/")
    return response


ENDPOINTS = {"login": Endpoint(login, WRITE), "logout": Endpoint(logout, WRITE)}
