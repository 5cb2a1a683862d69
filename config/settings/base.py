"""Settings. The environment makes the difference (config/environment.py); one file per larger concern beside."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import dj_database_url
from csp.constants import NONE, SELF

from config.environment import ROOT, read
from config.settings.api import (  # noqa: F401
    DRF_STANDARDIZED_ERRORS,
    REST_FRAMEWORK,
    REST_KNOX,
    SPECTACULAR_SETTINGS,
)
from config.settings.logs import logging_config

ENV = read(dict(os.environ))
BASE_DIR = ROOT
VAR = ENV.ENDCAP_VAR
VAR.mkdir(parents=True, exist_ok=True)
PRODUCTION = ENV.ENDCAP_MODE == "production"

SECRET_KEY = ENV.SECRET_KEY
DEBUG = ENV.DEBUG
ALLOWED_HOSTS = ENV.ALLOWED_HOSTS
CSRF_TRUSTED_ORIGINS = ENV.CSRF_TRUSTED_ORIGINS

INSTALLED_APPS = [
    "crm",
    "rlhf",
    "training",
    "orchestrator",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "csp",
    "django_htmx",
    "django_filters",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "django_celery_beat",
    "django_celery_results",
    "django_structlog",
    "simple_history",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "crm.views.brand.CurrentBrandMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "crm.views.brand.brand_context",
            ]
        },
    }
]

SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA optimize=0x10002;"
    ),
}
DATABASES = {
    "default": dj_database_url.parse(ENV.DATABASE_URL or f"sqlite:///{VAR / 'endcap.sqlite3'}", conn_max_age=60)
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS  # type: ignore[typeddict-unknown-key]
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

BROKER_SOCKET = VAR / "broker.sock"
if len(str(BROKER_SOCKET)) > 100:
    # The system allows 107 characters in the path of a socket: a deep checkout gets a short one, private by its folder.
    BROKER_SOCKET = Path(tempfile.gettempdir()) / f"endcap-{hashlib.sha256(str(VAR).encode()).hexdigest()[:12]}.sock"
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": ENV.REDIS_URL}
    if ENV.REDIS_URL
    else {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": str(VAR / "cache")}
}

# Sign-in
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "crm.views.brand.ClosedSignup"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Endcap"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "account/locked.html"
AXES_USERNAME_CALLABLE = "crm.signin.attempted_name"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

# Security
SESSION_COOKIE_AGE = ENV.SESSION_MINUTES * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
IMPORT_MAX_BYTES = 200 * 1024 * 1024  # of one upload; the command and watched places take files of any size
IMPORT_LEASE_S = 120
IMPORT_MAX_ATTEMPTS = 3
UPLOADS_ROOT = VAR / "uploads"  # never below a folder that the web server gives out
WATCH_ROOT = ENV.WATCH_ROOT or VAR / "watched"
API_BULK_MAX_BYTES = 16 * 1024 * 1024

# Static files
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": VAR / "uploads"}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_THOUSAND_SEPARATOR = True

# Celery: the database is the truth, a message only wakes a worker up (ARCHITECTURE, Durable by construction).
CELERY_BROKER_URL = ENV.REDIS_URL.replace("unix://", "redis+socket://") or f"redis+socket://{BROKER_SOCKET}"
CELERY_RESULT_BACKEND = "django-db"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 6 * 3600,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # Somebody who waits for a page must not wait for a broker that is away; workers and beat have their own patience.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.2,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TASK_ROUTES = {
    "orchestrator.tasks.run_episode": {"queue": "orchestration"},
    "orchestrator.tasks.conclude_episode": {"queue": "evaluation"},
    "rlhf.tasks.evaluate_experience": {"queue": "evaluation"},
    "rlhf.tasks.evaluate_new": {"queue": "evaluation"},
    "rlhf.tasks.turn_batches": {"queue": "evaluation"},
    "rlhf.tasks.order_rankings": {"queue": "evaluation"},
    "rlhf.tasks.measure_judges": {"queue": "evaluation"},
    "orchestrator.tasks.train_policy": {"queue": "training"},
    "orchestrator.tasks.carry_out_training": {"queue": "training"},
}
CELERY_TIMEZONE = "UTC"

# Product
EPISODE_LEASE_S = ENV.EPISODE_LEASE_S
EPISODE_MAX_ATTEMPTS = ENV.EPISODE_MAX_ATTEMPTS
MARKET_SECONDS_PER_DAY = ENV.MARKET_SECONDS_PER_DAY
REWARD_WINDOW_DAYS = ENV.REWARD_WINDOW_DAYS
ANTHROPIC_API_KEY = ENV.ANTHROPIC_API_KEY
CLAUDE_MODEL = ENV.CLAUDE_MODEL
CLAUDE_BASE_URL = ENV.CLAUDE_BASE_URL
CLAUDE_TIMEOUT_S = ENV.CLAUDE_TIMEOUT_S
# Rooms of retailers are reached over https at public addresses only; tests let the client call a server beside it.
CLEANROOM_ALLOW_LOOPBACK = False

LOGGING = logging_config(level=ENV.LOG_LEVEL, form=ENV.LOG_FORMAT, secret=SECRET_KEY)
API_RATES = {"user": ENV.API_THROTTLE_USER, "anon": ENV.API_THROTTLE_ANON, "runs": ENV.API_THROTTLE_RUNS}
API_RATINGS_A_MINUTE = ENV.API_RATINGS_A_MINUTE
REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": API_RATES,
    # Whose address counts against `anon`: behind the production proxy the last forwarded one, else the peer's own.
    "NUM_PROXIES": 1 if PRODUCTION else 0,
}
