"""Which mappings a brand may use: those that ship, and before them those that its people confirmed."""

from __future__ import annotations

from crm.imports.reports.mapping import Mapping, parse, shipped
from crm.models import Brand, ReportMapping, Retailer
from crm.report_imports.errors import UnknownMapping


def mappings_of(brand: Brand) -> dict[str, Mapping]:
    """All mappings by name; one of the brand's goes before a shipped one of the same name."""
    return dict(shipped()) | {one.name: parse(one.body) for one in ReportMapping.objects.for_brand(brand)}


def mapping_of(brand: Brand, name: str) -> Mapping:
    """Raises UnknownMapping."""
    known = mappings_of(brand)
    if name not in known:
        raise UnknownMapping(
            f"There is no mapping called {name!r}. Mappings: {', '.join(sorted(known))}.", field="mapping", value=name
        )
    return known[name]


def confirmed_for(brand: Brand, fingerprint: str) -> str:
    """Name of the mapping that a person of the brand confirmed for this header, else empty."""
    found = ReportMapping.objects.for_brand(brand).filter(fingerprint=fingerprint).order_by("-confirmed_at").first()
    return found.name if found else ""


def candidates(brand: Brand, retailer: Retailer | None) -> dict[str, Mapping]:
    """The mappings of the retailer's network and those of none; all, where it has no network."""
    known = mappings_of(brand)
    if retailer is None or not retailer.network:
        return known
    return {name: one for name, one in known.items() if one.network in ("", retailer.network)}
