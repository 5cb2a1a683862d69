"""Personal data, ad limits and e-mail law in texts."""

from __future__ import annotations

from pathlib import Path
from string import ascii_letters

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.privacy import BLOCKING, check_copy, check_email, find_personal_data, hard_gate, mask, rules_for
from crm.privacy.checksums import iban_holds, luhn
from crm.privacy.email_law import footer
from crm.privacy.issues import repaired
from crm.privacy.rulebook import UnknownRule, rulebook

ADDRESS = "4 Mill Quay, 28195 Bremen"


def kinds(text: str) -> list[str]:
    return [found.kind for found in find_personal_data(text)]


class TestChecksums:
    # Test numbers that the card networks publish; the IBANs are the examples of the ISO 13616 registry.
    @pytest.mark.parametrize(
        "number", ["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117", "3530111333300000"]
    )
    def test_published_card_numbers_hold_and_a_changed_digit_does_not(self, number: str) -> None:
        assert luhn(number)
        assert not luhn(number[:-1] + str((int(number[-1]) + 1) % 10))

    def test_the_example_of_the_patent_holds(self) -> None:
        assert luhn("79927398713")
        assert not any(luhn(f"7992739871{digit}") for digit in "012456789")

    @pytest.mark.parametrize(
        "iban",
        ["GB29NWBK60161331926819", "DE89370400440532013000", "FR1420041010050500013M02606", "NL91ABNA0417164300",
         "NO9386011117947", "CH9300762011623852957"],
    )  # fmt: skip
    def test_registry_examples_hold_and_swapped_digits_do_not(self, iban: str) -> None:
        assert iban_holds(iban)
        assert not iban_holds(iban[:4] + iban[5] + iban[4] + iban[6:]) or iban[4] == iban[5]
        assert not iban_holds(iban[:-1])


class TestFindPersonalData:
    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("Write to ana.li+x@example.co.uk today", "email"),
            ("Call +49 30 1234567", "phone"),
            ("Ring 020 7946 0958", "phone"),
            ("(415) 555-2671", "phone"),
            ("Card 4111 1111 1111 1111 was used", "card"),
            ("Pay to DE89 3704 0044 0532 0130 00 please", "iban"),
            ("from 192.168.2.14", "ip"),
            ("from 2001:db8::8a2e:370:7334", "ip"),
            ("see https://shop.example/a?customer_id=881", "url"),
            ("see https://shop.example/?e=ana%40example.com", "url"),
        ],
    )
    def test_it_finds(self, text: str, kind: str) -> None:
        assert kinds(text) == [kind]

    @pytest.mark.parametrize(
        "text",
        [
            "1,204 sales worth 58,211.50 EUR",
            "sold on 2026-11-21 at 12:30:15",
            "EAN 5012345678900",
            "200 g x 12 in a case of 2.4 kg",
            "version 2.10.4",
            "see https://shop.example/oats?page=2",
            "card 4111 1111 1111 1112",
            "from 2019-2024 and 10.5.2026",
            "between 12,500 and 130,000 views",
        ],
    )
    def test_it_leaves_figures_alone(self, text: str) -> None:
        assert kinds(text) == []

    @given(st.text(max_size=200))
    def test_spans_are_in_order_and_point_at_their_value(self, text: str) -> None:
        end = 0
        for found in find_personal_data(text):
            assert found.start >= end and text[found.start : found.end] == found.value
            end = found.end

    @given(st.text(ascii_letters, min_size=1, max_size=10), st.text(" abc.,", max_size=20))
    def test_a_masked_text_has_no_address_left(self, name: str, around: str) -> None:
        assert "email" not in kinds(mask(f"{around} {name}@example.com {around}"))


class TestCheckCopy:
    def test_a_clean_text_has_no_issue(self) -> None:
        assert check_copy("Milled within 24 hours", "11 g of protein in 100 g.", rules_for("Northmart")) == ()

    def test_the_length_depends_on_the_retailer(self) -> None:
        title = "x" * 24 + " " + "y" * 22
        assert any(issue.code == "too_long" for issue in check_copy(title, "Body.", rules_for("Walmart Connect")))
        assert not any(issue.code == "too_long" for issue in check_copy(title, "Body.", rules_for("Amazon Ads")))

    def test_superlatives_are_repaired(self) -> None:
        issues = check_copy("The best oats", "Simply the ULTIMATE breakfast.", rules_for(""))
        assert [issue.code for issue in issues if issue.severity == BLOCKING] == ["superlative", "superlative"]
        assert repaired("The best oats", issues, "headline") == "The good oats"

    def test_a_superlative_inside_the_brand_name_stays(self) -> None:
        assert check_copy("Best Farm oats", "Milled daily.", rules_for(""), names=("Best Farm",)) == ()

    def test_a_claim_needs_its_proof(self) -> None:
        body = "Tested in 64 shops."
        assert any(issue.code == "unsupported_claim" for issue in check_copy("Oats", body, rules_for("")))
        assert check_copy("Oats", body, rules_for(""), proofs=("Tested in 64 shops in May",)) == ()

    def test_a_priced_sentence_goes_as_a_whole(self) -> None:
        body = "Milled daily. Only 2.99 EUR a bag. Keeps 12 months."
        issues = check_copy("Oats", body, rules_for(""))
        assert repaired(body, issues, "body") == "Milled daily. Keeps 12 months."

    def test_a_page_may_name_its_price_and_be_longer(self) -> None:
        body = "Only 2.99 EUR a bag. " + "Milled daily. " * 20
        assert any(issue.severity == BLOCKING for issue in check_copy("Oats", body, rules_for("")))
        assert check_copy("Oats", body, rules_for("").at("page")) == ()

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("Buy now!", "exclamation"),
            ("Oats 😀", "emoji"),
            ("Oats ^ now", "sign"),
            ("FREE OATS TODAY ONLY", "capitals"),
        ],
    )
    def test_it_sees_shouting(self, text: str, code: str) -> None:
        assert code in {issue.code for issue in check_copy(text, "Body.", rules_for(""))}

    def test_rules_with_an_unknown_limit_are_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        default = Path("crm/privacy/rules/default.yaml").read_text(encoding="utf-8")
        (tmp_path / "default.yaml").write_text(default, encoding="utf-8")
        (tmp_path / "shop.yaml").write_text("name: shop\nheadline_maximum: 9\n", encoding="utf-8")
        monkeypatch.setattr("crm.privacy.rulebook.FOLDER", tmp_path)
        rulebook.cache_clear()
        try:
            with pytest.raises(UnknownRule, match="headline_maximum"):
                rulebook()
        finally:
            rulebook.cache_clear()


class TestEmailLaw:
    BODY = "Hello Jo,\n\nI am writing from Harbor Oats."

    def test_a_draft_without_footer_is_stopped(self) -> None:
        codes = {issue.code for issue in hard_gate("Oats for Fennel", self.BODY, postal_address=ADDRESS)}
        assert codes == {"address_missing", "opt_out_missing"}

    def test_the_footer_opens_the_gate(self) -> None:
        body = self.BODY + footer("Harbor Oats", ADDRESS)
        assert hard_gate("Oats for Fennel", body, postal_address=ADDRESS) == ()
        assert check_email("Oats for Fennel", body, brand_name="Harbor Oats", postal_address=ADDRESS) == ()

    @pytest.mark.parametrize("subject", ["Re: our call", "FWD: offer", "Invoice 4411", "You have won"])
    def test_an_untrue_subject_is_stopped(self, subject: str) -> None:
        body = self.BODY + footer("Harbor Oats", ADDRESS)
        assert {issue.code for issue in hard_gate(subject, body, postal_address=ADDRESS)} == {"subject_untrue"}

    def test_a_brand_without_address_cannot_write(self) -> None:
        assert hard_gate("Oats", self.BODY + " unsubscribe", postal_address="")

    def test_somebodys_number_in_the_body_is_stopped_but_the_footer_is_ours(self) -> None:
        body = self.BODY + " Ask +49 170 5551234." + footer("Harbor Oats", ADDRESS)
        assert {issue.code for issue in hard_gate("Oats", body, postal_address=ADDRESS)} == {"personal_data"}
