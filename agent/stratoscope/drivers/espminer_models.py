"""Derives make and model of a rig on ESP-Miner or a fork of it, and whether its board measures input power.

Sources: ESP-Miner's table of board versions (Bitaxe), the device names compiled into the NerdQAxe fork, and the names
that other forks report. An unknown board has no make and model.
"""

from typing import Final

BITAXE: Final = {
    "max": "Max",
    "ultra": "Ultra",
    "hex": "Hex",
    "supra": "Supra",
    "gamma": "Gamma",
    "gammaduo": "Gamma Duo",
    "suprahex": "Supra Hex",
    "ultrahex": "Hex",
    "gammaturbo": "Gamma Turbo",
    "gammahex": "Gamma Hex",
}
"""deviceModel (lower case, no blanks) → model of the Bitaxe line."""

BOARDS: Final = {
    "2.2": "Max",
    "0.11": "Ultra",
    "1.3": "Ultra",
    "65": "Gamma Duo",
    "1": "Max",
    "2": "Ultra",
    "3": "Hex",
    "4": "Supra",
    "6": "Gamma",
    "7": "Supra Hex",
    "8": "Gamma Turbo",
}
"""boardVersion → model of the Bitaxe line: the whole version, or its first two digits, or its first (of three)."""

METERED_BOARDS: Final = frozenset({"2.2", "0.11", "1.3", "102", "201", "202", "203", "204", "205", "400", "401"})
"""Bitaxe boards with an INA260, which measures the DC input. Later boards add a constant to the regulator's output."""

FORKS: Final = (
    (("nerd", "q1370", "q1373"), "NerdAxe"),
    (("lv06", "lv07", "lv08", "lucky"), "LuckyMiner"),
    (("bitforge", "forgeaxe"), "BitForge"),
    (("nmaxe", "nmqaxe"), "NMAxe"),
    (("zyber",), "Zyber"),
)
"""Prefixes of a fork's device names → make."""

DISPLAY_NAMES: Final = {"bitforge_nano": "Nano", "bitforge nano": "Nano", "bitforgenano": "Nano"}


def identify(device: str | None, board: str | None) -> tuple[str | None, str | None]:
    """Return (make, model) for the device name and the board version that a firmware reports; unknown is None."""
    for name in (device, board):
        if name:
            low = name.lower()
            for starts, make in FORKS:
                if low.startswith(starts):
                    return make, DISPLAY_NAMES.get(low) or _bare(name, make)
    if device:
        model = BITAXE.get(device.lower().removeprefix("bitaxe").replace(" ", "").replace("_", "").replace("-", ""))
        if model:
            return "Bitaxe", model
        return None, device
    model = _by_board(board)
    return ("Bitaxe", model) if model else (None, None)


def _bare(name: str, make: str) -> str:
    """Return `name` without a leading make ("LuckyMiner LV06" → "LV06"); a name that equals the make is unchanged."""
    rest = name[len(make) :].strip(" _-") if name.lower().startswith(make.lower() + " ") else name
    return rest or name


def _by_board(board: str | None) -> str | None:
    if not board:
        return None
    if board in BOARDS and not board.isdigit():
        return BOARDS[board]
    if len(board) == 3 and board.isdigit():
        return BOARDS.get(board[:2]) or BOARDS.get(board[0])
    return None


def meters_input_power(make: str | None, board: str | None) -> bool:
    """Return whether `power` is measured: on INA260 boards, and on NerdQAxe, whose regulators measure their input."""
    return make == "NerdAxe" or (make == "Bitaxe" and board in METERED_BOARDS)
