"""Lists the simulated models with the values of their data sheets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stratoscope.units import HASHES_PER_DIFFICULTY_1, MH, TH

HASHES_PER_SCRYPT_DIFFICULTY: Final = 65_536
"""Expected scrypt hashes for one share of difficulty 1, as scrypt pools and the scrypt forks of cgminer count it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One model: hashrate in H/s, watts at the wall, chips per hashboard, MHz, volts at a board, fan rpm at full duty.

    `code` is another model name of the vendor, if the firmware sends one (chip name, board version, ...).
    """

    make: str
    model: str
    hashrate: float
    watts: float
    boards: int
    chips: int
    fans: int
    rpm: int
    frequency: float
    voltage: float
    algorithm: str = "sha256"
    code: str = ""

    @property
    def hashes_per_difficulty(self) -> float:
        """Expected hashes for one share of difficulty 1."""
        return HASHES_PER_SCRYPT_DIFFICULTY if self.algorithm == "scrypt" else HASHES_PER_DIFFICULTY_1


def _antminer(model: str, terahash: float, watts: float, chips: int, frequency: float, voltage: float) -> Spec:
    return Spec(
        make="Antminer",
        model=model,
        hashrate=terahash * TH,
        watts=watts,
        boards=3,
        chips=chips,
        fans=4,
        rpm=6500,
        frequency=frequency,
        voltage=voltage,
    )


def _whatsminer(model: str, terahash: float, watts: float, chips: int, frequency: float) -> Spec:
    return Spec(
        make="WhatsMiner",
        model=model,
        hashrate=terahash * TH,
        watts=watts,
        boards=3,
        chips=chips,
        fans=2,
        rpm=7200,
        frequency=frequency,
        voltage=13.2,
    )


def _avalon(model: str, terahash: float, watts: float, chips: int, code: str) -> Spec:
    return Spec(
        make="Avalon",
        model=model,
        hashrate=terahash * TH,
        watts=watts,
        boards=3,
        chips=chips,
        fans=4,
        rpm=6800,
        frequency=502.0,
        voltage=12.2,
        code=code,
    )


def _bitaxe(model: str, terahash: float, watts: float, chip: str, frequency: float) -> Spec:
    return Spec(
        make="Bitaxe",
        model=model,
        hashrate=terahash * TH,
        watts=watts,
        boards=1,
        chips=1,
        fans=1,
        rpm=7200,
        frequency=frequency,
        voltage=1.15,
        code=chip,
    )


_S19 = _antminer("S19", 95, 3250, 76, 650, 13.7)
_S19_PRO = _antminer("S19 Pro", 110, 3250, 114, 525, 13.0)
_S19J_PRO = _antminer("S19j Pro", 104, 3068, 126, 545, 13.4)
_S19K_PRO = _antminer("S19k Pro", 120, 2760, 77, 580, 13.6)
_S19_XP = _antminer("S19 XP", 140, 3010, 110, 485, 12.9)
_S21 = _antminer("S21", 200, 3500, 108, 490, 13.6)
_S21_PRO = _antminer("S21 Pro", 234, 3510, 65, 595, 13.8)
_T21 = _antminer("T21", 190, 3610, 108, 465, 13.8)

SPECS: Final[Mapping[str, tuple[Spec, ...]]] = {
    "antminer": (_S19_PRO, _S19J_PRO, _S21, _S19_XP, _T21),
    "antminer-s9": (
        Spec(
            make="Antminer",
            model="S9",
            hashrate=13.5 * TH,
            watts=1323,
            boards=3,
            chips=63,
            fans=2,
            rpm=6120,
            frequency=650,
            voltage=8.8,
        ),
        Spec(
            make="Antminer",
            model="S9j",
            hashrate=14.5 * TH,
            watts=1350,
            boards=3,
            chips=63,
            fans=2,
            rpm=6120,
            frequency=687,
            voltage=8.8,
        ),
    ),
    "antminer-scrypt": (
        Spec(
            make="Antminer",
            model="L7",
            hashrate=9500 * MH,
            watts=3425,
            boards=4,
            chips=120,
            fans=4,
            rpm=6500,
            frequency=1550,
            voltage=14.4,
            algorithm="scrypt",
        ),
    ),
    "vnish": (_S19J_PRO, _S21_PRO, _S19),
    "luxos": (_S19K_PRO, _S19_PRO, _S21),
    "braiins": (_S21_PRO, _S19_XP),
    "braiins-graphql": (_S19J_PRO, _S19),
    "whatsminer": (
        _whatsminer("M30S++_VG30", 112, 3472, 111, 720),
        _whatsminer("M50_VG30", 114, 3306, 156, 610),
    ),
    "whatsminer3": (_whatsminer("M60S_VK30", 180, 3330, 245, 625), _whatsminer("M60_VK20", 172, 3422, 220, 610)),
    "avalon": (_avalon("1246", 90, 3420, 120, "1246-90"), _avalon("1366", 130, 3250, 120, "1366-130")),
    "auradine": (
        Spec(
            make="Auradine",
            model="AT1500",
            hashrate=150 * TH,
            watts=2850,
            boards=3,
            chips=132,
            fans=4,
            rpm=7700,
            frequency=330,
            voltage=11.5,
        ),
    ),
    "espminer": (
        _bitaxe("Gamma", 1.2, 17.5, "BM1370", 525),
        _bitaxe("Supra", 0.63, 13.0, "BM1368", 490),
        _bitaxe("Ultra", 0.43, 11.5, "BM1366", 485),
    ),
    "epic": (_S19_XP, _S19J_PRO),
    "sealminer": (
        Spec(
            make="SealMiner",
            model="A2",
            hashrate=226 * TH,
            watts=3730,
            boards=3,
            chips=153,
            fans=4,
            rpm=4800,
            frequency=346,
            voltage=15.7,
        ),
    ),
    "cgminer": (
        Spec(
            make="GekkoScience",
            model="Compac F",
            hashrate=0.6 * TH,
            watts=20,
            boards=2,
            chips=1,
            fans=0,
            rpm=0,
            frequency=400,
            voltage=1.3,
            code="GSF",
        ),
    ),
    "hammer": (
        Spec(
            make="Hammer",
            model="D10",
            hashrate=5000 * MH,
            watts=3500,
            boards=3,
            chips=108,
            fans=4,
            rpm=6000,
            frequency=810,
            voltage=14.0,
            algorithm="scrypt",
        ),
    ),
    "elphapex": (
        Spec(
            make="Elphapex",
            model="DG1+",
            hashrate=14_000 * MH,
            watts=3920,
            boards=4,
            chips=204,
            fans=4,
            rpm=6000,
            frequency=1850,
            voltage=14.7,
            algorithm="scrypt",
            code="DG1+_SW_V1.0.2",
        ),
        Spec(
            make="Elphapex",
            model="DG-Home1",
            hashrate=2100 * MH,
            watts=630,
            boards=1,
            chips=120,
            fans=4,
            rpm=3000,
            frequency=1850,
            voltage=14.7,
            algorithm="scrypt",
            code="DG-Home1_V1.0.5",
        ),
    ),
    "proto": (  # as in the simulator of the vendor
        Spec(
            make="Proto",
            model="Rig",
            hashrate=145 * TH,
            watts=3400,
            boards=4,
            chips=120,
            fans=4,
            rpm=6000,
            frequency=525,
            voltage=14.4,
            code="BM1370",
        ),
    ),
}
"""Models by family, most common first."""
