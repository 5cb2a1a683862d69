"""E-mail events of the export become outcomes; campaigns, opens, clicks, bounces and sends enrich them."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

from crm.imports.faults import Fault
from crm.imports.hubspot.deals import SOURCE
from crm.imports.hubspot.tables import PREFIX, Table, index_of, instant, needed, rest, truth
from crm.imports.reading import RawRow
from crm.imports.writing import Once, again, upsert
from crm.models import Brand, Contact, Lead, Outcome

# https://developers.hubspot.com/docs/api/events/email-analytics names the types. STATUSCHANGE is not here because it is
# a subscription as often as the end of one; DEFERRED, FORWARD and PRINT have no counterpart.
KINDS: dict[str, Outcome.Kind] = {
    "SENT": Outcome.Kind.SENT,
    "DELIVERED": Outcome.Kind.DELIVERED,
    "OPEN": Outcome.Kind.OPENED,
    "CLICK": Outcome.Kind.CLICKED,
    "BOUNCE": Outcome.Kind.BOUNCED,
    "REPLY": Outcome.Kind.REPLIED,
    "SPAMREPORT": Outcome.Kind.UNSUBSCRIBED,
    "UNSUBSCRIBED": Outcome.Kind.UNSUBSCRIBED,
    "DROPPED": Outcome.Kind.BLOCKED,
}
PROCESSED = (
    "PROCESSED"  # HubSpot's servers took a message that is sent: a second sight of one send, so no second outcome
)
PARTS = ("bounce", "click", "open", "sent")

Rows = list[tuple[RawRow, dict[str, str | None]]]


class Events:
    """Collects outcomes from the events, adds what the other tables know, stores, and keeps the books of all six."""

    def __init__(
        self, brand: Brand, events: Table, campaigns: Table, parts: dict[str, Table], *, now: datetime
    ) -> None:
        self.brand, self.now = brand, now
        self.events, self.campaigns, self.parts = events, campaigns, parts
        self._wanted: dict[str, dict[str, Any]] = {}
        self._enriched: list[tuple[Table, str]] = []  # (table, external id of the outcome) for each row that was added

    def store(self) -> None:
        """Write the outcomes. A row of another table shares the fate of its event: stored, unchanged, or set aside."""
        processed = self._collect()
        self._add_processed(processed)
        self._add_campaigns()
        for name, table in self.parts.items():
            self._add_part(name, table)
        self._tie_to_people()
        before = {row.external_id: row.detail for row in Outcome.objects.for_brand(self.brand).filter(source=SOURCE)}
        upsert(Outcome, self.brand, self._wanted, self.events.tally)
        for table, external_id in self._enriched:
            if before.get(external_id) == self._wanted[external_id]["detail"]:
                table.tally.unchanged += 1
            else:
                table.tally.stored += 1

    def _collect(self) -> Rows:
        """Outcomes of all events that have a counterpart; rows that only repeat a send come back."""
        processed: Rows = []
        once = Once()
        filtered: Counter[str] = Counter()
        for raw, row in self.events.each():
            try:
                identifier = needed(row, "id")
                if again(once, identifier, row, "id"):
                    self.events.tally.unchanged += 1
                    continue
                kind = needed(row, "type").upper()
                if kind == PROCESSED:
                    processed.append((raw, row))
                    continue
                if kind not in KINDS:
                    raise Fault("type", kind, f"has no counterpart; known are {', '.join(KINDS)}")
                at = instant(row, "created", self.now)
                if at is None:
                    raise Fault("created", "", "is missing")
                is_filtered = truth(row, "filtered_event")
            except Fault as fault:
                self.events.tally.refuse(raw, fault)
                continue
            filtered[kind] += is_filtered
            detail = rest(row, "id", "created", "type", "filtered_event")
            detail["filtered"] = is_filtered
            self._wanted[PREFIX + identifier] = {
                "kind": KINDS[kind], "occurred_at": at, "source": SOURCE, "contact_id": None, "lead_id": None,
                "detail": detail,
            }  # fmt: skip
        for kind, count in sorted((+filtered).items()):
            self.events.tally.notes.append(
                f"Events that the account filters out ({kind}), kept and marked in their detail: {count}"
            )
        return processed

    def _add_processed(self, rows: Rows) -> None:
        for raw, row in rows:
            sent = self._wanted.get(PREFIX + (row.get("sent_by_id") or ""))
            if sent is None or sent["kind"] != Outcome.Kind.SENT:
                reason = "repeats a send that is not in this export, and is no outcome of its own"
                self.events.tally.refuse(raw, Fault("type", PROCESSED, reason))
                continue
            sent["detail"]["processed_at"] = row.get("created")
            self._enriched.append((self.events, PREFIX + (row.get("sent_by_id") or "")))

    def _add_campaigns(self) -> None:
        by_campaign: dict[str, list[str]] = defaultdict(list)
        for external_id, fields in self._wanted.items():
            by_campaign[fields["detail"].get("email_campaign_id", "")].append(external_id)
        once = Once()
        for raw, row in self.campaigns.each():
            try:
                identifier = needed(row, "id")
                if again(once, identifier, row, "id"):
                    self.campaigns.tally.unchanged += 1
                    continue
                if identifier not in by_campaign:
                    raise Fault("id", identifier, "no e-mail event of this export belongs to this campaign")
            except Fault as fault:
                self.campaigns.tally.refuse(raw, fault)
                continue
            for external_id in by_campaign[identifier]:
                self._wanted[external_id]["detail"]["campaign"] = rest(row)
            self._enriched.append((self.campaigns, by_campaign[identifier][0]))

    def _add_part(self, name: str, table: Table) -> None:
        once = Once()
        for raw, row in table.each():
            try:
                identifier = needed(row, "id")
                if again(once, identifier, row, "id"):
                    table.tally.unchanged += 1
                    continue
                fields = self._wanted.get(PREFIX + identifier)
                if fields is None:
                    reason = "its e-mail event is not in this export, so when and to whom it happened is unknown"
                    raise Fault("id", identifier, reason)
            except Fault as fault:
                table.tally.refuse(raw, fault)
                continue
            fields["detail"][name] = rest(row, "id")
            self._enriched.append((table, PREFIX + identifier))

    def _tie_to_people(self) -> None:
        """The contact whose address (or its hash) is the recipient's, and that contact's lead where there is one."""
        contacts = {
            contact.email: contact.pk
            for contact in Contact.objects.for_brand(self.brand).exclude(email="").order_by("-pk")
        }
        addresses = index_of(contacts)
        leads: dict[int, list[int]] = defaultdict(list)
        for contact_id, lead_id in Lead.objects.for_brand(self.brand).values_list("contact_id", "pk"):
            leads[contact_id].append(lead_id)
        strangers = 0
        for fields in self._wanted.values():
            address = addresses.get(fields["detail"].get("recipient", ""))
            if address is None:
                strangers += 1
                continue
            fields["contact_id"] = contacts[address]
            theirs = leads.get(contacts[address], [])
            fields["lead_id"] = theirs[0] if len(theirs) == 1 else None
        if strangers:
            self.events.tally.notes.append(f"Events whose address is no contact of this export: {strangers}")
