"""Bad variables are named, all at once, before anything starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import Environment, read

ROOT = Path(__file__).resolve().parent.parent


class TestRead:
    def test_it_has_defaults_that_need_no_server(self, tmp_path):
        env = read({"ENDCAP_VAR": str(tmp_path)})
        assert (env.ENDCAP_MODE, env.DEBUG, env.DATABASE_URL, env.REDIS_URL) == ("embedded", False, "", "")

    def test_it_makes_one_secret_and_keeps_it_private(self, tmp_path):
        first = read({"ENDCAP_VAR": str(tmp_path)}).SECRET_KEY
        assert len(first) > 60
        assert first == read({"ENDCAP_VAR": str(tmp_path)}).SECRET_KEY
        assert (tmp_path / "secret-key").stat().st_mode & 0o077 == 0

    def test_it_names_every_bad_variable_with_value_and_meaning(self, tmp_path):
        with pytest.raises(ImproperlyConfigured) as refused:
            read({"PORT": "70000", "DEBUG": "perhaps", "DATABASE_URL": "mysql://x", "ENDCAP_VAR": str(tmp_path)})
        lines = str(refused.value).splitlines()[1:]
        assert len(lines) == 3
        assert any("PORT='70000'" in line for line in lines)
        assert any("DEBUG='perhaps'" in line for line in lines)
        assert any(line.strip().startswith("DATABASE_URL=(hidden)") for line in lines)

    def test_production_requires_secret_database_and_broker(self):
        with pytest.raises(ImproperlyConfigured) as refused:
            read({"ENDCAP_MODE": "production", "DEBUG": "1"})
        for name in ("SECRET_KEY", "DEBUG", "DATABASE_URL", "REDIS_URL"):
            assert f"{name}:" in str(refused.value)


class TestProduction:
    def test_check_deploy_is_clean(self, tmp_path):
        # browser tests in the same process allow async calls for themselves
        env = {
            **{name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"},
            "ENDCAP_MODE": "production",
            "SECRET_KEY": "k3-" + "abcdefghij0123456789" * 4,
            "DATABASE_URL": "postgres://endcap@127.0.0.1/endcap",
            "REDIS_URL": "redis://127.0.0.1:6379/0",
            "ALLOWED_HOSTS": "endcap.example",
            "ENDCAP_VAR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "config.settings.base",
        }
        done = subprocess.run(
            [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr


class TestReadme:
    def test_its_table_names_every_variable(self):
        table = (ROOT / "README.md").read_text()
        for name in Environment.model_fields:
            assert re.search(rf"\| `{name}` \|", table), f"{name} is missing from the README's table"
