"""A Home Assistant integration for the benchmark only: how long the event loop was ever held up."""

import asyncio
import json
import time
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.helpers.typing import ConfigType

EVERY_S = 0.005


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Look at the clock every few milliseconds; write each long gap as a line of JSON."""
    log = Path(hass.config.path("loop_watch.jsonl"))
    log.write_text("")

    async def watch() -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(EVERY_S)
            now = time.monotonic()
            stall = now - before - EVERY_S
            if stall > 0.01:
                with log.open("a") as lines:
                    lines.write(json.dumps({"at": time.time(), "stall_s": stall}) + "\n")
            before = time.monotonic()

    hass.async_create_background_task(watch(), "loop watch", eager_start=False)
    return True
