"""Content codings undone, with a bound: bytes off the wire in, bytes of the document out.

A kilobyte may unpack to a megabyte, and a megabyte to the machine's whole memory. So nothing is unpacked
beyond the cap, and a stream that grows as only a trap does is given up early.

Source: RFC 9110 8.4.1 (gzip, x-gzip, deflate); RFC 1950, 1951, 1952.
"""

from __future__ import annotations

import zlib

ASKED_FOR = "gzip, deflate"
GZIP_MAGIC = b"\x1f\x8b"
EITHER_HEADER = 32 + zlib.MAX_WBITS  # zlib finds out whether it is a gzip or a zlib stream
NO_HEADER = -zlib.MAX_WBITS  # "deflate" without its zlib header, as some servers send it
SLACK = 2**16  # bytes that a packed stream may be longer than what is in it
MOST_MEMBERS = 64  # of a gzip file; a flood of empty ones costs time and yields nothing
RATIO = 200  # text unpacks to five to twenty times its size, the emptiest XML to less than a hundred
RATIO_FROM = 2**20  # bytes; below it a high ratio harms nobody


class TooLarge(Exception):  # noqa: N818 - it is a verdict; `str()` is the reason
    """The document is larger than the cap, or grows like a trap."""


class Broken(Exception):  # noqa: N818 - likewise
    """The stream is not what it says, or breaks off."""


class Decoder:
    """A document, put together from chunks. `coding` is the value of Content-Encoding.

    Raises Broken for a coding that is not known, TooLarge for more than `limit` bytes.
    """

    def __init__(self, coding: str, limit: int) -> None:
        codings = [name for name in map(str.strip, coding.lower().split(",")) if name not in ("", "identity")]
        if len(codings) > 1 or not set(codings) <= {"gzip", "x-gzip", "deflate"}:
            raise Broken(f"it is packed as {coding[:40]!r}, which was not asked for")
        self._packed = bool(codings)
        self._limit = limit
        self._read = 0  # bytes off the wire
        self._document = bytearray()  # one piece: thousands of small ones would leave the memory in holes
        self._members = 0
        self._stream = zlib.decompressobj(EITHER_HEADER)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes off the wire."""
        if not self._read and chunk.startswith(GZIP_MAGIC):
            self._packed = True  # no feed begins like this: a .gz file, or a header that was lost
        first, self._read = not self._read, self._read + len(chunk)
        if self._read > self._limit + SLACK:
            raise TooLarge(f"more than {self._limit / 10**6:g} MB (http.max_bytes)")
        if not self._packed:
            self._keep(chunk)
            return
        try:
            self._unpack(chunk)
        except zlib.error as error:
            if not first or self._document:
                raise Broken("its packing is damaged") from error
            self._stream = zlib.decompressobj(NO_HEADER)
            self._unpack_headless(chunk)

    @property
    def size(self) -> int:
        """Bytes of the document so far."""
        return len(self._document)

    def document(self) -> bytes:
        """All of it; raises Broken where the packed stream has not ended."""
        if self._packed and self._read and not self._stream.eof:
            raise Broken("its packed stream breaks off")
        return bytes(self._document)

    def _unpack(self, chunk: bytes) -> None:
        while chunk:
            if self._stream.eof:  # a gzip file may be several in a row (RFC 1952, 2.2)
                if not chunk.startswith(GZIP_MAGIC):
                    return  # padding after the end
                self._members += 1
                if self._members > MOST_MEMBERS:
                    raise Broken(f"it is packed in more than {MOST_MEMBERS} parts")
                self._stream = zlib.decompressobj(EITHER_HEADER)
            self._keep(self._stream.decompress(chunk, self._limit - len(self._document) + 1))
            chunk = self._stream.unconsumed_tail or self._stream.unused_data

    def _unpack_headless(self, chunk: bytes) -> None:
        try:
            self._unpack(chunk)
        except zlib.error as error:
            raise Broken("its packing is damaged") from error

    def _keep(self, part: bytes) -> None:
        self._document += part
        size = len(self._document)
        if size > self._limit:
            raise TooLarge(f"more than {self._limit / 10**6:g} MB (http.max_bytes)")
        if size > max(RATIO_FROM, RATIO * self._read):
            raise TooLarge(f"it unpacks to more than {RATIO} times its size, as only a trap does")
