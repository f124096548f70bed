"""A sign of life to somebody outside, who raises the alarm when it stays away (a dead man's switch)."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence

from service.model import Outcome, Verdict

TIMEOUT = 10.0  # seconds
PATIENCE = 120.0  # seconds that polling, matching or delivering may make no progress


def stalled(progress: Mapping[str, float], now: float, patience: float = PATIENCE) -> Sequence[str]:
    """What has made no progress for too long; `progress` holds when each part last did, monotonic."""
    return sorted(part for part, at in progress.items() if now - at > patience)


def ping(url: str) -> Outcome:
    """What came of one GET; anything but a 2xx is a failure, in words that do not show the address."""
    if not url.lower().startswith(("http://", "https://")):
        return Outcome(verdict=Verdict.PERMANENT, reason="not an address: write http:// or https://")
    request = urllib.request.Request(url, headers={"User-Agent": "wire-monitor"})  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - checked above
            return Outcome(verdict=Verdict.SENT, code=f"HTTP {answer.status}")
    except urllib.error.HTTPError as error:
        error.close()
        return Outcome(verdict=Verdict.TRANSIENT, code=f"HTTP {error.code}", reason="not taken")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", "") or type(error).__name__
        return Outcome(verdict=Verdict.TRANSIENT, reason=f"no answer: {reason}")
