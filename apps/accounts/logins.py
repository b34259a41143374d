"""The check of a password at login."""

from allauth.account.auth_backends import AuthenticationBackend


class Backend(AuthenticationBackend):
    """
    Users log in with their name or email address.

    A password is checked once per account: a login that tried the same account as a name and as an address
    would take longer if the account exists.
    """

    def __init__(self) -> None:
        self._checked: set[int] = set()

    def _check_password(self, user, password):
        if user is None or user.pk in self._checked:
            return None
        self._checked.add(user.pk)
        return super()._check_password(user, password)
