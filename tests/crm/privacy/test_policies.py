"""Policies: what they say, what they refuse, and what they do to texts on their way."""

from __future__ import annotations

import json
import logging
from io import StringIO
from logging.config import DictConfigurator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.utils import timezone

from crm.imports import rows_as_csv, take_in
from crm.models import Brand, Import, Lead, Pack, QuarantinedRow, Retailer
from crm.privacy.applying import clean_feedback, clean_texts, cleaner
from crm.privacy.keys import brand_key, person_of, persons_of
from crm.privacy.logging import LogRedactor
from crm.privacy.policies import PolicyChanged, policy_for, set_policy
from crm.privacy.policy import BadPolicy, default_policy, parse
from crm.privacy.recognizers.own import BadRecognizer
from crm.privacy.redaction import Blocked, normalised, redact
from crm.snapshots import take

TEXT = "mail jo@example.com, card 4111 1111 1111 1111"


class TestParse:
    def test_it_says_only_what_differs(self) -> None:
        policy = parse("places: {logs: {url: block}}")
        assert policy.action("logs", "url") == "block"
        assert policy.action("imports", "url") == default_policy().action("imports", "url") == "allow"

    def test_nothing_at_all_is_the_default(self) -> None:
        assert parse("") == default_policy()

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ("places: {cellar: {url: allow}}", "places: “cellar”"),
            ("places: {logs: {urls: allow}}", "places.logs: “urls”"),
            ("places: {logs: {url: hide}}", "places.logs.url: “hide”.*Use allow, redact"),
            ("places: [logs]", "places: .* no mapping"),
            ("retention_days: {quarantine: -1}", "retention_days.quarantine: “-1”"),
            ("retention_days: {quarantine: soon}", "“soon” is no number of days"),
            ("retention_days: {quarantine: true}", "“True” is no number"),
            ("retention_days: {facts: 3}", "“facts” is not known"),
            ("audiences: {consent_bases: consent}", "is no list"),
            ("audiences: {consent_bases: [hope]}", "“hope”"),
            ("address: {email: maybe}", "address.email: “maybe”"),
            ("colour: red", "“colour” is not known"),
            ("- a list", "no mapping"),
            ("a: [", "no YAML"),
            ("recognizers: {kind: x}", "is no list"),
            ("places: &a {logs: {url: allow}}\nother: *a", "aliases"),
        ],
    )
    def test_what_is_wrong_is_named(self, body: str, said: str) -> None:
        with pytest.raises(BadPolicy, match=said):
            parse(body)

    def test_a_wrong_recognizer_is_named(self) -> None:
        with pytest.raises(BadRecognizer, match=r"recognizers\[0\]"):
            parse("recognizers: [{kind: club, pattern: '('}]")

    def test_its_own_kinds_can_be_ruled(self) -> None:
        policy = parse(
            "recognizers: [{kind: club, pattern: 'HC-\\d{8}', alone: true}]\nplaces: {prompts: {club: block}}"
        )
        with pytest.raises(Blocked, match="holds a club"):
            redact("card HC-12345678", policy, "prompts")


class TestRedact:
    def test_each_action_does_what_it_says(self) -> None:
        policy = parse("places: {exports: {email: pseudonymise, card: redact, phone: allow}}").with_key(b"k")
        made = redact(f"{TEXT}, call +49 30 1234567", policy, "exports")
        assert made == "mail email_" + made[11:23] + ", card [card], call +49 30 1234567"

    def test_a_blocked_text_is_refused_without_its_value(self) -> None:
        with pytest.raises(Blocked) as refused:
            redact(TEXT, parse("places: {prompts: {card: block}}"), "prompts")
        assert "payment card" in refused.value.message and "4111" not in refused.value.message
        assert "4111" not in json.dumps(refused.value.detail)

    def test_where_a_text_must_be_kept_a_block_redacts(self) -> None:
        policy = parse("places: {imports: {default: block, email: block, card: block}}")
        assert redact(TEXT, policy, "imports", refuse=False) == "mail [email], card [card]"

    def test_a_link_with_a_person_in_it_is_no_plain_link(self) -> None:
        assert redact("https://a.example/?email=jo@b.example", default_policy(), "exports") == "[url]"
        assert redact("https://a.example/oats", default_policy(), "exports") == "https://a.example/oats"


class TestPseudonyms:
    def test_one_person_has_one_token_in_a_brand_and_another_elsewhere(self, harbor: Brand, lumen: Brand) -> None:
        same = {redact(one, policy_for(harbor), "exports") for one in ("Jo@Example.com", "jo@example.com")}
        assert len(same) == 1
        assert same != {redact("jo@example.com", policy_for(lumen), "exports")}

    def test_the_key_depends_on_the_secret(self, harbor: Brand, settings: Any) -> None:
        before, person = brand_key(harbor), person_of(harbor, "jo@example.com")
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another"
        assert brand_key(harbor) != before and person in persons_of(harbor, "JO@example.com ")

    @pytest.mark.parametrize(
        ("one", "other"),
        [("+49 30 123-4567", "0049 (30) 1234567"), (" Jo@X.com", "jo@x.COM"), ("L-17 ", "l-17")],
    )
    def test_spellings_of_one_person_are_one(self, one: str, other: str) -> None:
        assert normalised(one) == normalised(other)


class TestPolicyFor:
    def test_a_retailers_goes_over_the_brands(self, harbor: Brand) -> None:
        shop = Retailer.objects.for_brand(harbor).create(brand=harbor, name="Northmart", slug="northmart")
        set_policy(brand=harbor, body="places: {logs: {url: redact, ip: block}}")
        set_policy(brand=harbor, body="places: {logs: {url: block}}", retailer=shop)
        assert policy_for(harbor, shop).action("logs", "url") == "block"
        assert policy_for(harbor, shop).action("logs", "ip") == "block"
        assert policy_for(harbor).action("logs", "url") == "redact"

    def test_another_brands_policy_does_not_count(self, harbor: Brand, lumen: Brand) -> None:
        set_policy(brand=harbor, body="places: {logs: {url: block}}")
        assert policy_for(lumen).action("logs", "url") == "allow"

    def test_a_stale_change_is_refused(self, harbor: Brand) -> None:
        set_policy(brand=harbor, body="", seen_version=0)
        with pytest.raises(PolicyChanged):
            set_policy(brand=harbor, body="", seen_version=0)


class TestOnTheWay:
    def test_texts_are_cleaned_in_their_order(self, harbor: Brand) -> None:
        assert clean_texts(harbor, ["a", TEXT, "b"], place="feedback") == ["a", "mail [email], card [card]", "b"]

    def test_json_keeps_its_shape(self, harbor: Brand) -> None:
        value = {"n": 4111111111111111, "rows": ["jo@example.com", None, True], "jo": {"x": 1.5}}
        assert cleaner(harbor, "feedback")(value) == {**value, "rows": ["[email]", None, True]}

    def test_feedback_is_cleaned_or_refused(self, harbor: Brand) -> None:
        assert clean_feedback(harbor, "tell +49 30 1234567") == "tell [phone]"
        set_policy(brand=harbor, body="places: {feedback: {phone: block}}")
        with pytest.raises(Blocked):
            clean_feedback(harbor, "tell +49 30 1234567")

    def test_rows_set_aside_leave_without_people(self, harbor: Brand) -> None:
        batch = Import.objects.for_brand(harbor).create(brand=harbor, kind="leads", filename="f", sha256="x")
        QuarantinedRow.objects.for_brand(harbor).create(
            batch=batch, file="f", row=1, field="amount", value=TEXT, reason="no", raw={"note": TEXT}
        )
        lines = "".join(rows_as_csv(batch))
        assert "jo@example.com" not in lines and "4111" not in lines and "email_" in lines

    def test_free_texts_of_leads_are_cleaned_when_they_come_in(self, harbor: Brand) -> None:
        call_import(harbor, [{"id": "L1", "name": "Jo", "email": "jo@example.com", "need": f"sacks, {TEXT}"}])
        lead = Lead.objects.for_brand(harbor).get()
        assert "4111" not in json.dumps(lead.detail) and "sacks" in json.dumps(lead.detail)
        assert lead.contact.email == "jo@example.com"  # whom to write to has to be known

    def test_agents_read_no_address_but_the_name(self, harbor: Brand, tax_assist: Pack) -> None:
        Lead.objects.for_brand(harbor).create(
            brand=harbor, external_id="L-1", name="Jo Miller", detail={"need": "sacks, write to jo@example.com"}
        )
        seen = take(harbor, pack=tax_assist, subject={"kind": "prospect", "key": "L-1"}, now=timezone.now())
        assert seen.prospect is not None and seen.prospect.name == "Jo Miller"
        assert "jo@example.com" not in repr(seen) and "email_" in seen.prospect.need

    def test_log_lines_are_cleaned(self) -> None:
        clean = LogRedactor("secret")
        said = clean(None, "info", {"event": TEXT, "ip": "10.2.3.4", "n": 5, "why": ValueError("jo@example.com")})
        assert said["event"] == "mail [email], card [card]" and said["n"] == 5
        assert said["ip"].startswith("ip_") and "jo@" not in said["why"]

    def test_the_configured_handler_cleans_other_libraries_lines(self, settings: Any) -> None:
        configured = DictConfigurator(settings.LOGGING)
        formatter = configured.configure_formatter(dict(settings.LOGGING["formatters"]["lines"]))
        record = logging.LogRecord("celery", logging.INFO, "f", 1, "sent to %s", ("jo@example.com",), None)
        assert "jo@example.com" not in formatter.format(record)


def call_import(brand: Brand, rows: list[dict[str, Any]]) -> None:
    file = SimpleUploadedFile("leads.json", json.dumps(rows).encode())
    take_in(brand=brand, files=[file], kind="leads", by=None)


class TestCheckPolicy:
    def run(self, *args: str) -> str:
        out = StringIO()
        call_command("check_policy", *args, stdout=out)
        return out.getvalue()

    def test_the_shipped_one_is_valid(self) -> None:
        said = self.run("crm/privacy/policies/default.yaml")
        assert said.startswith("Valid") and "found card" in said

    def test_a_brands_is_checked_for_a_retailer(self, harbor: Brand) -> None:
        Retailer.objects.for_brand(harbor).create(brand=harbor, name="Northmart", slug="northmart")
        said = self.run("--brand", "harbor-oats", "--retailer", "northmart", "--text", "mail jo@example.com")
        assert "feedback  mail [email]" in said

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            ((), "Give a FILE"),
            (("nowhere.yaml",), "nowhere.yaml"),
            (("--brand", "nobody"), "no brand “nobody”"),
            (("--brand", "harbor-oats", "--retailer", "x"), "no retailer “x”"),
        ],
    )
    def test_a_wrong_call_is_refused(self, args: tuple[str, ...], said: str, harbor: Brand) -> None:
        with pytest.raises(CommandError, match=said):
            self.run(*args)

    def test_a_wrong_file_and_a_blocked_text_fail(self, tmp_path: Path) -> None:
        wrong, strict = tmp_path / "wrong.yaml", tmp_path / "strict.yaml"
        wrong.write_text("places: {logs: {url: hide}}", encoding="utf-8")
        strict.write_text("places: {prompts: {email: block}}", encoding="utf-8")
        with pytest.raises(CommandError, match="hide"):
            self.run(str(wrong))
        with pytest.raises(CommandError, match="blocked"):
            self.run(str(strict), "--text", "jo@example.com")
