"""What waits on the far side: a seeder, an HTTP tracker and web seed, a UDP tracker and a resolver that only listen."""

import http.server
import socket
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import libtorrent as lt

from live import QUIET, Seeded, Seeder
from netns import FAR, inside

HTTP_PORT, UDP_PORT = 8000, 8001
TRACKER_NAME = "tracker.mirelvosk.example"


class FarSide:
    """Lives in one namespace; counts who asked for what."""

    def __init__(self, namespace: str, home: Path) -> None:
        self.heard: Counter[str] = Counter()
        self._stop = threading.Event()
        with inside(namespace):
            self.seeder = Seeder(home, {**QUIET, "listen_interfaces": f"{FAR}:0"})
            self._http = http.server.ThreadingHTTPServer((FAR, HTTP_PORT), self._handler())
            self._udp = [self._listener(UDP_PORT), self._listener(53)]
        self._threads = [
            threading.Thread(target=self._http.serve_forever, args=(0.05,)),
            threading.Thread(target=self._count, args=(self._udp[0], "UDP tracker")),
            threading.Thread(target=self._count, args=(self._udp[1], "resolver")),
        ]
        for thread in self._threads:
            thread.start()

    def album(self, size_bytes: int) -> Seeded:
        """Return a torrent with every kind of source: peers, trackers by address and by name, a web seed."""
        made = self.seeder.album({"long.flac": size_bytes})
        raw = lt.bdecode(made.torrent_file)
        raw[b"announce-list"] = [
            [f"http://{FAR}:{HTTP_PORT}/announce".encode()],
            [f"udp://{FAR}:{UDP_PORT}".encode()],
            [f"http://{TRACKER_NAME}:{HTTP_PORT}/announce".encode()],
            [f"udp://{TRACKER_NAME}:{UDP_PORT}".encode()],
        ]
        raw[b"url-list"] = [f"http://{FAR}:{HTTP_PORT}/webseed/".encode()]
        return Seeded(lt.bencode(raw), made.info_hash, made.folder, made.port)

    def close(self) -> None:
        self._stop.set()
        self._http.shutdown()
        for thread in self._threads:
            thread.join(5)
        self._http.server_close()
        for each in self._udp:
            each.close()

    def _listener(self, port: int) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind((FAR, port))
        listener.settimeout(0.05)
        return listener

    def _count(self, listener: socket.socket, name: str) -> None:
        while not self._stop.is_set():
            try:
                listener.recv(2_048)
            except TimeoutError:
                continue
            self.heard[name] += 1

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        far = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_announce = self.path.startswith("/announce")
                far.heard["HTTP tracker" if is_announce else "web seed"] += 1
                body = lt.bencode({b"interval": 5, b"min interval": 1, b"peers": b""}) if is_announce else b""
                self.send_response(200 if is_announce else 503)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                pass

        return Handler
