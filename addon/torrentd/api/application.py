"""The calls under `app`: which qBittorrent this is, and its preferences."""

import json
import platform
import ssl
import sys
import zlib

import libtorrent as lt

from ..records.preferences import preferences_reply
from .call import WRITE, Call, Endpoint, Reply

VERSION = "v5.1.0"
WEB_API_VERSION = "2.11.4"


async def version(_call: Call) -> Reply:
    """`app/version`: the newest one that Lidarr, Sonarr, Radarr and Home Assistant all accept."""
    return VERSION


async def web_api_version(_call: Call) -> Reply:
    """`app/webapiVersion`."""
    return WEB_API_VERSION


async def build_info(_call: Call) -> Reply:
    """`app/buildInfo`: the libraries that are really here; those that are not have no version."""
    return {
        "bitness": 64 if sys.maxsize > 2**32 else 32,
        "boost": "",
        "libtorrent": lt.__version__,
        "openssl": ssl.OPENSSL_VERSION.split()[1],
        "platform": platform.system().lower(),
        "qt": "",
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
    }


async def preferences(call: Call) -> Reply:
    """`app/preferences`."""
    services = call.services
    return preferences_reply(services.register.preferences, services.options, services.default_folder, services.port)


async def set_preferences(call: Call) -> Reply:
    """`app/setPreferences`: what is known is applied, the rest is ignored, as qBittorrent does."""
    (text,) = call.required("json")
    try:
        wanted = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(wanted, dict):
        call.register.preferences.update(wanted)
        call.register.apply_limits()
        for record in call.register.records:
            record.touch()
        await call.register.save_preferences()
    return None


async def default_save_path(call: Call) -> Reply:
    """`app/defaultSavePath`."""
    return str(call.services.default_folder)


ENDPOINTS = {
    "version": Endpoint(version),
    "webapiVersion": Endpoint(web_api_version),
    "buildInfo": Endpoint(build_info),
    "preferences": Endpoint(preferences),
    "setPreferences": Endpoint(set_preferences, WRITE),
    "defaultSavePath": Endpoint(default_save_path),
}
