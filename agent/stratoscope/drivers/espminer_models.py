"""Tells the make and model of a rig that runs ESP-Miner or a fork of it, and whether its board meters input power.

Facts: ESP-Miner's table of board versions (Bitaxe), the device names compiled into the NerdQAxe fork, and the
names other forks report. A board that nobody here knows stays without make and model.
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
"""boardVersion → model of the Bitaxe line: whole, else its first two digits, else its first (of three)."""

METERED: Final = frozenset({"2.2", "0.11", "1.3", "102", "201", "202", "203", "204", "205", "400", "401"})
"""Bitaxe boards with an INA260, which meters the DC input. Later boards add a constant to the regulator's output."""

FORKS: Final = (
    (("nerd", "q1370", "q1373"), "NerdAxe"),
    (("lv06", "lv07", "lv08", "lucky"), "LuckyMiner"),
    (("bitforge", "forgeaxe"), "BitForge"),
    (("nmaxe", "nmqaxe"), "NMAxe"),
    (("zyber",), "Zyber"),
)
"""How a fork's device names begin → make."""

NICE: Final = {"bitforge_nano": "Nano", "bitforge nano": "Nano", "bitforgenano": "Nano"}


def identify(device: str | None, board: str | None) -> tuple[str | None, str | None]:
    """Return (make, model) for the device name and the board version a firmware reports; unknown is None."""
    for name in (device, board):
        if name:
            low = name.lower()
            for starts, make in FORKS:
                if low.startswith(starts):
                    return make, NICE.get(low) or _bare(name, make)
    if device:
        model = BITAXE.get(device.lower().removeprefix("bitaxe").replace(" ", "").replace("_", "").replace("-", ""))
        if model:
            return "Bitaxe", model
        return None, device
    model = _by_board(board)
    return ("Bitaxe", model) if model else (None, None)


def _bare(name: str, make: str) -> str:
    """Return `name` without the make in front ("LuckyMiner LV06" → "LV06"); a name that is the make stays."""
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
    """Tell whether `power` is a meter's reading: INA260 boards, and NerdQAxe's regulators, which meter their input."""
    return make == "NerdAxe" or (make == "Bitaxe" and board in METERED)
