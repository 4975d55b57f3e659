"""A Home Assistant integration for the benchmark only: how long the event loop was ever held up, and by what."""

import asyncio
import gc
import json
import sys
import threading
import time
import traceback
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.helpers.typing import ConfigType

EVERY_S = 0.005
WORTH_SAYING_S = 0.01
WORTH_A_LOOK_S = 0.03


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Look at the clock every few milliseconds; write each long gap as a line of JSON."""
    beat = time.monotonic()
    collecting_since = 0.0
    seen: list[str] = []
    lines: list[str] = []
    loop_thread = threading.get_ident()
    log = Path(hass.config.path("loop_watch.jsonl"))

    def collected(phase: str, about: dict[str, int]) -> None:
        """Note the garbage collector's work: while it runs nothing else does, and no watcher sees it."""
        nonlocal collecting_since
        if phase == "start":
            collecting_since = time.monotonic()
        elif time.monotonic() - collecting_since > WORTH_SAYING_S:
            took = time.monotonic() - collecting_since
            seen.append(f"garbage collection of generation {about['generation']}: {took * 1000:.0f} ms")

    def look() -> None:
        """Where the threads are when the loop is late, and what was found so far, to the file."""
        while True:
            time.sleep(EVERY_S)
            if time.monotonic() - beat > WORTH_A_LOOK_S and not seen:
                frames = sys._current_frames()
                seen.extend(
                    ("loop: " if thread == loop_thread else "thread: ")
                    + " < ".join(
                        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
                        for frame in reversed(traceback.extract_stack(stack)[-8:])
                    )
                    for thread, stack in frames.items()
                    if thread != threading.get_ident()
                )
            if lines:
                with log.open("a") as output:
                    output.writelines(lines[:])
                del lines[:]

    async def watch() -> None:
        nonlocal beat
        while True:
            beat = time.monotonic()
            await asyncio.sleep(EVERY_S)
            stall = time.monotonic() - beat - EVERY_S
            if stall > WORTH_SAYING_S:
                lines.append(json.dumps({"at": time.time(), "stall_s": stall, "seen": seen[:]}) + "\n")
            del seen[:]

    gc.callbacks.append(collected)
    threading.Thread(target=look, daemon=True, name="loop watch").start()
    hass.async_create_background_task(watch(), "loop watch", eager_start=False)
    return True
