"""Escalation levels while everything is killed: many clocks under several servers, a killer, a mail
server and a receiver of webhooks, and the books that must balance afterwards. Used by
tests/acceptance/promises/02-levels-exactly-once."""
import asyncio
import hashlib
import json
import random
import threading
import time

import create
from mailbox import Mailbox
from otk_test import Deployment, Failed, call, check, check_equal, eventually, free_port

LEVEL_FIRED, CLOCK_BREACHED = 15, 12
HOURS = 17  # until the last level has passed
MAIL, WEBHOOK = 1, 2
WAITING, SENT = 1, 2

# Levels of the response clock at 1 h … 8 h, of the resolution clock at 2 h … 16 h; the one at
# half of each is told to the leads, that of the response and the filing to the customer's program.
INSTALLATION = """
name: demo
customers:
  - code: acme
    name: Acme
    zone: Europe/Riga
    webhook: {url: "http://127.0.0.1:@PORT@/in", secret: hook, notices: [created]}
sites: [{code: riga, customer: acme, name: Riga, zone: Europe/Riga}]
teams: [{code: systems, name: Systems}]
people:
  - {code: admin, name: Administrator, grants: [{role: admin}]}
  - {code: lena, name: Lena, email: lena@example.test, grants: [{role: lead}]}
  - {code: lars, name: Lars, email: lars@example.test, grants: [{role: lead}]}
  - {code: requester, name: Requester, customer: acme, grants: [{role: requester, customer: acme}]}
calendars: [{code: hours, zone: Europe/Riga, week: "always"}]
contracts:
  - code: acme-standard
    customer: acme
    calendar: hours
    targets: [{clock: response, target: 10h}, {clock: resolution, target: 20h}]
    levels:
""" + "".join(
    f"      - {{clock: {clock}, at: \"{n}0%\", name: l{n}, actions: [{actions if n == 5 else 'notify assignee'}]}}\n"
    for clock, actions in (("response", "notify lead, webhook"), ("resolution", "notify lead"))
    for n in range(1, 9))
LEVELS = 16


class Receiver:
    """Takes webhooks: {delivery: {hash of the body, …}}. One in a hundred it refuses."""

    def __init__(self, seed):
        self.port, self.taken, self.count = free_port(), {}, 0
        self.random, self.calm = random.Random(seed), False
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self.loop.run_forever()

    async def _serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                body = await reader.readexactly(int(fields["content-length"]))
                refused = not self.calm and self.random.random() < 0.01
                if not refused:
                    self.count += 1
                    told = json.loads(body)
                    self.taken.setdefault(fields["otklik-delivery"], set()).add(
                        hashlib.sha256(json.dumps(told, sort_keys=True).encode()).digest())
                writer.write(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n"
                             % (b"500 No" if refused else b"204 Taken"))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


class Killer:
    """Kills a process of some kind at random moments until it is told to stop."""

    def __init__(self, otk, kills, seed):
        self.otk, self.kills, self.random = otk, kills, random.Random(seed)
        self.done, self.over = [], threading.Event()
        self.error = None
        self.pause = 0.5
        kinds = ["jobs", "jobs", "postgres", "notify", "master", "jobs"]
        self.plan = (kinds * (kills // len(kinds) + 1))[:kills]
        self.random.shuffle(self.plan)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _kill(self, kind):
        server = self.random.choice(self.otk.servers)
        if kind == "postgres":
            self.otk.cluster.kill()
            self.otk.cluster.start()
        elif kind == "master":
            server.kill()
            server.start()
        else:
            return server.kill_child(kind) is not None
        return True

    def _run(self):
        try:
            for kind in self.plan:
                time.sleep(self.random.uniform(0, 2 * self.pause))
                while not self._kill(kind):
                    time.sleep(0.05)
                self.done.append(kind)
        except Exception as error:  # told by the test's own thread
            self.error = error
        self.over.set()
        # What a thread starts dies with it: this one stays until the end of the test.
        threading.Event().wait()

    def finish(self, timeout):
        if not self.over.wait(timeout):
            raise Failed(f"only {len(self.done)} of {self.kills} kills within {timeout} s")
        if self.error:
            raise self.error


def _value(otk, text):
    """A query's value, waiting while PostgreSQL is dead."""
    return eventually(lambda: [otk.value(text)], text, 60)[0]


def _fired(otk):
    return int(_value(otk, f"SELECT count(*) FROM event WHERE kind = {LEVEL_FIRED}"))


def _owed(tickets, hour):
    """Levels owed when `hour` hours and a little have passed."""
    return tickets * (min(hour, 8) + min(hour // 2, 8))


def books_balance(otk, tickets):
    """What the contract owes, computed from the tickets alone, against what the journal says."""
    otk.psql(f"""CREATE TABLE owed AS SELECT t.ticket_id, k.clock, l AS level,
            t.created_at + make_interval(hours => k.hours * l) AS at
        FROM ticket t, (VALUES (1, 1), (3, 2)) k(clock, hours), generate_series(1, 8) l;
        CREATE TABLE fired AS SELECT ticket_id, clock::integer, level::integer, occurred_at AS at
        FROM event WHERE kind = {LEVEL_FIRED}""")
    counts = [int(otk.value(f"SELECT count(*) FROM {what}")) for what in ("owed", "fired")]
    check_equal(counts, [tickets * LEVELS] * 2, "levels owed and fired")
    for a, b, what in (("owed", "fired", "missed"), ("fired", "owed", "doubled or at a wrong instant")):
        check_equal(otk.value(f"SELECT count(*) FROM (SELECT * FROM {a} EXCEPT ALL SELECT * FROM {b}) x"), "0",
                    f"levels {what}")
    check_equal(otk.value(f"""SELECT count(*) FROM (SELECT occurred_at, level,
            lag(occurred_at) OVER w AS before, lag(level) OVER w AS lower FROM event WHERE kind = {LEVEL_FIRED}
            WINDOW w AS (PARTITION BY ticket_id, clock ORDER BY seq)) x
        WHERE before >= occurred_at OR lower >= level"""), "0", "levels of a clock out of order")
    check_equal(otk.value("SELECT count(*) FROM (SELECT t.ticket_id FROM ticket t JOIN event e USING (customer_id, "
                          "ticket_id) GROUP BY t.ticket_id, t.version HAVING t.version <> count(*)) x"), "0",
                "journals are whole")
    check_equal(otk.value("SELECT count(*) FROM (SELECT e.ticket_id FROM event e LEFT JOIN feed f USING (customer_id, "
                          "ticket_id, seq) GROUP BY e.ticket_id, e.seq HAVING count(f.rev) <> 1) x"), "0",
                "entries that are not in the feed once")


def notices_arrived(otk, tickets, box, receiver):
    """Every row of the outbox reached somebody; what came twice came under the same id."""
    letters = {}
    for _, letter in box.letters:
        letters.setdefault(letter["Message-ID"], set()).add(letter.as_bytes())
    wanted = {WEBHOOK: tickets * 2, MAIL: tickets * 2 * 2}
    for channel, count in wanted.items():
        check_equal(otk.value(f"SELECT count(*) FROM outbox WHERE channel = {channel}"), str(count),
                    f"notices of channel {channel}")
    check_equal(otk.value("SELECT count(*) FROM (SELECT FROM outbox GROUP BY ticket_id, seq, kind, channel, "
                          "recipient HAVING count(*) > 1) x"), "0", "notices filed twice")
    check_equal(otk.value(f"SELECT count(*) FROM outbox WHERE state <> {SENT}"), "0", "notices not sent")
    batches = {channel: {row[0] for row in otk.rows(f"SELECT DISTINCT batch FROM outbox WHERE channel = {channel}")}
               for channel in (MAIL, WEBHOOK)}
    mailed = {message.split(".")[1] for message in letters}
    check_equal((batches[MAIL] - mailed, mailed - batches[MAIL]), (set(), set()),
                "letters missing, and letters of no notice")
    hooked = {delivery.split(".")[1] if "." in delivery else delivery for delivery in receiver.taken}
    check_equal((len(batches[WEBHOOK] - hooked), len(hooked - batches[WEBHOOK])), (0, 0),
                "webhooks missing, and webhooks of no notice")
    check_equal([m for m, bodies in receiver.taken.items() if len(bodies) > 1][:5], [],
                "webhooks that say two things under one id")
    return len(box.letters) - len(letters), receiver.count - len(receiver.taken)


def burn(folder, tickets, kills, seed, timeout):
    """All of it; the figure as text."""
    chance = random.Random(seed)
    receiver = Receiver(seed)
    file, secrets = folder / "levels.yaml", folder / "secrets"
    file.write_text(INSTALLATION.replace("@PORT@", str(receiver.port)))
    secrets.mkdir()
    (secrets / "hook").write_text("s3cret\n")
    (secrets / "hook").chmod(0o644)
    secrets.chmod(0o755)
    with Mailbox() as box, Deployment(
            clock="2026-03-02T09:00:00Z", masters=3, jobs=1, fsync=True, installation=file, settings={
                "smtp_url": f"smtp://127.0.0.1:{box.port}", "smtp_from": "desk@otklik.test", "notify_burst": "100",
                "webhook_secret_dir": secrets, "webhook_allow_private": "yes", "log_level": "warn"}) as otk:
        made = json.loads(call(create.load_program(), "requester", "64", f"n{tickets}", "acme", "riga",
                               env=otk.environment, timeout=300))
        check_equal(made["creates"], tickets, "tickets created")
        otk.clock.advance("1s")  # what is due at an instant acts behind it
        started = time.monotonic()
        killer = Killer(otk, kills, seed)
        for hour in range(1, HOURS + 1):
            otk.clock.advance("1h")
            share = chance.random()  # sometimes all has fired before time goes on, sometimes little
            fired = _owed(tickets, hour - 1) + int(share * (_owed(tickets, hour) - _owed(tickets, hour - 1)))
            eventually(lambda n=fired: _fired(otk) >= n, f"levels of hour {hour} fire", timeout)
            # Kills are spread over the firing.
            killer.pause = max(0.05, (time.monotonic() - started) / hour * HOURS / kills / 2)
        wanted = tickets * LEVELS
        eventually(lambda: _fired(otk) >= wanted, "all levels have fired", timeout)
        seconds = time.monotonic() - started
        killer.finish(timeout)
        books_balance(otk, tickets)
        receiver.calm = True

        def delivered():
            otk.clock.advance("3m")  # leases of the dead and retries wait for the server's clock
            time.sleep(0.5)
            return _value(otk, f"SELECT (SELECT rev FROM dispatch) = (SELECT rev FROM feed_state) AND "
                               f"NOT EXISTS (SELECT FROM outbox WHERE state = {WAITING})") == "t"
        eventually(delivered, "all notices are sent", timeout)
        twice = notices_arrived(otk, tickets, box, receiver)
        told = int(otk.value("SELECT count(*) FROM outbox"))
        kinds = ", ".join(f"{killer.done.count(kind)} {kind}" for kind in sorted(set(killer.done)))
        return (f"{wanted} levels of {tickets} tickets under 3 job processes, each once and in order, in {seconds:.0f} s "
                f"through {kills} kills ({kinds}); {told} notices, all delivered, {sum(twice)} messages twice under "
                f"their id (seed {seed})")
