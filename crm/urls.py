"""Addresses of the Data page and the brand switch."""

from __future__ import annotations

from django.urls import path

from crm.views import cleanroom, crosswalk, data, imports, mapping, mappings, signed_out, watched
from crm.views.brand import switch_brand

urlpatterns = [
    path("", data.data, name="data"),
    path("upload/", data.upload, name="data_upload"),
    path("quarantine.csv", imports.quarantine_download, name="quarantine_download"),
    path("imports/<int:pk>/", imports.one_import, name="import"),
    path("imports/<int:pk>/file/", imports.file_download, name="import_file"),
    path("imports/<int:pk>/undo/", imports.import_undo, name="import_undo"),
    path("imports/<int:pk>/mapping/", mapping.import_mapping, name="import_mapping"),
    path("imports/<int:pk>/mapping/try/", mapping.import_try, name="import_try"),
    path("imports/<int:pk>/confirm/", mapping.import_confirm, name="import_confirm"),
    path("imports/<int:pk>/discard/", mapping.import_discard, name="import_discard"),
    path("mappings/", mappings.mappings, name="mappings"),
    path("mappings/<slug:name>/", mappings.one_mapping, name="mapping"),
    path("mappings/<slug:name>/change/", mappings.mapping_change, name="mapping_change"),
    path("mappings/<slug:name>/remove/", mappings.mapping_remove, name="mapping_remove"),
    path("watched/", watched.watched, name="watched"),
    path("watched/new/", watched.watch, name="watch"),
    path("watched/<int:pk>/", watched.watched_change, name="watched_change"),
    path("watched/<int:pk>/remove/", watched.watched_remove, name="watched_remove"),
    path("products/", crosswalk.products, name="products"),
    path("products.csv", crosswalk.products_export, name="products_export"),
    path("products/review/", crosswalk.review, name="crosswalk_review"),
    path("products/review/undo/", crosswalk.undo, name="crosswalk_undo"),
    path("products/review/<int:pk>/accept/", crosswalk.accept, name="crosswalk_accept"),
    path("products/review/<int:pk>/reject/", crosswalk.reject, name="crosswalk_reject"),
    path("clean-room/", cleanroom.clean_room, name="clean_room"),
    path("clean-room/ask/", cleanroom.ask, name="clean_room_ask"),
    path("kept/", signed_out.kept, name="kept"),
    path("kept/leave/", signed_out.leave_kept, name="leave_kept"),
    path("brand/<slug:slug>/", switch_brand, name="switch_brand"),
]
