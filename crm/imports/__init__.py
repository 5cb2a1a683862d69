"""Taking in files of a CRM: read, check every row, store in one transaction, set aside what cannot be stored."""

from crm.imports.files import load_file
from crm.imports.hubspot import load_folder
from crm.imports.quarantine import rows_as_csv
from crm.imports.uploads import take_in

__all__ = ["load_file", "load_folder", "rows_as_csv", "take_in"]
