"""How the passwords of demo accounts are stored: they are worthless in production."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher

DEMO_PASSWORD = "demo"


class DemoHasher(PBKDF2PasswordHasher):
    """In `PASSWORD_HASHERS` only with `DEBUG` on: without it Django cannot verify these passwords."""

    algorithm = "demo"
    iterations = 1


def is_demo(encoded: str) -> bool:
    """Return whether a stored password is that of a demo account."""
    return encoded.startswith(f"{DemoHasher.algorithm}$")
