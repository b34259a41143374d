"""What this site does differently from allauth: a task sends mails; a lockout is for a name and an address."""

from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage
from allauth.account.utils import filter_users_by_email
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import get_language, override

from apps.operations import mail as mails
from apps.sse import address_of, close_streams

from .models import User


class AccountAdapter(DefaultAccountAdapter):
    """Replaces allauth's adapter in settings.py."""

    def send_mail(self, template_prefix: str, email: str, context: dict) -> None:
        """Enqueue a mail in its reader's language: no response takes longer if the address is known."""
        address = f"{self.request.scheme}://{settings.SITE_HOST or self.request.get_host()}"
        context |= {key: address + urlsplit(url).path for key, url in context.items() if key.endswith("_url")}
        context |= {"email": email, "current_site": {"name": settings.SITE_NAME, "domain": address}}
        reader = next(iter(filter_users_by_email(email)), None)
        with override(getattr(reader, "language", "") or get_language()):
            mail = self.render_mail(template_prefix, email, context)
            html = render_to_string("account/mail.html", {"mails": [mail], "site": settings, "address": address})
        mails.enqueue(mail.subject, mail.body, html, mail.to, has_code="code" in context)

    def send_account_already_exists_mail(self, email: str) -> None:
        """Hash a password, as the sign-up of an unknown address does: the response takes as long."""
        User().set_password(email)
        super().send_account_already_exists_mail(email)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the client's address, the first one of an IPv6 network, or `::` if it is not known."""
        return address_of(request).partition("/")[0] or "::"

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: str) -> str:
        # With the address, so that one person cannot lock out another.
        return f"{super()._get_login_attempts_cache_key(request, **credentials)}:{self.get_client_ip(request)}"

    def get_login_stages(self) -> list[str]:
        """Return what a login goes through."""
        theirs = f"{EmailVerificationStage.__module__}.{EmailVerificationStage.__name__}"
        return [f"{__name__}.EmailStage" if stage == theirs else stage for stage in super().get_login_stages()]


class EmailStage(EmailVerificationStage):
    """Verifies the address of a new account, unless staff or a command made the account."""

    def handle(self) -> tuple[HttpResponse | None, bool]:
        user = self.login.user
        if user and (user.last_login or not EmailAddress.objects.filter(user=user).exists()):
            return None, True
        return super().handle()


class SessionsAdapter(DefaultUserSessionsAdapter):
    """Ends the streams of a session together with the session."""

    def end_sessions(self, sessions: list) -> None:
        super().end_sessions(sessions)
        for session in sessions:
            close_streams(session=session.session_key)
