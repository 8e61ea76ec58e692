#!/usr/bin/python3
"""Runs one pgTAP file on a migrated database of its own. Usage: pgtap.py FILE"""
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cluster import Cluster  # noqa: E402


def main():
    folder = os.environ.get("OTKLIK_TEST_DIR")
    if folder is None:
        return run_here(sys.argv[1])
    cluster = Cluster(Path(folder) / "pg")
    cluster.migrate()
    cluster.psql("CREATE EXTENSION pgtap")
    print(cluster.psql(None, "-P", "pager=off", file=sys.argv[1]))
    return 0


def run_here(file):
    """By hand, outside the runner."""
    with tempfile.TemporaryDirectory(prefix="otk-", dir="/tmp") as folder:
        os.chmod(folder, 0o711)
        cluster = Cluster(Path(folder) / "pg")
        try:
            cluster.migrate()
            cluster.psql("CREATE EXTENSION pgtap")
            print(cluster.psql(None, "-P", "pager=off", file=file))
        finally:
            cluster.destroy()
    return 0


if __name__ == "__main__":
    sys.exit(main())
