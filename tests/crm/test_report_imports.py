"""Reports as imports: kept, understood, confirmed, carried out by one worker at a time, undone, watched for."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zipfile
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.utils import timezone

from crm import report_imports
from crm.models import Brand, Import, PerformanceMetric, ReportMapping, Retailer, WatchedSource
from crm.report_imports import carrying, keeping, watching
from tests.factories import RetailerFactory, SKUFactory

pytestmark = pytest.mark.django_db

GOOD = """Date,Campaign ID,Campaign Name,Impressions,Clicks,Spend,Search Term
2026-03-01,1,Search,1000,10,12.50,oats for ana@example.com
2026-03-02,1,Search,900,9,11.25,oats
"""


@pytest.fixture(autouse=True)
def kept_apart(settings: LazySettings, tmp_path: Path) -> None:
    settings.UPLOADS_ROOT = tmp_path / "uploads"
    settings.WATCH_ROOT = tmp_path / "watched"
    settings.WATCH_ROOT.mkdir()


@pytest.fixture
def shop(harbor: Brand) -> Retailer:
    return RetailerFactory(brand=harbor, slug="northmart")


def receive(shop: Retailer, text: str | bytes = GOOD, name: str = "march.csv", **more: Any) -> Import:
    body = text.encode() if isinstance(text, str) else text
    more = {"mapping": "generic", "confirm": False} | more
    return report_imports.receive(brand=shop.brand, retailer=shop, file=io.BytesIO(body), filename=name, **more)


def carried(batch: Import) -> Import:
    done = report_imports.carry_out(batch.pk, worker="w1")
    assert done is not None
    return done


def facts(shop: Retailer) -> Any:
    return PerformanceMetric.objects.for_brand(shop.brand)


class TestKeeping:
    def test_the_file_lies_below_the_uploads_and_only_we_may_read_it(self, shop: Retailer) -> None:
        batch = receive(shop, name="../../etc/march.csv")
        path = keeping.path_of(batch)
        assert path.read_text() == GOOD
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.parent.name == f"brand-{shop.brand.pk}"
        assert "march" not in path.name
        assert batch.size_bytes == len(GOOD)

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (GOOD.encode(), "csv"),
            (b"\xef\xbb\xbf" + GOOD.encode(), "csv"),
            (GOOD.encode("utf-16"), "csv"),
            (b'{"rows": [{"a": 1}]}', "json"),
            (b"[" + b'{"a": 1},' * 20000 + b"{}]", "json"),
            (b"{not json},b\n1,2\n", "csv"),
            (gzip.compress(GOOD.encode()), "gz"),
        ],
    )
    def test_the_content_says_what_it_is(self, tmp_path: Path, content: bytes, kind: str) -> None:
        path = tmp_path / "anything.exe"
        path.write_bytes(content)
        assert keeping.sniff(path, "anything.exe") == kind

    def test_a_workbook_is_told_from_a_zip(self, tmp_path: Path) -> None:
        for inner, kind in (("xl/workbook.xml", "xlsx"), ("march.csv", "zip")):
            path = tmp_path / "file"
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr(inner, GOOD)
            assert keeping.sniff(path, "file") == kind

    @pytest.mark.parametrize(
        ("content", "what"),
        [
            (b"%PDF-1.7", "is a PDF"),
            (b"\x7fELF\x02", "is a program"),
            (b"<!DOCTYPE html><html>", "is a web page"),
            (b"<script>alert(1)</script>", "is a web page"),
            (b"a,b\n1,\x002\n", "is no text"),
            (b"PK\x03\x04 broken", "damaged zip"),
            (b"  \n", "is empty"),
        ],
    )
    def test_anything_else_is_refused_and_not_kept(
        self, shop: Retailer, settings: LazySettings, content: bytes, what: str
    ) -> None:
        with pytest.raises(report_imports.UnknownType, match=what):
            receive(shop, content)
        assert [path for path in settings.UPLOADS_ROOT.rglob("*") if path.is_file()] == []

    def test_a_file_over_the_limit_is_refused_and_not_kept(self, shop: Retailer, settings: LazySettings) -> None:
        settings.IMPORT_MAX_BYTES = 100
        with pytest.raises(report_imports.UploadTooLarge):
            receive(shop)
        assert [path for path in settings.UPLOADS_ROOT.rglob("*") if path.is_file()] == []

    def test_a_path_that_leads_out_is_not_followed(self, shop: Retailer, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("x")
        with pytest.raises(report_imports.NotNow, match="not kept any more"):
            keeping.path_of(Import(kept_as="../secret", filename="f"))


class TestReceiving:
    def test_a_known_report_waits_for_a_person_by_default(self, shop: Retailer) -> None:
        batch = receive(shop, confirm=True)
        assert batch.state == Import.State.MAPPING
        assert batch.proposal["header"][0] == "Date"
        assert report_imports.carry_out(batch.pk, worker="w1") is None

    def test_an_unknown_report_waits_with_a_proposal(self, shop: Retailer) -> None:
        batch = receive(shop, "Tag;Kampagne;Kosten\n13.03.2026;Suche;12,50\n", mapping="")
        assert (batch.state, batch.mapping) == (Import.State.MAPPING, "")
        assert {one["column"] for one in batch.proposal["columns"]} == {"Tag", "Kampagne", "Kosten"}
        assert all(0 <= one["confidence"] <= 1 for one in batch.proposal["columns"])

    def test_a_mapping_that_nobody_knows_is_named(self, shop: Retailer) -> None:
        with pytest.raises(report_imports.UnknownMapping, match="'typo'"):
            receive(shop, mapping="typo")

    def test_confirming_queues_it_once(self, shop: Retailer, ana: Any) -> None:
        batch = receive(shop, confirm=True)
        report_imports.confirm(batch, mapping="generic", by=ana)
        assert batch.state == Import.State.QUEUED
        with pytest.raises(report_imports.NotNow, match="waits for a worker"):
            report_imports.confirm(batch, mapping="generic", by=ana)

    def test_a_confirmed_body_reads_the_next_file_of_its_kind(self, shop: Retailer, ana: Any) -> None:
        text = "Tag;Kampagne;Kosten\n13.03.2026;Suche;12,50\n"
        batch = receive(shop, text, mapping="")
        report_imports.confirm(batch, body=batch.proposal["body"], by=ana)
        assert ReportMapping.objects.for_brand(shop.brand).get().confirmed_by == ana
        assert carried(batch).rows_stored == 1
        assert receive(shop, text.replace("13", "14"), mapping="").state == Import.State.QUEUED

    def test_a_retailer_of_another_brand_is_refused(self, shop: Retailer, lumen: Brand) -> None:
        batch = receive(shop, confirm=True)
        with pytest.raises(report_imports.NotNow):
            report_imports.confirm(batch, retailer=RetailerFactory(brand=lumen))

    def test_discarding_removes_the_file(
        self, shop: Retailer, ana: Any, django_capture_on_commit_callbacks: Any
    ) -> None:
        batch = receive(shop, confirm=True)
        path = keeping.path_of(batch)
        with django_capture_on_commit_callbacks(execute=True):
            report_imports.discard(batch, by=ana)
        assert (batch.state, batch.kept_as) == (Import.State.DISCARDED, "")
        assert not path.exists()

    def test_the_message_goes_out_on_commit_and_the_task_does_it(
        self, shop: Retailer, django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            batch = receive(shop)
        batch.refresh_from_db()
        assert batch.state == Import.State.STORED


class TestCarryingOut:
    def test_it_stores_and_writes_the_books(self, shop: Retailer) -> None:
        done = carried(receive(shop))
        assert (done.state, done.rows_read, done.rows_stored, done.progress) == (Import.State.STORED, 2, 2, 1)
        assert (done.leased_by, done.leased_until) == ("", None)
        assert done.reconciliation["spend"]["stored"] == "23.75"
        assert [fact.spend for fact in facts(shop)] == [Decimal("12.5"), Decimal("11.25")]

    def test_the_same_file_again_changes_nothing(self, shop: Retailer) -> None:
        carried(receive(shop))
        again = carried(receive(shop))
        assert (again.rows_stored, again.rows_unchanged, again.rows_restated) == (0, 2, 0)

    def test_texts_go_through_the_privacy_policy(self, shop: Retailer) -> None:
        carried(receive(shop))
        assert all("ana@example.com" not in fact.target for fact in facts(shop))
        assert all("ana@example.com" not in str(row) for row in report_imports.preview(receive(shop)).rows)

    def test_two_workers_do_not_do_it_twice(self, shop: Retailer) -> None:
        batch = receive(shop)
        assert carrying._claim(batch.pk, "w1") is not None
        assert report_imports.carry_out(batch.pk, worker="w2") is None

    def test_a_worker_that_lost_its_lease_stores_nothing(self, shop: Retailer) -> None:
        batch = receive(shop)

        def another_takes_it(row: Import) -> None:
            Import.across_brands.filter(pk=row.pk).update(leased_by="w2")

        assert report_imports.carry_out(batch.pk, worker="w1", watch=another_takes_it) is None
        assert not facts(shop).exists()
        batch.refresh_from_db()
        assert (batch.state, batch.leased_by) == (Import.State.RUNNING, "w2")

    def test_an_expired_lease_is_taken_over(self, shop: Retailer) -> None:
        batch = receive(shop)
        carrying._claim(batch.pk, "gone")
        Import.across_brands.filter(pk=batch.pk).update(leased_until=timezone.now() - timedelta(seconds=1))
        assert report_imports.sweep()["woken"] == 1
        batch.refresh_from_db()
        assert (batch.state, batch.attempts) == (Import.State.STORED, 2)

    def test_a_file_that_kills_its_workers_is_given_up(self, shop: Retailer, settings: LazySettings) -> None:
        batch = receive(shop)
        Import.across_brands.filter(pk=batch.pk).update(attempts=settings.IMPORT_MAX_ATTEMPTS)
        assert report_imports.sweep() == {"woken": 0, "failed": 1}
        batch.refresh_from_db()
        assert (batch.state, "stopped 3 times" in batch.error) == (Import.State.FAILED, True)

    def test_a_broken_file_fails_with_the_reason_and_changes_nothing(self, shop: Retailer) -> None:
        done = carried(receive(shop, "Date,Color\n2026-03-01,red\n"))
        assert done.state == Import.State.FAILED
        assert done.error
        assert not facts(shop).exists()


class TestPreview:
    def test_it_shows_what_would_be_stored_and_stores_nothing(self, shop: Retailer) -> None:
        carried(receive(shop))
        changed = GOOD.replace("11.25", "11.50") + "2026-03-03,1,Search,0,9,1.00,oats\n"
        seen = report_imports.preview(receive(shop, changed, confirm=True))
        assert (seen.result.read, seen.result.unchanged, seen.result.restated, seen.result.set_aside) == (3, 1, 1, 1)
        assert [row["spend"] for row in seen.rows] == ["12.50", "11.50"]
        assert seen.refused[0].row == 3
        assert {check.name for check in seen.checks if not check.ok} == {"overlap"}
        assert seen.whole
        assert sorted(fact.spend for fact in facts(shop)) == [Decimal("11.25"), Decimal("12.5")]


class TestUndo:
    def test_it_takes_back_what_the_import_did(self, shop: Retailer, ana: Any) -> None:
        carried(receive(shop))
        second = carried(receive(shop, GOOD.replace("11.25", "11.50")))
        report_imports.undo(second, by=ana)
        assert (second.state, second.undone_by) == (Import.State.UNDONE, ana)
        assert sorted(fact.spend for fact in facts(shop)) == [Decimal("11.25"), Decimal("12.5")]
        with pytest.raises(report_imports.NotNow):
            report_imports.undo(second, by=ana)

    def test_what_others_build_upon_stays(self, shop: Retailer, ana: Any) -> None:
        first = carried(receive(shop))
        carried(receive(shop, GOOD.replace("11.25", "11.50")))
        with pytest.raises(report_imports.CannotUndo):
            report_imports.undo(first, by=ana)
        first.refresh_from_db()
        assert first.state == Import.State.STORED

    def test_a_file_can_come_again_after_it_was_undone(self, shop: Retailer, ana: Any) -> None:
        report_imports.undo(carried(receive(shop)), by=ana)
        assert carried(receive(shop)).rows_stored == 2


class TestRowsSetAside:
    def test_what_they_would_have_cost_is_kept(self, shop: Retailer) -> None:
        bad = "2026-03-03,1,Search,0,4,3.75,\n2026-03-04,1,Search,10,1,soon,\n"
        rows = carried(receive(shop, GOOD + bad)).quarantine.order_by("row")
        assert [(row.row, row.spend) for row in rows] == [(3, Decimal("3.75")), (4, None)]

    def test_a_bar_code_that_a_spreadsheet_ruined_is_the_same_row_again(self, shop: Retailer) -> None:
        SKUFactory(brand=shop.brand, gtin="04006381333931")
        head = "Date,Campaign ID,Campaign Name,EAN,Impressions,Spend\n"
        whole, ruined = (
            f"{head}2026-03-01,1,Search,{code},1000,12.50\n" for code in ("4006381333931", "4.006381333931E+12")
        )
        assert carried(receive(shop, whole)).rows_stored == 1
        again = carried(receive(shop, ruined))
        assert [row.reason for row in again.quarantine.all()] == []
        assert again.rows_unchanged == 1
        assert facts(shop).get().sku.gtin == "04006381333931"

    def test_a_ruined_code_of_no_product_of_ours_is_set_aside(self, shop: Retailer) -> None:
        text = "Date,Campaign ID,Campaign Name,EAN,Impressions\n2026-03-01,1,Search,4.00638E+12,1000\n"
        assert "scientific notation" in carried(receive(shop, text)).quarantine.get().reason


class TestWatchedFolder:
    @pytest.fixture
    def place(self, shop: Retailer, settings: LazySettings) -> WatchedSource:
        (settings.WATCH_ROOT / "harbor-oats" / "northmart").mkdir(parents=True)
        return WatchedSource.across_brands.create(
            brand=shop.brand, retailer=shop, place="harbor-oats/northmart", pattern="*.csv", mapping="generic"
        )

    def put(self, settings: LazySettings, name: str, text: str = GOOD, age_s: int = 60) -> None:
        path = settings.WATCH_ROOT / "harbor-oats" / "northmart" / name
        path.write_text(text)
        then = timezone.now().timestamp() - age_s
        os.utime(path, (then, then))

    def test_a_new_file_is_taken_once(self, place: WatchedSource, settings: LazySettings) -> None:
        self.put(settings, "march.csv")
        self.put(settings, "notes.txt")
        assert report_imports.look_at_all() == 1
        assert report_imports.look_at_all() == 0
        later = timezone.now() + timedelta(minutes=16)
        assert report_imports.look_at_all(now=later) == 0
        assert Import.objects.for_brand(place.brand).get().state == Import.State.QUEUED

    def test_a_changed_file_is_taken_again(self, place: WatchedSource, settings: LazySettings) -> None:
        self.put(settings, "march.csv")
        report_imports.look_at_all()
        self.put(settings, "march.csv", GOOD.replace("11.25", "11.50"), age_s=-60)
        assert report_imports.look_at_all(now=timezone.now() + timedelta(minutes=16)) == 1

    def test_a_file_that_may_still_grow_is_left(self, place: WatchedSource, settings: LazySettings) -> None:
        self.put(settings, "march.csv", age_s=0)
        assert report_imports.look_at_all() == 0

    def test_a_bad_file_does_not_stop_the_others(self, place: WatchedSource, settings: LazySettings) -> None:
        self.put(settings, "a.csv", "%PDF-1.7")
        self.put(settings, "b.csv")
        assert report_imports.look_at_all() == 1
        place.refresh_from_db()
        assert "a.csv" in place.trouble

    @pytest.mark.parametrize("where", ["lumen-home/northmart", "", ".", "harbor-oats/../lumen-home", "harbor-oats-2"])
    def test_what_came_for_another_brand_is_not_taken(
        self, place: WatchedSource, settings: LazySettings, where: str
    ) -> None:
        for other in ("lumen-home/northmart", "harbor-oats-2"):
            (settings.WATCH_ROOT / other).mkdir(parents=True, exist_ok=True)
            self.put(settings, f"../../{other}/march.csv")
        place.place = where
        assert watching.look(place, now=timezone.now()) == 0
        assert "no place of Harbor Oats" in place.trouble

    def test_a_pattern_cannot_climb_out(self, place: WatchedSource, settings: LazySettings) -> None:
        (settings.WATCH_ROOT / "harbor-oats" / "other").mkdir()
        place.pattern = "../other/*"
        assert watching.look(place, now=timezone.now()) == 0
        assert "names folders" in place.trouble

    @pytest.mark.parametrize("where", ["../..", "/etc", "harbor-oats/nothing-here"])
    def test_it_never_leaves_its_root(self, place: WatchedSource, where: str) -> None:
        place.place = where
        assert watching.look(place, now=timezone.now()) == 0
        assert place.trouble


class TestWatchedBucket:
    @pytest.fixture
    def bucket(self, shop: Retailer, httpserver: Any, monkeypatch: pytest.MonkeyPatch) -> WatchedSource:
        for name, value in (
            ("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL_S3", httpserver.url_for("")),
        ):  # fmt: skip
            monkeypatch.setenv(name, value)
        return WatchedSource.across_brands.create(
            brand=shop.brand, retailer=shop, place="s3://reports/harbor-oats/amazon/", mapping="generic"
        )

    def test_what_is_new_there_is_taken_once(self, bucket: WatchedSource, httpserver: Any) -> None:
        listing = f"""<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated><Contents>
            <Key>harbor-oats/amazon/march.csv</Key><Size>{len(GOOD)}</Size><LastModified>2026-03-03T00:00:00Z</LastModified>
            </Contents></ListBucketResult>"""
        asked = {"list-type": "2", "prefix": "harbor-oats/amazon/", "encoding-type": "url"}
        httpserver.expect_request("/reports", query_string=asked).respond_with_data(
            listing, content_type="application/xml"
        )
        headers = {"Content-Length": str(len(GOOD)), "ETag": '"x"', "Last-Modified": "Tue, 03 Mar 2026 00:00:00 GMT"}
        httpserver.expect_request("/reports/harbor-oats/amazon/march.csv", method="HEAD").respond_with_data(
            "", headers=headers
        )
        httpserver.expect_request("/reports/harbor-oats/amazon/march.csv").respond_with_data(
            GOOD, headers={"ETag": '"x"'}
        )
        assert report_imports.look_at_all() == 1
        assert report_imports.look_at_all(now=timezone.now() + timedelta(minutes=16)) == 0
        assert Import.objects.for_brand(bucket.brand).get().filename == "march.csv"

    def test_a_refusal_is_written_down(self, bucket: WatchedSource, httpserver: Any) -> None:
        body = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        httpserver.expect_request("/reports").respond_with_data(body, status=403, content_type="application/xml")
        assert report_imports.look_at_all() == 0
        bucket.refresh_from_db()
        assert "AccessDenied" in bucket.trouble


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no locks of rows")
@pytest.mark.django_db(transaction=True)
class TestLocks:
    def test_a_sweep_does_not_wait_for_a_worker_that_is_storing(self, shop: Retailer) -> None:
        import threading

        from django.db import transaction

        batch = receive(shop)
        carrying._claim(batch.pk, "w1")
        Import.across_brands.filter(pk=batch.pk).update(leased_until=timezone.now() - timedelta(seconds=1))
        found: list[Any] = []

        def other() -> None:
            found.append(carrying._claim(batch.pk, "w2"))
            connection.close()

        with transaction.atomic():
            Import.across_brands.filter(pk=batch.pk).update(progress=0.7)
            thread = threading.Thread(target=other)
            thread.start()
            thread.join(timeout=10)
            assert not thread.is_alive()
        assert found == [None]
