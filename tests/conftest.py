"""People, brands and data that many tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import AutoField
from django.test import Client
from hypothesis import settings
from pytest_django.plugin import DjangoDbBlocker

from crm.models import Brand, Membership, Pack
from tests.factories import BrandFactory, MembershipFactory, PackFactory, UserFactory

# How long an example takes says something about the machine, not about the code.
settings.register_profile("endcap", deadline=None)
settings.load_profile("endcap")
SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


DATABASE_FIXTURES = {"db", "transactional_db", "live_server"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--touching-database", action="store_true", help="leave out tests that touch no database")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --touching-database, what cannot depend on the database is left out: it ran with the other one. That is what
    touches none, and what looks at how pages are drawn, in light and in dark."""
    if not config.getoption("--touching-database"):
        return

    def touches(item: Any) -> bool:
        if item.path.stem == "test_accessibility" or "scheme" in getattr(getattr(item, "callspec", None), "params", ()):
            return False
        return item.get_closest_marker("django_db") is not None or bool(DATABASE_FIXTURES & set(item.fixturenames))

    config.hook.pytest_deselected(items=[item for item in items if not touches(item)])
    items[:] = [item for item in items if touches(item)]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Ids begin above a million, and elsewhere in every table: as in an installation that is in use. A page that writes
    an id as people read numbers ("1,000,351"), or takes that of another table, is found out."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for place, model in enumerate(apps.get_models(include_auto_created=True), start=1):
            key, table = model._meta.pk, model._meta.db_table
            if not isinstance(key, AutoField) or not model._meta.managed:
                continue
            first = 1_000_000 + 10_000 * place
            if connection.vendor == "postgresql":
                cursor.execute("select setval(pg_get_serial_sequence(%s, %s), %s)", [f'"{table}"', key.column, first])
            else:
                cursor.execute("delete from sqlite_sequence where name = %s", [table])
                cursor.execute("insert into sqlite_sequence (name, seq) values (%s, %s)", [table, first])


@pytest.fixture
def shared_data() -> Path:
    """Real data beside the project; the test skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real data is not there: {SHARED_DATA.name} is expected beside the project in ../shared")
    return SHARED_DATA


@pytest.fixture
def harbor(db: None) -> Brand:
    return BrandFactory(name="Harbor Oats", slug="harbor-oats")


@pytest.fixture
def lumen(db: None) -> Brand:
    return BrandFactory(name="Lumen Home", slug="lumen-home")


@pytest.fixture
def ana(harbor: Brand) -> Any:
    """Owns Harbor Oats."""
    user = UserFactory(username="ana")
    MembershipFactory(user=user, brand=harbor, role=Membership.Role.OWNER)
    return user


@pytest.fixture
def ben(harbor: Brand) -> Any:
    """Views Harbor Oats."""
    user = UserFactory(username="ben")
    MembershipFactory(user=user, brand=harbor, role=Membership.Role.VIEWER)
    return user


@pytest.fixture
def rae(harbor: Brand) -> Any:
    """Only rates, for Harbor Oats."""
    user = UserFactory(username="rae")
    MembershipFactory(user=user, brand=harbor, role=Membership.Role.RATER)
    return user


@pytest.fixture
def cleo(lumen: Brand) -> Any:
    """Owns Lumen Home."""
    user = UserFactory(username="cleo")
    MembershipFactory(user=user, brand=lumen, role=Membership.Role.OWNER)
    return user


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def ana_client(ana: Any) -> Client:
    return signed_in(ana)


@pytest.fixture
def ben_client(ben: Any) -> Client:
    return signed_in(ben)


@pytest.fixture
def rae_client(rae: Any) -> Client:
    return signed_in(rae)


@pytest.fixture
def cleo_client(cleo: Any) -> Client:
    return signed_in(cleo)


@pytest.fixture
def tax_assist(harbor: Brand) -> Pack:
    return PackFactory(brand=harbor, slug="tax-assist", name="Tax assist")
