"""Reads what one person did, for the embedded room: rows of leads, outcomes and sales with the groups they fall in.

A person is a contact; where a lead has none, the household its source names; else the lead itself. Whoever said no to
measurement is left out. Sales and outcomes that name no person, and sales in another currency, are left out too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import Any

from crm.cleanroom.contributions import Group
from crm.cleanroom.names import Listed, listed, period
from crm.cleanroom.query import Aggregate, Amount, Overlap, Words
from crm.cleanroom.vocabulary import PERIODS, Source
from crm.models import Brand, Campaign, Consent, Lead, Outcome, Sale, SegmentMember

COMPARE = {"at_least": "gte", "at_most": "lte", "above": "gt", "below": "lt"}
#: Dimensions of the person; the others are of the row.
OF_PERSON = ("segment", "campaign")


@dataclass
class People:
    """Who stands behind each lead, and which segments and campaigns they belong to (loaded only where asked)."""

    brand: Brand
    needed: frozenset[str]
    listed: dict[str, Listed] = field(default_factory=dict)
    person: dict[int, str] = field(default_factory=dict)
    about: dict[int, dict[str, Any]] = field(default_factory=dict)
    belongs: dict[str, dict[str, set[int]]] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, brand: Brand, question: Aggregate | Overlap) -> People:
        by = question.by if isinstance(question, Aggregate) else ("segment",)
        needed = frozenset([*by, *(one.field for one in question.where if isinstance(one, Words))])
        people = cls(brand, needed)
        people._read()
        return people

    def _read(self) -> None:
        for name in self.needed - {"industry", "country", *PERIODS}:
            self.listed[name] = listed(name, self.brand)
        self.left_out = _refused_measurement(self.brand)
        columns = ("pk", "contact_id", "detail__household", "funnel_stage", "pack_id")
        company = ("company__industry", "company__country") if self.needed & {"industry", "country"} else ()
        for row in Lead.objects.for_brand(self.brand).values_list(*columns, *company).iterator(chunk_size=5000):
            pk, contact, household, stage, pack = row[:5]
            self.person[pk] = f"c{contact}" if contact else f"h{household}" if household else f"l{pk}"
            self.about[pk] = {"stage": stage, "pack": pack}
            if company:
                self.about[pk] |= {"industry": row[5] or "", "country": row[6] or ""}
        for name in OF_PERSON:
            if name in self.needed:
                self.belongs[name] = self._members(name)

    def _members(self, name: str) -> dict[str, set[int]]:
        of_segment = defaultdict(set)
        if name == "campaign":
            links = Campaign.audiences.through.objects.filter(campaign__brand=self.brand)
            for campaign, segment in links.values_list("campaign_id", "audiencesegment_id"):
                of_segment[segment].add(campaign)
        found: dict[str, set[int]] = defaultdict(set)
        members = SegmentMember.objects.for_brand(self.brand).values_list("lead_id", "segment_id")
        for lead, segment in members.iterator(chunk_size=5000):
            found[self.person[lead]] |= {segment} if name == "segment" else of_segment[segment]
        return found

    def values(self, name: str, person: str, row: dict[str, Any]) -> set[Any]:
        """The keys of one dimension that a row of a person has; none where it is not known."""
        if name in OF_PERSON:
            return self.belongs[name].get(person, set())
        value = row.get(name)
        return set() if value in (None, "") else {value}

    def passes(self, tests: list[tuple[str, bool, set[Any]]], person: str, row: dict[str, Any]) -> bool:
        return all(bool(self.values(name, person, row) & wanted) is inside for name, inside, wanted in tests)

    def tests(self, question: Aggregate | Overlap) -> list[tuple[str, bool, set[Any]]]:
        """Filters on words as (dimension, must be one of, keys). Raises BadQuery for a value that is not known."""
        found: list[tuple[str, bool, set[Any]]] = []
        for index, one in enumerate(question.where):
            if isinstance(one, Words):
                at = f"where.{index}.values"
                lists = self.listed.get(one.field)
                keys = {lists.key(word, field=at) if lists else word for word in one.values}
                found.append((one.field, one.test == "in", keys))
        return found

    def rows(self, question: Aggregate, source: Source) -> Iterator[tuple[str, list[Group], int]]:
        """(person, groups, cents) for each row of a source that passes the filters."""
        tests = self.tests(question)
        for person, day, row, cents in _SOURCES[source](self, question):
            if person in self.left_out or not self.passes(tests, person, row):
                continue
            choices = [self._shown(name, person, row, day) for name in question.by]
            groups = [tuple(group) for group in product(*choices)]
            if groups:
                yield person, groups, cents

    def _shown(self, name: str, person: str, row: dict[str, Any], day: date) -> list[str]:
        if name in PERIODS:
            return [period(day, name)]
        lists = self.listed.get(name)
        keys = self.values(name, person, row)
        return sorted(lists.labels[key] for key in keys if key in lists.labels) if lists else sorted(keys)

    def regions(self, question: Overlap, keys: dict[str, int]) -> dict[frozenset[str], int]:
        """People by exactly which of the asked segments (name to key) they are in; who is in none is not counted."""
        tests, counts = self.tests(question), dict[frozenset[str], int]()
        name_of = {key: name for name, key in keys.items()}
        standing: dict[str, bool] = {}
        for lead, person in self.person.items():
            if person not in self.left_out and not standing.get(person):
                standing[person] = self.passes(tests, person, self.about[lead])
        for person, passes in standing.items():
            region = frozenset(name_of[key] for key in self.belongs["segment"].get(person, set()) if key in name_of)
            if passes and region:
                counts[region] = counts.get(region, 0) + 1
        return counts


Found = Iterator[tuple[str, date, dict[str, Any], int]]


def _of_people(people: People, question: Aggregate) -> Found:
    rows = _within(Lead.objects.for_brand(people.brand), "created_at", question)
    for pk, at in rows.values_list("pk", "created_at").iterator(chunk_size=5000):
        if pk in people.person:
            yield people.person[pk], at.astimezone(UTC).date(), people.about[pk], 0


def _of_outcomes(people: People, question: Aggregate) -> Found:
    rows = _within(Outcome.objects.for_brand(people.brand), "occurred_at", question).order_by()
    columns = ("lead_id", "contact_id", "kind", "pack_id", "occurred_at")
    for lead, contact, kind, pack, at in rows.values_list(*columns).iterator(chunk_size=5000):
        person = people.person.get(lead) or (f"c{contact}" if contact else None)
        if person is not None:
            about = people.about.get(lead, {})
            own = {"outcome": kind, "pack": pack or about.get("pack")}
            yield person, at.astimezone(UTC).date(), about | own, 0


def _of_sales(people: People, question: Aggregate) -> Found:
    rows = _within(Sale.objects.for_brand(people.brand), "sold_at", question).order_by()
    rows = rows.filter(currency=people.brand.currency, lead__isnull=False)
    for one in question.where:
        if isinstance(one, Amount):
            rows = rows.filter(**{f"amount__{COMPARE[one.test]}": one.value})
    for lead, pack, at, amount in rows.values_list("lead_id", "pack_id", "sold_at", "amount").iterator(chunk_size=5000):
        if lead in people.person:
            about = people.about[lead]
            own = {"pack": pack or about.get("pack")}
            yield people.person[lead], at.astimezone(UTC).date(), about | own, int(amount * 100)


_SOURCES = {Source.PEOPLE: _of_people, Source.OUTCOMES: _of_outcomes, Source.SALES: _of_sales}


def _within(rows: Any, column: str, question: Aggregate) -> Any:
    if question.starts_on:
        rows = rows.filter(**{f"{column}__gte": datetime.combine(question.starts_on, time(), UTC)})
    if question.ends_on:
        rows = rows.filter(**{f"{column}__lt": datetime.combine(question.ends_on + timedelta(days=1), time(), UTC)})
    return rows


def _refused_measurement(brand: Brand) -> set[str]:
    """People whose newest word on measurement is no."""
    words = Consent.objects.for_brand(brand).filter(purpose=Consent.Purpose.MEASUREMENT, contact__isnull=False)
    newest: dict[int, bool] = {}
    for contact, given in words.order_by("-said_at", "-pk").values_list("contact_id", "given"):
        newest.setdefault(contact, given)
    return {f"c{contact}" for contact, given in newest.items() if not given}
