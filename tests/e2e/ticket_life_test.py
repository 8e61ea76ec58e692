#!/usr/bin/python3
"""Tickets over the wire: life, keys, versions, what a customer sees, lists, explanations."""
import sys
import threading
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import Desk, Refused  # noqa: E402
from otk_test import check, check_equal, run  # noqa: E402

NEW, ASSIGNED, IN_PROGRESS, PENDING, RESOLVED, CLOSED, CANCELLED = range(1, 8)
RESPONSE, UPDATE, RESOLUTION = 1, 2, 3
RUNNING, PAUSED, MET, LATE, VOID = 1, 2, 3, 4, 5
MINUTE = 60_000_000
START = "2026-03-02T09:00:00Z"


def _clock(ticket, kind):
    return next(c for c in ticket.clocks if c.kind == kind)


def _file(peer, title="No light", **fields):
    return peer.ticket("create", title=title, **fields)


def a_ticket_goes_from_filing_to_closing():
    with Desk(clock=START) as otk:
        olga, eva = otk.peer("olga"), otk.peer("eva")
        ticket = _file(olga, text="It is dark", impact=2, urgency=1)
        check_equal((ticket.state, ticket.priority, ticket.customer, ticket.requester),
                    (NEW, 2, "acme", "olga"), "as filed")
        check_equal(_clock(ticket, RESPONSE).due_at_us - ticket.created_at_us, 30 * MINUTE, "response")
        check_equal(_clock(ticket, RESOLUTION).target, "4h", "resolution")
        otk.clock.advance("10m")
        ticket = eva.ticket("take", ticket_id=ticket.id)
        check_equal((ticket.state, ticket.assignee, ticket.team), (IN_PROGRESS, "eva", "desk"), "taken")
        ticket = eva.ticket("reply", ticket_id=ticket.id, text="On my way")
        check_equal(_clock(ticket, RESPONSE).state, MET, "response after a reply")
        check_equal(_clock(ticket, UPDATE).state, RUNNING, "update clock after a reply")
        ticket = eva.ticket("pend", ticket_id=ticket.id, reason=1, text="Which room?")
        check_equal((ticket.state, _clock(ticket, RESOLUTION).state), (PENDING, PAUSED), "asked")
        otk.clock.advance("2h")
        ticket = olga.ticket("reply", ticket_id=ticket.id, text="The hall")
        check_equal(ticket.state, IN_PROGRESS, "after the answer")
        check_equal(_clock(ticket, RESOLUTION).due_at_us - ticket.created_at_us, 360 * MINUTE,
                    "two hours of waiting do not count")
        ticket = eva.ticket("classify", ticket_id=ticket.id, impact=1, urgency=1, category="power",
                            service="mail", site="hq")
        check_equal((ticket.priority, ticket.category, ticket.service, ticket.site),
                    (1, "power", "mail", "hq"), "classified")
        ticket = eva.ticket("assign", ticket_id=ticket.id, team="field", assignee="ivan")
        check_equal((ticket.team, ticket.assignee), ("field", "ivan"), "assigned")
        ticket = eva.ticket("resolve", ticket_id=ticket.id, text="New bulb")
        check_equal((ticket.state, _clock(ticket, RESOLUTION).state), (RESOLVED, MET), "resolved")
        ticket = olga.ticket("reopen", ticket_id=ticket.id, text="Dark again")
        check_equal((ticket.state, ticket.reopen_count), (IN_PROGRESS, 1), "reopened")
        eva.ticket("resolve", ticket_id=ticket.id, text="New lamp")
        ticket = olga.ticket("close", ticket_id=ticket.id)
        check_equal(ticket.state, CLOSED, "closed by the requester")
        check_equal({c.next_level for c in eva.ticket("get", ticket_id=ticket.id).clocks}, {0}, "no level is to come")
        refused = eva.refused("pend", ticket_id=ticket.id, reason=3)
        check_equal(refused.code, 9, "a closed ticket cannot wait")
        check("closed" in refused.message, "the refusal names the state", refused.message)
        seqs = [e.seq for e in eva.events(ticket.id)]
        check_equal(seqs, list(range(1, ticket.version + 1)), "the journal has no gap")


def a_key_used_again_gives_the_first_outcome():
    with Desk(clock=START) as otk:
        olga, eva = otk.peer("olga"), otk.peer("eva")
        key = uuid.uuid4().bytes
        first = _file(olga, key=key)
        check_equal(_file(olga, key=key).id, first.id, "the same request")
        try:
            _file(olga, key=key, title="Another matter")
            check(False, "another request with that key is refused")
        except Refused as refused:
            check_equal(refused.status.reason, "KEY_REUSED", "another request with that key")
        check(_file(eva, key=key, customer="acme").id != first.id, "keys are of their principal")
        key = uuid.uuid4().bytes
        once = eva.ticket("note", key=key, ticket_id=first.id, text="Looked")
        again = eva.ticket("note", key=key, ticket_id=first.id, text="Looked")
        check_equal(again.version, once.version, "a note is written once")

        # The same key from many at once: one of them files.
        key, ids = uuid.uuid4().bytes, []
        peers = [otk.peer("olga") for _ in range(8)]
        threads = [threading.Thread(target=lambda p=p: ids.append(_file(p, key=key).id)) for p in peers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check_equal((len(ids), len(set(ids))), (8, 1), "eight at once file one ticket")
        check_equal(otk.value("SELECT count(*) FROM ticket"), "3", "tickets in all")


def a_stale_version_is_told_what_changed():
    with Desk(clock=START) as otk:
        olga, eva, ivan = otk.peer("olga"), otk.peer("eva"), otk.peer("ivan")
        ticket = _file(olga)
        seen = ivan.ticket("get", ticket_id=ticket.id).version
        eva.ticket("take", ticket_id=ticket.id)
        eva.ticket("note", ticket_id=ticket.id, text="Mine")
        refused = ivan.refused("take", ticket_id=ticket.id, expected_version=seen)
        check_equal((refused.code, refused.reason), (10, "STALE_VERSION"), "taken meanwhile")
        check_equal(refused.current_version, ivan.ticket("get", ticket_id=ticket.id).version, "version now")
        check(any("eva assigned it to eva" in c for c in refused.changes), "it says who took it",
              refused.changes)
        refused = olga.refused("reply", ticket_id=ticket.id, text="Hello?", expected_version=seen)
        check(not any("note" in c for c in refused.changes), "a customer is told nothing internal",
              refused.changes)

        # Without a version everybody gets through, in some order.
        threads = [threading.Thread(target=lambda i=i: otk.peer("eva").ticket(
            "note", ticket_id=ticket.id, text=f"note {i}")) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        notes = [e for e in eva.events(ticket.id) if e.text.startswith("note ")]
        check_equal(len(notes), 6, "six notes at once are six notes")


def a_customer_sees_its_own_and_only_what_is_public():
    with Desk(clock=START) as otk:
        olga, boris, eva, mark = (otk.peer(p) for p in ("olga", "boris", "eva", "mark"))
        ticket = _file(olga, text="Public")
        other = _file(boris, title="Other")
        eva.ticket("note", ticket_id=ticket.id, text="Internal words")
        for who in (olga, mark):
            events = who.events(ticket.id)
            check(all(e.visibility == 1 for e in events), "only public entries")
            check("Internal words" not in str(events), "no internal words")
            check_equal([t.id for t in who.list().tickets], [ticket.id], "a list of one's own")
        check("Internal words" in str(eva.events(ticket.id)), "the provider reads them")
        check_equal({t.id for t in eva.list().tickets}, {ticket.id, other.id}, "the provider's list")
        foreign = boris.refused("get", ticket_id=ticket.id)
        missing = boris.refused("get", ticket_id=987654)
        check_equal(str(foreign).replace(str(ticket.id), "N"), str(missing).replace("987654", "N"),
                    "a foreign ticket looks like none")
        for verb, fields in (("reply", {"text": "Me too"}), ("close", {}), ("cancel", {})):
            check_equal(boris.refused(verb, ticket_id=ticket.id, **fields).reason, "TICKET_NOT_FOUND", verb)
        check_equal(boris.refused("take", ticket_id=ticket.id).code, 7, "take is the provider's")
        check_equal(mark.refused("reply", ticket_id=ticket.id, text="x").code, 7, "a manager only reads")
        check_equal(boris.refused("create", customer="acme", title="x").reason, "CUSTOMER_NOT_FOUND",
                    "filing for a foreign customer")
        check_equal(boris.refused("create", customer="nobody", title="x").reason, "CUSTOMER_NOT_FOUND",
                    "filing for no customer")
        clock = next(c for c in olga.ticket("get", ticket_id=ticket.id).clocks)
        check_equal((clock.level, clock.next_level), (0, 0), "levels are the provider's")
        explained = olga.explain(ticket.id)
        check(all(not c.levels for c in explained.clocks), "also when explained")


def wrong_fields_are_named():
    with Desk(clock=START) as otk:
        olga, eva = otk.peer("olga"), otk.peer("eva")
        refused = olga.refused("create", title="", impact=9, site="moon", category="x" * 101)
        check_equal({v.field for v in refused.violations}, {"title", "impact", "category"},
                    "fields of create")
        refused = olga.refused("create", title="x", site="moon", requester="boris", team="desk")
        check_equal({v.field for v in refused.violations}, {"site", "requester", "team"}, "references")
        refused = eva.refused("create", title="x")
        check_equal([v.field for v in refused.violations], ["customer"], "a customer must be named")
        ticket = _file(olga)
        refused = eva.refused("assign", ticket_id=ticket.id, assignee="olga")
        check_equal([v.field for v in refused.violations], ["assignee"], "a requester does no work")
        refused = eva.refused("classify", ticket_id=ticket.id, priority=1)
        check_equal([v.field for v in refused.violations], ["text"], "an override needs a reason")
        refused = eva.refused("pend", ticket_id=ticket.id)
        check_equal([v.field for v in refused.violations], ["reason"], "a reason to wait")
        check_equal(otk.value("SELECT max(version) FROM ticket"), str(ticket.version), "nothing was written")


def a_list_has_pages_that_only_its_caller_can_turn():
    with Desk(clock=START) as otk:
        olga, eva, ivan = otk.peer("olga"), otk.peer("eva"), otk.peer("ivan")
        ids = [_file(olga, title=f"t{i}", impact=1 + i % 3).id for i in range(7)]

        def pages(peer, **fields):
            found, cursor = [], b""
            while True:
                page = peer.list(page_size=3, cursor=cursor, **fields)
                found.append([t.id for t in page.tickets])
                cursor = page.next_cursor
                if not cursor:
                    return found

        check_equal(pages(olga), [ids[6:3:-1], ids[3:0:-1], ids[:1]], "newest first")
        check_equal(sum(pages(eva, customer="acme", open_only=True), []), ids[::-1], "the open ones")
        eva.ticket("cancel", ticket_id=ids[0], text="Twice")
        check_equal(sum(pages(eva, open_only=True), []), ids[:0:-1], "a cancelled one is not open")
        check_equal(sum(pages(eva, states=[CANCELLED]), []), ids[:1], "by state")
        due = sum(pages(eva, by_due=True), [])
        check_equal(sorted(due), sorted(ids[1:]), "by due: those with a running clock")
        cursor = eva.list(page_size=3).next_cursor
        for what, call in (
                ("another caller", lambda: ivan.list(page_size=3, cursor=cursor)),
                ("another filter", lambda: eva.list(page_size=3, open_only=True, cursor=cursor)),
                ("a changed one", lambda: eva.list(cursor=cursor[:-1] + bytes([cursor[-1] ^ 1]))),
                ("no cursor at all", lambda: eva.list(cursor=b"x")),
                ("too great a page", lambda: eva.list(page_size=501))):
            try:
                call()
                check(False, f"{what} is refused")
            except Refused as refused:
                check_equal(refused.status.code, 3, what)
        check_equal([e.seq for e in olga.events(ids[1], page_size=2)], [1, 2], "a page of events")


def a_clock_is_explained_by_intervals_that_add_up():
    with Desk(clock=START) as otk:
        boris, eva = otk.peer("boris"), otk.peer("eva")
        ticket = _file(boris)
        otk.clock.advance("1h")
        eva.ticket("pend", ticket_id=ticket.id, reason=1, text="What exactly?")
        otk.clock.advance("30m")
        boris.ticket("reply", ticket_id=ticket.id, text="This")
        otk.clock.advance("20h")
        answer = eva.explain(ticket.id, clock=RESOLUTION)
        clock = answer.clocks[0]
        check_equal((clock.calendar, clock.zone), ("office", "Europe/Moscow"), "calendar and zone")
        at, consumed = clock.intervals[0].from_us, 0
        for interval in clock.intervals:
            check_equal(interval.from_us, at, "intervals tile")
            at = interval.to_us
            if interval.kind == 1:
                consumed += interval.to_us - interval.from_us
            check_equal(interval.consumed_us, consumed, "consumed so far")
        check_equal(at, clock.until_us, "up to now")
        paused = [i for i in clock.intervals if i.kind == 4]
        check_equal([(i.actor, i.why) for i in paused], [("eva", "pending: customer")], "who paused it")
        check_equal(consumed, clock.clock.consumed_us, "what is counted")


run()
