"""The detector: each kind is found with its span, and what only looks like it is left alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.privacy.checksums import UnknownChecksum, check_of, gtin_holds
from crm.privacy.detection import LONGEST, detect
from crm.privacy.recognizers.own import BadRecognizer, read, shipped


def finds(text: str) -> list[tuple[str, str]]:
    return [(span.kind, span.value) for span in detect(text)]


class TestEachKind:
    # The national numbers are the examples of python-stdnum's documentation; cards are the networks' test numbers.
    @pytest.mark.parametrize(
        ("text", "kind", "value"),
        [
            ("write to ana.li+x@example.co.uk today", "email", "ana.li+x@example.co.uk"),
            ("an address at ('jörg@müller.example')", "email", "jörg@müller.example"),
            ("Can someone call me on 21 212 133 2727? I have", "phone", "21 212 133 2727"),
            ("Desk: 986.291.2294x751", "phone", "986.291.2294x751"),
            ("call me at (96) 627-277 please", "phone", "(96) 627-277"),
            ("+49 (0) 30 1234567", "phone", "+49 (0) 30 1234567"),
            ("card 4111-1111-1111-1111 was used", "card", "4111-1111-1111-1111"),
            ("378282246310005", "card", "378282246310005"),
            ("pay to GB29 NWBK 6016 1331 9268 19 NOW", "iban", "GB29 NWBK 6016 1331 9268 19"),
            ("SSN 531-21-7351", "ssn", "531-21-7351"),
            ("social security 531217351", "ssn", "531217351"),
            ("Steuer-ID 36 574 261 809", "national_id", "36 574 261 809"),
            ("BSN 111222333", "national_id", "111222333"),
            ("NIR 2 95 10 99 126 111 93", "national_id", "2 95 10 99 126 111 93"),
            ("dni 54362315-K", "national_id", "54362315-K"),
            ("nie X2482300W", "national_id", "X2482300W"),
            ("RCCMNL83S18D969H", "national_id", "RCCMNL83S18D969H"),
            ("NINO AB 12 34 56 C", "national_id", "AB 12 34 56 C"),
            ("NHS number 943 476 5870", "national_id", "943 476 5870"),
            ("PESEL 44051401359", "national_id", "44051401359"),
            ("CPF 390.533.447-05", "national_id", "390.533.447-05"),
            ("AHV 756.9217.0769.85", "national_id", "756.9217.0769.85"),
            ("seen from 192.168.2.14", "ip", "192.168.2.14"),
            ("from 2001:db8::8a2e:370:7334 on", "ip", "2001:db8::8a2e:370:7334"),
            ("Just posted http://www.NightAgenda.se/", "url", "http://www.NightAgenda.se/"),
            ("see shop.example.com/oats?page=2.", "url", "shop.example.com/oats?page=2"),
            ("lives at 4 Mill Quay, 28195 Bremen.", "address", "4 Mill Quay, 28195 Bremen"),
            ("Hauptstraße 12, 10115 Berlin", "address", "Hauptstraße 12, 10115 Berlin"),
            ("3 rue de la Paix, 75002 Paris", "address", "3 rue de la Paix, 75002 Paris"),
            ("Via Roma 12, 00184 Roma", "address", "Via Roma 12, 00184 Roma"),
            ("P.O. Box 123, Springfield, IL 62704", "address", "P.O. Box 123, Springfield, IL 62704"),
            ("My zip code is 77058", "address", "77058"),
            ("She was born on 12/27/1986.", "birth_date", "12/27/1986"),
            ("geboren am 3. März 1981", "birth_date", "3. März 1981"),
            ("When: 1998-06-28 14:48:14", "date", "1998-06-28 14:48:14"),
            ("My driver's license number is 481195160", "driver_license", "481195160"),
            ("customer id: AB-12345 bought", "customer_id", "AB-12345"),
        ],
    )
    def test_it_finds_the_whole_of_it_and_nothing_else(self, text: str, kind: str, value: str) -> None:
        assert finds(text) == [(kind, value)]

    @pytest.mark.parametrize(
        "text",
        [
            "card 4111 1111 1111 1112",
            "EAN 4006381333931, UPC 012345678905, GTIN 00012345678905",
            "sold 12 500 000 units, 1.204.345 views",
            "order 123-45-6789 and SKU 987-65-4321",
            "ssn 000-12-3456 and 666-12-3456",
            "IBAN DE89 3704 0044 0532 0130 01",
            "Steuer-ID 36574261808",
            "BSN 111222334",
            "dni 54362315-A",
            "PESEL 44051401358",
            "a total of 36574261809 impressions",
            "version 1.2.3.4 of 2.10.4",
            "ip 999.1.1.1 and 127.0.0.1",
            "11 g of protein in 100 g, milled within 24 hours",
            "between 2019-2024, at 12:30",
            "Spring 20, String 2, Decade 3",
            "not@an and a@b, e.g.this or Paz y asociados S.Com.",
            "We meet at 10 AM and send it to 3 people",
            "5b1c1a2e-9f0c-4b7e-8a51-4155552671aa",
            "campaign 123456789012345",
        ],
    )
    def test_it_leaves_alone_what_only_looks_like_it(self, text: str) -> None:
        assert finds(text) == []

    def test_only_links_that_carry_a_person_are_personal(self) -> None:
        plain, personal = detect("https://shop.example/a?page=2 https://shop.example/a?customer_id=881")
        assert (plain.personal, personal.personal) == (False, True)

    def test_an_address_inside_a_link_belongs_to_the_link(self) -> None:
        assert [span.kind for span in detect("https://shop.example/?e=ana@example.com")] == ["url"]

    def test_two_kinds_never_overlap(self) -> None:
        spans = detect("Call +49 30 1234567, IBAN DE89370400440532013000, 4111111111111111, born 1981-03-03")
        assert [span.kind for span in spans] == ["phone", "iban", "card", "birth_date"]


class TestSpans:
    @given(st.text(max_size=300))
    @settings(max_examples=150, deadline=None)
    def test_they_are_in_order_and_point_at_their_value(self, text: str) -> None:
        end = 0
        for span in detect(text):
            assert span.start >= end and text[span.start : span.end] == span.value and 0 < span.score <= 1
            end = span.end

    @pytest.mark.parametrize("at", [LONGEST - 405, LONGEST - 395, LONGEST - 10, LONGEST, 3 * LONGEST])
    def test_a_long_text_is_searched_to_its_end(self, at: int) -> None:
        text = "x " * (at // 2) + "jo@example.com" + " y" * 100
        assert [(span.start, span.value) for span in detect(text)] == [(2 * (at // 2), "jo@example.com")]

    @pytest.mark.parametrize(
        "text",
        ["1 " * 20_000, "a." * 20_000, "A " * 20_000, "1-" * 20_000, "(" * 40_000, "a@" * 20_000, ":" * 40_000,
         "1 Aa " * 8_000, "address " * 5_000, "www." * 10_000, "street 1 " * 4_000],
    )  # fmt: skip
    def test_no_text_takes_long(self, text: str) -> None:
        began = time.process_time()
        detect(text)
        assert time.process_time() - began < 5


class TestOwnRecognizers:
    def test_a_brands_pattern_goes_first(self) -> None:
        own = read([{"kind": "club_card", "pattern": r"HC-\d{8}", "context": ["club"]}])
        assert [(s.kind, s.value) for s in detect("club card HC-41555526", own)] == [("club_card", "HC-41555526")]
        assert detect("number HC-41555526", own) == ()

    def test_its_checksum_has_to_hold(self) -> None:
        own = read([{"kind": "club_card", "pattern": r"\d{10}", "checksum": "luhn"}])
        assert [s.kind for s in detect("7992739871 and 1234567897", own)] == ["club_card"]

    @pytest.mark.parametrize(
        ("entry", "said"),
        [
            ("text", "expected a mapping"),
            ({"kind": "club", "pattern": 3}, "pattern"),
            ({"pattern": "a"}, "kind"),
            ({"kind": "Club Card", "pattern": "a"}, "small letters"),
            ({"kind": "club", "pattern": "(", "alone": True}, "no regular expression"),
            ({"kind": "club", "pattern": r"(\d+)+x", "alone": True}, "may run for ever"),
            ({"kind": "club", "pattern": r"(a|b+)*", "alone": True}, "may run for ever"),
            ({"kind": "club", "pattern": r"\d*", "alone": True}, "matches nothing"),
            ({"kind": "club", "pattern": r"\d{8}"}, "neither context nor checksum"),
            ({"kind": "club", "pattern": r"\d{8}", "alone": True, "colour": "red"}, "colour"),
            ({"kind": "club", "pattern": r"\d{8}", "context": "club"}, "list of words"),
            ({"kind": "club", "pattern": "a" * 400, "alone": True}, "Shorten"),
        ],
    )
    def test_a_wrong_one_is_refused_with_its_field(self, entry: object, said: str) -> None:
        with pytest.raises(BadRecognizer, match=said):
            read([entry])

    def test_an_unknown_checksum_is_refused(self) -> None:
        for name in ("crc", "de.nothing", "../os", "os.path.x", "numdb"):
            with pytest.raises(UnknownChecksum, match="python-stdnum"):
                check_of(name)

    def test_every_shipped_one_has_its_checksum(self) -> None:
        assert len(shipped()) > 35


def test_product_codes_are_told_by_their_digit() -> None:
    # GS1's own examples
    assert gtin_holds("4006381333931") and gtin_holds("012345678905") and gtin_holds("96385074")
    assert not gtin_holds("4006381333932") and not gtin_holds("400638133393")
