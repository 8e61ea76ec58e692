"""Durable creates through the client library beside pgbench on the same cluster.

pgbench calls, once a transaction, the very function that the server calls with a batch of one:
same tables, constraints and indexes. Both are measured in turn, so that what the machine does
besides hits both.
"""
import json
import os
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from otk_test import ROOT, Deployment, Failed, eventually

PGBENCH = "/usr/lib/postgresql/15/bin/pgbench"
INSTALLATION = ROOT / "tests/bench/installation.yaml"
SCRIPT = ROOT / "tests/bench/create_one.sql"


def load_program():
    folder = Path(os.environ.get("OTKLIK_BIN", ROOT / "build/release/bin"))
    return folder.parent / "tests/create_load"


def ours(otk, in_flight, seconds):
    done = subprocess.run(
        [load_program(), "requester", str(in_flight), str(seconds), "acme", "riga"],
        env=otk.environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"create_load: exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def variables(otk):
    row = otk.cluster.psql("""
        SELECT c.customer_id, s.site_id, p.principal_id, v.contract_version_id, v.calendar_id, i.epoch
        FROM customer c JOIN site s USING (customer_id)
            JOIN principal p ON p.code = 'requester', contract_version v, installation i
        WHERE c.code = 'acme'""").strip().split("|")
    names = ["customer", "site", "principal", "contract", "calendar", "epoch"]
    return dict(zip(names, row))


def reference(otk, clients, seconds):
    with tempfile.TemporaryDirectory(dir=otk.folder) as folder:
        defines = [word for k, v in variables(otk).items() for word in ("-D", f"{k}={v}")]
        done = subprocess.run(
            [PGBENCH, "-n", "-M", "prepared", "-h", otk.cluster.socket, "-U", "otklik_app",
             "-f", SCRIPT, "-c", str(clients), "-j", str(min(clients, 2)), "-T", str(seconds),
             "-l", "--log-prefix", f"{folder}/log", *defines, "otklik"],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"pgbench: {done.stdout[-300:]} {done.stderr[-500:]}")
        latencies = sorted(int(line.split()[2]) for log in Path(folder).glob("log*")
                           for line in log.read_text().splitlines())
    tps = float(re.search(r"tps = ([0-9.]+)", done.stdout).group(1))
    return {"per_second": tps, "p50_ms": latencies[len(latencies) // 2] / 1000,
            "p99_ms": latencies[int(0.99 * (len(latencies) - 1))] / 1000}


def settle(otk):
    """Waits until what was measured before is followed by nothing more."""
    eventually(lambda: otk.value("""
        SELECT f.rev = s.rev AND (SELECT count(*) FROM event) = (SELECT count(*) FROM feed)
        FROM kpi_fold f, feed_state s""") == "t", "all is sequenced and folded", 120)


def middle(results, key):
    return statistics.median(result[key] for result in results)


def measure(short):
    """{in flight: {"ours": …, "pgbench": …}}: medians over the rounds."""
    seconds, rounds = (1, {64: 1, 1: 7}) if short else (8, {64: 3, 1: 3})
    answer = {}
    with Deployment(installation=INSTALLATION, fsync=True, settings={"log_level": "warn"}) as otk:
        eventually(lambda: ours(otk, 1, 1)["creates"] > 0, "a ticket is created")
        for in_flight in (64, 1):
            mine, theirs = [], []
            for _ in range(rounds[in_flight]):
                settle(otk)
                theirs.append(reference(otk, in_flight, seconds))
                settle(otk)
                mine.append(ours(otk, in_flight, seconds))
            keys = ("per_second", "p50_ms", "p99_ms")
            answer[in_flight] = {"ours": {k: middle(mine, k) for k in keys},
                                 "pgbench": {k: middle(theirs, k) for k in keys}}
        stored = int(otk.value("SELECT count(*) FROM ticket"))
        answer["tickets"] = stored
    return answer


def report(answer):
    for in_flight in (64, 1):
        for who in ("ours", "pgbench"):
            r = answer[in_flight][who]
            print(f"{in_flight:3d} in flight  {who:8s} {r['per_second']:9.0f}/s  "
                  f"p50 {r['p50_ms']:7.2f} ms  p99 {r['p99_ms']:7.2f} ms")
