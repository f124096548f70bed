"""Addresses: a key that is the same for the same page, and what may be shown to a person."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from url_normalize import url_normalize

LONGEST = 8_000  # characters; longer addresses are data, not places

# Parameters that tell where a reader came from and never which page is meant. Anchored, lower case.
TRACKER = re.compile(
    r"utm_.*|mtm_.*|pk_.*|piwik_.*|matomo_.*|hsa_.*|_hs.*|vero_.*|oly_.*|ns_(?:mchannel|campaign|source|linkname|fee)"
    r"|at_(?:medium|campaign.*|custom\d|link_.*|bbc_team|ptr_name|format)|itm_.*|int_.*id|trk(?:_.*|campaign|info)?"
    r"|[a-z]{0,3}clid|gclsrc|gad_source|gbraid|wbraid|dclid|yclid|twclid|ttclid|igshid|mc_[ce]id|mkt_tok"
    r"|wt[._](?:mc|zmc|cc\d|rss|nav|mc_id|tsrc|i_dcsvid).*|wtmc|wt_mc|sara_.*|xtor|xtref|cmp|cmpid|icid|smid|smtyp|partner"
    r"|ftag|ito|ocid|ncid|guccounter|guce_.*|soc_(?:src|trk)|ref_src|ref_url|referringsource|feature|spm|_ga|_gl|s_kwcid"
    r"|ef_id|otc|ssr|dicbo|cx_(?:testid|testvariant|artpos)|nx_source|amp(?:_.*)?|outputtype|tpcc|taid|share(?:token)?"
    r"|phpsessid|jsessionid|sessionid|sid_sess|aspsessionid.*|ved|usg|sca_esv"
)
# Words that are ids on some sites and trackers on others: the value decides.
UNSURE = re.compile(r"ref|source|src|from|via|cid|sid|medium|campaign|channel|origin|mode|output")
FROM_SOMEWHERE = re.compile(
    r"(?:rss|feed|atom|xml|amp|social|twitter|facebook|fb|linkedin|whatsapp|telegram|xing|mail|e-?mail|newsletter|nl|app|"
    r"google|news|share|homepage|teaser|push|campaign|kampagne|top-?news)(?:[-_.].*|\d*|feeds?|s)"
)
WRAPPER = re.compile(
    r"https?://(?:[^/]*\.)?(?:google\.[a-z.]{2,6}/(?:url|amp/)|cdn\.ampproject\.org/|bing\.com/|facebook\.com/l\.php)",
    re.IGNORECASE,
)
HOST = re.compile(r"[\w.:-]+")
# What normalizing would leave as it is: a plain host, and segments without escapes that begin with no dot.
NORMAL = re.compile(
    r"https?://(?=[a-z0-9.-]{1,63}/)[a-z0-9]+(?:[-.][a-z0-9]+)*(?:/[\w~-][\w.~-]*)+/?", re.ASCII
)
SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?#;]*", re.IGNORECASE)
ALIAS = re.compile(r"^(?:www\d?|m|mobil|mobile|amp)\.(?=[^.]+\.)")
AMP_ENDING = re.compile(r"(?:/amp|\.amp(?=\.html?$|$)|(?<=/)amp)/?$|\.amp(?=\.html?$)")
AMP_CACHE = re.compile(r"^/(?:[civ]/)?(?:s/)?(?=[^/]+\.[^/]+)")
UNSAFE = re.compile(
    r"[\x00-\x20\x7f-\xa0\"'<>\\^`{|}\u2000-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ud800-\udfff]"
)


def canonical(url: str) -> str:
    """The key of the page at `url`: host, path and what of the query names the page; "" if it is none.

    Scheme, `www.` and the mobile host go, as do trackers, session ids, the fragment (but not `#!`) and the
    wrappers of search engines and AMP caches. Case, port, dots, IDN and escapes are normalized by RFC 3986,
    section 6. Parameters that may be ids stay, sorted.
    """
    parts = _split(unwrap(url))
    host = (parts.hostname or "") if parts and parts.scheme in {"http", "https"} else ""
    if parts is None or not HOST.fullmatch(host):
        return ""
    host = ALIAS.sub("", host.rstrip("."))
    port = f":{parts.port}" if parts.port else ""
    path = AMP_ENDING.sub("", SESSION.sub("", parts.path)).rstrip("/")
    kept = sorted(
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not _tracks(name.lower(), value.lower())
    )
    query = f"?{urlencode(kept)}" if kept else ""
    return f"{host}{port}{path}{query}"


def unwrap(url: str) -> str:
    """The address that a search engine or an AMP cache stands before; any other is returned as it is."""
    url = url.strip()
    for _ in range(3):  # a wrapper in a wrapper, and an end to it
        if not WRAPPER.match(url) or (parts := _split(url)) is None or not (inner := _inner(parts)):
            break
        url = inner
    return url


def safe(url: str) -> str:
    """`url` as it may be shown and linked: http, https or mailto, else "".

    Characters that could end an attribute or hide the target are escaped, a user name before the host is
    dropped: `https://bank.example@evil.example/` is a disguise, and credentials are not for showing.
    """
    text = url.strip()
    if len(text) > LONGEST:
        return ""
    text = UNSAFE.sub(lambda match: quote(match[0], safe="", errors="replace"), text)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme == "mailto":
        return text if "@" in parts.path else ""
    if parts.scheme not in {"http", "https"} or not host or not HOST.fullmatch(host):
        return ""
    bare = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{bare}:{port}" if port else bare).geturl()


def _split(url: str) -> SplitResult | None:
    """The normalized parts, or None for what is no address."""
    text = url.strip()
    if not text or len(text) > LONGEST or "://" not in text[:12]:
        return None
    try:
        parts = urlsplit(text if NORMAL.fullmatch(text) else url_normalize(text) or "")
        parts.port  # noqa: B018 - reading it is what checks it
    except (ValueError, UnicodeError):
        return None
    return parts


def _inner(parts: SplitResult) -> str:
    """The address inside a wrapper, "" if this is none."""
    host, path, query = parts.hostname or "", parts.path, dict(parse_qsl(parts.query))
    if host.endswith("cdn.ampproject.org") and AMP_CACHE.match(path):
        return "https://" + AMP_CACHE.sub("", path) + (f"?{parts.query}" if parts.query else "")
    if path.startswith("/amp/"):  # google.com/amp/s/host/path
        return "https://" + AMP_CACHE.sub("", path.removeprefix("/amp"))
    if path in {"/url", "/news/apiclick.aspx", "/l.php"}:
        return next(filter(None, (_address(query.get(name, "")) for name in ("url", "q", "u"))), "")
    return ""


def _address(text: str) -> str:
    """`text` if it is a web address, else ""."""
    text = text if "://" in text else unquote(text)
    return text if re.match(r"https?://", text, re.IGNORECASE) else ""


def _tracks(name: str, value: str) -> bool:
    """Whether a parameter says where a reader came from."""
    if TRACKER.fullmatch(name):
        return True
    return bool(UNSURE.fullmatch(name) and FROM_SOMEWHERE.fullmatch(value))
