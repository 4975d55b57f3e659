"""A real Home Assistant as a process, and a person at its API: for the end-to-end tests, the demo and the benchmark."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from .processes import die_with_parent, end_process, free_port

ROOT: Final = Path(__file__).resolve().parent.parent
READY_WITHIN_S: Final = 90.0
STOPPED_WITHIN_S: Final = 30.0
USERNAME: Final = "demo"
PASSWORD: Final = "trusttune"

_CONFIGURATION: Final = """\
homeassistant:
  name: TrustTune demo
  time_zone: UTC
  country: IE
  latitude: 53.0
  longitude: -8.0
  currency: EUR
http:
  server_host: 127.0.0.1
  server_port: {port}
frontend:
config:
conversation:
logger:
  default: warning
  logs:
    custom_components.trusttune: info
    homeassistant.setup: critical
    homeassistant.components.camera.img_util: critical
"""


class HomeAssistantError(Exception):
    """Home Assistant did not do what it was asked for."""


@dataclass(slots=True)
class HomeAssistant:
    """One instance; `folder` is its configuration folder."""

    folder: Path
    port: int = field(default_factory=free_port)
    extra_integrations: tuple[Path, ...] = ()
    """Folders of integrations to load beside TrustTune."""
    process: asyncio.subprocess.Process | None = None
    refresh_token: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it logged."""
        return self.folder / "home-assistant.log"

    async def start(self, *, environment: Mapping[str, str] | None = None) -> None:
        """Start it and wait until its API answers. Raises HomeAssistantError."""
        await asyncio.to_thread(self._prepare)
        with (self.folder / "console.log").open("ab") as console:
            self.process = await asyncio.create_subprocess_exec(
                str(Path(sys.executable).with_name("hass")),
                *("--config", str(self.folder), "--skip-pip", "--log-file", str(self.log)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, **(environment or {})},
                # Ctrl-C in a terminal is for the one who started us: we stop it ourselves.
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        try:
            async with asyncio.timeout(READY_WITHIN_S), aiohttp.ClientSession() as session:
                while not await _is_running(session, self.url):
                    if self.process.returncode is not None:
                        raise HomeAssistantError(f"It ended with {self.process.returncode}:\n{self.last_words()}")
                    await asyncio.sleep(0.1)
        except TimeoutError:
            await self.kill()
            raise HomeAssistantError(f"It did not answer within {READY_WITHIN_S:.0f} s") from None
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """Let it end by itself, and make it end where it does not."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self._end(signal.SIGKILL)

    async def onboard(self) -> None:
        """Make the first user, as the welcome pages do."""
        client_id = f"{self.url}/"
        async with aiohttp.ClientSession(self.url) as session:
            user = {"client_id": client_id, "name": "Demo", "username": USERNAME, "password": PASSWORD}
            async with session.post("/api/onboarding/users", json={**user, "language": "en"}) as response:
                code = (await _checked(response))["auth_code"]
            await self._token(session, {"grant_type": "authorization_code", "code": code})
        async with self.person() as person:
            # An http: section is on trial for five minutes; unconfirmed, Home Assistant goes back to port 8123.
            await person.ask("http/config/promote")

    @contextlib.asynccontextmanager
    async def person(self) -> AsyncIterator[Person]:
        """Log in and give a person at the API."""
        async with aiohttp.ClientSession(self.url) as session:
            await self._token(session, {"grant_type": "refresh_token", "refresh_token": self.refresh_token})
            async with Person(session, self.access_token) as person:
                yield person

    def last_words(self) -> str:
        """Give the end of what it logged."""
        logs = [log.read_text(errors="replace")[-3000:] for log in (self.log,) if log.exists()]
        return "\n".join(logs)

    async def _token(self, session: aiohttp.ClientSession, grant: Mapping[str, str]) -> None:
        async with session.post("/auth/token", data={**grant, "client_id": f"{self.url}/"}) as response:
            tokens = await _checked(response)
        self.access_token = tokens["access_token"]
        self.refresh_token = tokens.get("refresh_token", self.refresh_token)

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        extra = "".join(f"{integration.name}:\n" for integration in self.extra_integrations)
        (self.folder / "configuration.yaml").write_text(_CONFIGURATION.format(port=self.port) + extra)
        integrations = self.folder / "custom_components"
        integrations.mkdir(exist_ok=True)
        for integration in (ROOT / "custom_components" / "trusttune", *self.extra_integrations):
            link = integrations / integration.name
            if not link.exists():
                link.symlink_to(integration)
        onboarding = self.folder / ".storage" / "onboarding"
        if not onboarding.exists():
            # Only the user is still to be made: the other steps add integrations that ask servers outside.
            onboarding.parent.mkdir(exist_ok=True)
            done = ["core_config", "analytics", "integration"]
            onboarding.write_text(json.dumps({"version": 4, "key": "onboarding", "data": {"done": done}}))

    async def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        await end_process(process, how, within_s=STOPPED_WITHIN_S)


class Person:
    """Somebody who is logged in: calls actions, fills forms, listens."""

    def __init__(self, session: aiohttp.ClientSession, token: str) -> None:
        self._session = session
        self._token = token
        self._number = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._events: dict[int, asyncio.Queue[Any]] = {}

    async def __aenter__(self) -> Self:
        self._socket = await self._session.ws_connect("/api/websocket", max_msg_size=0)
        await self._socket.receive_json()
        await self._socket.send_json({"type": "auth", "access_token": self._token})
        if (await self._socket.receive_json())["type"] != "auth_ok":
            raise HomeAssistantError("The login was refused")
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._socket.close()

    async def ask(self, command: str, **members: Any) -> Any:
        """Give the result of a websocket command. Raises HomeAssistantError."""
        return (await self._send(command, members))[1]

    async def follow(self, command: str, **members: Any) -> asyncio.Queue[Any]:
        """Subscribe by a websocket command and give the queue of its events."""
        number, _ = await self._send(command, members)
        return self._events[number]

    async def act(self, action: str, **data: Any) -> Any:
        """Call one of TrustTune's actions and give its response."""
        result = await self.ask(
            "call_service", domain="trusttune", service=action, service_data=data, return_response=True
        )
        return result["response"]

    async def form(self, path: str, handler: Any, *answers: Mapping[str, Any]) -> dict[str, Any]:
        """Go through a configuration dialog; `path` is flow, options/flow or subentries/flow.

        Raises HomeAssistantError with the form's errors where an answer is refused.
        """
        base = f"/api/config/config_entries/{path}"
        step = await self._post(base, {"handler": handler, "show_advanced_options": False})
        for answer in answers:
            step = await self._post(f"{base}/{step['flow_id']}", dict(answer))
            if step.get("errors"):
                raise HomeAssistantError(f"{step['step_id']}: {step['errors']} {step.get('description_placeholders')}")
        if step["type"] == "form":
            raise HomeAssistantError(f"The dialog still asks for {step['step_id']}")
        return step

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}"}
        async with self._session.post(path, json=body, headers=headers) as response:
            answer: dict[str, Any] = await _checked(response)
            return answer

    async def _send(self, command: str, members: Mapping[str, Any]) -> tuple[int, Any]:
        self._number += 1
        number = self._number
        self._events[number] = asyncio.Queue()
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "type": command, **members})
        async with asyncio.timeout(60):
            return number, await answer

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                parsed = json.loads(message.data)
                for each in parsed if isinstance(parsed, list) else [parsed]:
                    self._take(each)
        finally:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(HomeAssistantError("The connection was lost"))
                    answer.exception()

    def _take(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "event":
            self._events[message["id"]].put_nowait(message["event"])
        elif message["type"] == "result":
            answer = self._answers.pop(message["id"])
            if message["success"]:
                answer.set_result(message["result"])
            else:
                answer.set_exception(HomeAssistantError(message["error"]["message"]))


async def _is_running(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/api/onboarding") as response:
            return response.status in {200, 404}
    except aiohttp.ClientError:
        return False


async def _checked(response: aiohttp.ClientResponse) -> Any:
    if response.status >= 400:
        raise HomeAssistantError(f"{response.url.path} answered {response.status}: {(await response.text())[:500]}")
    return await response.json()
