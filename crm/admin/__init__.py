"""The admin of business data. Sign-in is the pages' own, so that lockout and second factor hold here, too."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib import admin

from crm.admin import api, cleanroom, governance, imports, packs, pipeline, products, retail, tenancy

__all__ = ["api", "cleanroom", "governance", "imports", "packs", "pipeline", "products", "retail", "tenancy"]

admin.site.site_header = "Endcap"
admin.site.site_title = "Endcap"
admin.site.index_title = "Data of every brand"
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
