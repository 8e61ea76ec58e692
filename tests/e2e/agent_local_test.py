#!/usr/bin/python3
"""The site agent alone: what it accepted survives any kill, and reaches a failing server once."""
# time-limit: 180
import contextlib
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from fake_server import FakeServer, Schema  # noqa: E402
from otk_test import PKI, Pki, Service, binary, check, check_equal, eventually, free_port, run  # noqa: E402

SECONDS = 5
SCHEMA = Schema()


class _Site:
    """An agent's folder: certificates, settings, checks; and its daemon."""

    def __init__(self, checks="checks: []\n"):
        self.folder = Path(tempfile.mkdtemp(dir=os.environ.get("OTKLIK_TEST_DIR", "/tmp")))
        self.pki = self.folder / "pki"
        self.port = free_port()
        certificates = Pki(self.pki, "demo")
        certificates.ca()
        certificates.server()
        certificates.agent("spb-1")
        self.config = self.folder / "agent.conf"
        self.config.write_text(f"""agent = spb-1
server = localhost:{self.port}
ca = {self.pki}/ca.crt
certificate = {self.pki}/agent-spb-1.crt
key = {self.pki}/agent-spb-1.key
data_dir = {self.folder}/data
socket = {self.folder}/agent.sock
checks = {self.folder}/checks.yaml
""")
        (self.folder / "checks.yaml").write_text(checks)
        self.daemon = Service("agent", [binary("otklik-agent"), "run", "--config", self.config],
                              self.folder / "agent.log")

    def call(self, verb, *words, **options):
        return subprocess.run([binary("otklik-agent"), verb, "--config", self.config, *words],
                              text=True, capture_output=True, timeout=60, check=False, **options)

    def report(self, title):
        """The number that was promised, or None."""
        done = self.call("report", "--title", title)
        found = re.fullmatch(r"ok (\d+)\n", done.stdout)
        check_equal(found is not None, done.returncode == 0, "`ok` and exit code 0 go together")
        return int(found[1]) if found else None

    def stored(self):
        """{number: Report} of the queue's file."""
        with contextlib.closing(sqlite3.connect(self.folder / "data/queue.db")) as db:
            check_equal(db.execute("PRAGMA integrity_check").fetchone()[0], "ok", "the file")
            return {seq: SCHEMA.Report.FromString(payload)
                    for seq, payload in db.execute("SELECT seq, payload FROM entry ORDER BY seq")}


def _hammer(site, stop, accepted, name):
    """Reports without pause until told to stop; notes what was accepted."""
    n = 0
    while not stop.is_set():
        n += 1
        title = f"{name} report {n}"
        with contextlib.suppress(subprocess.TimeoutExpired):
            seq = site.report(title)
            if seq is not None:
                accepted.append((seq, title))


@contextlib.contextmanager
def _hammering(site, writers=3):
    stop = threading.Event()
    accepted = []
    threads = [threading.Thread(target=_hammer, args=(site, stop, accepted, f"w{i}"))
               for i in range(writers)]
    for thread in threads:
        thread.start()
    try:
        yield accepted
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _kill_at_random(site, seconds, rng):
    kills = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        site.daemon.start()
        time.sleep(rng.uniform(0.02, 0.5))
        site.daemon.kill()
        kills += 1
        time.sleep(rng.uniform(0, 0.1))  # commands write into the queue by themselves
    return kills


def no_accepted_report_is_lost_when_the_daemon_is_killed():
    site = _Site()
    with _hammering(site) as accepted:
        kills = _kill_at_random(site, SECONDS, random.Random(7))
    stored = site.stored()
    check(kills >= 5 and len(accepted) >= 20, "enough happened", kills, len(accepted))
    for seq, title in accepted:
        check(seq in stored and stored[seq].title == title, "an accepted report is there", seq, title)
    check_equal(len({seq for seq, _ in accepted}), len(accepted), "no number was given twice")
    check_equal(sorted(stored), list(range(1, len(stored) + 1)), "numbers run without gaps")
    check(not list(site.folder.glob("data/*corrupt*")), "no file had to be set aside")
    print(f"{kills} kills, {len(accepted)} reports accepted, {len(stored)} stored")


def every_report_reaches_a_failing_server_once_and_in_order():
    site = _Site()
    server = FakeServer(SCHEMA, site.port, site.pki, faults=0.12)
    with _hammering(site, writers=2) as accepted:
        _kill_at_random(site, SECONDS, random.Random(11))
    site.daemon.start()
    stored = site.stored()
    eventually(lambda: server.count() >= len(stored), "the backlog arrives", timeout=40)
    site.daemon.stop()
    server.close()
    stored = site.stored()
    check_equal(server.violations, [], "the protocol was kept")
    check_equal(len(server.reports), 1, "one epoch")
    (came,) = server.reports.values()
    check_equal([(r.kind, r.title, r.occurred_at_us) for r in came],
                [(stored[seq].kind, stored[seq].title, stored[seq].occurred_at_us) for seq in sorted(stored)],
                "what the server holds is the queue, in order, once")
    titles = [r.title for r in came]
    for _, title in accepted:
        check_equal(titles.count(title), 1, title)
    check(all(r.age_us >= 0 and r.boot_id for r in came), "age and boot travel along")
    print(f"{len(came)} reports, {server.faults_made} faults of the server")


def a_corrupt_queue_is_set_aside_and_life_goes_on():
    site = _Site()
    check_equal(site.report("before"), 1, "the first number")
    with (site.folder / "data/queue.db").open("r+b") as file:
        file.write(b"not a database at all" * 100)
    site.daemon.start()
    # Whoever opens the queue first sets it aside and says so: here it shall be the daemon.
    eventually(lambda: "msg=running" in site.daemon.log_text(), "the daemon runs")
    eventually(lambda: site.call("status").returncode == 0, "the daemon answers")
    check(site.report("after") is not None, "reports are taken")
    check_equal(len(list(site.folder.glob("data/queue.db.corrupt-*"))), 1, "set aside")
    check("the queue file was corrupt and is set aside" in site.daemon.log_text(), "said loudly")
    server = FakeServer(SCHEMA, site.port, site.pki)
    eventually(lambda: any("queue file corrupt" in r.text for rs in server.reports.values() for r in rs),
               "the server is told of the gap", timeout=30)
    server.close()
    site.daemon.stop()


def checks_report_problem_and_recovery():
    flag = Path(tempfile.mkdtemp(dir=os.environ.get("OTKLIK_TEST_DIR", "/tmp"))) / "state"
    flag.write_text("0")
    site = _Site(f"""checks:
- name: flag
  host: h1
  command: [/bin/sh, -c, "echo told by $0\\\\|a=1; exit $(cat {flag})"]
  check_interval: 1s
  retry_interval: 1s
  max_attempts: 2
  impact: 1
""")
    server = FakeServer(SCHEMA, site.port, site.pki)

    def states():
        return [(r.state, r.output) for rs in server.reports.values() for r in rs if r.host == "h1"]

    site.daemon.start()
    eventually(lambda: [s for s, _ in states()] == [1], "the first state", timeout=20)
    flag.write_text("2")
    eventually(lambda: [s for s, _ in states()] == [1, 3], "the problem", timeout=20)
    site.daemon.kill()
    flag.write_text("0")
    site.daemon.start()
    eventually(lambda: [s for s, _ in states()] == [1, 3, 1], "the recovery, over a crash", timeout=20)
    check(all(output.startswith("told by") for _, output in states()), "the plugin's words")
    status = site.call("status")
    check_equal(status.returncode, 0, "status")
    check("cert       good until 20" in status.stdout, "status shows the certificate", status.stdout)
    check("h1/flag OK hard" in status.stdout, "status shows the check", status.stdout)
    check_equal(site.daemon.stop(), 0, "ends in order")
    server.close()


def commands_say_what_is_wrong():
    site = _Site()
    check_equal(site.call("check-config").returncode, 0, "good settings")
    check("data_dir" in site.call("check-config", "--print").stdout, "--print documents")
    (site.folder / "checks.yaml").write_text("checks:\n- name: x\n  hoist: y\n")
    done = site.call("check-config")
    check_equal(done.returncode, 78, "bad settings")
    check("checks.yaml:3" in done.stderr, "file and line", done.stderr)
    (site.folder / "checks.yaml").write_text(
        "checks:\n- {name: x, host: h, command: [/bin/sh, -c, 'echo hi; exit 1']}\n")
    done = site.call("run-check", "x")
    check_equal((done.returncode, done.stdout), (1, "h x: WARNING\nhi\n"), "run-check")
    check_equal(site.call("run-check", "y").returncode, 66, "unknown check")
    check_equal(site.call("report", "--title", "").returncode, 64, "an empty title")
    check_equal(site.call("report", "--title", "x", "--impact", "4").returncode, 64, "impact 4")
    check_equal(site.call("status").returncode, 69, "status without the daemon")
    check_equal(subprocess.run([binary("otklik-agent"), "dance"], capture_output=True, check=False).returncode,
                64, "unknown verb")
    for days, code, words in (("3", 0, "expires soon"), ("0", 78, "expired")):
        for old in site.pki.glob("agent-*"):
            old.unlink()
        subprocess.run([PKI, "--days", days, "agent", site.pki, "demo", "spb-1"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (site.folder / "checks.yaml").write_text("checks: []")
        time.sleep(1.1)
        done = site.call("check-config")
        check(done.returncode == code and words in done.stderr, f"a certificate of {days} days", done)
    for verb in ("run", "report", "status", "check-config", "run-check"):
        done = site.call(verb, "--help")
        check(done.returncode == 0 and "example" in done.stdout, f"{verb} --help gives an example")


run()
