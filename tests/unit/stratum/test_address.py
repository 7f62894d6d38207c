"""Output scripts are converted to the addresses that wallets show; an oracle converts them back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratoscope.stratum.jobs.address import MAIN, REGTEST, TEST, address_of
from stratoscope.stratum.protocol.base58 import base58check, base58check_decode

from .address_oracle import ADDRESS_FORMATS, script_of

KEY = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
VALID = [
    ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", MAIN, "0014751e76e8199196d454941c45d1b3a323f1433bd6"),
    ("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", REGTEST, "0014751e76e8199196d454941c45d1b3a323f1433bd6"),
    (
        "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
        TEST,
        "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
    ),
    ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", MAIN, "5120" + KEY),
    (
        "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
        MAIN,
        "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6",
    ),
    ("BC1SW50QGDZ25J", MAIN, "6002751e"),
    ("bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", MAIN, "5210751e76e8199196d454941c45d1b3a323"),
    ("1BoatSLRHtKNngkdXEeobR76b53LETtpyT", MAIN, "76a914" + "7680adec8eabcabac676be9e83854ade0bd22cdb" + "88ac"),
    ("33TbzA5AMiTKUCmeVEdsnTj3GiVXuavCAH", MAIN, "a9141366dca425687186b9b54e27e4ed48163b5beb8087"),
]
INVALID = [  # from BIP 173 and BIP 350
    "tc1qw508d6qejxtdg4y5r3zarvary0c5xw7kg3g4ty",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
    "BC13W508D6QEJXTDG4Y5R3ZARVARY0C5XW7KN40WF2",
    "bc1rw5uspcuh",
    "bc1gmk9yu",
    "tb1pw508d6qejxtdg4y5r3zarqfsj6c3",
    "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
    "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sL5k7",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
    "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
    "1BoatSLRHtKNngkdXEeobR76b53LETtpyU",
    "",
    "1",
    "0OIl",
    "bc1",
    "bc1q",
]


@pytest.mark.parametrize(("address", "network", "script"), VALID)
def test_published_address_matches_its_script(address, network, script):
    assert script_of(address) == (bytes.fromhex(script), network)
    shown = address.lower() if address.isupper() else address
    assert address_of(bytes.fromhex(script), network) == shown


@pytest.mark.parametrize("address", INVALID)
def test_oracle_rejects_a_wrong_character_or_checksum(address):
    assert script_of(address) is None


@pytest.mark.parametrize("script", ["", "6a", "41" + "04" * 65 + "ac", "0015" + "00" * 21, "4e", "5101ff", "76a914"])
def test_script_without_an_address_returns_none(script):
    assert address_of(bytes.fromhex(script), MAIN) is None


@given(st.sampled_from(ADDRESS_FORMATS), st.integers(0, 4), st.binary(min_size=40, max_size=40))
def test_address_decodes_back_to_its_script(network, kind, noise):
    script = (
        b"\x76\xa9\x14" + noise[:20] + b"\x88\xac",
        b"\xa9\x14" + noise[:20] + b"\x87",
        b"\x00\x14" + noise[:20],
        b"\x00\x20" + noise[:32],
        b"\x51\x20" + noise[:32],
    )[kind]
    address = address_of(script, network)
    assert address is not None
    found = script_of(address)
    assert found is not None
    assert found[0] == script


@given(st.binary(max_size=60))
def test_base58check_round_trip(payload):
    assert base58check_decode(base58check(payload)) == (payload or None)


@given(st.text(max_size=140), st.binary(max_size=60))
def test_no_text_and_no_script_raises(text, script):
    script_of(text)
    base58check_decode(text)
    address_of(script, MAIN)


@given(st.integers(0, 41), st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l"))
def test_one_wrong_character_is_always_detected(at, letter):
    address = VALID[1][0]
    at = 5 + at % (len(address) - 5)
    changed = address[:at] + letter + address[at + 1 :]
    assert (script_of(changed) is None) == (changed != address)
