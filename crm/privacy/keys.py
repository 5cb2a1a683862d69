"""Keys and hashes by which a brand knows a person without keeping the address.

The brand's key is HMAC-SHA-256 of the brand's number under SECRET_KEY (one step of HKDF's extract, RFC 5869). When
SECRET_KEY changes, keep the old one in SECRET_KEY_FALLBACKS: hashes made with it are still recognised.
"""

from __future__ import annotations

import hmac

from django.conf import settings
from django.utils.encoding import force_bytes

from crm.models import Brand
from crm.privacy.redaction import keyed_hash, normalised

LABEL = b"endcap/privacy/v1/"


def brand_key(brand: Brand | int, *, secret: str | bytes | None = None) -> bytes:
    """32 bytes."""
    number = brand if isinstance(brand, int) else brand.pk
    return hmac.digest(force_bytes(secret or settings.SECRET_KEY), LABEL + str(number).encode(), "sha256")


def person_of(brand: Brand | int, address: str) -> str:
    """The hash under which new rows are written: 64 hexadecimal signs."""
    return keyed_hash(normalised(address), brand_key(brand))


def persons_of(brand: Brand | int, address: str) -> list[str]:
    """Every hash the address may be stored under: today's key, then those of SECRET_KEY_FALLBACKS."""
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [keyed_hash(normalised(address), brand_key(brand, secret=secret)) for secret in secrets]
