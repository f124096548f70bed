"""A reader of XML for feedparser, which picks it by the name of this module (`xml.sax.make_parser`)."""

from __future__ import annotations

from xml.parsers.expat import XMLParserType
from xml.sax.expatreader import ExpatParser


class _Expat(ExpatParser):
    """Hands a text over as a whole: escaped markup would come in a hundred pieces, one for each reference."""

    _parser: XMLParserType

    def reset(self) -> None:
        super().reset()
        self._parser.buffer_text = True


def create_parser() -> ExpatParser:
    """A parser for one document."""
    return _Expat()
