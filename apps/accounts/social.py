"""Logins with other sites, each off until its client id is in the environment."""

from importlib.util import find_spec

from django.core.exceptions import ImproperlyConfigured

# Where a browser goes to log in, for `form-action` of the Content Security Policy. allauth knows more sites.
HOSTS = {
    "github": "https://github.com",
    "gitlab": "https://gitlab.com",
    "google": "https://accounts.google.com",
    "microsoft": "https://login.microsoftonline.com",
}


def providers(env) -> dict[str, dict]:
    """Return allauth's settings of the sites whose `NAME_CLIENT_ID` is set, with `NAME_CLIENT_SECRET`."""
    found = {}
    for name in HOSTS:
        if client_id := env.str(f"{name.upper()}_CLIENT_ID", default=""):
            secret = env.str(f"{name.upper()}_CLIENT_SECRET", default="")
            found[name] = {"APPS": [{"client_id": client_id, "secret": secret}]}
    if found and not (find_spec("requests") and find_spec("jwt")):
        package = "make add PACKAGE='django-allauth[mfa,socialaccount]'"
        name = f"{next(iter(found)).upper()}_CLIENT_ID"
        raise ImproperlyConfigured(f"{name} is set, but its client is not installed. Install it: {package}.")
    return found


def apps(found: dict[str, dict]) -> list[str]:
    """Return the apps for these sites."""
    base = "allauth.socialaccount"
    return [base, *(f"{base}.providers.{name}" for name in found)] if found else []
