"""The torrent client and the rules it works under."""
