#!/usr/bin/python3
"""Waived breaches, questions, merges and their undo, followers, linked tickets: over the wire and on
the command line."""
import sys
import threading
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import Desk, Refused, schema  # noqa: E402
from otk_test import check, check_equal, eventually, run  # noqa: E402

NEW, ASSIGNED, IN_PROGRESS, PENDING, RESOLVED, CLOSED, CANCELLED = range(1, 8)
RESPONSE, UPDATE, RESOLUTION = 1, 2, 3
RUNNING, PAUSED, MET, LATE, VOID = 1, 2, 3, 4, 5
MINUTE = 60_000_000
START = "2026-03-02T09:00:00Z"


def _clock(ticket, kind):
    return next(c for c in ticket.clocks if c.kind == kind)


def _waive(peer, ticket_id, clock, text="a power cut", key=None):
    messages = schema().ticket
    request = messages.WaiveClockRequest(ticket_id=ticket_id, clock=clock, text=text)
    return peer.call("WaiveClock", request, messages.WaiveClockResponse, key).ticket


def _refusal(action, *args, **fields):
    try:
        action(*args, **fields)
    except Refused as refused:
        return refused.status.reason
    return None


def _kinds(peer, ticket_id):
    return [e.kind for e in peer.events(ticket_id)]


def _kpi(peer, name):
    kpi = schema().kpi
    answer = peer.call("QueryKpi", kpi.QueryKpiRequest(name=name), kpi.QueryKpiResponse)
    row = answer.rows[0] if answer.rows else None
    return {c.name: row.cells[i].integer for i, c in enumerate(answer.columns)} if row else {}


def the_verbs_do_what_they_say():
    with Desk(clock=START) as otk:
        olga, eva, lena = otk.peer("olga"), otk.peer("eva"), otk.peer("lena")
        ticket = olga.ticket("create", title="No light")
        otk.clock.advance("40m")
        # a breach is waived by a lead alone, once, and with a reason
        check_equal(_refusal(_waive, eva, ticket.id, RESPONSE), "PERMISSION_DENIED", "an engineer")
        check_equal(_refusal(_waive, lena, ticket.id, RESOLUTION), "NOT_BREACHED", "what is not broken")
        waived = _waive(lena, ticket.id, RESPONSE)
        check(_clock(waived, RESPONSE).waived_at_us > 0, "the clock is waived")
        check_equal(_refusal(_waive, lena, ticket.id, RESPONSE), "NOTHING_TO_DO", "twice")
        eventually(lambda: _kpi(lena, "compliance").get("response_waived") == 1,
                   "it is counted beside", 20)
        check_equal(_kpi(lena, "compliance")["response_breached"], 0, "and out of compliance")

        # a question arms the update clock and answers one
        eva.ticket("pend", ticket_id=ticket.id, reason=1, text="Which room?")
        asked = olga.ticket("ask", ticket_id=ticket.id, text="When will it be light?")
        check_equal((asked.state, _clock(asked, UPDATE).state), (IN_PROGRESS, RUNNING), "asked")
        check_equal(eva.refused("ask", ticket_id=ticket.id, text="?").reason, "CUSTOMER_ONLY", "ours do not ask")

        # followers: the provider's for anybody, the customer's for themselves; told to the former
        followed = eva.ticket("watch", ticket_id=ticket.id, person="ivan")
        check_equal(list(followed.watchers), ["ivan"], "followed")
        check_equal(list(olga.ticket("watch", ticket_id=ticket.id).watchers), [], "not the customer's to see")
        check_equal(olga.refused("watch", ticket_id=ticket.id, person="eva").violations[0].field,
                    olga.refused("watch", ticket_id=ticket.id, person="nobody").violations[0].field,
                    "a customer does not find out who there is")
        eva.ticket("watch", ticket_id=ticket.id, person="ivan", remove=True)
        check_equal(list(eva.ticket("get", ticket_id=ticket.id).watchers), ["olga"], "as stored")

        # too late to reopen: another, linked to it
        eva.ticket("resolve", ticket_id=ticket.id, text="New bulb")
        otk.clock.advance("12d")
        refused = olga.refused("reopen", ticket_id=ticket.id, text="Dark")
        check_equal(refused.reason, "REOPEN_TOO_LATE", "too late")
        check(f"--linked {ticket.id}" in refused.message, "it says what to do", refused.message)
        key = uuid.uuid4().bytes
        linked = olga.ticket("create", title="Dark again", linked_ticket_id=ticket.id, key=key)
        again = olga.ticket("create", title="Dark again", linked_ticket_id=ticket.id, key=key)
        check_equal(again.id, linked.id, "once")
        check_equal([(e.kind, e.related_id) for e in eva.events(ticket.id)][-1], (25, linked.id), "the older says so")
        check_equal([(e.kind, e.related_id) for e in eva.events(linked.id)][-1], (25, ticket.id), "and the newer")
        check_equal(otk.peer("boris").refused("create", title="x", linked_ticket_id=ticket.id).reason,
                    "TICKET_NOT_FOUND", "another customer's")


def a_merge_and_its_undo():
    with Desk(clock=START) as otk:
        olga, eva = otk.peer("olga"), otk.peer("eva")
        older = olga.ticket("create", title="No light")
        otk.clock.advance("5m")
        younger = olga.ticket("create", title="It is dark")
        eva.ticket("take", ticket_id=younger.id)
        due = _clock(younger, RESOLUTION).due_at_us
        check_equal(eva.refused("merge", ticket_id=older.id, into_ticket_id=younger.id).reason, "YOUNGER",
                    "the older into the younger")
        check_equal(olga.refused("merge", ticket_id=younger.id, into_ticket_id=older.id).reason,
                    "PERMISSION_DENIED", "by the customer")
        check_equal(eva.refused("merge", ticket_id=younger.id, into_ticket_id=older.id,
                                expected_version=1).reason, "STALE_VERSION", "knowing an old version")
        key = uuid.uuid4().bytes
        merged = eva.ticket("merge", ticket_id=younger.id, into_ticket_id=older.id, text="one lamp", key=key)
        check_equal((merged.state, merged.merged_into, _clock(merged, RESOLUTION).state),
                    (CANCELLED, older.id, VOID), "merged")
        check_equal(eva.ticket("merge", ticket_id=younger.id, into_ticket_id=older.id, text="one lamp",
                               key=key).version, merged.version, "the same request again")
        check_equal(olga.refused("reply", ticket_id=younger.id, text="?").reason, "MERGED", "go on there")
        check_equal(_kinds(eva, older.id).count(23), 1, "the older tells of it")
        check_equal([e.text for e in olga.events(younger.id) if e.kind == 23], [], "our reasons are ours")

        # an hour later it was another lamp: the response broke at its due, levels are skipped
        otk.clock.advance("1h")
        apart = eva.ticket("unmerge", ticket_id=younger.id)
        check_equal((apart.state, apart.merged_into), (IN_PROGRESS, 0), "two again")
        check_equal(_clock(apart, RESOLUTION).due_at_us, due, "as if never stopped")
        check_equal(_clock(apart, RESPONSE).breached_at_us, younger.created_at_us + 30 * MINUTE,
                    "broken at its due")
        check_equal([e.kind for e in eva.events(younger.id) if e.kind == 15], [], "no level fired")
        check_equal(eva.refused("unmerge", ticket_id=younger.id).reason, "NOT_MERGED", "twice")
        explained = eva.explain(younger.id)
        for clock in explained.clocks:
            spans = [(i.from_us, i.to_us) for i in clock.intervals]
            check_equal([a[1] for a in spans[:-1]], [b[0] for b in spans[1:]], "the intervals tile")
        counted = explained.clocks[-1]
        check_equal(counted.clock.consumed_us, explained.now_us - younger.created_at_us, "all of it counts")
        eventually(lambda: _kpi(otk.peer("lena"), "arrivals").get("merged") == 0
                   and _kpi(otk.peer("lena"), "arrivals")["arrivals"] == 2, "both are counted again", 20)


def merges_at_once_are_one():
    with Desk(clock=START) as otk:
        olga = otk.peer("olga")
        older = olga.ticket("create", title="No light")
        younger = olga.ticket("create", title="It is dark")
        outcomes = []

        def merge(person):
            peer = otk.peer(person)
            outcomes.append(_refusal(peer.ticket, "merge", ticket_id=younger.id, into_ticket_id=older.id))

        threads = [threading.Thread(target=merge, args=(p,)) for p in ("eva", "ivan", "lena", "eva")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check_equal(sorted(map(str, outcomes)), ["MERGED", "MERGED", "MERGED", "None"], "one of four")
        check_equal(otk.value("SELECT count(*) FROM event WHERE kind = 23"), "2", "one entry in each")


def the_command_line_has_them():
    with Desk(clock=START) as otk:
        olga = otk.peer("olga")
        older, younger = olga.ticket("create", title="No light"), olga.ticket("create", title="Dark")
        otk.clock.advance("40m")
        for person, words, wanted in (
                ("lena", ["waive", older.id, "response", "--reason", "a power cut"], ("id", older.id)),
                ("olga", ["ask", older.id, "When?"], ("id", older.id)),
                ("eva", ["merge", younger.id, "--into", older.id], ("merged_into", older.id)),
                ("eva", ["unmerge", younger.id], ("state", "new")),
                ("eva", ["follow", older.id, "--person", "ivan"], ("watchers", ["ivan"])),
                ("eva", ["unfollow", older.id, "--person", "ivan"], ("watchers", [])),
                ("olga", ["create", "--title", "Again", "--linked", older.id], ("title", "Again"))):
            done = otk.as_(person).json("ticket", *map(str, words))
            check_equal(done.get(wanted[0], []), wanted[1], " ".join(map(str, words)))
        shown = otk.as_("eva").run("ticket", "show", str(older.id))
        check("waived" in shown and "linked" in shown, "the journal is told", shown)
        rows = otk.as_("eva").run("ticket", "list", "--format", "csv")
        check(",waived," in rows and ",yes," in rows, "lists tell a waived breach from one that counts", rows)
        said = otk.as_("eva").run("sla", "explain", str(older.id), "response")
        check("waived at 2026-03-02 09:40" in said and " by lena" in said, "by whom it was waived", said)
        clocks = otk.as_("eva").json("ticket", "show", str(older.id))["ticket"]["clocks"]
        check(clocks[0]["waived_at"], "and since when, for programs", clocks)
        eventually(lambda: otk.as_("lena").json("kpi", "arrivals")[0]["arrivals"] == 3, "all is folded", 20)
        otk.psql("INSERT INTO principal_grant VALUES (15, 5, 0); UPDATE installation SET epoch = epoch + 1")
        eventually(lambda: otk.as_("lena").run("kpi", "verify", expect=None) == "", "the figures stand", 20)


run()
