#!/usr/bin/python3
"""What the server takes from a site's queue: each number once, in order, by its own agent alone."""
# time-limit: 120
import atexit
import contextlib
import sys
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import Desk, Refused  # noqa: E402
from otk_test import Failed, check, check_equal, micros, run  # noqa: E402

CHECK, PERSON, REFUSED_KIND, STARTED = 1, 2, 3, 4
OK, WARNING, CRITICAL, UNKNOWN = 1, 2, 3, 4
FILED, NOTED, RESOLVED, CLOSED, REOPENED, STORED, DUPLICATE, REFUSED = range(1, 9)
NEW, ASSIGNED, IN_PROGRESS, PENDING, IS_RESOLVED, IS_CLOSED, CANCELLED = range(1, 8)
START = "2026-03-02T09:00:00Z"
AT = micros(START)


def _person(title, **fields):
    return {"kind": PERSON, "occurred_at_us": AT, "title": title, **fields}


def _check(state, counter, name="http", host="web1", **fields):
    return {"kind": CHECK, "occurred_at_us": AT + counter, "host": host, "check": name, "state": state,
            "counter": counter, "output": f"{name} says {state}", **fields}


def _outcomes(answer):
    return [result.outcome for result in answer.results]


def _refused(call):
    try:
        call()
    except Refused as refused:
        return refused.status
    raise Failed("it was not refused")


_SHARED = []


@contextlib.contextmanager
def _desk():
    """One deployment for all, emptied of what came before; its clock only goes on."""
    if not _SHARED:
        _SHARED.append(Desk(clock=START))
        _SHARED[0].__enter__()
        atexit.register(_SHARED[0].close)
        _SHARED[0].know_agents(["a1", "a2"])
    _SHARED[0].psql("TRUNCATE ticket, event, event_content, sla_clock, timer, agent_mark, report, monitored_check")
    yield _SHARED[0]
    _SHARED[0].check_healthy()


def _state(otk, ticket):
    return int(otk.value(f"SELECT state FROM ticket WHERE ticket_id = {ticket}"))


def each_number_is_taken_once_and_in_order():
    epoch = uuid.uuid4().bytes
    with _desk() as otk:
        a1 = otk.agent_peer("a1")
        gap = _refused(lambda: a1.submit(epoch, 1, [_person("unknown queue")]))
        check_equal((gap.code, gap.reason), (10, "REPORT_GAP"), "a queue announces itself first")
        check_equal(a1.mark(epoch, 10), 0, "a new queue has the mark 0")
        answer = a1.submit(epoch, 1, [_person("one"), _person("two")])
        check_equal((answer.mark, _outcomes(answer)), (2, [FILED, FILED]), "two are filed")
        gap = _refused(lambda: a1.submit(epoch, 4, [_person("four")]))
        check_equal((gap.code, gap.reason, gap.current_version), (10, "REPORT_GAP", 2), "a gap")
        again = a1.submit(epoch, 1, [_person("one"), _person("two"), _person("three")])
        check_equal((again.mark, _outcomes(again)), (3, [FILED, FILED, FILED]), "a repetition with news")
        check_equal([r.ticket_id for r in again.results[:2]], [r.ticket_id for r in answer.results],
                    "a repetition is answered with what became of it")
        check_equal(a1.submit(epoch, 2, [_person("two")]).mark, 3, "an old one alone")
        check_equal(a1.mark(epoch, 10), 3, "the mark is kept")
        check_equal(otk.value("SELECT count(*) FROM ticket"), "3", "three tickets")
        check_equal(otk.rows("SELECT seq, outcome, output FROM report ORDER BY seq"),
                    [["1", "1", "one"], ["2", "1", "two"], ["3", "1", "three"]], "three reports")
        row = otk.rows("SELECT customer_id, site_id, team_id, channel, machine_filed FROM ticket LIMIT 1")
        check_equal(row, [["1", "1", "2", "agent", "f"]], "customer, site and team are the agent's")


def a_report_that_is_wrong_for_ever_is_refused_and_passed():
    epoch = uuid.uuid4().bytes
    with _desk() as otk:
        a1 = otk.agent_peer("a1")
        a1.mark(epoch, 9)
        answer = a1.submit(epoch, 1, [
            _person("  "), _person("x" * 201), _person("level", impact=4), _check(0, 1), _check(OK, 0),
            _check(OK, 1, host=""), {"kind": 0}, _person("fine", requester="olga"),
            {"kind": REFUSED_KIND, "refused": 7, "refused_from_us": AT, "refused_to_us": AT, "text": "full"},
            {"kind": STARTED, "text": "otklik-agent/1"}, _person("who", requester="nobody", service="tea")])
        check_equal(_outcomes(answer), [REFUSED] * 7 + [FILED, STORED, STORED, FILED], "what became of each")
        check(all(r.reason for r in answer.results[:7]), "each refusal says why")
        check_equal(answer.mark, 11, "the mark is behind all of them")
        check_equal(otk.value("SELECT count(*) FROM report WHERE outcome = 8 AND reason <> ''"), "7",
                    "refusals are kept")
        check_equal(otk.value("SELECT output FROM report WHERE seq = 9"),
                    f"refused 7 from {START} to {START}: full", "what the agent refused is kept")
        check_equal(otk.rows("SELECT requester_id FROM ticket ORDER BY ticket_id"), [["11"], [None]],
                    "the requester is one of the customer's people, or nobody")
        text = otk.value("SELECT content FROM event_content ORDER BY ticket_id DESC, seq LIMIT 1")
        check("nobody" in text and "tea" in text, "what is not known is told in the text", text)


def what_came_late_says_so():
    epoch = uuid.uuid4().bytes
    with _desk() as otk:
        otk.clock.advance("2h")
        a1 = otk.agent_peer("a1")
        a1.mark(epoch, 1)
        a1.submit(epoch, 1, [_person("late one")])
        check_equal(otk.value("SELECT extract(epoch FROM created_at)::bigint * 1000000 FROM ticket"),
                    str(otk.clock.now()), "clocks run from the receipt")
        text = otk.value("SELECT content FROM event_content WHERE content LIKE '%received%'")
        check(text is not None and START in text and "2 h 0 min" in text, "the text tells", text)


def a_queue_that_is_a_copy_is_quarantined_and_told():
    with _desk() as otk:
        a1, first, second = otk.agent_peer("a1"), uuid.uuid4().bytes, uuid.uuid4().bytes
        a1.mark(first, 5)
        a1.submit(first, 1, [_person("one"), _person("two")])
        other = {**_person("another two"), "occurred_at_us": AT + 1}
        status = _refused(lambda: a1.submit(first, 2, [other]))
        check_equal((status.code, status.reason), (9, "QUEUE_QUARANTINED"), "another report two")
        check("a1" in status.message and "twice" in status.message, "it says why and what to do", status.message)
        check_equal(_refused(lambda: a1.mark(first, 5)).reason, "QUEUE_QUARANTINED", "for good")
        check_equal(a1.mark(second, 3), 0, "a new queue is welcome")
        a1.submit(second, 1, [_person("new one")])
        check_equal(_refused(lambda: a1.submit(first, 3, [_person("old goes on")])).reason,
                    "QUEUE_QUARANTINED", "and ends the old one")
        check_equal(_refused(lambda: a1.mark(second, 0)).reason, "QUEUE_QUARANTINED", "a head below the mark")
        a2 = otk.agent_peer("a2")
        check_equal(a2.mark(first, 0), 0, "an epoch is the agent's own")
        check_equal(otk.value("SELECT count(*) FROM ticket"), "3", "nothing else was taken")


def only_an_agent_has_a_queue_and_bad_requests_say_what_is_wrong():
    epoch = uuid.uuid4().bytes
    with _desk() as otk:
        check_equal(_refused(lambda: otk.peer("eva").mark(epoch)).code, 7, "a person has none")
        a1 = otk.agent_peer("a1")
        for call in (lambda: a1.mark(b"short"), lambda: a1.mark(epoch, lane=0), lambda: a1.mark(bytes(16)),
                     lambda: a1.submit(epoch, 1, []), lambda: a1.submit(epoch, 0, [_person("x")]),
                     lambda: a1.submit(epoch, 1, [_person("x")] * 65)):
            check_equal(_refused(call).code, 3, "INVALID_ARGUMENT")


def a_check_has_one_incident_while_it_stays_bad():
    epoch = uuid.uuid4().bytes
    with _desk() as otk:
        a1, eva = otk.agent_peer("a1"), otk.peer("eva")
        a1.mark(epoch, 99)
        seq = iter(range(1, 100))

        def say(*reports):
            first = next(seq)
            for _ in reports[1:]:
                next(seq)
            answer = a1.submit(epoch, first, reports)
            return _outcomes(answer), answer.results[-1].ticket_id

        (outcomes, ticket) = say(_check(OK, 1), _check(WARNING, 2), _check(CRITICAL, 3), _check(CRITICAL, 4),
                                 _check(WARNING, 3))
        check_equal(outcomes, [STORED, FILED, NOTED, STORED, STORED],
                    "filed once; another bad state is noted; the same one and an older one are stored")
        ticket = int(otk.value("SELECT ticket_id FROM ticket"))
        shown = eva.ticket("get", ticket_id=ticket)
        check_equal(shown.title, "web1: http: http says 2", "the title names host, check and output")
        check_equal(say(_check(OK, 5)), ([RESOLVED], ticket), "recovery resolves what nobody touched")
        check_equal(_state(otk, ticket), IS_RESOLVED, "it is resolved")
        check_equal(say(_check(CRITICAL, 6)), ([REOPENED], ticket), "failing again reopens")
        eva.ticket("take", ticket_id=ticket)
        check_equal(say(_check(OK, 7)), ([NOTED], ticket), "recovery is noted on a touched one")
        check_equal(_state(otk, ticket), IN_PROGRESS, "it stays in progress")
        check_equal(say(_check(CRITICAL, 8)), ([NOTED], ticket), "so is failing again")
        eva.ticket("resolve", ticket_id=ticket, text="Restarted it")
        check_equal(say(_check(OK, 9)), ([CLOSED], ticket), "recovery closes a resolved one")
        otk.clock.advance("11d")
        (outcomes, other) = say(_check(CRITICAL, 10))
        check_equal(outcomes, [FILED], "past the window a new one is filed")
        check(other != ticket, "with a number of its own")
        outcomes, third = say(_check(CRITICAL, 11), _check(OK, 12), _check(CRITICAL, 13),
                              _check(CRITICAL, 1, "disk"), _check(OK, 2, "disk"), _check(OK, 1, "load"))
        check_equal(outcomes, [STORED, RESOLVED, REOPENED, FILED, RESOLVED, STORED],
                    "several reports of one check in one go")
        check_equal(otk.rows("SELECT check_name, counter, state FROM monitored_check ORDER BY 1"),
                    [["disk", "2", "1"], ["http", "13", "3"], ["load", "1", "1"]], "last states")
        check_equal(otk.value("SELECT count(*) FROM event e JOIN ticket t USING (ticket_id) "
                              "GROUP BY ticket_id, t.version HAVING count(*) <> t.version LIMIT 1"), None,
                    "journal and versions agree")


run()
