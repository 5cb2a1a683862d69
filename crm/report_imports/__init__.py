"""Reports of retailers as imports: received, understood, confirmed by a person, carried out by a worker, undone."""

from crm.facts.undoing import CannotUndo
from crm.report_imports.carrying import carry_out, sweep
from crm.report_imports.errors import NotNow, UnknownMapping, UnknownType, UploadTooLarge
from crm.report_imports.known import mapping_of, mappings_of
from crm.report_imports.previewing import Preview, preview
from crm.report_imports.receiving import confirm, discard, receive, undo
from crm.report_imports.watching import look_at_all

__all__ = [
    "CannotUndo", "NotNow", "Preview", "UnknownMapping", "UnknownType", "UploadTooLarge", "carry_out", "confirm",
    "discard", "look_at_all", "mapping_of", "mappings_of", "preview", "receive", "sweep", "undo",
]  # fmt: skip
