"""What this site does differently from allauth: mail is sent by a task; a lockout is for a name and an address."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.ratelimit import respond_429
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from django.conf import settings
from django.contrib.sites.requests import RequestSite
from django.core.mail import EmailMultiAlternatives
from django.forms import ValidationError
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.tasks import task
from django.template.loader import render_to_string
from django.urls import reverse

from apps.sse import address_of, close_streams

UNKNOWN_ADDRESS = "::"


@task(priority=50)
def send(subject: str, body: str, html: str, to: list[str]) -> None:
    """Send a mail as text and as HTML."""
    message = EmailMultiAlternatives(subject, body, to=to)
    message.attach_alternative(html, "text/html")
    message.send()


class AccountAdapter(DefaultAccountAdapter):
    """Replaces allauth's adapter in settings.py."""

    def send_mail(self, template_prefix: str, email: str, context: dict) -> None:
        """Enqueue a mail: no response takes longer if the address is known."""
        site = RequestSite(self.request)
        site.name, site.domain = settings.SITE_NAME, host_of_links(self.request)
        here, there = (f"{self.request.scheme}://{host}/" for host in (self.request.get_host(), site.domain))
        links = {key: there + url.removeprefix(here) for key, url in context.items() if key.endswith("_url")}
        context = {"request": self.request, "email": email, "current_site": site} | context | links
        mail = self.render_mail(template_prefix, email, context)
        html = render_to_string("account/mail.html", {"mails": [mail], "site": settings})
        send.using(backend=settings.MAIL_TASKS).enqueue(mail.subject, mail.body, html, mail.to)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the client's address; the first address of an IPv6 network stands for all of it."""
        return address_of(request).partition("/")[0] or UNKNOWN_ADDRESS

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: str) -> str:
        # With the address, so that one person cannot lock out another.
        return f"{super()._get_login_attempts_cache_key(request, **credentials)}:{self.get_client_ip(request)}"

    def pre_authenticate(self, request: HttpRequest, **credentials: str) -> None:
        """Refuse a login after too many wrong passwords, with the page of the other limits."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            raise ImmediateHttpResponse(respond_429(request)) from None

    def get_login_stages(self) -> list[str]:
        """Return what a login goes through."""
        ours = {f"{EmailVerificationStage.__module__}.{EmailVerificationStage.__name__}": f"{__name__}.EmailStage"}
        return [ours.get(stage, stage) for stage in super().get_login_stages()]

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Return the page after a changed password."""
        return reverse("account_profile")


class EmailStage(EmailVerificationStage):
    """Verifies the address of a new account, unless staff or a command made the account."""

    def handle(self) -> tuple[HttpResponse | None, bool]:
        user = self.login.user
        if user and (user.last_login or not EmailAddress.objects.filter(user=user).exists()):
            return None, True
        return super().handle()


class Backend(AuthenticationBackend):
    """
    Checks a password once for each account.

    A login that tried the same account as a name and as an address would take longer if the account exists.
    """

    def __init__(self) -> None:
        self._checked: set[int] = set()

    def _check_password(self, user, password):
        if user is None or user.pk in self._checked:
            return None
        self._checked.add(user.pk)
        return super()._check_password(user, password)


class SessionsAdapter(DefaultUserSessionsAdapter):
    """Ends the streams of a session together with the session."""

    def end_sessions(self, sessions: list) -> None:
        super().end_sessions(sessions)
        for session in sessions:
            close_streams(session=session.session_key)


def host_of_links(request: HttpRequest) -> str:
    """Return `SITE_HOST`, or the requested host if it is not set; in production without the port."""
    if settings.SITE_HOST or settings.DEBUG:
        return settings.SITE_HOST or request.get_host()
    return split_domain_port(request.get_host())[0]
