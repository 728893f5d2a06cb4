"""A dask cluster of this machine, for this user and the time of a run alone.

Whoever can talk to a scheduler can run code as the user who started it. So scheduler and workers
speak TLS with a certificate that is made for the run, listen on the loopback address, and the HTTP
servers that dask opens beside them are closed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Client, Worker

LOOPBACK = "127.0.0.1"

_WITHOUT_ROUTES: dict[str, list[str]] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
"""While an HTTP server of dask's is open, for the moment of a start, it serves nothing."""


@contextmanager
def local_cluster(workers: int, threads: dict[str, str]) -> "Iterator[Client]":
    """A client of a cluster that ends with the block.

    Args:
        workers: processes, each of one task at a time.
        threads: what their environment says of the threads of libraries.
    """
    import dask
    from distributed import Client, LocalCluster
    from distributed.diagnostics.plugin import WorkerPlugin
    from distributed.security import Security

    class WithoutHttp(WorkerPlugin):
        """Closes a worker's HTTP server as the worker starts, whenever that is."""

        def setup(self, worker: "Worker") -> None:
            worker.http_server.stop()

    security = Security.temporary()
    settings = {
        "distributed.nanny.pre-spawn-environ": threads,
        # A job that only waited on a worker that was killed is told so as well: who is the cause is
        # the engine's to say.
        "distributed.scheduler.allowed-failures": 0,
        **_WITHOUT_ROUTES,
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,  # a task uses threads of its own
            memory_limit=0,  # execution.memory_gb bounds each task instead
            host=LOOPBACK,
            protocol="tls://",
            security=security,
            dashboard_address=f"{LOOPBACK}:0",
            worker_dashboard_address=f"{LOOPBACK}:0",
        ) as cluster,
        Client(cluster, security=security) as client,
    ):
        cluster.scheduler.http_server.stop()
        client.register_plugin(WithoutHttp())
        yield client
