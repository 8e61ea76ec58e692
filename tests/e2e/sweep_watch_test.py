#!/usr/bin/python3
"""Time acts exactly once under several servers, and the feed loses nothing over a crash."""
import os
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import Desk, Refused  # noqa: E402
from otk_test import check, check_equal, eventually, run  # noqa: E402

START = "2026-03-02T09:00:00Z"
BREACHED, LEVEL_FIRED = 12, 15
# Every (clock, level) fires at most once per arming, and here nothing is armed twice.
TWICE = """SELECT count(*) FROM (SELECT FROM event WHERE kind IN (12, 15)
	GROUP BY ticket_id, kind, clock, level HAVING count(*) > 1) x"""


def _count(otk, kind):
    return int(otk.value(f"SELECT count(*) FROM event WHERE kind = {kind}"))


def _sequenced(otk):
    return otk.value("SELECT (SELECT count(*) FROM event) = (SELECT count(*) FROM feed)") == "t"


def levels_and_breaches_come_once_and_in_order_under_two_servers():
    with Desk(clock=START, masters=2) as otk:
        olga = [otk.peer("olga", i % 2) for i in range(4)]
        ids = [olga[i % 4].ticket("create", title=f"t{i}").id for i in range(40)]
        otk.clock.advance("16m")
        eventually(lambda: _count(otk, LEVEL_FIRED) == 40, "the level at half of the response fires")
        otk.servers[0].kill_child("jobs")
        otk.clock.advance("250m")
        eventually(lambda: otk.value("SELECT count(*) FROM timer") == "40" and
                   _count(otk, LEVEL_FIRED) == 40 * 3, "what is owed after four hours fires")
        check_equal(_count(otk, BREACHED), 80, "both clocks of each broke")
        otk.clock.advance("1h")
        eventually(lambda: _count(otk, LEVEL_FIRED) == 40 * 4, "the last level fires")
        check_equal(otk.value(TWICE), "0", "nothing fires twice")
        check_equal(otk.value("SELECT count(*) FROM timer"), "0", "no timer is left")
        rows = otk.rows(f"SELECT kind, clock, occurred_at FROM event WHERE ticket_id = {ids[0]} "
                        "AND kind IN (12, 15) ORDER BY seq")
        instants = [row[2] for row in rows]
        check_equal(instants, sorted(instants), "in the order of their instants")
        check_equal([tuple(row[:2]) for row in rows],
                    [("15", "1"), ("15", "1"), ("12", "1"), ("15", "3"), ("12", "3"), ("15", "3")],
                    "half, soon, broken; half, broken, late")
        late = otk.value("SELECT count(*) FROM sla_clock WHERE breached_at = due_at AND detected_at > due_at")
        check_equal(late, "80", "a breach is dated by its due, whenever it was found")


def a_frozen_sweeper_does_not_stop_the_others():
    with Desk(clock=START, masters=2) as otk:
        olga = otk.peer("olga")
        ticket = olga.ticket("create", title="Frozen")
        leads = eventually(lambda: [s for s in otk.servers if "this process sweeps" in s.log_text()],
                           "one sweeps")[0]
        frozen = leads.children("jobs")[0]
        os.kill(frozen, signal.SIGSTOP)
        try:
            otk.clock.advance("31m")
            eventually(lambda: _count(otk, BREACHED) == 1, "the other one finds the breach", 15)
        finally:
            os.kill(frozen, signal.SIGCONT)
        time.sleep(0.3)
        check_equal(otk.value(TWICE), "0", "the thawed one does not repeat it")
        check_equal(olga.ticket("get", ticket_id=ticket.id).clocks[0].breached_at_us > 0, True, "broken")


def a_command_and_the_sweep_at_once_do_each_thing_once():
    with Desk(clock=START, masters=2) as otk:
        olga = otk.peer("olga")
        ids = [olga.ticket("create", title=f"t{i}").id for i in range(12)]
        peers = [otk.peer("eva", i % 2) for i in range(6)]

        def work(peer, mine):
            for ticket_id in mine:
                peer.ticket("note", ticket_id=ticket_id, text="Looking")

        for _ in range(3):
            otk.clock.advance("25m")
            threads = [threading.Thread(target=work, args=(p, ids[i::6])) for i, p in enumerate(peers)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        eventually(lambda: _count(otk, BREACHED) == 12, "each response broke")
        check_equal(otk.value(TWICE), "0", "nothing fires twice")
        gaps = otk.value("SELECT count(*) FROM ticket t WHERE version <> "
                         "(SELECT count(*) FROM event e WHERE e.ticket_id = t.ticket_id)")
        check_equal(gaps, "0", "journals have no gap")


def an_edited_calendar_acts_on_open_clocks_without_anybody_touching_them():
    with Desk(clock=START) as otk:
        boris = otk.peer("boris")
        ticket = boris.ticket("create", title="Until six")  # 12:00 in Moscow, 8 h: tomorrow
        due = next(c.due_at_us for c in ticket.clocks if c.kind == 3)
        otk.clock.advance("10m")
        otk.psql("INSERT INTO calendar_edition (calendar_id, edition, from_at, zone, week) VALUES "
                 "(2, 2, '2026-03-02T09:10:00Z', 'Europe/Moscow', 'mon-fri 09:00-22:00'); "
                 "UPDATE installation SET epoch = epoch + 1")
        otk.clock.advance("1m")

        def moved():
            now = next(c.due_at_us for c in boris.ticket("get", ticket_id=ticket.id).clocks if c.kind == 3)
            return now < due and now

        check_equal(eventually(moved, "the due comes forward") - ticket.created_at_us, 8 * 3600 * 1000000,
                    "eight hours of the longer day")
        check_equal(otk.value("SELECT count(*) FROM event WHERE kind = 13 AND clock = 3"), "1",
                    "journalled once")


def a_watch_goes_on_where_it_was_left():
    with Desk(clock=START, api=2) as otk:
        olga, eva = otk.peer("olga"), otk.peer("eva")
        watch = eva.watch()
        first = watch.next()
        ticket = olga.ticket("create", title="Seen")
        seen = [watch.next() for _ in range(3)]
        check_equal([i.event.seq for i in seen], [1, 2, 3], "the entries of a new ticket")
        check_equal(seen[0].title, "Seen", "with its title")
        token = seen[0]
        for child in otk.servers[0].children("api"):
            os.kill(child, signal.SIGKILL)
        peer = eventually(lambda: _try(lambda: otk.peer("eva")), "a new child serves", 15)
        again = peer.watch(feed_epoch=token.feed_epoch, after_rev=token.rev)
        check_equal(again.next().rev, token.rev, "the token is where it begins")
        check_equal([again.next().rev for _ in range(2)], [i.rev for i in seen[1:]], "what came after it")
        peer.ticket("note", ticket_id=ticket.id, text="Inside")
        check_equal(again.next().event.text, "Inside", "and what comes now")
        check_equal(int(otk.value("SELECT rev FROM feed_state")), first.rev + 4, "one place an entry")

        # A customer's watch has nothing internal and nothing of others.
        olga = otk.peer("olga")
        mine = olga.watch(feed_epoch=first.feed_epoch, after_rev=first.rev)
        peer.ticket("create", customer="bravo", title="Theirs")
        got = [i.event for i in mine.drain() if i.HasField("event")]
        check(got and all(e.visibility == 1 and e.customer == "acme" for e in got), "own and public", got)
        one = peer.watch(ticket_id=ticket.id, feed_epoch=first.feed_epoch, after_rev=first.rev)
        check_equal({i.event.ticket_id for i in one.drain() if i.HasField("event")}, {ticket.id}, "one ticket")


def _try(call):
    try:
        return call()
    except (OSError, EOFError, Refused):
        return None


def a_token_that_cannot_be_resumed_says_relist():
    with Desk(clock=START) as otk:
        eva = otk.peer("eva")
        epoch = eva.watch().next().feed_epoch
        for what, fields in (
                ("a rev beyond the head", {"feed_epoch": epoch, "after_rev": 99999}),
                ("another epoch", {"feed_epoch": "00000000-0000-4000-8000-000000000000", "after_rev": 0})):
            try:
                eva.watch(**fields).next()
                check(False, what)
            except Refused as refused:
                check_equal((refused.status.code, refused.status.reason), (9, "RELIST"), what)
        olga = otk.peer("olga")
        try:
            olga.watch(customer="bravo").next()
            check(False, "a foreign customer's feed")
        except Refused as refused:
            check_equal(refused.status.reason, "CUSTOMER_NOT_FOUND", "a foreign customer's feed")


def a_watch_ends_when_its_grants_change():
    with Desk(clock=START) as otk:
        ivan, boris = otk.peer("ivan"), otk.peer("boris")
        watch = ivan.watch()
        token = watch.next()
        otk.psql("DELETE FROM principal_grant WHERE principal_id = 14; "
                 "INSERT INTO principal_grant VALUES (14, 2, 1); "
                 "UPDATE installation SET epoch = epoch + 1")

        def ended():
            boris.ticket("create", title="Theirs")
            try:
                watch.drain(0.2)
            except Refused as refused:
                return refused.status.reason
            return None

        check_equal(eventually(ended, "the watch ends"), "GRANTS_CHANGED", "why it ended")

        def sees():
            again = ivan.watch(feed_epoch=token.feed_epoch, after_rev=token.rev)
            try:
                return [i for i in again.drain() if i.HasField("event")]
            except Refused:
                return None

        found = eventually(lambda: None if (items := sees()) is None else [items], "the next one begins")
        check_equal(found, [[]], "and shows nothing of the other customer")


def the_feed_has_every_entry_once_while_a_writer_stays_open():
    with Desk(clock=START) as otk:
        olga = otk.peer("olga")
        open_writer = threading.Thread(
            target=lambda: otk.psql("BEGIN; INSERT INTO kpi_fold_probe VALUES (1); "
                                    "SELECT pg_sleep(2); COMMIT"))
        otk.psql("CREATE TABLE kpi_fold_probe (n integer)")
        open_writer.start()
        made = []
        while open_writer.is_alive():
            made.append(olga.ticket("create", title="x").id)
        check(len(made) > 20, "filing goes on", len(made))
        eventually(lambda: _sequenced(otk), "everything is sequenced", 5)
        check_equal(otk.value("SELECT count(*) - count(DISTINCT (ticket_id, seq)) FROM feed"), "0", "once")
        check_equal(otk.value("SELECT count(*) FROM (SELECT seq - lag(seq) OVER "
                              "(PARTITION BY ticket_id ORDER BY rev) AS d FROM feed) x WHERE d <> 1"),
                    "0", "entries of a ticket in their order")


run()
