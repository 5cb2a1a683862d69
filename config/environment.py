"""The environment, read once and checked: every bad variable is named in one message each, all at the same time."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal

from django.core.exceptions import ImproperlyConfigured
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, field_validator, model_validator

ROOT = Path(__file__).resolve().parent.parent


def _words(value: Any) -> Any:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


SECRETS = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "ANTHROPIC_API_KEY")
Words = Annotated[list[str], BeforeValidator(_words)]


class Environment(BaseModel):
    """Every variable Endcap reads, with its default. The README has the same table (a test compares them)."""

    ENDCAP_MODE: Literal["embedded", "production"] = Field(
        "embedded", description="embedded needs no server; production requires SECRET_KEY, ALLOWED_HOSTS and HTTPS"
    )
    DEBUG: bool = Field(False, description="Django's debug pages; refused in production")
    SECRET_KEY: str = Field("", description="required in production; made and kept in var/secret-key otherwise")
    ALLOWED_HOSTS: Words = Field(
        default_factory=lambda: ["127.0.0.1", "localhost", "[::1]"], description="host names, separated by commas"
    )
    CSRF_TRUSTED_ORIGINS: Words = Field(default_factory=list, description="origins with scheme, separated by commas")
    DATABASE_URL: str = Field("", description="postgres://user@host/name; empty: SQLite in var/")
    REDIS_URL: str = Field("", description="redis://host:6379/0; empty: the embedded broker on a socket in var/")
    ENDCAP_VAR: Path = Field(ROOT / "var", description="folder for database, broker, uploads and logs")
    PORT: int = Field(8000, ge=1, le=65535, description="web address is 127.0.0.1:PORT")
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="how much is logged")
    LOG_FORMAT: Literal["console", "json"] = Field("console", description="json for machines")
    EPISODE_LEASE_S: int = Field(30, ge=2, le=3600, description="seconds a worker owns an episode without a heartbeat")
    EPISODE_MAX_ATTEMPTS: int = Field(5, ge=1, le=100, description="recoveries before an episode is parked as stuck")
    MARKET_SECONDS_PER_DAY: float = Field(
        2.0, gt=0, le=86400, description="how long a day of the simulated market takes"
    )
    WATCH_ROOT: Path | None = Field(
        None, description="folder below which watched folders lie; empty: watched/ in ENDCAP_VAR"
    )
    REWARD_WINDOW_DAYS: float = Field(
        14.0, gt=0, le=400, description="days until a reward settles, on its market's clock"
    )
    ANTHROPIC_API_KEY: str = Field("", description="key for Claude; empty: rubric checks judge alone")
    CLAUDE_MODEL: str = Field("claude-sonnet-5-5", min_length=1, description="model that judges")
    CLAUDE_BASE_URL: str = Field("", description="address of the Messages API; empty: the service's own")
    CLAUDE_TIMEOUT_S: float = Field(90.0, gt=0, le=600, description="seconds to wait for one reply of Claude")
    SESSION_MINUTES: int = Field(720, ge=5, le=20160, description="sign-in ends after so many minutes")
    API_THROTTLE_USER: str = Field("600/min", description="requests of one signed-in person to the API")
    API_THROTTLE_ANON: str = Field("30/min", description="requests of one unknown address to the API")
    API_THROTTLE_RUNS: str = Field("120/min", description="episodes one person may start")
    API_RATINGS_A_MINUTE: int = Field(6000, ge=1, le=10_000_000, description="ratings one person may send to the API")

    @field_validator("DATABASE_URL")
    @classmethod
    def _database(cls, value: str) -> str:
        if value and not value.startswith(("postgres://", "postgresql://", "sqlite:///")):
            raise ValueError("must start with postgres:// or sqlite:///, for example postgres://endcap@db/endcap")
        return value

    @field_validator("REDIS_URL")
    @classmethod
    def _redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://, for example redis://127.0.0.1:6379/0")
        return value

    @field_validator("CLAUDE_BASE_URL")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with https:// or http://, for example https://gateway.example")
        return value

    @field_validator("API_THROTTLE_USER", "API_THROTTLE_ANON", "API_THROTTLE_RUNS")
    @classmethod
    def _rate(cls, value: str) -> str:
        count, _, period = value.partition("/")
        if not count.isdigit() or period[:1] not in ("s", "m", "h", "d"):
            raise ValueError("must be a number per s, min, hour or day, for example 600/min")
        return value

    @model_validator(mode="after")
    def _production(self) -> Environment:
        if self.ENDCAP_MODE == "production":
            missing = []
            if len(self.SECRET_KEY) < 50:
                missing.append("SECRET_KEY: production needs one of at least 50 characters; nobody else may know it")
            if self.DEBUG:
                missing.append("DEBUG: must be off in production")
            if not self.DATABASE_URL.startswith("postgres"):
                missing.append("DATABASE_URL: production needs PostgreSQL, for example postgres://endcap@db/endcap")
            if not self.REDIS_URL:
                missing.append("REDIS_URL: production needs Redis, for example redis://redis:6379/0")
            if missing:
                raise ValueError("; ".join(missing))
        return self


def _kept_secret(folder: Path) -> str:
    path = folder / "secret-key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # O_EXCL: two processes starting together keep one key.
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(64))
        except FileExistsError:
            pass
    return path.read_text().strip()


def read(values: dict[str, str]) -> Environment:
    """The checked environment.

    Raises ImproperlyConfigured with one line for each bad variable: its name, what was wrong and what it is for.
    """
    known = {name: values[name] for name in Environment.model_fields if values.get(name, "") != ""}
    try:
        environment = Environment.model_validate(known)
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            message = problem["msg"].removeprefix("Value error, ")
            if not problem["loc"]:
                lines += message.split("; ")
                continue
            name = str(problem["loc"][0])
            shown = "(hidden)" if name in SECRETS else repr(known.get(name, ""))
            lines.append(f"{name}={shown}: {message} ({Environment.model_fields[name].description})")
        raise ImproperlyConfigured("Endcap cannot start:\n  " + "\n  ".join(lines)) from None
    if not environment.SECRET_KEY:
        environment.SECRET_KEY = _kept_secret(environment.ENDCAP_VAR)
    return environment
