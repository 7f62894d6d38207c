"""Replaces identities and secrets in the responses of a rig by placeholders of the same form.

Replaced are MACs, serial numbers, IP addresses, host names, pool hosts, pool users, payout addresses, network names,
tokens and passwords. The same original always gets the same placeholder, so that a redacted capture still shows which
responses belong together. JSON numbers are never changed.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from stratoscope.cli.placeholders import Kind, Placeholders

KEYS: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    ("password", re.compile(r"pass(?:word|wd|phrase)?$|psk$|pwd$|secret")),
    ("token", re.compile(r"token|cookie|jwt|session|(?:api|auth|private|access)key$")),
    ("mac", re.compile(r"(?:^|eth|wifi|lan|net|host|bt|hw|miner|device|board|control)mac(?:s|addr|address|id)?$")),
    ("serial", re.compile(r"serial|serinum|sn\d*$|uuid|^dna$|deviceid|chipid$|uniqueid|^uid$|^hwid|barcode")),
    ("network", re.compile(r"ssid")),
    ("host", re.compile(r"hostname|^host$|devicename|minername|nickname|^mdns")),
    ("user", re.compile(r"user|worker|account|wallet|owner|email|payout")),
    ("pool", re.compile(r"(?:^|pool|stratum)url\d*$|pool(?:host|server|address)")),
)
"""What a key identifies, by the key in lower case without spaces and punctuation; the first match counts."""

PROTECTED: Final = re.compile(r"ver|firmware|model|type|prod|compile|build|description|algo|asic")
"""Keys whose text names a make, not a machine: a default host name such as "Antminer" must not be replaced there."""

WORD_KINDS: Final = frozenset({"host", "user", "network", "pool"})
"""Kinds whose originals can be ordinary words."""

VERSION: Final = re.compile(r"ver|firmware|build|compile|api|^miner$")
"""Keys whose four dotted numbers are a version, not an IP address; stock Antminers use "Miner"."""

URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}:\\?/\\?/[^\s\"'<>|,\x00]{1,1000}")
PAIR: Final = re.compile(r"(?<![A-Za-z0-9])([A-Za-z][A-Za-z0-9 _-]{0,31})(=|\[)([^,|;\[\]\r\n\x00\"]{1,256})")
MAC: Final = re.compile(
    r"(?<![0-9A-Fa-f:.-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])"
)
IPV4: Final = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
IPV6: Final = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*:)[0-9A-Fa-f:]{3,39}(?![\w:])")
EMAIL: Final = re.compile(r"(?<![/\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
PAYOUT: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:bc|tb|ltc)1[a-z0-9]{20,87}|(?:BC|TB|LTC)1[A-Z0-9]{20,87}"
    r"|[13LMXD][1-9A-HJ-NP-Za-km-z]{25,34}|0x[0-9A-Fa-f]{40})(?![A-Za-z0-9])"
)
JWT: Final = re.compile(r"eyJ[\w-]{8,2000}\.[\w-]{8,4000}(?:\.[\w-]{0,2000})?")
STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
LIST_OR_VALUE: Final = re.compile(r"\s*:\s*\[?\s*")
NEXT: Final = re.compile(r"\s*,\s*")


def kind_of(key: str) -> Kind | None:
    """Return what the key of a field identifies; None for most keys."""
    plain = re.sub(r"[^a-z0-9]", "", key.lower())
    return next((kind for kind, pattern in KEYS if pattern.search(plain)), None)


class Redactor:
    """Learns what identifies a rig from all its responses (`learn`, then `finish_learning`), then redacts each of them.

    `known` are originals from the command line: the address or name of the rig, and its login.
    """

    def __init__(self, known: Mapping[str, Kind] | None = None) -> None:
        self.placeholders = Placeholders()
        self.protected: set[str] = set()
        self._anywhere: re.Pattern[str] | None = None
        for original, kind in (known or {}).items():
            self.placeholders.replace(kind, original)

    def learn(self, answers: Any, key: str = "") -> None:
        """Learn every identity in parsed `answers`; call it for all responses before redacting any."""
        if isinstance(answers, Mapping):
            for name, value in answers.items():
                self.learn(value, str(name))
        elif isinstance(answers, list | tuple):
            for value in answers:
                self.learn(value, key)
        elif isinstance(answers, str):
            if kind_of(key) is None and PROTECTED.search(key.lower()):
                self.protected.add(answers.lower())
            self.text(answers, key)

    def value(self, answer: Any, key: str = "") -> Any:
        """Return parsed `answer` with placeholders; numbers, booleans and null are unchanged."""
        if isinstance(answer, Mapping):
            return {self.text(str(name)): self.value(value, str(name)) for name, value in answer.items()}
        if isinstance(answer, list | tuple):
            return [self.value(value, key) for value in answer]
        return self.text(answer, key) if isinstance(answer, str) else answer

    def text(self, text: str, key: str = "") -> str:
        """Return `text`, the value of `key`, with placeholders."""
        kind = kind_of(key)
        if kind is not None and "://" not in text:
            return self.placeholders.replace(kind, text)
        text = URL.sub(lambda match: self.placeholders.url(match[0]), text)
        text = PAIR.sub(self._pair, text)
        if self._anywhere is not None:
            text = self._anywhere.sub(lambda match: self.placeholders.of_known(match[0]), text)
        text = MAC.sub(lambda match: self.placeholders.replace("mac", match[0]), text)
        text = JWT.sub(lambda match: self.placeholders.replace("token", match[0]), text)
        text = EMAIL.sub(lambda match: self.placeholders.replace("user", match[0]), text)
        text = PAYOUT.sub(lambda match: self.placeholders.replace("payout", match[0]), text)
        if not VERSION.search(key.lower()):
            text = IPV4.sub(lambda match: self.placeholders.ip(match[0]), text)
        return IPV6.sub(lambda match: self.placeholders.ip(match[0]), text)

    def _pair(self, match: re.Match[str]) -> str:
        kind = kind_of(match[1]) or kind_of(match[1].split()[-1])
        if kind is None or "://" in match[3]:
            return match[0]
        return f"{match[1]}{match[2]}{self.placeholders.replace(kind, match[3].strip())}"

    def finish_learning(self) -> "Redactor":
        """Finish learning: afterwards every distinctive original is replaced wherever it appears as a word."""
        body = "|".join(map(re.escape, sorted(self.distinctive(), key=len, reverse=True)))
        if body:
            self._anywhere = re.compile(rf"(?<![A-Za-z0-9])(?:{body})(?![A-Za-z0-9])", re.IGNORECASE)
        return self

    def distinctive(self) -> list[str]:
        """Return the originals that are long and unusual enough to identify a machine anywhere."""
        return [
            word
            for word in self.placeholders.iter_originals()
            if len(word) >= 6
            and not word.isdecimal()
            and not (
                self.placeholders.kind(word) in WORD_KINDS and any(word.lower() in text for text in self.protected)
            )
        ]

    def raw(self, answer: bytes) -> bytes:
        """Return the bytes of a response with placeholders in its strings; broken JSON stays broken in the same way."""
        text = answer.decode("utf-8", "surrogateescape")
        pieces, end, key, was_value = [], 0, "", False
        for match in STRING.finditer(text):
            between = text[end : match.start()]
            pieces.append(self.text(between))
            end = match.end()
            if text[end : end + 64].lstrip().startswith(":"):
                pieces.append(self._token(match[0], ""))
                key, was_value = match[0][1:-1], False
            else:
                own = bool(LIST_OR_VALUE.fullmatch(between)) or (was_value and bool(NEXT.fullmatch(between)))
                key, was_value = (key if own else ""), True
                pieces.append(self._token(match[0], key))
        pieces.append(self.text(text[end:]))
        return "".join(pieces).encode("utf-8", "surrogateescape")

    def _token(self, token: str, key: str) -> str:
        try:
            plain = json.loads(token, strict=False)
        except ValueError:
            plain = token[1:-1]
        redacted = self.text(plain, key)
        return token if redacted == plain else json.dumps(redacted)

    def leaks(self, output: bytes) -> list[str]:
        """Return the kinds of the originals that are still in `output`, including in JSON escapes."""
        text = output.decode("utf-8", "replace")
        for made in sorted(self.placeholders.iter_created(), key=len, reverse=True):
            text = text.replace(made, " ")
        texts = [text.lower()]
        texts.append(texts[0].replace("\\/", "/"))
        if b"\\u" in output:
            texts.append(re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), texts[1]).lower())
        return sorted({self.placeholders.kind(word) for word in self.distinctive() if _appears_in(word.lower(), texts)})


def _appears_in(word: str, texts: Iterable[str]) -> bool:
    return any(word in text for text in texts)
