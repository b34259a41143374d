"""Whether each client has heard what it had to hear."""

from .clients import Client
from .publisher import Publisher

CHANNELS = {"/every/": {"news", "more"}, "/newest/": {"news"}, "/subscribed/": {"news"}}


def complaints_of(clients: list[Client], publisher: Publisher, *, at_the_end: bool = True) -> list[str]:
    """
    Return which client has not heard every certain event of its channels once and in order.

    `at_the_end`: look at what must never happen, too.
    """
    return [
        f"{client.name} {complaint}"
        for client in clients
        for complaint in [*_missed(client, publisher), *(_wrong(client, publisher) if at_the_end else [])]
    ]


def _missed(client: Client, publisher: Publisher) -> list[str]:
    is_latest = client.path == "/newest/"
    sent = publisher.sent[0 if client.since or is_latest else client.first :]
    own = [s for s in sent if s.is_durable and s.channel in CHANNELS[client.path]]
    if is_latest:
        return _outdated(client, [s.text for s in own], [s.text for s in own if s.is_certain])
    heard = {*client.heard}
    missed = [s.text for s in own if s.is_certain and s.text not in heard]
    return [f"has missed {missed}"] if missed else []


def _outdated(client: Client, possible: list[str], certain: list[str]) -> list[str]:
    newest = possible.index(certain[-1]) if certain else 0
    is_there = not certain or any(text in client.heard for text in possible[newest:])
    return [] if is_there else [f"does not know the newest, {certain[-1]}"]


def _wrong(client: Client, publisher: Publisher) -> list[str]:
    wrong = []
    if len(set(client.heard)) < len(client.heard):
        wrong.append(f"has heard something twice: {client.heard}")
    order = {sent.text: n for n, sent in enumerate(publisher.sent)}
    heard = [order[text] for text in client.heard if text in order]
    if heard != sorted(heard):
        wrong.append(f"has heard in the wrong order: {client.heard}")
    if in_vain := {sent.text for sent in publisher.rolled_back} & {*client.heard}:
        wrong.append(f"has heard what was rolled back: {in_vain}")
    if client.resets:
        wrong.append(f"was told to start anew: {client.resets}")
    return wrong
