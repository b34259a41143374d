"""Reports errors to Sentry, if `SENTRY_DSN` is set."""

from django.core.exceptions import ImproperlyConfigured

from .environment import Environment


def start(env: Environment) -> None:
    """Start Sentry's client; raises `ImproperlyConfigured` if it is not installed."""
    traces = float(env.matching("SENTRY_TRACES", "0", r"0?\.\d+|0(\.0*)?|1(\.0*)?", "a number from 0 to 1"))
    dsn = env.matching("SENTRY_DSN", "", r"(https?://\w+@[^/\s]+/.+)?", "https://key@host/number")
    if not dsn:
        return
    try:
        import sentry_sdk
    except ImportError:
        message = "SENTRY_DSN is set, but sentry-sdk is not installed: install requirements-sentry.txt."
        raise ImproperlyConfigured(message) from None
    # Variables and forms hold codes and passwords.
    private = {"send_default_pii": False, "include_local_variables": False, "max_request_body_size": "never"}
    sentry_sdk.init(dsn, traces_sample_rate=traces, **private)
