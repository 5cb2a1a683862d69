"""The Privacy page: who sees it, who may change, and that nothing of another brand shows."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from crm.models import Brand, Consent, Contact, Erasure, Membership, PrivacyPolicy, Suppression
from crm.privacy import consent
from tests.conftest import signed_in
from tests.factories import MembershipFactory, UserFactory

WRITES = ("policy/", "suppressed/add/", "suppressed/remove/", "suppressed/import/", "erase/")


@pytest.fixture
def pia_client(harbor: Brand) -> Client:
    """Plans for Harbor Oats."""
    user = UserFactory(username="pia")
    MembershipFactory(user=user, brand=harbor, role=Membership.Role.PLANNER)
    return signed_in(user)


class TestWhoSeesIt:
    def test_an_owner_and_a_planner_see_it(self, ana_client: Client, pia_client: Client) -> None:
        assert "Forget somebody" in ana_client.get("/privacy/").content.decode()
        seen = pia_client.get("/privacy/").content.decode()
        assert "Who must not be addressed" in seen and "Forget somebody" not in seen

    def test_viewers_and_raters_are_refused(self, ben_client: Client, rae: Any) -> None:
        assert ben_client.get("/privacy/").status_code == 403
        assert signed_in(rae).get("/privacy/").status_code == 403
        assert ben_client.post("/privacy/try/", {"text": "x"}).status_code == 403

    def test_a_stranger_signs_in_first(self, db: None) -> None:
        assert Client().get("/privacy/").status_code == 302

    @pytest.mark.parametrize("path", WRITES)
    def test_a_planner_changes_nothing(self, path: str, pia_client: Client) -> None:
        assert pia_client.post(f"/privacy/{path}", {"who": "jo@example.com", "sure": "1"}).status_code == 403
        assert Erasure.across_brands.count() == 0

    @pytest.mark.parametrize("path", [*WRITES, "try/", "suppressed/find/"])
    def test_a_change_is_no_get(self, path: str, ana_client: Client) -> None:
        assert ana_client.get(f"/privacy/{path}").status_code == 405

    def test_the_page_itself_takes_no_post(self, ana_client: Client) -> None:
        assert ana_client.post("/privacy/").status_code == 405


class TestTryAText:
    def test_it_shows_each_place_with_and_without_script(self, ana_client: Client) -> None:
        whole = ana_client.post("/privacy/try/", {"text": "mail jo@example.com"}).content.decode()
        part = ana_client.post("/privacy/try/", {"text": "mail jo@example.com"}, headers={"HX-Request": "true"})
        assert "<h1>Privacy</h1>" in whole and "mail [email]" in whole
        assert "<h1>" not in part.content.decode() and "mail [email]" in part.content.decode()

    def test_an_empty_text_is_refused(self, ana_client: Client) -> None:
        assert ana_client.post("/privacy/try/", {"text": ""}).status_code == 422

    def test_a_blocked_place_says_so(self, ana_client: Client, harbor: Brand) -> None:
        PrivacyPolicy.objects.for_brand(harbor).create(brand=harbor, body="places: {prompts: {card: block}}")
        said = ana_client.post("/privacy/try/", {"text": "card 4111 1111 1111 1111"}).content.decode()
        assert "Blocked." in said and "places.prompts.card" in said


class TestPolicy:
    def test_an_owner_puts_one_in_force(self, ana_client: Client, harbor: Brand, ana: Any) -> None:
        answer = ana_client.post("/privacy/policy/", {"body": "places: {logs: {url: redact}}", "version": "0"})
        assert answer.status_code == 302
        row = PrivacyPolicy.objects.for_brand(harbor).get()
        assert (row.version, row.changed_by) == (1, ana)

    def test_a_wrong_one_comes_back_with_what_is_wrong(self, ana_client: Client) -> None:
        answer = ana_client.post("/privacy/policy/", {"body": "places: {cellar: {url: redact}}", "version": "0"})
        assert answer.status_code == 422 and "cellar" in answer.content.decode()
        assert not PrivacyPolicy.across_brands.exists()

    def test_a_change_over_an_unseen_version_is_refused(self, ana_client: Client, harbor: Brand) -> None:
        PrivacyPolicy.objects.for_brand(harbor).create(brand=harbor, body="", version=3)
        assert ana_client.post("/privacy/policy/", {"body": "", "version": "2"}).status_code == 409


class TestSuppressionList:
    def test_somebody_is_added_found_and_taken_off(self, ana_client: Client, harbor: Brand) -> None:
        ana_client.post("/privacy/suppressed/add/", {"address": "Jo@Example.com"})
        found = ana_client.post("/privacy/suppressed/find/", {"address": "jo@example.com"}).content.decode()
        assert "Must not be addressed" in found
        row = Suppression.objects.for_brand(harbor).get()
        assert "jo@" not in row.person
        ana_client.post("/privacy/suppressed/remove/", {"row": row.pk})
        assert consent.may_address(harbor, "jo@example.com")

    def test_the_address_stands_in_no_page_address(self, ana_client: Client) -> None:
        answer = ana_client.post("/privacy/suppressed/add/", {"address": "jo@example.com"})
        assert "jo" not in answer["Location"].partition("#")[0].replace("/privacy/", "")

    def test_too_short_an_address_is_refused(self, ana_client: Client) -> None:
        for path in ("find", "add"):
            assert ana_client.post(f"/privacy/suppressed/{path}/", {"address": "a"}).status_code == 422

    def test_a_file_is_taken_in_and_a_picture_refused(self, ana_client: Client, harbor: Brand) -> None:
        file = SimpleUploadedFile("list.csv", b"name,email\nJo,jo@example.com\nBo,bo@example.com\n,\n")
        ana_client.post("/privacy/suppressed/import/", {"file": file, "reason": "unsubscribed"})
        assert Suppression.objects.for_brand(harbor).count() == 2
        picture = SimpleUploadedFile("x.csv", b"\x89PNG\xff\xfe")
        assert ana_client.post("/privacy/suppressed/import/", {"file": picture, "reason": "manual"}).status_code == 422

    def test_a_row_of_another_brand_stays(self, cleo_client: Client, harbor: Brand, lumen: Brand) -> None:
        consent.suppress(brand=harbor, address="jo@example.com", reason="manual")
        row = Suppression.objects.for_brand(harbor).get()
        cleo_client.post("/privacy/suppressed/remove/", {"row": row.pk})
        assert Suppression.objects.for_brand(harbor).exists()
        assert row.person[:12] not in cleo_client.get("/privacy/").content.decode()

    def test_the_list_is_paged_with_a_fixed_number_of_queries(
        self, ana_client: Client, harbor: Brand, django_assert_max_num_queries: Any
    ) -> None:
        consent.suppress_many(brand=harbor, addresses=[f"p{n}@example.com" for n in range(60)], reason="manual")
        with django_assert_max_num_queries(25):
            page = ana_client.get("/privacy/?page=2").content.decode()
        assert "Page 2 of 3" in page


class TestErasure:
    def test_it_shows_first_what_it_would_reach(self, ana_client: Client, harbor: Brand) -> None:
        Contact.objects.for_brand(harbor).create(
            brand=harbor, external_id="jo@example.com", email="jo@example.com", name="Jo Miller"
        )
        asked = ana_client.post("/privacy/erase/", {"who": "jo@example.com"}).content.decode()
        assert "crm.Contact erased" in asked and Contact.objects.for_brand(harbor).exists()
        ana_client.post("/privacy/erase/", {"who": "jo@example.com", "sure": "1"})
        assert not Contact.objects.for_brand(harbor).exists()
        page = ana_client.get("/privacy/").content.decode()
        assert "crm.Contact erased" in page and "jo@example.com" not in page

    def test_another_brands_person_is_not_reached(self, cleo_client: Client, harbor: Brand) -> None:
        Contact.objects.for_brand(harbor).create(brand=harbor, external_id="jo@example.com", email="jo@example.com")
        cleo_client.post("/privacy/erase/", {"who": "jo@example.com", "sure": "1"})
        assert Contact.objects.for_brand(harbor).exists()

    def test_nobody_given_is_said(self, ana_client: Client) -> None:
        answer = ana_client.post("/privacy/erase/", {"who": " "}, follow=True)
        assert "is nobody" in answer.content.decode()


def test_consent_is_counted_on_the_page(ana_client: Client, harbor: Brand) -> None:
    for number, given in enumerate((True, True, False)):
        consent.record(brand=harbor, address=f"p{number}@example.com", purpose="email", given=given, source="form")
    assert Consent.objects.for_brand(harbor).count() == 3
    page = ana_client.get("/privacy/").content.decode()
    assert '<dd class="figure">2</dd><dd>said yes, 1 said no</dd>' in page
