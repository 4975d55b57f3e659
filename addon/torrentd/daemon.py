"""From options to a running torrentd, and back to nothing on SIGTERM."""

import asyncio
import contextlib
import json
import logging
import shutil
import signal
import sys
from pathlib import Path

from aiohttp import web

from .api.call import Services
from .api.door import web_application
from .api.sessions import Sessions
from .options import Options
from .records.folder import StateFolder, StateFolderError
from .records.preferences import Preferences
from .records.register import Register
from .records.roots import Roots
from .records.sync import MainData
from .session.engine import Engine
from .session.vpn import VpnGuard

_LOGGER = logging.getLogger(__name__)

FREE_SPACE_EVERY_S = 30


async def run(options: Options) -> None:
    """Serve until SIGTERM or SIGINT, then save and return. Raises StateFolderError or OSError when it cannot start."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    folder = StateFolder(options.state_folder)
    await folder.open()
    try:
        await _serve(options, folder, stop)
    finally:
        await folder.close()


async def _serve(options: Options, folder: StateFolder, stop: asyncio.Event) -> None:
    for root in options.roots:
        await asyncio.to_thread(root.mkdir, parents=True, exist_ok=True)
    sessions = Sessions()
    made_password = await sessions.prepare(folder, options.username, options.password)
    if made_password is not None:
        # Said once, to whoever started it, and kept only as a hash.
        sys.stderr.write(f"The Web API's name is {options.username}, its password {made_password}\n")
        sys.stderr.flush()
    engine = Engine(options)
    register = Register(engine, folder, Roots(options.roots), await _preferences(folder))
    services = Services(options, register, register.roots, MainData(register), sessions)
    if options.vpn_interface is not None:
        services.guard = VpnGuard(engine, options)
    runner = web.AppRunner(web_application(services), access_log=None, shutdown_timeout=2)
    space = asyncio.create_task(_watch_free_space(services), name="torrentd free space")
    try:
        await engine.start()
        if services.guard is not None:
            await services.guard.start()
        await register.load()
        await runner.setup()
        site = web.TCPSite(runner, options.host, options.port)
        await site.start()
        await _announce(options, services, runner)
        await stop.wait()
    finally:
        space.cancel()
        await runner.cleanup()
        if services.guard is not None:
            await services.guard.stop()
        if engine.is_running:
            try:
                await register.save_everything()
            except OSError as error:
                _LOGGER.warning("Not everything could be saved: %s", error.strerror)
            await engine.stop()
        if options.ready_file is not None:
            with contextlib.suppress(OSError):
                options.ready_file.unlink(missing_ok=True)


async def _announce(options: Options, services: Services, runner: web.AppRunner) -> None:
    host, port = runner.addresses[0][:2]
    services.port = port
    address = f"[{host}]" if ":" in host else host
    ready = json.dumps({"event": "ready", "host": host, "port": port, "url": f"http://{address}:{port}"})
    if options.ready_file is not None:
        await asyncio.to_thread(_write_ready_file, options.ready_file, ready)
    sys.stdout.write(f"{ready}\n")
    sys.stdout.flush()


def _write_ready_file(path: Path, content: str) -> None:
    # Whole or not there: whoever waits for it reads it the moment it appears.
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_text(f"{content}\n", encoding="utf-8")
    temporary.rename(path)


async def _preferences(folder: StateFolder) -> Preferences:
    raw = await folder.read(folder.path / "preferences.json")
    if raw is None:
        return Preferences()
    try:
        return Preferences.from_bytes(raw)
    except (ValueError, TypeError, AttributeError):
        raise StateFolderError(f"{folder.path}/preferences.json is damaged: restore or remove it") from None


async def _watch_free_space(services: Services) -> None:
    while True:
        try:
            usage = await asyncio.to_thread(shutil.disk_usage, services.default_folder)
            services.free_bytes = usage.free
        except OSError:
            services.free_bytes = -1
        await asyncio.sleep(FREE_SPACE_EVERY_S)
