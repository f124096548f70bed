"""Securities that a text names."""

from __future__ import annotations

import re

from service.model import Instrument

# A pattern that begins with a letter is looked for many times faster than one that begins by looking back.
ISIN = re.compile(r"([A-Z](?<![A-Za-z0-9].)[A-Z][A-Z0-9]{9}\d)(?![A-Za-z0-9])")
WKN = re.compile(r"\bWKN:?\s?([A-HJ-NP-Z0-9]{6})(?![A-Za-z0-9])")
TICKER = re.compile(
    r"\((?:NASDAQ|NYSE|XETRA|ETR|FRA|LSE|SIX|OTC|TSX|ASX|HKEX)\s?:\s?([A-Z0-9]{1,6}(?:\.[A-Z]{1,3})?)\)"
)
MOST = 50  # a list of every fund of a house says nothing about any of them


def instruments(text: str) -> tuple[Instrument, ...]:
    """The ISINs, German WKNs and tickers in `text`, in that order, each once.

    ISO 6166: twelve characters, the last a check digit (Luhn, letters counted as 10 to 35).
    """
    found = [Instrument("isin", code) for code in dict.fromkeys(ISIN.findall(text)) if is_isin(code)]
    if "WKN" in text:
        found += [Instrument("wkn", match[1]) for match in WKN.finditer(text)]
    found += [Instrument("ticker", match[1]) for match in TICKER.finditer(text)]
    return tuple(dict.fromkeys(found))[:MOST]


def is_isin(code: str) -> bool:
    """Whether a code has the form of an ISIN and its check digit is right."""
    if not ISIN.fullmatch(code):
        return False
    digits = "".join(str(int(character, 36)) for character in code)
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits), 1))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
