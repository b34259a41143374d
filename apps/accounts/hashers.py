"""Storage of demo passwords: they do not work in production."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher

DEMO_PASSWORD = "demo"


class DemoHasher(PBKDF2PasswordHasher):
    """Listed in `PASSWORD_HASHERS` only with `DEBUG`: without it Django cannot verify these passwords."""

    algorithm = "demo"
    iterations = 1
