"""Storage of demo passwords: they do not work in production."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher

DEMO_PASSWORD = "demo"


class DemoHasher(PBKDF2PasswordHasher):
    """Listed in `PASSWORD_HASHERS` only with `DEBUG`: without it Django cannot verify these passwords."""

    algorithm = "demo"
    iterations = 1


def is_demo(encoded: str) -> bool:
    """Return whether a stored password is a demo password."""
    return encoded.startswith(f"{DemoHasher.algorithm}$")
