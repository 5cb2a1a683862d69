"""What a person fills in on Data: files with what they are, filters of the list, a watched folder."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.utils.text import slugify

from crm.models import Brand, Import, Retailer, WatchedSource

CRM_KINDS = (("sales", "Sales"), ("leads", "Leads"), ("deals", "Deals with stages"))
KINDS = (("auto", "Find out by itself"), ("report", "A retailer’s report"), ("products", "Products"), *CRM_KINDS)
STORED_KINDS = (
    *KINDS[1:],
    ("hubspot", "HubSpot"),
    ("completejourney", "Household panel"),
    ("feedback", "Feedback events"),
)
KIND_WORDS = dict(STORED_KINDS)

currency_validator = RegexValidator(r"^[A-Z]{3}$", "A currency has three capital letters, for example USD.")


class SeveralFiles(forms.ClearableFileInput):
    """A file input that takes more than one."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Cleans to a list of uploaded files, each checked as FileField does."""

    widget = SeveralFiles

    def clean(self, data: Any, initial: Any = None) -> Any:
        given = data if isinstance(data, list | tuple) else [data]
        return [super(FilesField, self).clean(one, initial) for one in (given or [None])]


class UploadForm(forms.Form):
    """Files to take in, what they are, and whose: a retailer of the list or a new one."""

    file = FilesField(error_messages={"required": "Choose a file first.", "empty": "The file is empty."})
    kind = forms.ChoiceField(choices=KINDS, initial="auto", required=False)
    retailer = forms.ModelChoiceField(
        queryset=Retailer.objects.none(), required=False, empty_label="None, or not from a retailer"
    )
    new_retailer = forms.CharField(max_length=120, required=False)
    new_currency = forms.CharField(max_length=3, required=False, validators=[currency_validator])

    def __init__(self, *args: Any, brand: Brand, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.brand = brand
        field: Any = self.fields["retailer"]
        field.queryset = Retailer.objects.for_brand(brand)
        field.widget.choices = field.choices
        for name in ("new_retailer", "new_currency", "retailer", "kind"):
            if name in self.errors if self.is_bound else False:
                self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"{name}-error"}
        self.fields["new_currency"].widget.attrs |= {"placeholder": brand.currency, "autocomplete": "off"}
        self.fields["new_retailer"].widget.attrs |= {"autocomplete": "off"}

    def clean_file(self) -> Any:
        files = self.cleaned_data["file"]
        if sum(file.size for file in files) > settings.IMPORT_MAX_BYTES:
            raise forms.ValidationError(
                f"That is more than {settings.IMPORT_MAX_BYTES // 2**20} MB. Bring in fewer files at once, or pack "
                "them as gz or zip."
            )
        return files

    def clean_kind(self) -> str:
        return self.cleaned_data["kind"] or "auto"

    def clean_new_retailer(self) -> str:
        name = str(self.cleaned_data["new_retailer"]).strip()
        if name and not slugify(name):
            raise forms.ValidationError("Give the retailer a name with letters or digits in it.")
        if name and Retailer.objects.for_brand(self.brand).filter(slug=slugify(name)).exists():
            raise forms.ValidationError(f"{name} is in the list already. Choose it there.")
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("retailer") and cleaned.get("new_retailer"):
            self.add_error("new_retailer", "Either choose a retailer or name a new one, not both.")
        return cleaned

    def the_retailer(self) -> Retailer | None:
        """The chosen one, or the new one, stored now."""
        name = self.cleaned_data["new_retailer"]
        if not name:
            return self.cleaned_data["retailer"]  # type: ignore[no-any-return]
        made: Retailer = Retailer.objects.for_brand(self.brand).create(
            brand=self.brand, name=name, slug=slugify(name)[:60].strip("-"), currency=self.cleaned_data["new_currency"]
        )
        return made


class ImportFilter(forms.Form):
    """Which imports the list shows; an unknown value is left aside rather than refused."""

    kind = forms.ChoiceField(choices=[("", "Every kind"), *STORED_KINDS], required=False)
    retailer = forms.ModelChoiceField(
        queryset=Retailer.objects.none(), required=False, to_field_name="slug", empty_label="Every retailer"
    )
    state = forms.ChoiceField(choices=[("", "Every state"), *Import.State.choices], required=False)

    def __init__(self, *args: Any, brand: Brand, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "auto_id": "filter-%s"})
        self.brand = brand
        field: Any = self.fields["retailer"]
        field.queryset = Retailer.objects.for_brand(brand)
        field.widget.choices = field.choices

    def imports(self) -> Any:
        """Newest first, narrowed to what was asked for."""
        self.is_valid()
        asked = {name: value for name, value in self.cleaned_data.items() if value}
        return (
            Import.objects.for_brand(self.brand)
            .filter(**asked)
            .select_related("by", "retailer")
            .order_by("-started_at", "-pk")
        )

    @property
    def in_use(self) -> bool:
        return self.is_valid() and any(self.cleaned_data.values())


class WatchedForm(forms.ModelForm):  # type: ignore[type-arg]
    """A folder or bucket that is looked into by itself."""

    class Meta:
        model = WatchedSource
        fields = ("retailer", "place", "pattern", "mapping", "every_minutes", "active")

    def __init__(self, *args: Any, brand: Brand, mappings: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "auto_id": "watch-%s"})
        self.brand = brand
        retailer: Any = self.fields["retailer"]
        retailer.queryset = Retailer.objects.for_brand(brand)
        retailer.empty_label = "Choose one"
        self.fields["mapping"] = forms.ChoiceField(
            choices=[("", "Find out for each file"), *mappings], required=False, label="Mapping"
        )

    def clean_place(self) -> str:
        """Below a folder of the brand's own name, so that no brand looks into another's."""
        place = str(self.cleaned_data["place"]).strip().rstrip("/")
        inside = place.removeprefix("s3://").partition("/")[2] if place.startswith("s3://") else place
        parts = inside.split("/")
        if ".." in parts or place.startswith("/") or "\\" in place:
            raise forms.ValidationError("Name it from the folder of all brands on, without .. or a first /.")
        if parts[0] != self.brand.slug:
            example = f"s3://bucket/{self.brand.slug}/" if place.startswith("s3://") else f"{self.brand.slug}/amazon"
            raise forms.ValidationError(f"It has to lie in the brand’s own folder, for example {example}.")
        return place

    def clean_pattern(self) -> str:
        pattern = str(self.cleaned_data["pattern"]).strip() or "*"
        if "/" in pattern or "\\" in pattern or ".." in pattern:
            raise forms.ValidationError("A pattern names files, not folders, for example *.csv.")
        return pattern

    def clean_every_minutes(self) -> int:
        minutes: int = self.cleaned_data["every_minutes"]
        if not 1 <= minutes <= 7 * 24 * 60:
            raise forms.ValidationError("Between 1 minute and a week, in minutes.")
        return minutes
