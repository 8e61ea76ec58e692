#!/usr/bin/python3
"""What each side may see, touch and infer, in every way that leads to it; input at its limits."""
import sys
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import Desk, Failed, Refused, Watch, schema  # noqa: E402
from otk_test import APPLICATION, CommandFailed, check, check_equal, eventually, micros, run  # noqa: E402

START = "2026-03-02T09:00:00Z"
# More of the other customer, a history's placeholder, and an engineer for one customer only.
MORE = """
INSERT INTO site (site_id, customer_id, code, name, zone) VALUES (3, 2, 'lab', 'Lab', 'UTC');
INSERT INTO service (service_id, customer_id, code, name) VALUES (2, 2, 'vpn', 'VPN');
INSERT INTO principal (principal_id, kind, customer_id, code, name, uri) VALUES
	(30, 1, 2, 'bob', 'Bob', 'otklik://demo/person/bob'), (31, 3, 2, 'ghost', 'Ghost', NULL),
	(32, 1, 0, 'nora', 'Nora', 'otklik://demo/person/nora');
INSERT INTO principal_grant (principal_id, role, customer_id) VALUES (30, 1, 2), (32, 2, 2);
UPDATE installation SET epoch = epoch + 1;
"""


def _refusal(call, *args, **fields):
    """What is said, without the words of the question."""
    try:
        call(*args, **fields)
    except Refused as refused:
        return refused.status
    raise Failed(f"{args} {fields} was not refused")


def _alike(call, foreign, missing, what):
    """Two questions, one about something foreign and one about nothing, have one answer."""
    found, none = _refusal(call, **foreign), _refusal(call, **missing)
    (a,), (b,) = foreign.values(), missing.values()
    check_equal(str(found).replace(a, "?"), str(none).replace(b, "?"), what)


def _calls(peer):
    """Every call about one ticket: {name: function of its number}."""
    verbs = {"get": {}, "take": {}, "assign": {"assignee": "eva"}, "reply": {"text": "x"},
             "note": {"text": "x"}, "pend": {"reason": 3}, "resume": {}, "resolve": {"text": "x"},
             "close": {}, "reopen": {}, "cancel": {}, "classify": {"impact": 1}, "ask": {"text": "x"},
             "merge": {"into_ticket_id": 1}, "unmerge": {"text": "x"}, "watch": {"person": "eva"}}
    calls = {verb: lambda n, v=verb, f=fields: peer.ticket(v, ticket_id=n, **f)
             for verb, fields in verbs.items()}
    calls["stale reply"] = lambda n: peer.ticket("reply", ticket_id=n, text="x", expected_version=1)
    promise = schema().promise
    calls["promise"] = lambda n: peer.call("PromiseTicket", promise.PromiseTicketRequest(
        ticket_id=n, promise_at_us=micros("2026-03-02T18:00:00Z"), at_request_seq=1), promise.PromiseTicketResponse)
    calls["record of promises"] = lambda n: peer.call(
        "GetPromiseRecord", promise.GetPromiseRecordRequest(ticket_id=n), promise.GetPromiseRecordResponse)
    calls["events"] = peer.events
    calls["explain"] = peer.explain
    calls["feed"] = lambda n: Watch(peer, ticket_id=n).next()
    return calls


def what_is_foreign_looks_like_what_is_not_there():
    with Desk(clock=START) as otk:
        otk.psql(MORE)
        otk.profile("nora")
        olga, boris, nora = otk.peer("olga"), otk.peer("boris"), otk.peer("nora")
        ticket = boris.ticket("create", title="Other", text="words")
        own = olga.ticket("create", title="Mine")
        for who, number in ((olga, ticket.id), (nora, own.id)):
            for name, call in _calls(who).items():
                check_equal(str(_refusal(call, number)).replace(str(number), "N"),
                            str(_refusal(call, 987654321)).replace("987654321", "N"), name)
        create = lambda **fields: olga.ticket("create", title="x", **fields)  # noqa: E731
        _alike(create, {"customer": "bravo"}, {"customer": "nope"}, "customer")
        _alike(create, {"site": "lab"}, {"site": "nope"}, "site")
        _alike(create, {"service": "vpn"}, {"service": "nope"}, "service")
        for person in ("bob", "ghost", "eva", "nora"):
            _alike(create, {"requester": person}, {"requester": "nope"}, f"requester {person}")
        _alike(create, {"team": "desk"}, {"team": "nope"}, "team")
        _alike(olga.list, {"assignee": "bob"}, {"assignee": "nope"}, "assignee of a list")
        _alike(olga.list, {"customer": "bravo"}, {"customer": "nope"}, "customer of a list")
        _alike(olga.list, {"site": "lab"}, {"site": "nope"}, "site of a list")
        check_equal(len(olga.list(assignee="eva").tickets), 0, "the provider's people may be named")
        mark, kpi = otk.peer("mark"), schema().kpi
        ask = lambda **fields: mark.call(  # noqa: E731
            "QueryKpi", kpi.QueryKpiRequest(name="arrivals", by=["customer"], **fields), kpi.QueryKpiResponse)
        _alike(ask, {"customer": "bravo"}, {"customer": "nope"}, "customer of a figure")
        rows = eventually(lambda: ask().rows, "figures")
        check_equal({row.cells[0].text for row in rows}, {"acme"}, "figures of one's own")


def the_customer_learns_nothing_internal():
    with Desk(clock=START) as otk:
        olga, eva = otk.peer("olga"), otk.peer("eva")
        ticket = olga.ticket("create", title="Public")
        start = Watch(olga)
        start.next()
        for verb, fields in (("note", {}), ("classify", {"impact": 1}), ("assign", {"assignee": "ivan"})):
            eva.ticket(verb, ticket_id=ticket.id, text=f"hush {verb}", **fields)
        stale = olga.refused("reply", ticket_id=ticket.id, text="x", expected_version=ticket.version)
        check(not any("more" in c or "note" in c or "classif" in c for c in stale.changes),
              "what is hidden is not counted either", list(stale.changes))
        eva.ticket("reply", ticket_id=ticket.id, text="All can read this")
        items = start.drain(1)
        check(any(i.event.text == "All can read this" for i in items), "the reply is pushed")
        said = "".join(map(str, (items, olga.events(ticket.id), olga.explain(ticket.id), stale,
                                 olga.ticket("get", ticket_id=ticket.id), olga.list())))
        check("hush" not in said, "no internal words by any way")
        check_equal(str(eva.events(ticket.id)).count("hush"), 3, "the provider reads them all")


def whoever_is_put_out_is_out_within_seconds():
    with Desk(clock=START) as otk:
        olga, eva = otk.peer("olga"), otk.peer("eva")
        watch = Watch(eva)
        watch.next()
        otk.psql("UPDATE principal SET disabled = true WHERE code = 'olga';"
                 "DELETE FROM principal_grant WHERE principal_id = 13;"
                 "INSERT INTO principal_grant VALUES (13, 2, 2);"
                 "UPDATE installation SET epoch = epoch + 1")

        def gone():
            try:
                olga.list()
            except (EOFError, OSError):
                return True
            return False

        eventually(gone, "a disabled caller is put out", 5)
        status = _refusal(lambda: watch.drain(5))
        check_equal((status.code, status.reason), (14, "GRANTS_CHANGED"), "a watch with old grants ends")
        check_equal(eva.refused("create", customer="acme", title="x").reason, "CUSTOMER_NOT_FOUND",
                    "the same connection has the new grants")


def the_database_itself_shows_nothing_without_a_scope():
    with Desk(clock=START) as otk:
        otk.peer("olga").ticket("create", title="x", text="y")
        tables = ("ticket", "event", "event_content", "sla_clock", "idempotency", "timer")
        for table in tables:
            count = f"SELECT count(*) FROM {table}"
            check_equal(otk.value(count, user=APPLICATION), "0", f"{table} without a scope")
            check_equal(otk.value(f"SET otklik.scope = '{{2}}'; {count}", user=APPLICATION), "0",
                        f"{table} of another customer")
            check(int(otk.value(f"SET otklik.scope = '{{1}}'; {count}", user=APPLICATION)) > 0, table)
        for change in ("UPDATE event SET kind = 1", "DELETE FROM event", "TRUNCATE event",
                       "DELETE FROM event_content", "UPDATE ticket SET title = ''",
                       "INSERT INTO ticket DEFAULT VALUES"):
            try:
                otk.psql(f"SET otklik.scope = '*'; {change}", user=APPLICATION)
                raise Failed(f"{change} was done")
            except CommandFailed as denied:
                check("permission denied" in str(denied), change, denied)


def words_are_words():
    with Desk(clock=START) as otk:
        olga, eva = otk.peer("olga"), otk.peer("eva")
        for title in ("", "  ", "\u200b", "a\u202eb", "a\u2066b", "a\u2028b", "a\u0085b", "a\tb", "x" * 201):
            status = _refusal(olga.ticket, "create", title=title)
            check_equal([v.field for v in status.violations], ["title"], ascii(title))
        ticket = olga.ticket("create", title="\U0001f4a1" * 200, category="я" * 100)
        for text in ("", " \n", "\u200b", "\x1b[2J", "\u009b2J", "a\u202eb", "x" * 32769):
            status = _refusal(eva.ticket, "reply", ticket_id=ticket.id, text=text)
            check("text" in {v.field for v in status.violations}, ascii(text[:9]))
        check_equal(eva.ticket("get", ticket_id=ticket.id).first_reply_at_us, 0, "blanks answer nobody")
        for until in (1, -1, 2**63 - 1, -2**63):
            check_equal(eva.refused("pend", ticket_id=ticket.id, reason=2, until_us=until).code, 3, until)
        for number in (0, -1, -2**63):
            check_equal(eva.refused("get", ticket_id=number).code, 3, number)
        check_equal(eva.refused("get", ticket_id=2**63 - 1).code, 5, "the greatest number")


def long_texts_make_short_pages():
    with Desk(clock=START) as otk:
        olga = otk.peer("olga")
        ticket = olga.ticket("create", title="Chatty")
        for _ in range(70):
            olga.ticket("reply", ticket_id=ticket.id, text="y" * 32768)
        messages, seqs, after, pages = schema().ticket, [], 0, 0
        while True:
            page = olga.call("ListEvents", messages.ListEventsRequest(
                ticket_id=ticket.id, after_seq=after, page_size=1000), messages.ListEventsResponse)
            seqs += [e.seq for e in page.events]
            pages, after = pages + 1, page.next_after_seq
            if after == 0:
                break
        check_equal(seqs, list(range(1, 74)), "all entries")
        check_equal(pages, 3, "in pages that fit into frames")
        check(len(otk.as_("olga").json("ticket", "show", str(ticket.id))["events"]) == 73, "shown")

        wide = "\U0001f4a1"
        otk.psql(f"UPDATE ticket SET title = repeat('{wide}', 200)")
        many = 450
        otk.psql("INSERT INTO ticket SELECT (jsonb_populate_record(t, jsonb_build_object('ticket_id', "
                 f"t.ticket_id + n, 'category', repeat('{wide}', 100), 'subcategory', "
                 f"repeat('{wide}', 100), 'channel', repeat('{wide}', 100)))).* "
                 f"FROM ticket t, generate_series(1, {many}) n")
        found, cursor = [], b""
        while True:
            page = olga.list(page_size=500, cursor=cursor)
            found += [t.id for t in page.tickets]
            cursor = page.next_cursor
            if not cursor:
                break
        check_equal(found, list(range(ticket.id + many, ticket.id - 1, -1)), "a list of long lines")


def keys_are_of_their_principal_and_bound_to_the_request():
    with Desk(clock=START) as otk:
        olga, mark, eva = otk.peer("olga"), otk.peer("mark"), otk.peer("eva")
        key = uuid.uuid4().bytes
        ticket = olga.ticket("create", title="x", key=key)
        eva.ticket("take", ticket_id=ticket.id, key=key)
        status = _refusal(olga.ticket, "reply", ticket_id=ticket.id, text="x", key=key)
        check_equal(status.reason, "KEY_REUSED", "another call with that key")
        check_equal(_refusal(mark.ticket, "create", title="x", key=key).code, 7, "a manager's key")
        check_equal(_refusal(olga.ticket, "reply", ticket_id=ticket.id, text="x", key=bytes(16)).reason,
                    "IDEMPOTENCY_KEY_REQUIRED", "no key")


run()
