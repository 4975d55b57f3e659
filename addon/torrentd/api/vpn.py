"""The call `trusttune/vpn`: what the kill switch does now."""

from .call import Call, Endpoint, Reply


async def vpn(call: Call) -> Reply:
    """`trusttune/vpn`: `interface` and `since` (Unix time of the last change) are null without a kill switch."""
    guard = call.services.guard
    return {
        "interface": guard.interface if guard is not None else None,
        "is_bound": guard is not None and guard.is_bound,
        "is_paused": call.register.engine.session.is_paused(),
        "addresses": list(guard.addresses) if guard is not None else [],
        "since": guard.since if guard is not None else None,
        "is_dns_strict": guard is not None and call.services.options.vpn_strict_dns,
    }


ENDPOINTS = {"vpn": Endpoint(vpn)}
