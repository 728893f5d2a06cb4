"""The dask cluster of a run: nobody else may talk to it."""

import ssl
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest

from pipeline.engine.local_cluster import LOOPBACK, local_cluster


def listening() -> list[tuple[str, int]]:
    """Addresses and ports on which this process and those that it started listen."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    connections = [c for p in processes for c in p.net_connections("inet")]
    return [(c.laddr.ip, c.laddr.port) for c in connections if c.status == psutil.CONN_LISTEN]


def test_all_that_listens_is_local_and_encrypted():
    before = set(listening())
    with local_cluster(1, {"OMP_NUM_THREADS": "1"}) as client:
        assert client.submit(sum, [1, 2]).result() == 3
        opened = set(listening()) - before
        workers = client.scheduler_info()["workers"]
        assert client.scheduler.address.startswith("tls://")
        assert all(address.startswith("tls://") for address in workers)
        assert len(opened) == 3  # the scheduler, the worker and what watches over it
        assert {address for address, _ in opened} == {LOOPBACK}
        for address, port in opened:
            with pytest.raises((URLError, ConnectionError)):
                urlopen(f"http://{address}:{port}/", timeout=5)
            stranger = ssl.create_default_context()
            stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
            # TLS, and not without the run's certificate
            with pytest.raises((URLError, ssl.SSLError, ConnectionError)):
                urlopen(f"https://{address}:{port}/", timeout=5, context=stranger)
