"""Mails in the terminal."""

from django.core.mail.backends import console


class EmailBackend(console.EmailBackend):
    """Prints the text of mails, without their HTML and encoded headers."""

    def write_message(self, message) -> None:
        text = f"Subject: {message.subject}\nTo: {', '.join(message.to)}\n\n{message.body}"
        self.stream.write(f"{text.rstrip()}\n{'-' * 79}\n")
