"""The site of `apps.sse.tests.chaos`, with its channels at an address that nginx knows as a stream's."""

from apps.sse.tests.chaos import settings as _chaos

globals().update({name: value for name, value in vars(_chaos).items() if name.isupper()})

ROOT_URLCONF = f"{__package__}.urls"
