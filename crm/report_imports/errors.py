"""What can be wrong with a report before one of its rows is read."""

from __future__ import annotations

from crm.errors import EndcapError


class UploadTooLarge(EndcapError):
    """The file is larger than settings.IMPORT_MAX_BYTES."""

    status = 413


class UnknownType(EndcapError):
    """The content is none of CSV, JSON, Excel workbook, gzip and zip."""

    status = 415


class UnknownMapping(EndcapError):
    """No mapping of this name ships or was confirmed by the brand."""

    status = 422


class NotNow(EndcapError):
    """The import is in a state in which this cannot be done."""

    status = 409
