"""The tenant, who may work for it, and the manager that refuses queries which do not start from a brand."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from simple_history.models import HistoricalRecords


class UnscopedQuery(RuntimeError):
    """A query on `Model.objects` was about to run without `.for_brand(brand)`."""


class BrandQuerySet(models.QuerySet[Any]):
    """A queryset that knows how to reach its brand; `guarded` ones refuse to touch the database before they did."""

    _guarded = False

    def for_brand(self, brand: Brand | int) -> Self:
        """Rows of one brand only; the only way to use `Model.objects`."""
        path = self.model.brand_path
        scoped = self.filter(**{path: brand})
        scoped._guarded = False
        return scoped

    def _clone(self) -> Self:
        clone = super()._clone()  # type: ignore[misc]
        clone._guarded = self._guarded
        return clone  # type: ignore[no-any-return]

    def _refuse_unscoped(self) -> None:
        if self._guarded and not self.query.is_empty():
            raise UnscopedQuery(
                f"{self.model.__name__}.objects was used without a brand. Start with .for_brand(brand), "
                f"or use {self.model.__name__}.across_brands where the system itself looks after every tenant."
            )

    def _fetch_all(self) -> None:
        self._refuse_unscoped()
        super()._fetch_all()  # type: ignore[misc]

    def iterator(self, chunk_size: int | None = None) -> Any:
        self._refuse_unscoped()
        return super().iterator(chunk_size)

    def count(self) -> int:
        self._refuse_unscoped()
        return super().count()

    def exists(self) -> bool:
        self._refuse_unscoped()
        return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self._refuse_unscoped()
        return super().aggregate(*args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        self._refuse_unscoped()
        return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._refuse_unscoped()
        return super().delete()


class AcrossBrandsManager(models.Manager.from_queryset(BrandQuerySet)):  # type: ignore[misc]
    """For the system's own sweeps, the admin and Django's plumbing. Every use in the apps is listed in a test."""


class BrandManager(models.Manager.from_queryset(BrandQuerySet)):  # type: ignore[misc]
    """Default-deny: evaluates nothing until `.for_brand(brand)` was called."""

    def get_queryset(self) -> BrandQuerySet:
        rows: BrandQuerySet = super().get_queryset()
        rows._guarded = True
        return rows


class BrandOwned(models.Model):
    """Base of every row of business data. `brand_path` is the lookup that leads to its brand."""

    brand_path = "brand"

    across_brands = AcrossBrandsManager()
    objects = BrandManager()

    class Meta:
        abstract = True


slug_validator = RegexValidator(r"^[a-z0-9]+(?:-[a-z0-9]+)*$", "Use lower-case letters, digits and single hyphens.")


class BrandsOfPeople(models.QuerySet["Brand"]):
    """Questions about the table of tenants itself."""

    def open_to(self, user: Any) -> Self:
        """Brands this person is a member of, by name."""
        return self.filter(memberships__user=user).order_by("name")

    def simulated(self) -> Self:
        return self.exclude(world="")


class Brand(models.Model):
    """The tenant."""

    name = models.CharField(max_length=120)
    slug = models.CharField(max_length=60, unique=True, validators=[slug_validator])
    currency = models.CharField(max_length=3, default="EUR", help_text="ISO 4217")
    voice = models.CharField(max_length=200, blank=True, help_text="How the brand sounds, in a few words")
    postal_address = models.CharField(max_length=200, blank=True, help_text="Printed under every e-mail")
    world = models.CharField(
        max_length=60, blank=True, help_text="Name of the simulated market that answers; blank: only real imports do"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BrandsOfPeople.as_manager()
    history = HistoricalRecords()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def is_simulated(self) -> bool:
        return bool(self.world)

    @property
    def initials(self) -> str:
        words = self.name.split()
        return "".join(word[0] for word in words[:2]).upper()


class Membership(models.Model):
    """Who may do what for a brand."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        PLANNER = "planner", "Planner"
        RATER = "rater", "Rater"
        VIEWER = "viewer", "Viewer"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)

    history = HistoricalRecords()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "brand"], name="one_membership_per_person_and_brand")]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()} of {self.brand}"

    @property
    def may_plan(self) -> bool:
        """Start, stop and train: owners and planners."""
        return self.role in (self.Role.OWNER, self.Role.PLANNER)

    @property
    def may_import(self) -> bool:
        return self.may_plan

    @property
    def may_rate(self) -> bool:
        """Say how good the work is: everybody who does not only look on."""
        return self.role != self.Role.VIEWER
