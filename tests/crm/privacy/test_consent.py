"""Who may be addressed, and how the lists fill."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.utils import timezone

from crm.models import Brand, Contact, Import, Lead, Outcome, Pack, QuarantinedRow, Suppression
from crm.privacy import consent
from crm.privacy.policies import set_policy
from crm.retention import sweep
from crm.snapshots import subjects, take


class TestMayAddress:
    def test_the_newest_word_holds(self, harbor: Brand) -> None:
        assert consent.may_address(harbor, "jo@example.com")
        now = timezone.now()
        for days, given in ((3, True), (1, False), (2, True)):
            consent.record(
                brand=harbor, address="jo@example.com", purpose="email", given=given, source="form",
                said_at=now - timedelta(days=days),
            )  # fmt: skip
        refused = consent.may_address(harbor, "JO@example.com")
        assert not refused and "said no to e-mail" in refused.why_not
        assert consent.may_address(harbor, "jo@example.com", "training")

    def test_a_policy_may_ask_for_consent(self, harbor: Brand) -> None:
        set_policy(brand=harbor, body="address: {email: only_with_consent}")
        assert "has not agreed" in consent.may_address(harbor, "jo@example.com").why_not
        consent.record(brand=harbor, address="jo@example.com", purpose="email", given=True, source="form")
        assert consent.may_address(harbor, "jo@example.com")

    def test_the_suppression_list_goes_over_consent(self, harbor: Brand, lumen: Brand) -> None:
        consent.record(brand=harbor, address="jo@example.com", purpose="email", given=True, source="form")
        consent.suppress(brand=harbor, address="jo@example.com", reason="complained")
        assert "complained" in consent.may_address(harbor, "jo@example.com").why_not
        assert consent.may_address(lumen, "jo@example.com")

    def test_an_unknown_purpose_and_no_address_are_refused(self, harbor: Brand) -> None:
        with pytest.raises(ValueError, match="fun"):
            consent.may_address(harbor, "jo@example.com", "fun")
        with pytest.raises(consent.NotAnAddress):
            consent.may_address(harbor, " ")

    def test_a_changed_secret_still_knows_them(self, harbor: Brand, settings: Any) -> None:
        consent.suppress(brand=harbor, address="jo@example.com", reason="manual")
        settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
        assert not consent.may_address(harbor, "jo@example.com")


class TestLists:
    def test_a_file_is_counted_and_repeats_change_nothing(self, harbor: Brand) -> None:
        text = "\ufeffname,E-mail\nJo,jo@example.com\nJo,JO@example.com\nBo,\n"
        first = consent.import_list(brand=harbor, file=StringIO(text), reason="unsubscribed", source="f")
        assert first == {"read": 3, "added": 1, "known": 1, "skipped": 1}
        again = consent.import_list(brand=harbor, file=StringIO(text), reason="unsubscribed", source="f")
        assert again["added"] == 0 and Suppression.objects.for_brand(harbor).count() == 1

    def test_bare_lines_do(self, harbor: Brand) -> None:
        done = consent.import_list(brand=harbor, file=StringIO("a@x.com\nb@x.com\n"), reason="manual", source="f")
        assert done["added"] == 2

    @pytest.mark.parametrize(("text", "reason"), [("", "manual"), ("a,\n", "manual"), ("a@x.com", "erased")])
    def test_a_file_without_addresses_or_with_a_wrong_reason_is_refused(
        self, text: str, reason: str, harbor: Brand
    ) -> None:
        with pytest.raises(consent.BadList):
            consent.import_list(brand=harbor, file=StringIO(text), reason=reason, source="f")

    def test_who_was_erased_stays(self, harbor: Brand) -> None:
        consent.suppress(brand=harbor, address="jo@example.com", reason="manual")
        consent.suppress(brand=harbor, address="jo@example.com", reason="erased")
        with pytest.raises(consent.StaysSuppressed):
            consent.take_off(brand=harbor, address="jo@example.com")

    def test_unsubscribes_and_bounces_fill_the_list(self, harbor: Brand) -> None:
        lead = _lead(harbor)
        for number, kind in enumerate(("unsubscribed", "opened")):
            _outcome(harbor, lead, kind, number)
        assert consent.follow_outcomes(harbor) == 1
        assert consent.follow_outcomes(harbor) == 0
        assert "unsubscribed" in consent.may_address(harbor, "jo@example.com").why_not


class TestOutreach:
    def test_who_ended_it_is_not_chosen_and_is_barred_where_chosen(self, harbor: Brand, tax_assist: Pack) -> None:
        import numpy as np

        lead = _lead(harbor)
        assert subjects(harbor, tax_assist, 5, np.random.default_rng(0))[0]["key"] == "L-1"
        _outcome(harbor, lead, "bounced", 1)
        assert subjects(harbor, tax_assist, 5, np.random.default_rng(0)) == [{}]
        seen = take(harbor, pack=tax_assist, subject={"kind": "prospect", "key": "L-1"}, now=timezone.now())
        assert seen.prospect is not None and "bounced" in seen.prospect.barred

    def test_a_suppressed_address_bars_the_lead(self, harbor: Brand) -> None:
        lead = _lead(harbor)
        assert consent.may_write_to(lead)
        consent.suppress(brand=harbor, address="jo@example.com", reason="manual")
        assert not consent.may_write_to(lead)


class TestRetention:
    def test_what_is_older_than_the_policy_keeps_it_goes(self, harbor: Brand) -> None:
        set_policy(brand=harbor, body="retention_days: {quarantine: 10, outcomes: 10, contacts: 10}")
        now = timezone.now()
        batch = Import.objects.for_brand(harbor).create(brand=harbor, kind="leads", filename="f", sha256="x")
        Import.objects.for_brand(harbor).update(started_at=now - timedelta(days=11))
        QuarantinedRow.objects.for_brand(harbor).create(
            batch=batch, file="f", row=1, field="a", value="Jo", raw={"a": 1}
        )
        lead = _lead(harbor, created_at=now - timedelta(days=400))
        _outcome(harbor, lead, "opened", 1, occurred_at=now - timedelta(days=11))
        report = sweep(harbor, now=now, dry_run=True)
        assert report == {"quarantine": 1, "uploads": 0, "outcomes": 1, "contacts": 1}
        assert Contact.objects.for_brand(harbor).count() == 1
        assert sweep(harbor, now=now) == report
        assert not Contact.objects.for_brand(harbor).exists()
        lead.refresh_from_db()
        assert (lead.name, lead.detail) == ("Erased person", {})
        assert QuarantinedRow.objects.for_brand(harbor).get().raw == {}
        assert sum(sweep(harbor, now=now).values()) == 0

    def test_somebody_heard_of_since_stays_and_zero_keeps_everything(self, harbor: Brand) -> None:
        now = timezone.now()
        lead = _lead(harbor, created_at=now - timedelta(days=4000))
        _outcome(harbor, lead, "replied", 1, occurred_at=now - timedelta(days=3))
        assert sweep(harbor, now=now)["contacts"] == 0
        set_policy(brand=harbor, body="retention_days: {contacts: 0}")
        assert "contacts" not in sweep(harbor, now=now + timedelta(days=9000))


def _lead(brand: Brand, **more: Any) -> Lead:
    contact = Contact.objects.for_brand(brand).create(
        brand=brand, external_id="jo@example.com", email="jo@example.com", name="Jo Miller"
    )
    lead: Lead = Lead.objects.for_brand(brand).create(
        brand=brand, external_id="L-1", name="Jo Miller", contact=contact, detail={"need": "sacks"}, **more
    )
    return lead


def _outcome(brand: Brand, lead: Lead, kind: str, number: int, **more: Any) -> None:
    Outcome.objects.for_brand(brand).create(
        brand=brand, lead=lead, kind=kind, external_id=f"o{number}", detail={"x": "y"},
        **{"occurred_at": timezone.now(), **more},
    )  # fmt: skip
