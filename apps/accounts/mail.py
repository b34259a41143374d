"""Mail with links in it."""

from email.message import EmailMessage
from email.policy import EmailPolicy, default

from django.core.mail import EmailMultiAlternatives

LONGEST_LINE = 998  # RFC 5322, section 2.1.1


class MailWithLinks(EmailMultiAlternatives):
    """
    Keeps long lines whole as long as mail allows it.

    Python's own limit of 78 characters would encode a longer body as quoted-printable, in which a link
    that is read off the console is broken in two.
    """

    def message(self, *, policy: EmailPolicy = default) -> EmailMessage:
        return super().message(policy=policy.clone(max_line_length=LONGEST_LINE))
