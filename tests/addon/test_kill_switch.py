"""The VPN kill switch, in network namespaces with two ways out and a capture on the one that must stay silent."""

import json
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import qbittorrentapi
from torrentd.options import OptionsError, read_options
from torrentd.session.vpn import peer_port

from far_side import FarSide
from live import Daemon, is_complete, wait_until
from netns import FAR, HOME, REFUSAL, TUNNEL, Capture, TwoWaysOut, inside, missing

ALLOWED = ("--allow-peers-from", "10.77.0.0/16")
GUARDED = (*ALLOWED, "--vpn-interface", TUNNEL)
STRICT = (*GUARDED, "--vpn-strict-dns")
SIZE = 12_000_000
SLOW_BPS = 300_000


@pytest.fixture(scope="module")
def needs_namespaces() -> None:
    if (why := missing()) is not None:
        pytest.skip(why)


@pytest.fixture
def rig(needs_namespaces: None) -> Iterator[TwoWaysOut]:
    made = TwoWaysOut()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def start(rig: TwoWaysOut, tmp_path: Path) -> Iterator[Callable[..., tuple[Daemon, FarSide, Capture]]]:
    opened: list[Any] = []

    def make(*arguments: str, with_tunnel: bool = True) -> tuple[Daemon, FarSide, Capture]:
        rig.build(with_tunnel=with_tunnel)
        home = tmp_path / "near"
        home.mkdir()
        far = FarSide(rig.far, tmp_path / "far")
        opened.append(far)
        capture = Capture(rig.near, HOME)
        opened.append(capture)
        # Everything that finds peers is on: nothing of it can leave these namespaces.
        daemon = Daemon(home, arguments, within=("ip", "netns", "exec", rig.near), discovery=())
        opened.append(daemon)
        return daemon, far, capture

    yield make
    for each in reversed(opened):
        each.close()


def vpn_state(client: qbittorrentapi.Client) -> dict[str, Any]:
    return client._get("trusttune", "vpn").json()


def health(daemon: Daemon) -> dict[str, Any]:
    with urllib.request.urlopen(f"{daemon.url}/health", timeout=5) as answer:
        state: dict[str, Any] = json.load(answer)
    return state


def completed(client: qbittorrentapi.Client) -> int:
    return int(client.torrents_info()[0].completed)


def add(client: qbittorrentapi.Client, album: Any) -> None:
    assert client.torrents_add(torrent_files=album.torrent_file) == "Ok."
    meet(client, album)


def meet(client: qbittorrentapi.Client, album: Any) -> None:
    client.torrents_add_peers(peers=f"{FAR}:{album.port}", torrent_hashes=album.info_hash)


def prove_the_capture_sees(rig: TwoWaysOut, capture: Capture) -> None:
    """Send one datagram by the home line, as a leak would, and find it."""
    with inside(rig.near), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as leak:
        leak.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, HOME.encode())
        leak.sendto(b"seen?", (FAR, 9))
    wait_until("a leak would be seen", lambda: any(f"> {FAR}:9" in line for line in capture.left()))


def test_nothing_leaves_by_another_way_while_the_tunnel_fails_ten_times(
    rig: TwoWaysOut, start: Callable[..., tuple[Daemon, FarSide, Capture]], capsys: pytest.CaptureFixture[str]
) -> None:
    daemon, far, capture = start(*STRICT)
    album = far.album(SIZE)
    reactions, returns = [], []
    with inside(rig.near):
        client = daemon.start()
        wait_until("bound", lambda: vpn_state(client)["is_bound"])
        assert health(daemon)["vpn"] == "bound"
        client.transfer_set_download_limit(limit=SLOW_BPS)
        add(client, album)
        wait_until("it moves", lambda: completed(client) > 0)
        address = 2
        for turn in range(10):
            before = time.monotonic()
            match turn % 4:
                case 0:
                    rig.near_ip("link", "set", TUNNEL, "down")
                case 1:
                    rig.near_ip("addr", "del", f"10.77.1.{address}/24", "dev", TUNNEL)
                case 2:
                    rig.near_ip("route", "del", "default", "dev", TUNNEL)
                case 3:
                    rig.near_ip("link", "del", TUNNEL)
            wait_until("paused", lambda: vpn_state(client)["is_paused"])
            reactions.append(time.monotonic() - before)
            state = vpn_state(client)
            assert (state["is_bound"], state["addresses"], health(daemon)["vpn"]) == (False, [], "paused")
            assert client.torrents_start(torrent_hashes="all") is None  # nor does a person's wish get out
            meet(client, album)
            client.torrents_reannounce(torrent_hashes="all")
            had = completed(client)
            match turn % 4:
                case 0:
                    rig.near_ip("link", "set", TUNNEL, "up")
                    rig.add_route()
                case 1:
                    address += 1
                    rig.near_ip("addr", "add", f"10.77.1.{address}/24", "dev", TUNNEL)
                    rig.add_route()
                case 2:
                    rig.add_route()
                case 3:
                    rig.add_tunnel(f"10.77.1.{address}")
            before = time.monotonic()
            wait_until("bound again", lambda: vpn_state(client)["is_bound"])
            assert vpn_state(client)["addresses"] == [f"10.77.1.{address}"]
            meet(client, album)
            wait_until(f"it moves again after {turn}", lambda had=had: completed(client) > had)
            returns.append(time.monotonic() - before)
        assert not is_complete(client, album.info_hash), "the tunnel must fail during the download, not after it"
        client.transfer_set_download_limit(limit=0)
        wait_until("complete", lambda: is_complete(client, album.info_hash))
        assert daemon.stop() == 0
    refusals = [line for line in capture.left() if line.startswith(REFUSAL)]
    # With its route lost and its link up, the tunnel still delivers, and the kernel may refuse what comes late.
    known = {*refusals, "ARP"} if refusals else set()
    assert [line for line in capture.left() if line not in known] == [], (
        f"left by {HOME}; paused after {max(reactions):.3f} s at most"
    )
    assert {name: (daemon.downloads / name).read_bytes() for name in album.files} == album.files
    assert far.heard["UDP tracker"] > 0
    assert far.heard["resolver"] == far.heard["HTTP tracker"] == far.heard["web seed"] == 0
    prove_the_capture_sees(rig, capture)
    with capsys.disabled():
        sys.stdout.write(
            f"\nkill switch: paused within {max(reactions):.3f} s, moved again within {max(returns):.2f} s, "
            f"{len(refusals)} refusals by the kernel\n"
        )


def test_with_names_allowed_trackers_and_web_seeds_still_keep_to_the_tunnel(
    rig: TwoWaysOut, start: Callable[..., tuple[Daemon, FarSide, Capture]], capsys: pytest.CaptureFixture[str]
) -> None:
    daemon, far, capture = start(*GUARDED)
    album = far.album(SIZE)
    with inside(rig.near):
        client = daemon.start()
        client.transfer_set_download_limit(limit=SLOW_BPS)
        add(client, album)
        wanted = ("UDP tracker", "HTTP tracker", "web seed", "resolver")
        wait_until("all sources were asked", lambda: all(far.heard[name] for name in wanted))
        had = completed(client)
        rig.near_ip("link", "set", TUNNEL, "down")
        wait_until("paused", lambda: vpn_state(client)["is_paused"])
        client.torrents_reannounce(torrent_hashes="all")
        rig.near_ip("link", "set", TUNNEL, "up")
        rig.add_route()
        wait_until("bound", lambda: vpn_state(client)["is_bound"])
        meet(client, album)
        wait_until("it moves", lambda: completed(client) > had)
    lookups = [line for line in capture.left() if line.endswith(":53")]
    others = [line for line in capture.left() if not line.endswith(":53")]
    # Only the system's own resolver is not bound: what the documentation says about names.
    assert [line for line in others if line != "ARP" or not lookups] == []
    with capsys.disabled():
        sys.stdout.write(f"\nwithout strict DNS: {len(lookups)} look-ups on {HOME} in one fall, {dict(far.heard)}\n")


def test_started_without_the_interface_nothing_leaves_until_it_appears(
    rig: TwoWaysOut, start: Callable[..., tuple[Daemon, FarSide, Capture]]
) -> None:
    daemon, far, capture = start(*GUARDED, with_tunnel=False)
    album = far.album(400_000)
    with inside(rig.near):
        client = daemon.start()
        assert vpn_state(client) | {"since": 0} == {
            "interface": TUNNEL,
            "is_bound": False,
            "is_paused": True,
            "addresses": [],
            "since": 0,
            "is_dns_strict": False,
        }
        assert f"The VPN interface {TUNNEL} is not there: everything is paused" in daemon.read_log()
        add(client, album)
        client.torrents_reannounce(torrent_hashes="all")
        # Two rounds of the session's own clock, in which it would have announced and looked up names.
        end = time.monotonic() + 2
        wait_until("two seconds of its life", lambda: time.monotonic() > end)
        assert capture.left() == []
        assert not far.heard
        rig.add_tunnel()
        wait_until("complete", lambda: meet(client, album) or is_complete(client, album.info_hash))
    assert capture.left() == []
    prove_the_capture_sees(rig, capture)


def test_without_the_switch_the_same_fall_is_seen_on_the_other_line(
    rig: TwoWaysOut, start: Callable[..., tuple[Daemon, FarSide, Capture]]
) -> None:
    daemon, far, capture = start(*ALLOWED)
    daemon.arguments += ("--peer-interfaces", "0.0.0.0:0")
    album = far.album(SIZE)
    with inside(rig.near):
        client = daemon.start()
        assert vpn_state(client)["interface"] is None
        assert health(daemon)["vpn"] == "off"
        client.transfer_set_download_limit(limit=SLOW_BPS)
        add(client, album)
        wait_until("it moves", lambda: completed(client) > 0)
        rig.near_ip("link", "set", TUNNEL, "down")
        add(client, far.album(100_000))
        wait_until("the home line is used", lambda: any(f"> {FAR}:" in line for line in capture.left()))


@pytest.mark.parametrize("name", ["10.8.0.2", "wg0,eth0", "wg0:1", "a/b", "an-interface-too-long"])
def test_only_a_name_is_an_interface(name: str) -> None:
    with pytest.raises(OptionsError, match="vpn_interface"):
        read_options(["--vpn-interface", name], {})


def test_with_an_interface_nothing_speaks_to_the_neighbours() -> None:
    options = read_options(["--vpn-interface", "wg0"], {})
    assert (options.vpn_interface, options.is_lsd_on, options.is_upnp_on, options.is_dht_on) == (
        "wg0",
        False,
        False,
        True,
    )
    assert read_options([], {}).vpn_interface is None
    assert [peer_port(text) for text in ("0.0.0.0:6881,[::]:6881", "[::]:7000", "eth0:5s", "")] == [6881, 7000, 5, 0]
