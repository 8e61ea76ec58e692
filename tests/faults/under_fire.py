"""Reports while everything is killed: agents with real queues, feeders, a killer, and the books
that must balance afterwards. Used by tests/acceptance/main-job/05-exactly-once-under-fire."""
import contextlib
import random
import socket
import sqlite3
import struct
import threading
import time

from desk import Desk, schema
from otk_test import Failed, Service, check, check_equal, eventually

PERSON, CHECK = 2, 1
FILED, NOTED, RESOLVED, CLOSED, REOPENED, STORED = range(1, 7)
LEVEL_FIRED, CLOCK_BREACHED, STARTED, STATE_CHANGED = 15, 12, 8, 2

CHECKS = """checks:
  - name: present
    host: {code}
    command: [/usr/bin/test, -e, {file}]
    max_attempts: 1
    check_interval: 1s
    retry_interval: 1s
"""


class Field(Desk):
    """A desk with many agents, and targets so short that levels fire meanwhile."""

    def __init__(self, agents, response_s, resolution_s, **options):
        self.codes = [f"a{i:03}" for i in range(agents)]
        self.response_s, self.resolution_s = response_s, resolution_s
        super().__init__(fsync=True, **options)

    def make(self):
        super().make()
        self.psql(f"""DELETE FROM contract_target; DELETE FROM contract_level;
            INSERT INTO contract_target (contract_version_id, position, type, priority, clock, target)
                VALUES (1, 1, 0, 0, 1, '{self.response_s}s'), (1, 2, 0, 0, 3, '{self.resolution_s}s');
            INSERT INTO contract_level (contract_version_id, clock, level, at, name) VALUES
                (1, 1, 1, '50%', 'half'), (1, 1, 2, '+1s', 'late'),
                (1, 3, 1, '50%', 'half'), (1, 3, 2, '+1s', 'late')""")
        self.know_agents(self.codes)
        for code in self.codes:
            self.agent(code, CHECKS.format(code=code, file=self.folder / f"agent-{code}/present"),
                       settings={"log_level": "warn"})

    def local(self, code, request):
        """One request to the agent's socket; ConnectionError: nothing was sent."""
        message = request.SerializeToString()
        with socket.socket(socket.AF_UNIX) as to:
            to.settimeout(20)
            try:
                to.connect(str(self.folder / f"agent-{code}/sock"))
            except OSError as error:
                raise ConnectionError from error
            to.sendall(struct.pack(">I", len(message)) + message)
            data = b""
            while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
                piece = to.recv(65536)
                if not piece:
                    raise EOFError
                data += piece
        return schema().local.AgentLocalResponse.FromString(data[4:])

    def queue(self, code):
        """(epoch, mark, head, {seq: Report}) of an agent's file."""
        path = self.folder / f"agent-{code}/queue.db"
        with contextlib.closing(sqlite3.connect(path, timeout=20)) as db:
            epoch, mark, head = db.execute("SELECT epoch, mark, head FROM meta").fetchone()
            entries = {seq: schema().agent.Report.FromString(payload)
                       for seq, payload in db.execute("SELECT seq, payload FROM entry")}
        return epoch, mark, head, entries

    def waiting(self):
        """Reports that the server has not taken yet, over all agents."""
        total = 0
        for code in self.codes:
            with contextlib.closing(sqlite3.connect(self.folder / f"agent-{code}/queue.db",
                                                    timeout=20)) as db:
                mark, head = db.execute("SELECT mark, head FROM meta").fetchone()
                total += head - mark
        return total


class Fire:
    """Feeders that report and a killer that kills, both by the progress of the other, so that the
    kills are spread over the whole of the feeding."""

    def __init__(self, field, reports, kills, seed):
        self.field, self.reports, self.kills = field, reports, kills
        self.random = random.Random(seed)
        self.acked = {code: {} for code in field.codes}  # code: {number: title}
        self.count, self.killed = 0, []
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.errors = []

    def _may_feed(self):
        return self.count < (len(self.killed) + 1) * self.reports // self.kills

    def _feed(self, code):
        local, n = schema().local, 0
        while not self.over.is_set():
            if not self._may_feed():
                time.sleep(0.02)
                continue
            n += 1
            title = f"{code} report {n}"
            request = local.AgentLocalRequest(report={"kind": PERSON, "title": title})
            try:
                answer = self.field.local(code, request)
            except ConnectionError:
                time.sleep(0.05)
                continue
            except (OSError, EOFError, struct.error):
                continue  # what became of it is not known: it was not acknowledged
            if answer.HasField("error"):
                self.errors.append(answer.error.message)
                continue
            with self.lock:
                self.acked[code][answer.seq] = title
                self.count += 1
                if self.count >= self.reports and len(self.killed) >= self.kills:
                    self.over.set()

    def _kill(self, kind):
        field = self.field
        if kind == "postgres":
            field.cluster.kill()
            field.cluster.start()
        elif kind == "agent":
            agent = field.agents[self.random.choice(field.codes)]
            agent.kill()
            agent.start()
        elif kind == "master":
            field.servers[0].kill()
            field.servers[0].start()
        else:
            return field.servers[0].kill_child(kind) is not None
        return True

    def _plan(self):
        """Every kind is killed, in a random order."""
        kinds = ["api", "agent", "postgres", "jobs", "api", "agent", "agent", "master"]
        plan = (kinds * (self.kills // len(kinds) + 1))[:self.kills]
        self.random.shuffle(plan)
        return plan

    def _flip(self):
        """The watched things come and go."""
        while not self.over.is_set():
            path = self.field.folder / f"agent-{self.random.choice(self.field.codes)}/present"
            if path.exists():
                path.unlink()
            else:
                path.touch()
            time.sleep(0.1)

    def burn(self, timeout):
        threads = [threading.Thread(target=self._feed, args=(code,), daemon=True)
                   for code in self.field.codes]
        threads.append(threading.Thread(target=self._flip, daemon=True))
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + timeout
        for i, kind in enumerate(self._plan()):
            while self.count < i * self.reports // self.kills:
                if time.monotonic() > deadline:
                    raise Failed(f"only {self.count} reports and {i} kills within {timeout} s")
                time.sleep(0.01)
            time.sleep(self.random.uniform(0, 0.2))
            while not self._kill(kind):
                time.sleep(0.05)
            self.killed.append(kind)
        while not self.over.wait(1):
            if time.monotonic() > deadline:
                raise Failed(f"only {self.count} reports within {timeout} s")
        for thread in threads:
            thread.join(30)


def books_balance(field, fire):
    """Queues, reports, tickets: each report exactly once, and nothing that nobody reported."""
    ids = dict(field.rows("SELECT code, principal_id FROM principal WHERE kind = 2"))
    check_equal(field.rows("SELECT agent_id, quarantined FROM agent_mark WHERE quarantined IS NOT NULL"),
                [], "no queue is quarantined")
    stored = {}
    for agent, epoch, seq, kind, outcome, ticket, output, counter, title in field.rows(
            "SELECT r.agent_id, r.epoch, r.seq, r.kind, r.outcome, r.ticket_id, r.output, r.counter, t.title "
            "FROM report r LEFT JOIN ticket t USING (customer_id, ticket_id)"):
        key = (agent, epoch.replace("-", ""), int(seq))
        check(key not in stored, "a number once", key)
        stored[key] = (int(kind), int(outcome), ticket, output, counter, title)
    queued = 0
    for code in field.codes:
        epoch, mark, head, entries = field.queue(code)
        check_equal((mark, sorted(entries)), (head, list(range(1, head + 1))), f"{code}: all is delivered")
        queued += head
        for seq, report in entries.items():
            row = stored.get((ids[code], epoch.hex(), seq))
            check(row is not None, f"{code}: report {seq} is in the database")
            if report.kind == PERSON:
                check_equal((row[0], row[1], row[3], row[5]), (PERSON, FILED, report.title, report.title),
                            f"{code}: report {seq} is filed as a ticket of its own")
            elif report.kind == CHECK:
                check_equal((row[0], row[4]), (CHECK, str(report.counter)), f"{code}: report {seq}")
        for seq, title in fire.acked[code].items():
            check_equal(entries[seq].title, title, f"{code}: what was acknowledged as {seq}")
    check_equal(len(stored), queued, "no report that no queue holds")
    check_equal(field.value("SELECT count(*) - count(DISTINCT ticket_id) FROM report WHERE outcome = 1"), "0",
                "each filed report has a ticket of its own")
    # A failure that passed in a backlog is a record, without clocks, filed at its recovery.
    check_equal(field.value("SELECT count(*) FROM (SELECT t.ticket_id FROM ticket t LEFT JOIN report r ON "
                            "r.ticket_id = t.ticket_id AND r.outcome = CASE WHEN EXISTS (SELECT FROM sla_clock c "
                            "WHERE c.ticket_id = t.ticket_id) THEN 1 ELSE 3 END GROUP BY 1 HAVING "
                            "count(r.ticket_id) <> 1) x"), "0", "each ticket has one report that filed it")
    check_equal(field.value("SELECT count(*) FROM (SELECT r.agent_id FROM report r JOIN ticket t USING "
                            "(ticket_id) WHERE t.machine_filed AND t.state < 5 AND r.outcome = 1 "
                            "GROUP BY 1 HAVING count(*) > 1) x"), "0",
                "a check has one open incident at most")
    check_equal(field.value("SELECT count(*) FROM (SELECT t.ticket_id FROM ticket t LEFT JOIN event e USING "
                            "(customer_id, ticket_id) GROUP BY t.ticket_id, t.version HAVING t.version <> "
                            "count(e.seq)) x"), "0", "journals are whole")
    return queued


def levels_fired_once(field):
    """What the contract owes, computed from the tickets alone, against what the journal says."""
    field.psql(f"""CREATE TEMP VIEW owed AS
        SELECT t.ticket_id, k.clock, k.level,
            t.created_at + make_interval(secs => k.target * k.share + k.later) AS at
        FROM ticket t, (VALUES (1, 1, {field.response_s}, 0.5, 0), (1, 2, {field.response_s}, 1.0, 1),
            (3, 1, {field.resolution_s}, 0.5, 0), (3, 2, {field.resolution_s}, 1.0, 1))
            k(clock, level, target, share, later)
        WHERE NOT t.machine_filed;
        CREATE TEMP VIEW fired AS
        SELECT e.ticket_id, e.clock::integer, e.level::integer, e.occurred_at FROM event e JOIN ticket t USING
            (ticket_id) WHERE e.kind = {LEVEL_FIRED} AND NOT t.machine_filed;
        CREATE TABLE verdict AS SELECT
            (SELECT count(*) FROM (SELECT * FROM owed EXCEPT ALL SELECT * FROM fired) x) AS missed,
            (SELECT count(*) FROM (SELECT * FROM fired EXCEPT ALL SELECT * FROM owed) x) AS wrong,
            (SELECT count(*) FROM fired) AS fired""")
    missed, wrong, fired = map(int, field.rows("SELECT * FROM verdict")[0])
    check_equal((missed, wrong), (0, 0), "levels missed, and fired twice or at the wrong instant")
    check_equal(field.value(f"""SELECT count(*) FROM (SELECT ticket_id, clock FROM event
        WHERE kind = {CLOCK_BREACHED} GROUP BY 1, 2 HAVING count(*) > 1) x"""), "0", "breaches twice")
    # Incidents of checks run again when they reopen: a level at most once for each time.
    check_equal(field.value(f"""SELECT count(*) FROM (SELECT e.ticket_id FROM event e JOIN ticket t
        USING (ticket_id) WHERE e.kind = {LEVEL_FIRED} AND t.machine_filed
        GROUP BY e.ticket_id, e.clock, e.level, t.reopen_count HAVING count(*) > 1 + t.reopen_count) x"""),
        "0", "levels of a check's incident more often than it was armed")
    check_equal(field.value(f"""SELECT count(*) FROM sla_clock c JOIN ticket t USING (customer_id, ticket_id),
        unnest(c.level_state) WITH ORDINALITY AS l(state, level) WHERE NOT t.machine_filed AND
        (l.state = 1) <> EXISTS (SELECT FROM event e WHERE e.customer_id = c.customer_id
            AND e.ticket_id = c.ticket_id AND e.kind = {LEVEL_FIRED} AND e.clock = c.kind
            AND e.level = l.level)"""), "0",
        "clocks and journal disagree on levels")
    return fired


def burn(agents, reports, kills, response_s, resolution_s, seed, timeout):
    """All of it; the figure as text."""
    with Field(agents, response_s, resolution_s, api=2, jobs=2, settings={"log_level": "info"}) as field:
        fire = Fire(field, reports, kills, seed)
        for code in field.codes:
            eventually(lambda c=code: field.local(c, schema().local.AgentLocalRequest(status=True)),
                       f"agent {code} listens", 30)
        started = time.monotonic()
        fire.burn(timeout)
        eventually(lambda: field.waiting() == 0, "all reports are delivered", 120)
        seconds = time.monotonic() - started
        for code in field.codes:
            field.agents[code].stop()
        eventually(lambda: field.waiting() == 0, "nothing came while the agents stopped", 5)
        eventually(lambda: field.value("SELECT count(*) FROM timer WHERE at < clock_timestamp()") == "0"
                   and field.value("SELECT count(*) FROM sla_clock c JOIN ticket t USING (ticket_id) "
                                   "WHERE NOT t.machine_filed AND 0 = ANY (c.level_state)") == "0",
                   "all that is owed has fired", 60 + 2 * resolution_s)
        queued = books_balance(field, fire)
        fired = levels_fired_once(field)
        acked = sum(map(len, fire.acked.values()))
        check(acked >= reports, "enough was acknowledged", acked)
        check_equal(fire.errors, [], "the agents refused nothing")
        kinds = ", ".join(f"{fire.killed.count(kind)} {kind}" for kind in sorted(set(fire.killed)))
        return (f"{queued} reports of {agents} agents ({acked} acknowledged to people), each exactly once, "
                f"and {fired} levels, none missed or doubled, through {len(fire.killed)} kills ({kinds}) "
                f"in {seconds:.0f} s (seed {seed})")
