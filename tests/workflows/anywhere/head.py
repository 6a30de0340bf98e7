"""A program, not a test: a cluster of two workers' worth on this machine, until its stdin ends.

python head.py dask|ray     writes its address, a line
"""

import sys
from contextlib import contextmanager


@contextmanager
def dask():
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=2, host="127.0.0.1", dashboard_address=None) as cluster:
        yield cluster.scheduler_address


@contextmanager
def ray():
    import tempfile

    import ray

    with tempfile.TemporaryDirectory(prefix="pivot-", ignore_cleanup_errors=True) as folder:
        told = ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=96 << 20,
            _temp_dir=folder,
        )
        try:
            yield told.address_info["gcs_address"]
        finally:
            ray.shutdown()


if __name__ == "__main__":
    with {"dask": dask, "ray": ray}[sys.argv[1]]() as address:
        print(address, flush=True)
        sys.stdin.read()
