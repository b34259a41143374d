"""The password reset mail, sent by a task worker."""

import logging
from email.policy import default

from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.core.mail import EmailMultiAlternatives
from django.tasks import task
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

MAX_LINE_LENGTH = 998  # RFC 5322, section 2.1.1

log = logging.getLogger(__name__)


@task(priority=50)
def send_link(email: str, domain: str, use_https: bool, language: str) -> None:
    """Send a link to `domain`, in `language`, to each account with this address, if any."""
    form = LinkForm({"email": email})
    form.full_clean()
    with translation.override(language):
        form.save(domain_override=domain, use_https=use_https)


class UnwrappedEmail(EmailMultiAlternatives):
    """An email whose long lines are not broken, so that a link can be copied from the console."""

    def message(self, *, policy=default):
        return super().message(policy=policy.clone(max_line_length=MAX_LINE_LENGTH))


class LinkForm(PasswordResetForm):
    """Django's form. A failed mail is logged, so that other accounts with the same address receive theirs."""

    def send_mail(self, _subject, template_name, context, from_email, to_email, html_email_template_name=None):
        subject = _("Choose a new password for %(site)s") % {"site": settings.SITE_NAME}
        body = render_to_string(template_name, context)
        try:
            UnwrappedEmail(subject, body, from_email, [to_email]).send()
        except Exception:
            log.exception("The password reset mail to user %s was not sent.", context["user"].pk)
