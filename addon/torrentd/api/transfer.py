"""The calls under `transfer`: what moves, and the limits on it."""

from ..records.sync import transfer_state
from .call import WRITE, ApiError, Call, Endpoint, Reply


async def info(call: Call) -> Reply:
    """`transfer/info`."""
    await call.register.engine.refresh()
    return transfer_state(call.register)


async def download_limit(call: Call) -> Reply:
    """`transfer/downloadLimit`: bytes per second in force, 0 unlimited."""
    return call.register.preferences.download_limit


async def upload_limit(call: Call) -> Reply:
    """`transfer/uploadLimit`."""
    return call.register.preferences.upload_limit


async def set_download_limit(call: Call) -> Reply:
    """`transfer/setDownloadLimit`."""
    call.required("limit")
    call.register.preferences.set_download_limit(call.number("limit"))
    await _apply(call)
    return None


async def set_upload_limit(call: Call) -> Reply:
    """`transfer/setUploadLimit`."""
    call.required("limit")
    call.register.preferences.set_upload_limit(call.number("limit"))
    await _apply(call)
    return None


async def speed_limits_mode(call: Call) -> Reply:
    """`transfer/speedLimitsMode`: 1 while the alternative limits are in force."""
    return int(call.register.preferences.is_alternative_on)


async def set_speed_limits_mode(call: Call) -> Reply:
    """`transfer/setSpeedLimitsMode`."""
    (mode,) = call.required("mode")
    if mode not in ("0", "1"):
        raise ApiError(400, "'mode': invalid argument")
    call.register.preferences.is_alternative_on = mode == "1"
    await _apply(call)
    return None


async def toggle_speed_limits_mode(call: Call) -> Reply:
    """`transfer/toggleSpeedLimitsMode`."""
    preferences = call.register.preferences
    preferences.is_alternative_on = not preferences.is_alternative_on
    await _apply(call)
    return None


async def _apply(call: Call) -> None:
    call.register.apply_limits()
    await call.register.save_preferences()


ENDPOINTS = {
    "info": Endpoint(info),
    "downloadLimit": Endpoint(download_limit),
    "uploadLimit": Endpoint(upload_limit),
    "setDownloadLimit": Endpoint(set_download_limit, WRITE),
    "setUploadLimit": Endpoint(set_upload_limit, WRITE),
    "speedLimitsMode": Endpoint(speed_limits_mode),
    "setSpeedLimitsMode": Endpoint(set_speed_limits_mode, WRITE),
    "toggleSpeedLimitsMode": Endpoint(toggle_speed_limits_mode, WRITE),
}
