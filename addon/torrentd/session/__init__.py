"""The libtorrent session: its settings, its alerts and which addresses it may talk to."""
