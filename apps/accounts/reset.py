"""The mail with the link to a new password, sent by a task worker."""

import logging

from django.contrib.auth.forms import PasswordResetForm
from django.tasks import task
from django.template.loader import render_to_string
from django.utils import translation

from .mail import MailWithLinks

log = logging.getLogger(__name__)


@task(priority=50)
def send_link(email: str, domain: str, use_https: bool, language: str) -> None:
    """Send a link to `domain`, in `language`, to each account that has this address; to none if none has it."""
    form = LinkForm({"email": email})
    form.full_clean()
    with translation.override(language):
        form.save(domain_override=domain, use_https=use_https)


class LinkForm(PasswordResetForm):
    """Django's own form, whose mail has a link that can be copied from the console."""

    def send_mail(
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict,
        from_email: str | None,
        to_email: str,
        html_email_template_name: None = None,
    ) -> None:
        """Send the mail as plain text; log a failure, so that other accounts with the address get theirs."""
        subject = "".join(render_to_string(subject_template_name, context).splitlines())
        body = render_to_string(email_template_name, context)
        try:
            MailWithLinks(subject, body, from_email, [to_email]).send()
        except Exception:
            log.exception("The password reset mail to user %s was not sent.", context["user"].pk)
