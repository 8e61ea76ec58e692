#!/usr/bin/python3
"""Escalation levels act: hand over, raise, add watchers; reach who is on call; an acknowledgement
stops them; after downtime all that are owed fire in order and one letter names them."""
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from mailbox import Mailbox, Office, last, text_of  # noqa: E402
from otk_test import ROOT, check, check_equal, eventually, run  # noqa: E402

# Acme's response is 30 minutes; of the update clock nothing is told. Ivan is on call for the
# desk, Lena for the field; Ivan is in the desk, Eva in the field.
LADDER = """
DELETE FROM contract_level WHERE contract_version_id = 1;
INSERT INTO contract_level (contract_version_id, clock, level, at, name, actions) VALUES
	(1, 1, 1, '50%', 'half', 'notify on-call, notify eva'),
	(1, 1, 2, '-5m', 'soon', 'assign field, raise priority, watch mark'),
	(1, 1, 3, '100%', 'broken', 'notify lead, notify watchers, quiet send'),
	(1, 3, 1, '50%', 'late', 'notify lead, quiet on-call');
INSERT INTO team_member VALUES (1, 14), (2, 13);
INSERT INTO oncall_rota (code, team_id, layer, zone, people, period, hand_over, start, coverage) VALUES
	('desk-1', 1, 1, 'UTC', '{14}', '1w', '09:00', '2026-01-05', 'always'),
	('field-1', 2, 2, 'UTC', '{15}', '1w', '09:00', '2026-01-05', 'always');
"""
FIRED, SKIPPED = 15, 16


def _ladder(otk, more=""):
    otk.psql(LADDER + more + "UPDATE installation SET epoch = epoch + 1;"
             "SELECT pg_notify('otklik_reference', '')")


def _filed(otk):
    """A ticket of Acme that the desk has."""
    ticket = otk.peer("olga").ticket("create", title="Dark").id
    otk.peer("eva").ticket("assign", ticket_id=ticket, team="desk")
    return ticket


def _journal(otk, ticket, kinds):
    return otk.rows(f"""SELECT kind, clock, level, cause, occurred_at AT TIME ZONE 'UTC'
        FROM event WHERE ticket_id = {ticket} AND kind IN ({kinds}) ORDER BY seq""")


def _fired(otk, ticket):
    return [(int(r[1]), int(r[2])) for r in _journal(otk, ticket, FIRED)]


def levels_act_and_reach_whom_they_should():
    with Mailbox() as box, Office(box.port) as otk:
        _ladder(otk)
        ticket = _filed(otk)
        otk.clock.advance("16m")
        check_equal(last(box, "ivan", 1)["Subject"], f"[#{ticket}] half: Dark", "who is on call for the desk")
        last(box, "eva", 1)
        otk.clock.advance("10m")
        eventually(lambda: _fired(otk, ticket) == [(1, 1), (1, 2)], "the second level")
        row = otk.rows(f"SELECT t.code, priority, raised, watchers, assignee_id FROM ticket JOIN team t "
                       f"USING (team_id) WHERE ticket_id = {ticket}")[0]
        check_equal(row[:4], ["field", "3", "2", "{16}"], "handed over, raised, watched")
        otk.clock.advance("10m")
        # Its own lead; the watcher; the rota of the field has its first layer empty.
        last(box, "lena", 1)
        last(box, "mark", 1)
        eventually(otk.quiet, "all is told")
        why = otk.rows("SELECT p.code, o.reason FROM outbox o JOIN principal p ON p.principal_id = o.recipient_id "
                       "WHERE o.kind = 7 ORDER BY o.outbox_id, p.code")
        check_equal(sorted(map(tuple, why)), [("eva", "named"), ("ivan", "on call"), ("lena", "lead"),
                                              ("mark", "watches")], "by which word")
        for kind, count in ((3, 2), (6, 1), (26, 1)):
            check_equal(otk.value(f"SELECT count(*) FROM event WHERE ticket_id = {ticket} AND kind = {kind}"
                                  f" AND (cause = 21 OR kind = 3)"), str(count), f"entries of kind {kind}")
        classified = [e for e in otk.peer("lena").events(ticket) if e.kind == 6]
        check_equal(len(classified), 1, "one raise, told to whoever reads")
        check_equal(_fired(otk, ticket), [(1, 1), (1, 2), (1, 3)], "each once, in order")
        # The rest of the ladder, after quiet nights for the lead: Lena is on call herself.
        otk.clock.advance("2h")
        eventually(lambda: (3, 1) in _fired(otk, ticket), "the resolution's level")
        last(box, "lena", 2)
        eventually(otk.quiet, "all is told")
        _another_version_words_no_level_of_the_old_one(otk, box)


# Acme's second version: other words, and a clock of the provider's own.
SECOND = """
INSERT INTO contract_version (contract_version_id, contract_id, version, calendar_id, valid_from, applied_at, matrix,
	pauses) SELECT 3, 1, 2, 1, '2026-03-02T09:00:00Z', '2026-03-02T09:00:00Z', matrix, pauses
	FROM contract_version WHERE contract_version_id = 1;
INSERT INTO contract_target (contract_version_id, position, type, priority, clock, target) VALUES
	(3, 1, 0, 0, 1, '30m'), (3, 2, 0, 0, 3, '4h'), (3, 3, 0, 0, 4, '20m');
INSERT INTO contract_level (contract_version_id, clock, level, at, name, actions) VALUES
	(3, 1, 1, '50%', 'other', 'notify contact'),
	(3, 4, 1, '50%', 'kept', 'notify watchers, notify mark, quiet send');
"""


def _another_version_words_no_level_of_the_old_one(otk, box):
    ticket = _filed(otk)
    for person in ("mark", "lena"):
        otk.psql(f"UPDATE ticket SET watchers = watchers || (SELECT principal_id FROM principal "
                 f"WHERE code = '{person}') WHERE ticket_id = {ticket}")
    eventually(otk.quiet, "filed and told")
    before = {person: len(box.to(person)) for person in ("eva", "olga", "lena", "mark")}
    otk.psql(SECOND + "UPDATE installation SET epoch = epoch + 1; SELECT pg_notify('otklik_reference', '')")
    frozen = otk.servers[0].children("jobs")
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    otk.clock.advance("16m")
    eventually(lambda: otk.admin.json("contract", "apply-to", "acme-gold", "--tickets", ticket, "--yes") or True, "moved")
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    check_equal(_fired(otk, ticket), [(1, 1)], "what was owed before is of the old version")
    eventually(lambda: len(box.to("eva")) > before["eva"], "it tells whom that names")
    check("half: Dark" in box.to("eva")[-1]["Subject"], "by its name", box.to("eva")[-1]["Subject"])
    eventually(otk.quiet, "all is told")
    check_equal(len(box.to("olga")), before["olga"], "and nobody whom the new one names")
    otk.clock.advance("11m")
    eventually(lambda: (4, 1) in _fired(otk, ticket), "the team's own clock")
    eventually(otk.quiet, "all is told")
    check("kept" in box.to("lena")[-1]["Subject"], "the provider's own hear of it", box.to("lena")[-1]["Subject"])
    check_equal(len(box.to("mark")), before["mark"], "nobody of the customer's, watching and named")


def an_acknowledgement_stops_the_ladder_and_quiet_hours_ask_who_is_on_call():
    with Mailbox() as box, Office(box.port) as otk:
        _ladder(otk, """UPDATE contract_version SET ack_stops = 1 << 1 WHERE contract_version_id = 1;
            INSERT INTO preference SELECT p, 1, 0, 0, 0, 1439, '{}', false, false, '2026-01-01Z', NULL
                FROM unnest('{13, 14, 15}'::integer[]) p;""")
        ticket = _filed(otk)
        otk.clock.advance("16m")
        eventually(lambda: _fired(otk, ticket) == [(1, 1)], "the first level")
        last(box, "ivan", 1)
        check_equal(otk.rows("SELECT p.code, o.reason, o.next_at > o.created_at FROM outbox o JOIN principal p "
                             "ON p.principal_id = o.recipient_id WHERE o.kind = 7 ORDER BY 1"),
                    [["eva", "named, in quiet hours: waits", "t"], ["ivan", "on call", "f"]],
                    "whoever is on call is not left alone; others are")
        otk.peer("eva").ticket("take", ticket_id=ticket)
        skipped = _journal(otk, ticket, SKIPPED)
        check_equal([(r[1], r[2], r[3]) for r in skipped], [("1", "2", "22"), ("1", "3", "22")],
                    "what was armed is skipped, because somebody took it up")
        otk.clock.advance("2h")
        eventually(lambda: _fired(otk, ticket) == [(1, 1), (3, 1)], "other ladders go on")
        check(otk.value(f"SELECT breached_at FROM sla_clock WHERE ticket_id = {ticket} AND kind = 1") != "",
              "the clock itself runs on")
        letter = last(box, "ivan", 2)
        check("late" in letter["Subject"], "the lead is asleep: who is on call", letter["Subject"])
        told = [n["reason"] for n in otk.admin.json("outbox", "list") if n["person"] == "ivan"]
        check_equal(told, ["on call", "lead, in quiet hours: on call instead"], "and the list says why")
        check_equal(box.to("lena"), [], "she sleeps on")


def after_downtime_one_letter_names_all_levels_in_order():
    with Mailbox() as box, Office(box.port) as otk:
        _ladder(otk, """UPDATE contract_level SET actions = 'notify lead';""")
        ticket = _filed(otk)
        eventually(otk.quiet, "told that it is filed")
        otk.servers[0].stop()
        otk.clock.advance("1d")
        otk.servers[0].start()
        letter = last(box, "lena", 1)
        words = text_of(letter)
        places = [words.find(name) for name in ("half", "soon", "broken", "late")]
        check(all(p >= 0 for p in places) and places == sorted(places), "all levels, in order", words)
        eventually(otk.quiet, "all is told")
        last(box, "lena", 1)
        rows = otk.rows(f"""SELECT level, (recorded_at - occurred_at) > interval '20 hours' FROM event
            WHERE ticket_id = {ticket} AND kind = {FIRED} ORDER BY seq""")
        check_equal(rows, [["1", "t"], ["2", "t"], ["3", "t"], ["1", "t"]], "with their lateness")
        check_equal(otk.value(f"SELECT count(DISTINCT batch) FROM outbox WHERE kind = 7 AND ticket_id = {ticket}"),
                    "1", "one message")
        _stretches_part_no_ticket(otk)


def _stretches_part_no_ticket(otk):
    """What the dispatcher reads in one round, for rounds of any size."""
    text = (ROOT / "server/sql/outbox.sql").read_text()
    statement = text[text.index("-- name: dispatch_read"):text.index("-- name: outbox_dispatch")]
    ticket = otk.peer("olga").ticket("create", title="Two").id
    otk.peer("eva").ticket("reply", ticket_id=ticket, text="News")
    eventually(otk.quiet, "all is in the feed")
    feed = otk.rows("SELECT rev, ticket_id FROM feed ORDER BY rev")
    ends = {int(feed[i][0]) for i in range(len(feed)) if i + 1 == len(feed) or feed[i][1] != feed[i + 1][1]}
    otk.servers[0].stop()
    otk.psql("UPDATE dispatch SET rev = 0")
    for size in range(1, len(feed) + 2):
        row = otk.rows(statement.rstrip().rstrip(";").replace("$1", str(size)))[0]
        longest = int(row[1]) == size and size < max(ends)
        check(int(row[1]) in ends or longest and not any(end < size for end in ends),
              f"a round of {size} ends between tickets, or is of one ticket", row[1], sorted(ends))
    otk.psql("UPDATE dispatch SET rev = (SELECT rev FROM feed_state)")


run()
