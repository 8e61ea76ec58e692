#!/usr/bin/python3
"""What was acknowledged stays, and what is sent again is done once, whoever dies in between."""
import os
import signal
import sys
import threading
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import Desk, Refused  # noqa: E402
from otk_test import check, check_equal, eventually, run  # noqa: E402

START = "2026-03-02T09:00:00Z"
RETRIABLE = (4, 8, 14)


class Worker(threading.Thread):
    """Files tickets and notes on them; each call is repeated under its key until it is answered."""

    def __init__(self, otk, stop):
        super().__init__(daemon=True)
        self.otk, self.stop, self.peer = otk, stop, None
        self.acknowledged, self.noted, self.repeated, self.problem = [], 0, 0, None

    def insist(self, verb, **fields):
        key = uuid.uuid4().bytes
        deadline = time.monotonic() + 40
        while True:
            try:
                if self.peer is None:
                    self.peer = self.otk.peer("eva")
                return self.peer.ticket(verb, key=key, **fields)
            except Refused as refused:
                if refused.status.code not in RETRIABLE or time.monotonic() > deadline:
                    raise
            except Exception:
                if time.monotonic() > deadline:
                    raise
                self.peer = None
            self.repeated += 1
            time.sleep(0.1)

    def run(self):
        try:
            while not self.stop.is_set():
                ticket = self.insist("create", customer="acme", title="x")
                self.acknowledged.append(ticket.id)
                self.insist("note", ticket_id=ticket.id, text="noted")
                self.noted += 1
        except Exception as problem:
            self.problem = problem


def _through(kill, times=2, seen=False):
    with Desk(clock=START, api=2, fsync=True) as otk:
        stop = threading.Event()
        workers = [Worker(otk, stop) for _ in range(4)]
        for worker in workers:
            worker.start()
        for _ in range(times):
            time.sleep(0.7)
            kill(otk)
        time.sleep(0.7)
        stop.set()
        for worker in workers:
            worker.join(60)
        check_equal([w.problem for w in workers if w.problem], [], "every call is answered in the end")
        ids = sorted(i for w in workers for i in w.acknowledged)
        check(len(ids) > 20, "tickets were filed", len(ids))
        check_equal([int(r[0]) for r in otk.rows("SELECT ticket_id FROM ticket ORDER BY ticket_id")],
                    ids, "the tickets are those acknowledged, each once")
        check_equal(otk.value("SELECT count(*) FROM event WHERE kind = 5"),
                    str(sum(w.noted for w in workers)), "and so are the notes")
        eventually(lambda: otk.value("SELECT (SELECT count(*) FROM event) = (SELECT count(*) FROM feed)")
                   == "t", "the feed has every entry")
        eventually(lambda: otk.value("SELECT (SELECT rev FROM kpi_fold) = (SELECT rev FROM feed_state)")
                   == "t", "all is counted")
        check_equal(otk.admin.run("kpi", "verify"), "", "all is counted once")
        otk.psql("UPDATE kpi_cell SET n = n + 1 WHERE metric = (SELECT min(metric) FROM kpi_cell)")
        check(otk.admin.run("kpi", "verify", expect=None) != "", "a wrong figure would be told")
        if seen:
            check(sum(w.repeated for w in workers) > 0, "the clients had to repeat something")


def tickets_survive_a_crash_of_the_database():
    def kill(otk):
        otk.cluster.kill()
        otk.cluster.start()

    # The servers replay what was under way: clients only wait.
    _through(kill)


def tickets_survive_the_death_of_server_processes():
    def kill(otk):
        for child in otk.servers[0].children("api"):
            os.kill(child, signal.SIGKILL)

    _through(kill, times=3, seen=True)


def tickets_survive_the_death_of_the_jobs_and_of_a_whole_server():
    def kill(otk):
        otk.servers[0].kill_child("jobs")
        time.sleep(0.3)
        otk.servers[0].kill()
        otk.servers[0].start()

    _through(kill, seen=True)


run()
