"""Options come from the command line, then the environment, then a file, then defaults."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from torrentd.options import OptionsError, read_options

from live import ADDON


def test_the_nearest_layer_wins(tmp_path: Path) -> None:
    file = tmp_path / "options.json"
    file.write_text(json.dumps({"port": 1, "username": "file", "dht": False, "allow_peers_from": ["10.0.0.0/8"]}))
    environment = {"TRUSTTUNE_TORRENTD_USERNAME": "env", "TRUSTTUNE_TORRENTD_PORT": "2"}
    options = read_options(["--options-file", str(file), "--port", "3"], environment)
    assert (options.port, options.username, options.is_dht_on, options.is_lsd_on) == (3, "env", False, True)
    assert [str(network) for network in options.allow_peers_from] == ["10.0.0.0/8"]
    assert options.host == "127.0.0.1"


def test_the_password_comes_from_a_file_or_the_environment_and_is_never_shown(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("from the file\nsecond line\n")
    assert read_options(["--password-file", str(secret)], {}).password == "from the file"
    options = read_options([], {"TRUSTTUNE_TORRENTD_PASSWORD": "from the air"})
    assert options.password == "from the air"
    assert "from the air" not in repr(options)


@pytest.mark.parametrize(
    "environment",
    [
        {"TRUSTTUNE_TORRENTD_PORT": "many"},
        {"TRUSTTUNE_TORRENTD_DHT": "perhaps"},
        {"TRUSTTUNE_TORRENTD_ALLOW_PEERS_FROM": "home"},
        {"TRUSTTUNE_TORRENTD_PASSWORD": "short"},
        {"TRUSTTUNE_TORRENTD_OPTIONS_FILE": "/nowhere/options.json"},
    ],
)
def test_a_wrong_option_is_said_by_name(environment: dict[str, str]) -> None:
    with pytest.raises(OptionsError, match=r"port|DHT|allow_peers_from|password|options.json"):
        read_options([], environment)


def test_help_names_the_options() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "torrentd", "--help"], cwd=ADDON, capture_output=True, text=True, check=True
    ).stdout
    for option in ("--port", "--state-folder", "--allow-peers-from", "--no-dht", "--ready-file"):
        assert option in told
