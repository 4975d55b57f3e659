"""Takes the pictures in docs/images of TrustTune in a real Home Assistant. Run by scripts/screenshots."""

import asyncio
import base64
import contextlib
import json
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from . import demo
from .home_assistant import ROOT, HomeAssistant
from .processes import die_with_parent
from .setting_up import DASHBOARD, set_options

IMAGES = ROOT / "docs" / "images"
WIDTH, HEIGHT = 1280, 900


class Browser:
    """A headless Chromium, by its DevTools protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give the result of a protocol command."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        async with asyncio.timeout(60):
            while True:
                message = await self._socket.receive_json()
                if message.get("id") == self._number:
                    if "error" in message:
                        raise RuntimeError(f"{method}: {message['error']}")
                    result: dict[str, Any] = message["result"]
                    return result

    async def run(self, script: str) -> Any:
        """Give the value of a JavaScript expression in the page."""
        result = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        return result["result"].get("value")

    async def go(self, url: str) -> None:
        """Open a page."""
        await self.ask("Page.navigate", url=url)
        await asyncio.sleep(1)

    async def until_text(self, text: str) -> None:
        """Wait until the page shows a text, wherever in its shadow trees."""
        script = f"""(() => {{
            const find = node => {{
                if (node.nodeType === 3) return node.data.includes({json.dumps(text)});
                if (node.shadowRoot && find(node.shadowRoot)) return true;
                return [...node.childNodes].some(find);
            }};
            return find(document.body);
        }})()"""
        try:
            async with asyncio.timeout(30):
                while not await self.run(script):
                    await asyncio.sleep(0.2)
        except TimeoutError:
            await self.picture(ROOT / ".cache" / "not-found.png")
            raise RuntimeError(f"The page never showed {text!r}; see .cache/not-found.png") from None
        await asyncio.sleep(1.5)  # pictures and fonts

    async def picture(self, path: Path) -> None:
        """Write a PNG of what is shown."""
        result = await self.ask("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(result["data"]))


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Run a headless Chromium with a profile of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            "chromium",
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={profile}", "--remote-debugging-port=0", f"--window-size={WIDTH},{HEIGHT}"),
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        try:
            port_file = Path(profile) / "DevToolsActivePort"
            async with asyncio.timeout(30):
                while not port_file.exists() or not port_file.read_text().strip():
                    await asyncio.sleep(0.1)
            port = port_file.read_text().split()[0]
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json") as response:
                    page = next(each for each in await response.json() if each["type"] == "page")
                async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    shown = Browser(socket)
                    await shown.ask("Page.enable")
                    await shown.ask(
                        "Emulation.setDeviceMetricsOverride",
                        width=WIDTH,
                        height=HEIGHT,
                        deviceScaleFactor=1,
                        mobile=False,
                    )
                    yield shown
        finally:
            process.terminate()
            await process.wait()


async def log_in(shown: Browser, home: HomeAssistant) -> None:
    """Give the page the tokens a login would have left, and nothing to confirm."""
    tokens = {
        "hassUrl": home.url,
        "clientId": f"{home.url}/",
        "access_token": home.access_token,
        "refresh_token": home.refresh_token,
        "token_type": "Bearer",
        "expires_in": 1800,
        "expires": int((time.time() + 1800) * 1000),
    }
    await shown.go(f"{home.url}/manifest.json")
    await shown.run(f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(tokens))})")


async def main() -> None:
    """Start a household, let it want things, and take its pictures."""
    async with demo.household(ROOT / ".cache" / "screenshots", "torrentd") as (_, _, home):
        async with home.person() as person:
            (entry,) = await person.ask("config_entries/get", domain="trusttune")
            await set_options(person, entry["entry_id"], always_ask=True)
            await person.act("scan_now")
            await asyncio.sleep(5)
            devices = await person.ask("config/device_registry/list")
            device = next(each for each in devices if entry["entry_id"] in each["config_entries"])
        async with browser() as shown:
            await log_in(shown, home)
            for name, path, text in (
                ("device.png", f"/config/devices/device/{device['id']}", "Scan now"),
                ("dashboard.png", DASHBOARD, "Waiting for you"),
            ):
                await shown.go(home.url + path)
                await shown.until_text(text)
                await shown.picture(IMAGES / name)
                demo.say(f"docs/images/{name}")


if __name__ == "__main__":
    asyncio.run(main())
