"""The outside services of the world, each speaking its real wire format on 127.0.0.1."""
