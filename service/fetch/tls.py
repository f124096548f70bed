"""Who we are to a server that wants to know: client certificates, by the variable that names their files.

Source: RFC 8446 4.4.2 (client authentication).
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TypeAlias

from service.fetch import credentials

Files: TypeAlias = tuple[str, str]  # certificate and key


class Identities:
    """The client certificates of a process; a context costs as much as a feed, so each is made once."""

    def __init__(self) -> None:
        self._contexts: dict[Files, tuple[list[int], ssl.SSLContext]] = {}

    def of(self, variable: str) -> ssl.SSLContext | bool:
        """The context with the certificate that the variable names; True where it names none.

        A file that was renewed is read again. Raises NoCredentials.
        """
        files = credentials.certificate(variable, os.environ) if variable else None
        if files is None:
            return True
        try:
            written = [Path(file).stat().st_mtime_ns for file in files]
            known = self._contexts.get(files)
            if known is None or known[0] != written:
                context = ssl.create_default_context()
                context.load_cert_chain(*files)
                known = self._contexts[files] = (written, context)
        except (OSError, ValueError) as error:  # of a key that fits no certificate, too
            why = "there is no such file" if isinstance(error, FileNotFoundError) else "it cannot be read"
            if isinstance(error, ssl.SSLError):
                why = "it holds no certificate, or another one's key"
            raise credentials.NoCredentials(
                f"the client certificate in {variable} cannot be used: {why}"
            ) from error
        return known[1]
