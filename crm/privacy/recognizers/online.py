"""E-mail addresses, links and IP addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import unquote

from crm.privacy.recognizers.found import Found, at

EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.!#$%&'*+/=^`{|}~-]{0,63}[\w+~-]@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+(?:[^\W\d_]{2,24}|xn--[\w-]{2,59})(?![\w-])"
)
# A bare host needs one of these endings; with a scheme or www. any will do.
ENDINGS = (
    "com|org|net|edu|gov|info|biz|io|ai|app|dev|shop|store|online|eu|co\\.uk|org\\.uk|uk|de|at|ch|fr|es|it|nl|be|pl|pt|"
    "se|no|dk|fi|ie|cz|sk|hu|ro|bg|gr|hr|si|lt|lv|ee|ru|ua|tr|us|ca|com\\.mx|mx|com\\.br|br|com\\.ar|ar|cl|com\\.au|"
    "au|co\\.nz|nz|co\\.jp|jp|cn|co\\.kr|kr|co\\.in|in|co\\.za|za"
)
URL = re.compile(
    r"(?:https?|ftp)://[^\s<>\"')\]}|]*[^\s<>\"')\]}|.,;:!?]"
    r"|(?<![\w@./-])www\.(?:[\w-]+\.)+[^\W\d_]{2,24}(?:[/?#][^\s<>\"')\]}|]*[^\s<>\"')\]}|.,;:!?])?/?"
    rf"|(?<![\w@./-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9][a-z0-9-]*[a-z0-9]\.(?:{ENDINGS})(?![\w@-]|\.\w)"
    r"(?:[/?#](?:[^\s<>\"')\]}|]*[^\s<>\"')\]}|.,;:!?])?)?",
    re.IGNORECASE,
)
PERSONAL_KEY = re.compile(
    r"[?&#;](?:e?mail|user(?:_?id)?|uid|customer(?:_?id)?|client_?id|contact(?:_?id)?|phone|ssn|token|session(?:_?id)?|"
    r"recipient|subscriber(?:_?id)?|member(?:_?id)?|fbclid|gclid|mc_eid|_hsenc)=[^&#\s]+",
    re.IGNORECASE,
)
PROFILE = re.compile(
    r"(?:linkedin\.com/in|facebook\.com/profile\.php|(?:instagram|x|twitter|tiktok)\.com/@?)[/?][\w.%-]+|/~\w+|/users?/\w+|"
    r"//[^/\s]*:[^/\s]*@",
    re.IGNORECASE,
)
IP = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:[.\d]{7,15})?)(?![\w:]|\.\d)"
)
VERSION = re.compile(r"(?:\bversions?|\brelease|\bv|\bbuild|\bfirmware)\W{0,3}$", re.IGNORECASE)


def emails(text: str) -> Iterator[Found]:
    """Addresses by RFC 5322's common form, with international hosts."""
    for match in EMAIL.finditer(text):
        start = match.start()
        while text[start] in "'`{|=/*!.":  # quotes and dots around an address are the sentence's
            start += 1
        if not text.startswith("@", start) and ".." not in match.group():
            yield Found("email", start, match.end(), 0.95)


def links(text: str) -> Iterator[Found]:
    """Links and hosts; `personal` where the link carries somebody's address, id, session or profile."""
    for match in URL.finditer(text):
        if match.group().endswith("@") or text.startswith("@", match.end()):
            continue
        link = unquote(match.group())
        personal = bool(PERSONAL_KEY.search(link) or PROFILE.search(link) or EMAIL.search(link))
        sure = "://" in link or link[:4].lower() == "www."
        yield at("url", match, 0.9 if sure else 0.6, personal=personal)


def ip_addresses(text: str) -> Iterator[Found]:
    """IPv4 and IPv6, without loopback, and without the numbers of versions."""
    for match in IP.finditer(text):
        if _is_address(match.group()) and not VERSION.search(text[max(0, match.start() - 12) : match.start()]):
            yield at("ip", match, 0.9)


def _is_address(candidate: str) -> bool:
    try:
        address = ipaddress.ip_address(candidate)
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_loopback)
