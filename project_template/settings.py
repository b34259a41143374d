"""
Settings, in the order of Django's own reference, read from the environment.

`.env.example` describes each variable. Without `DEBUG` the settings are those of production.
"""

import logging
from pathlib import Path
from zoneinfo import available_timezones

from django.conf import global_settings
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from django.utils.csp import CSP
from django.utils.translation import gettext_lazy as _

from apps.operations import sentry
from apps.operations.environment import Environment, development_secret_key
from apps.site import brand

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment()
env.read_env(BASE_DIR / ".env")
DATA_DIR = env.folder("DATA_DIR", default=BASE_DIR / ".data")

# Core

DEBUG = env.bool("DEBUG", default=False)
HTTPS = env.bool("HTTPS", default=not DEBUG)

SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY and not DEBUG:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. In production, set it to 50 or more random characters. "
        "In development, set DEBUG=1: a key is created for you."
    )
SECRET_KEY = SECRET_KEY or development_secret_key(DATA_DIR)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

ALLOWED_HOSTS = env.all_matching(
    "ALLOWED_HOSTS", r"\*|\.?[\w.-]+|\[[0-9A-Fa-f:.]+\]", "host names such as example.com", required=not DEBUG
)
# The host of links in mails: in production never that of a request, whose port is not validated.
named_hosts = [] if DEBUG else [host for host in ALLOWED_HOSTS if not host.startswith((".", "*"))]
host = r"[\w.-]+(:\d+)?"
SITE_HOST = env.matching(
    "SITE_HOST", [*named_hosts, ""][0], f"({host})?" if DEBUG else host, "a host such as example.com"
)
CSRF_TRUSTED_ORIGINS = env.all_matching(
    "CSRF_TRUSTED_ORIGINS", r"https?://[^/\s]+", "origins with their scheme, such as https://example.com"
)

# Pages, mails, the admin, the icon and the social card have name and colour; the first page says what the site is.
SITE_NAME = env.matching("SITE_NAME", "Live site", r"(?=.*\S)[^\r\n]{1,60}", "a name of at most 60 characters")
SITE_DESCRIPTION = env.matching(
    "SITE_DESCRIPTION", "Pages that show every change at once, without reloading.",
    r"(?=.*\S)[^\r\n]{1,200}", "a sentence of at most 200 characters",
)  # fmt: skip
SITE_COLOR = env.matching("SITE_COLOR", "#1c5ac0", r"#[0-9A-Fa-f]{6}", "a colour such as #1c5ac0")
SITE_STYLE = brand.style(SITE_COLOR)

SOCIALACCOUNT_PROVIDERS, login_sites = env.logins()
INSTALLED_APPS = [
    "apps.accounts.admin_site.LiveAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "apps.operations",  # before django_tasks_db, whose worker it extends
    "django_tasks_db",
    "apps.sse",
    "apps.accounts",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    *(["allauth.socialaccount"] if SOCIALACCOUNT_PROVIDERS else []),
    *(f"allauth.socialaccount.providers.{name}" for name in SOCIALACCOUNT_PROVIDERS),
    "apps.dashboard",
    "apps.feed",
    "apps.tasks",
    "apps.notifications",
    "apps.guide",
    "apps.site",
    "apps.dev",
]

MIDDLEWARE = [
    "apps.operations.health.answer",
    "apps.operations.logs.identify",
    *(["apps.dashboard.counting.measure"] if "apps.dashboard" in INSTALLED_APPS else []),
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "apps.operations.files.stream_files",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.operations.once.ActOnce",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apps.accounts.preferences.personalize",
]

ROOT_URLCONF = f"{__package__}.urls"
ASGI_APPLICATION = f"{__package__}.asgi.application"
WSGI_APPLICATION = f"{__package__}.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# Cache and database

# All processes share it, since it counts failed logins. `migrate` creates the table.
CACHES = {"default": env.cache("CACHE_URL", default="dbcache://site_cache?max_entries=20000")}
SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(DATA_DIR / "db.sqlite3")}
DATABASES = {"default": env.database("DATABASE_URL", SQLITE, pool=env.int("DATABASE_POOL", default=8))}

# Development commands may change only this database, and SQLite in DATA_DIR.
DEVELOPMENT_DATABASE = env.str("DEVELOPMENT_DATABASE", default="")

# Authentication

# Demo passwords are valid with DEBUG only.
PASSWORD_HASHERS = [*global_settings.PASSWORD_HASHERS, *(["apps.accounts.models.DemoHasher"] if DEBUG else [])]
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}Validator"}
    for name in ("UserAttributeSimilarity", "MinimumLength", "CommonPassword", "NumericPassword")
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = reverse_lazy("home")

# Accounts: https://docs.allauth.org/en/latest/account/configuration.html

ACCOUNT_ADAPTER = "apps.accounts.adapters.AccountAdapter"
ACCOUNT_FORMS = {"login": "apps.accounts.forms.LoginForm"}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
# A user who has no permission for a page is sent to the login, and may switch to another account.
ACCOUNT_AUTHENTICATED_LOGIN_REDIRECTS = False
ACCOUNT_SESSION_REMEMBER = ACCOUNT_EMAIL_NOTIFICATIONS = ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # to change addresses and logins: a stolen session is not enough
# Mails contain codes, not links with tokens. The timeouts are in seconds.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = MFA_PASSKEY_LOGIN_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 900
# Ten wrong passwords from one address lock the name for this address, 50 all names, for 15 minutes.
ACCOUNT_RATE_LIMITS = env.bool("LOGIN_LIMIT", default=not DEBUG) and {
    "login_failed": "50/15m/ip,10/15m/key",
    "reset_password": "30/h/ip,5/h/key",
    "request_login_code": "30/h/ip,5/h/key",
}
USERSESSIONS_ADAPTER = "apps.accounts.adapters.SessionsAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER, MFA_TOTP_TOLERANCE, MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = SITE_NAME, 1, DEBUG

# Email

MAILERS = {"default": env.mailer("EMAIL_URL", default="consolemail://" if DEBUG else "smtp://localhost:25")}
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.matching(
    "DEFAULT_FROM_EMAIL", "noreply@localhost", r"[^\r\n]+@[^\r\n]+", "an address such as noreply@example.com"
)
EMAIL_SUBJECT_PREFIX = ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{SITE_NAME}] "
URLIZE_ASSUME_HTTPS = True

# Internationalization

LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_CODE = env.choice("LANGUAGE_CODE", "en", [code for code, name in LANGUAGES])
TIME_ZONE = env.choice("TIME_ZONE", "UTC", available_timezones(), "a time zone such as Europe/Vienna")

# Logging

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "apps.operations.logs.LineFormatter"},
        "json": {"()": "apps.operations.logs.JSONFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": env.choice("LOG_FORMAT", "line" if DEBUG else "json", ["line", "json"]),
        }
    },
    "root": {"handlers": ["console"], "level": env.choice("LOG_LEVEL", "INFO", logging.getLevelNamesMapping())},
    "loggers": {
        "django": {"handlers": ["console"], "level": "INFO", "propagate": False},
        # One line for each stream is too much in development.
        "apps.sse": {"level": "WARNING" if DEBUG else "NOTSET"},
    },
}

# Security

# The address of an object store for uploads, from which pages load pictures.
S3_ENDPOINT_URL = env.matching("S3_ENDPOINT_URL", "", r"(https?://[^/\s]+)?", "https://s3.example.com")
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF, CSP.NONCE, brand.csp_source(SITE_STYLE)],
    "img-src": [CSP.SELF, "data:", *([S3_ENDPOINT_URL] if S3_ENDPOINT_URL else [])],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF, *login_sites],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "require-trusted-types-for": ["'script'"],
    "trusted-types": ["djust-sse", "site"],
}
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Browsers remember HSTS for this time. Start with an hour and raise it later.
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=3600 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=False)
if SECURE_HSTS_PRELOAD and not (SECURE_HSTS_INCLUDE_SUBDOMAINS and SECURE_HSTS_SECONDS >= 31_536_000):
    raise ImproperlyConfigured(
        "SECURE_HSTS_PRELOAD needs SECURE_HSTS_INCLUDE_SUBDOMAINS=1 and SECURE_HSTS_SECONDS=31536000 or more."
    )
# These checks demand HSTS for subdomains and preloading, which affect other sites of the domain.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
unused = ("camera", "display-capture", "geolocation", "hid", "microphone", "midi", "payment", "serial", "usb")
PERMISSIONS_POLICY = {feature: [] for feature in unused}
ADMIN_PATH = env.matching("ADMIN_PATH", "admin", r"/?[\w.-]+(/[\w.-]+)*/?", "a path such as office").strip("/")
CSRF_COOKIE_HTTPONLY = True

# Static and uploaded files

STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(DATA_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
if DEBUG:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
MEDIA_URL = "media/"
MEDIA_ROOT = DATA_DIR / "media"
# The largest upload. nginx has the same limit and refuses larger files before they are sent.
MAX_UPLOAD_MB = env.int("MAX_UPLOAD_MB", default=50, minimum=1)
TASKS_MAX_UPLOAD_BYTES = MAX_UPLOAD_MB * 2**20
STORAGES = {
    "default": env.uploads("S3_BUCKET", S3_ENDPOINT_URL),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Tasks

TASKS = {
    "default": {"BACKEND": "django_tasks_db.DatabaseBackend"},
    "immediate": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"},
}
# A task worker sends mail, so that no response waits for it. Development needs no worker for mail.
MAIL_TASKS = "immediate" if DEBUG else "default"

# Streams. The defaults are in apps/sse/conf.py.

globals().update(env.streams())

# Dashboard and guide

DASHBOARD_PUBLIC = env.bool("DASHBOARD_PUBLIC", default=DEBUG)
GUIDE_PUBLIC = env.bool("GUIDE_PUBLIC", default=DEBUG)

# Sentry

sentry.start(env)
