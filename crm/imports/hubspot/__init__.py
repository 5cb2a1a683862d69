"""A HubSpot account as Fivetran exports it: a folder of CSV tables, often with ids and labels hashed."""

from crm.imports.hubspot.folder import load_folder

__all__ = ["load_folder"]
