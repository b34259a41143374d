"""
A process that publishes on command.

It reads the lines `begin`, `publish CHANNEL N` or `commit`, and writes `ok` after each.
"""

import subprocess
import sys

import django
from django.db import transaction


class Puppet:
    """Sends the commands: `puppet("publish news 1")` returns after it was executed."""

    def __init__(self, stack, deployment):
        process = deployment.start("puppet", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack.callback(process.wait)
        stack.callback(process.kill)
        self.process = process

    def __call__(self, *commands):
        for command in commands:
            self.process.stdin.write(f"{command}\n")
            self.process.stdin.flush()
            assert self.process.stdout.readline() == "ok\n", command


def execute(lines):
    from apps.sse import publish

    for line in lines:
        match line.split():
            case ["begin"]:
                block = transaction.atomic()
                block.__enter__()
            case ["publish", channel, number]:
                publish(channel, "item", {"n": int(number)})
            case ["commit"]:
                block.__exit__(None, None, None)
        sys.stdout.write("ok\n")
        sys.stdout.flush()


if __name__ == "__main__":
    django.setup()
    execute(sys.stdin)
