"""What went wrong on the way to a host, whatever is spoken with it: the kind of failure, and a sentence.

None of them repeats what a library or a server says of itself, which may hold a secret.
"""

from __future__ import annotations

import os
import socket
import ssl

from service.fetch.credentials import NoCredentials
from service.fetch.guard import AddressRefused
from service.model import FailureKind


def explain(error: Exception, host: str) -> tuple[FailureKind, str] | None:
    """The kind and the sentence; None for what only whoever speaks with the host can explain."""
    match error:
        case AddressRefused():
            return FailureKind.REFUSED, str(error)
        case NoCredentials():
            return FailureKind.AUTH, str(error)
        case socket.gaierror():
            return FailureKind.NETWORK, f"{host} has no address (DNS)"
        case ssl.SSLCertVerificationError():
            return FailureKind.NETWORK, f"the certificate of {host} is not trusted"
        case ssl.SSLError():
            return FailureKind.NETWORK, f"no secure connection to {host} (TLS)"
        case TimeoutError():
            return FailureKind.NETWORK, f"{host} did not answer in time (http.timeout)"
        case OSError():
            # Below zero are numbers of libraries, for which the system has no words.
            number = error.errno or 0
            why = os.strerror(number).lower() if number > 0 else type(error).__name__
            return FailureKind.NETWORK, f"no connection to {host}: {why}"
    return None
