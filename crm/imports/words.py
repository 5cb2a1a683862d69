"""The names under which sources send the same thing, and their words for stages. Explicit, nothing guessed."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from crm.imports.faults import Fault

# Field names are compared without case, spaces, hyphens and underscores: packSlug = pack_slug = "Pack Slug".
PACK = ("packSlug", "pack_slug", "pack")
STAGE = ("stage", "pipelineStage")
STATUS = ("status",)
SALE_ID = ("id", "saleId", "externalId")
LEAD_ID = ("id", "leadId", "externalId")
DEAL_ID = ("id", "dealId", "recordId", "opportunityId", "externalId")
LEAD_LINK = ("leadId", "lead")
AMOUNT = ("amount", "value", "total", "revenue")
CURRENCY = ("currency", "currencyCode")
SOLD_AT = ("soldAt", "saleDate", "date", "closedAt", "timestamp", "createdAt")
CREATED_AT = ("createdAt", "createDate", "created", "date")
STAGE_AT = ("stageChangedAt", "stageDate", "updatedAt", "lastModified")
NAME = ("name", "leadName", "fullName", "contactName")
COMPANY = ("company", "companyName")
EMAIL = ("email", "emailAddress")
JOB = ("jobTitle", "title", "role")
EPISODE = ("attributedTo", "episodeId", "episode")
DEAL_NAME = ("name", "dealName", "opportunityName", "deal")
PIPELINE = ("pipeline", "pipelineName", "dealPipeline")
DEAL_STAGE = ("stage", "dealStage", "stageName", "pipelineStage")
PROBABILITY = ("probability", "winProbability", "stageProbability")
CLOSE_DATE = ("closeDate", "closedAt", "expectedCloseDate")

# What other words mean in the funnel. Compared like field names. Words that differ between companies ("open", "active",
# "working") are left out on purpose: a row with one of them is set aside and says so.
STAGE_WORDS: dict[str, str] = {
    "prospect": "prospect", "new": "prospect", "newlead": "prospect", "lead": "prospect", "uncontacted": "prospect",
    "engaged": "engaged", "contacted": "engaged", "replied": "engaged", "nurturing": "engaged",
    "qualified": "qualified", "sql": "qualified", "salesqualified": "qualified", "meetingbooked": "qualified",
    "proposal": "proposal", "proposalsent": "proposal", "quotesent": "proposal", "negotiation": "proposal",
    "purchased": "purchased", "won": "purchased", "closedwon": "purchased",
    "customer": "purchased", "sold": "purchased",
    "lost": "lost", "closedlost": "lost", "disqualified": "lost", "unqualified": "lost",
}  # fmt: skip


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """`packSlug`, `pack_slug` and `Pack Slug` all become `packslug`."""
    return re.sub(r"[\s_\-.]+", "", name).casefold()


def blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


class Fields:
    """A row whose fields can be asked for under any of their names; what nobody asked for is `rest()`."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._by_plain: dict[str, list[tuple[str, Any]]] = {}
        for name, value in values.items():
            self._by_plain.setdefault(plain(name), []).append((name, value))
        self._asked: set[str] = set()

    def one(self, names: tuple[str, ...]) -> tuple[str, Any]:
        """(name as the file has it, value) of the only filled field among `names`; value None when none is filled.

        Raises Fault when two of them are filled and disagree.
        """
        found = self._filled(names)
        if not found:
            return names[0], None
        for name, value in found[1:]:
            if str(value).strip() != str(found[0][1]).strip():
                raise Fault(name, value, f"disagrees with {found[0][0]} ({found[0][1]})"[:300])
        return found[0]

    def first(self, names: tuple[str, ...]) -> tuple[str, Any]:
        """Like `one`, but the first filled name wins: for ids and dates, where several may rightly differ."""
        found = self._filled(names)
        return found[0] if found else (names[0], None)

    def rest(self) -> dict[str, Any]:
        """Filled fields that no rule asked for, under the names the file gives them."""
        return {
            name: value
            for key, pairs in self._by_plain.items()
            if key not in self._asked
            for name, value in pairs
            if not blank(value)
        }

    def _filled(self, names: tuple[str, ...]) -> list[tuple[str, Any]]:
        keys = [plain(name) for name in names]
        found = [pair for key in keys for pair in self._by_plain.get(key, []) if not blank(pair[1])]
        self._asked.update(keys)
        return found
