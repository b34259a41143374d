"""The mail with the link to a new password, sent by a task worker."""

import logging
from email.message import EmailMessage
from email.policy import EmailPolicy, default

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
    """Send a link to `domain`, in `language`, to each account that has this address; to none if none has it."""
    form = LinkForm({"email": email})
    form.full_clean()
    with translation.override(language):
        form.save(domain_override=domain, use_https=use_https)


class MailWithLinks(EmailMultiAlternatives):
    """Does not break long lines: a link that was broken could not be copied from the console."""

    def message(self, *, policy: EmailPolicy = default) -> EmailMessage:
        return super().message(policy=policy.clone(max_line_length=MAX_LINE_LENGTH))


class LinkForm(PasswordResetForm):
    """Django's own form. A mail that fails is logged, so that other accounts with the address get theirs."""

    def send_mail(self, subject_template, email_template, context, from_email, to_email, **options) -> None:
        subject = _("Choose a new password for %(site)s") % {"site": settings.SITE_NAME}
        body = render_to_string(email_template, context)
        try:
            MailWithLinks(subject, body, from_email, [to_email]).send()
        except Exception:
            log.exception("The password reset mail to user %s was not sent.", context["user"].pk)
