"""What torrentd is started with: command line, then environment, then an options file, then defaults."""

import argparse
import ipaddress
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

APP_OPTIONS_FILE = Path("/data/options.json")
ENVIRONMENT_PREFIX = "TRUSTTUNE_TORRENTD_"
MAX_OPTIONS_BYTES = 65_536


class OptionsError(ValueError):
    """An option that cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Options:
    """Everything a start needs. Folders are absolute."""

    host: str
    port: int
    state_folder: Path
    download_folder: Path
    extra_folders: tuple[Path, ...]
    username: str
    password: str | None = field(repr=False)
    ready_file: Path | None
    peer_interfaces: str
    vpn_interface: str | None
    vpn_strict_dns: bool
    is_dht_on: bool
    is_lsd_on: bool
    is_upnp_on: bool
    allow_peers_from: tuple[Network, ...]
    log_level: str

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders below which torrents may be saved."""
        return (self.download_folder, *self.extra_folders)


DEFAULTS: Mapping[str, Any] = {
    "host": "127.0.0.1",
    "port": 8080,
    "state_folder": "./torrentd-state",
    "download_folder": "./downloads",
    "extra_folders": [],
    "username": "admin",
    "password": None,
    "password_file": None,
    "ready_file": None,
    "peer_interfaces": "0.0.0.0:6881,[::]:6881",
    "vpn_interface": "",
    "vpn_strict_dns": False,
    "dht": True,
    "lsd": True,
    "upnp": True,
    "allow_peers_from": [],
    "log_level": "info",
}
_LISTS = frozenset({"extra_folders", "allow_peers_from"})
_SWITCHES = frozenset({"dht", "lsd", "upnp", "vpn_strict_dns"})
_LOG_LEVELS = ("debug", "info", "warning", "error")


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser; every default is None so that lower layers can fill it."""
    parser = argparse.ArgumentParser(
        prog="trusttune-torrentd",
        description="libtorrent behind the qBittorrent Web API. Every option can also be given as "
        f"{ENVIRONMENT_PREFIX}<NAME> in the environment or in a JSON options file (names with underscores).",
    )
    add = parser.add_argument
    add("--options-file", metavar="FILE", help=f"JSON options (default: {APP_OPTIONS_FILE} where it exists)")
    add("--host", help="address the Web API listens on (default 127.0.0.1)")
    add("--port", type=int, help="port of the Web API; 0 takes any free one (default 8080)")
    add("--state-folder", metavar="FOLDER", help="credential, settings and resume data (default ./torrentd-state)")
    add("--download-folder", metavar="FOLDER", help="default save path (default ./downloads)")
    add(
        "--extra-folder",
        metavar="FOLDER",
        action="append",
        dest="extra_folders",
        help="further folder below which torrents may be saved; repeatable",
    )
    add("--username", help="name for the Web API (default admin)")
    add(
        "--password-file",
        metavar="FILE",
        help=f"first line is the password; or set {ENVIRONMENT_PREFIX}PASSWORD. "
        "Without either one is made at the first start and printed once",
    )
    add("--ready-file", metavar="FILE", help="write the bound address here as JSON once the API answers")
    add("--peer-interfaces", metavar="LIST", help="where peers connect to, as libtorrent's listen_interfaces")
    add(
        "--vpn-interface",
        metavar="NAME",
        help="only ever talk to peers, trackers and web seeds through this network interface, and stand still "
        "while it is away; of --peer-interfaces only the port counts then, local discovery and port mapping are off",
    )
    add(
        "--vpn-strict-dns",
        action="store_const",
        const=True,
        help="with --vpn-interface: look up no name at all; of the trackers only udp:// with an address is left",
    )
    add("--no-dht", dest="dht", action="store_const", const=False, help="no distributed hash table")
    add("--no-lsd", dest="lsd", action="store_const", const=False, help="no local peer discovery")
    add("--no-upnp", dest="upnp", action="store_const", const=False, help="no UPnP and NAT-PMP port mapping")
    add(
        "--allow-peers-from",
        metavar="NETWORK",
        action="append",
        help="private network whose peers, trackers and web seeds are allowed, such as 192.168.1.0/24; repeatable",
    )
    add("--log-level", choices=_LOG_LEVELS, help="how much is logged (default info)")
    return parser


def read_options(argv: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    """Merge the layers into options. Raises OptionsError; exits by itself on --help or bad arguments."""
    arguments = vars(argument_parser().parse_args(argv))
    chosen = arguments.pop("options_file") or environment.get(f"{ENVIRONMENT_PREFIX}OPTIONS_FILE")
    merged = dict(DEFAULTS)
    if chosen is not None or APP_OPTIONS_FILE.is_file():
        merged.update(_from_file(Path(chosen) if chosen is not None else APP_OPTIONS_FILE))
    merged.update(_from_environment(environment))
    merged.update({name: value for name, value in arguments.items() if value is not None})
    return _build(merged)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_OPTIONS_BYTES + 1)
        if len(raw) > MAX_OPTIONS_BYTES:
            raise OptionsError(f"{path} is larger than an options file may be")
        options = json.loads(raw)
    except (OSError, ValueError) as error:
        if isinstance(error, OptionsError):
            raise
        raise OptionsError(f"{path} cannot be read as JSON: {type(error).__name__}") from None
    if not isinstance(options, dict):
        raise OptionsError(f"{path} must hold one JSON object")
    # An empty string in the app's form means "not set".
    return {name: value for name, value in options.items() if name in DEFAULTS and value not in (None, "")}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in DEFAULTS:
        value = environment.get(f"{ENVIRONMENT_PREFIX}{name.upper()}")
        if value is None:
            continue
        if name in _LISTS:
            found[name] = [part.strip() for part in value.split(",") if part.strip()]
        elif name in _SWITCHES:
            if value.lower() not in ("true", "false", "1", "0"):
                raise OptionsError(f"{ENVIRONMENT_PREFIX}{name.upper()} must be true or false")
            found[name] = value.lower() in ("true", "1")
        else:
            found[name] = value
    return found


def _build(merged: Mapping[str, Any]) -> Options:
    for name in _SWITCHES:
        if not isinstance(merged[name], bool):
            raise OptionsError(f"{name} must be true or false")
    for name in _LISTS:
        if not isinstance(merged[name], list) or not all(isinstance(part, str) for part in merged[name]):
            raise OptionsError(f"{name} must be a list of texts")
    for name in DEFAULTS.keys() - _SWITCHES - _LISTS - {"port", "password", "password_file", "ready_file"}:
        if not isinstance(merged[name], str):
            raise OptionsError(f"{name} must be a text")
    try:
        port = int(merged["port"])
    except (TypeError, ValueError):
        raise OptionsError("port must be a number") from None
    if not 0 <= port <= 65_535:
        raise OptionsError("port must be between 0 and 65535")
    if merged["log_level"] not in _LOG_LEVELS:
        raise OptionsError(f"log_level must be one of {', '.join(_LOG_LEVELS)}")
    networks: list[Network] = []
    for text in merged["allow_peers_from"]:
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError:
            raise OptionsError(f"allow_peers_from: {text!r} is not a network such as 192.168.1.0/24") from None
    ready_file = merged["ready_file"]
    vpn_interface = _vpn_interface(merged["vpn_interface"])
    return Options(
        host=merged["host"],
        port=port,
        state_folder=Path(merged["state_folder"]).absolute(),
        download_folder=Path(merged["download_folder"]).absolute(),
        extra_folders=tuple(Path(folder).absolute() for folder in merged["extra_folders"]),
        username=merged["username"],
        password=_password(merged),
        ready_file=Path(str(ready_file)).absolute() if ready_file else None,
        peer_interfaces=merged["peer_interfaces"],
        vpn_interface=vpn_interface,
        vpn_strict_dns=merged["vpn_strict_dns"],
        is_dht_on=merged["dht"],
        # Both speak to the neighbours, and the neighbours are not on the tunnel.
        is_lsd_on=merged["lsd"] and vpn_interface is None,
        is_upnp_on=merged["upnp"] and vpn_interface is None,
        allow_peers_from=tuple(networks),
        log_level=merged["log_level"],
    )


def _vpn_interface(name: str) -> str | None:
    if not name:
        return None
    # libtorrent would take an address for one, and commas and colons for a list.
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,15}", name) or not re.search(r"[A-Za-z_]", name):
        raise OptionsError(f"vpn_interface: {name!r} is not the name of a network interface such as wg0")
    return name


def _password(merged: Mapping[str, Any]) -> str | None:
    if merged["password_file"]:
        try:
            text = Path(str(merged["password_file"])).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise OptionsError(f"password_file cannot be read: {type(error).__name__}") from None
        password = text.split("\n", 1)[0].strip("\r")
    elif merged["password"] is not None:
        password = str(merged["password"])
    else:
        return None
    if len(password) < 8:
        raise OptionsError("the password must have at least 8 characters")
    return password
