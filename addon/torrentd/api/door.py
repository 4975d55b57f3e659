"""The door of the Web API: origin, login, method and body are judged here, then the call is handed on."""

import json
import logging
import time
from typing import cast
from urllib.parse import urlsplit

from aiohttp import BodyPartReader, web

from . import adding, application, auth, control, labels, stream, sync, torrents, transfer, vpn
from .call import ApiError, Call, Endpoint, Reply, Services, Upload

_LOGGER = logging.getLogger(__name__)

MAX_TORRENT_BYTES = 10 << 20
MAX_FORM_BYTES = 1 << 20
MAX_UPLOADS = 50
MAX_UPLOADED_BYTES = 32 << 20
MAX_PARTS = 200
ALERTS_LATE_S = 30

ENDPOINTS: dict[str, dict[str, Endpoint]] = {
    "auth": auth.ENDPOINTS,
    "app": application.ENDPOINTS,
    "torrents": {**torrents.ENDPOINTS, **adding.ENDPOINTS, **control.ENDPOINTS, **labels.ENDPOINTS},
    "transfer": transfer.ENDPOINTS,
    "sync": sync.ENDPOINTS,
    "trusttune": {**stream.ENDPOINTS, **vpn.ENDPOINTS},
}

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}
_PAGE = "<!DOCTYPE html><title>torrentd</title><p>torrentd speaks the qBittorrent Web API under /api/v2.</p>"


def web_application(services: Services) -> web.Application:
    """Return the aiohttp application that answers for these services."""

    async def call_api(request: web.Request) -> web.StreamResponse:
        try:
            return _response(await _answer(services, request))
        except ApiError as error:
            return web.Response(status=error.status, text=error.text, content_type="text/plain", charset="UTF-8")
        except web.HTTPException as error:
            return web.Response(status=error.status, text=error.reason, content_type="text/plain", charset="UTF-8")
        except Exception:
            _LOGGER.exception("%s failed", request.path)
            return web.Response(status=500, text="Internal Server Error")

    async def root(_request: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html", charset="UTF-8")

    async def health(_request: web.Request) -> web.Response:
        engine = services.register.engine
        is_alive = time.monotonic() - engine.last_alert_at < ALERTS_LATE_S
        state: dict[str, object] = {
            "status": "ok" if is_alive else "stalled",
            "listening": engine.session.is_listening(),
        }
        guard = services.guard
        state["vpn"] = "off" if guard is None else "bound" if guard.is_bound else "paused"
        return web.json_response(state, status=200 if is_alive else 503)

    async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_HEADERS)

    async def end_readers(_application: web.Application) -> None:
        services.readings.end_all()

    application = web.Application(client_max_size=MAX_FORM_BYTES)
    application.router.add_get("/", root)
    application.router.add_get("/health", health)
    application.router.add_route("*", "/api/v2/{tail:.*}", call_api)
    application.on_response_prepare.append(add_headers)
    application.on_shutdown.append(end_readers)
    return application


async def _answer(services: Services, request: web.Request) -> Reply:
    is_permitted = await stream.has_permission(services, request)
    if not is_permitted and _is_foreign(request):
        raise ApiError(401, "Unauthorized")
    scope, _, name = request.match_info["tail"].partition("/")
    cookie = request.cookies.get(auth.COOKIE, "")
    session_id = cookie if services.sessions.is_known(cookie) else ""
    if scope == "trusttune" and name.startswith("stream/"):
        name = "stream"
    if not session_id and not is_permitted and (scope, name) != ("auth", "login"):
        raise ApiError(403, "Forbidden")
    endpoint = ENDPOINTS.get(scope, {}).get(name)
    if endpoint is None:
        raise ApiError(404, "Not Found")
    if request.method not in endpoint.methods:
        raise ApiError(405, "Method Not Allowed")
    is_multipart = request.content_type.startswith("multipart/")
    uploads: tuple[Upload, ...] = ()
    if request.method in ("GET", "HEAD"):
        parameters = dict(request.query)
    elif is_multipart:
        parameters, uploads = await _read_multipart(request)
    else:
        parameters = {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    call = Call(services, parameters, uploads, session_id, is_multipart, request=request)
    return await endpoint.handler(call)


async def _read_multipart(request: web.Request) -> tuple[dict[str, str], tuple[Upload, ...]]:
    parameters: dict[str, str] = {}
    uploads: list[Upload] = []
    form_bytes = uploaded_bytes = parts = 0
    try:
        async for reader in await request.multipart():
            parts += 1
            if parts > MAX_PARTS or not isinstance(reader, BodyPartReader):
                raise ApiError(400)
            if reader.filename is None:
                content = await _read_part(reader, MAX_FORM_BYTES - form_bytes)
                form_bytes += len(content)
                parameters[reader.name or ""] = content.decode("utf-8", errors="replace")
            else:
                content = await _read_part(reader, min(MAX_TORRENT_BYTES, MAX_UPLOADED_BYTES - uploaded_bytes))
                uploaded_bytes += len(content)
                uploads.append(Upload(reader.filename, content))
                if len(uploads) > MAX_UPLOADS:
                    raise ApiError(413, "Payload Too Large")
    except ValueError:
        raise ApiError(400) from None
    return parameters, tuple(uploads)


async def _read_part(reader: BodyPartReader, limit: int) -> bytes:
    content = bytearray()
    while chunk := await reader.read_chunk(65_536):
        content += chunk
        if len(content) > limit:
            raise ApiError(413, "Payload Too Large")
    return bytes(content)


def _is_foreign(request: web.Request) -> bool:
    """Tell whether a page of another site made this call; programs send neither header."""
    for header in ("Origin", "Referer"):
        value = request.headers.get(header)
        if value is None:
            continue
        try:
            origin = urlsplit(value).netloc.rpartition("@")[2]
        except ValueError:
            return True
        if origin.lower() != request.headers.get("Host", "").lower():
            return True
    return False


def _response(reply: Reply) -> web.StreamResponse:
    if isinstance(reply, web.StreamResponse):
        return reply
    if isinstance(reply, dict | list):
        body = json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="replace")
        return web.Response(body=body, content_type="application/json")
    text = "" if reply is None else str(cast(object, reply))
    return web.Response(text=text, content_type="text/plain", charset="UTF-8")
