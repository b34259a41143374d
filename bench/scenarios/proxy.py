"""What nginx in front of the site adds."""

import psutil

from apps.sse.tests.servers.netns import THIS_MACHINE
from tests import nginx

from ..scenario import Bench, Figure, Figures, Scenario
from ..serving import Server, Target

FEW, MANY = 500, 2500
EVENTS, RATE = 15, 5
PATH = "/api/bench/stream/"
# All clients have one address here.
WITHOUT_LIMITS = {"limit_conn streams 100;": "", "limit_conn requests 200;": "", "limit_conn bodies 30;": ""}


class Proxied(Server):
    """nginx as a server that can be measured."""

    def __init__(self, proxy: nginx.Nginx) -> None:
        self.host, self.port = THIS_MACHINE, int(proxy.url.rpartition(":")[2])
        self.process = psutil.Process(proxy.process.pid)


def measure(bench: Bench) -> Figures:
    """Open streams through the bundled nginx, and publish."""
    with bench.trial() as direct, bench.folder() as folder:
        server = direct.target.server
        with nginx.running([f"http://127.0.0.1:{server.port}"] * 2, folder, changes=WITHOUT_LIMITS) as running:
            target = Target([Proxied(running)], direct.target.headers, [server.process])
            with bench.load(target, server, path=PATH) as trial:
                few, many = bench.size(FEW), bench.size(MANY)
                trial.grow(few)
                before = trial.meter.memory_kib()
                trial.grow(many)
                memory = (trial.meter.memory_kib() - before) / (many - few)
                return {"memory": memory, "cpu": trial.cost(bench.size(EVENTS), RATE)}


SCENARIO = Scenario(
    name="proxy",
    sentence="The bundled nginx in front of the site: KiB of its memory that each further stream takes, from "
    "500 to 2,500 streams, and its CPU seconds per 100,000 deliveries at 5 events a second, in "
    "addition to the server's.",
    systems=("ours",),
    figures={"memory": Figure("KiB of nginx for each stream", 1), "cpu": Figure("CPU s of nginx", 2)},
    measure=measure,
    reference="",
)
