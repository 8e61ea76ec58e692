#!/usr/bin/python3
"""Promises: given and moved from the command line, warned of and broken by time, told to the
customer, kept in the ledger and in the figures."""
import csv
import io
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import Peer, Refused, schema  # noqa: E402
from otk_test import Deployment, check, check_equal, eventually, micros, run  # noqa: E402

START = "2026-03-02T09:00:00Z"  # a Monday, noon in Moscow


def _done(cli, *words):
    return subprocess.run([str(w) for w in cli.command(*words)], capture_output=True, text=True,
                          env=cli.deployment.environment, stdin=subprocess.DEVNULL, timeout=120,
                          check=False)


def _refused(cli, code, said, *words):
    done = _done(cli, *words)
    check_equal(done.returncode, code, f"{words}: {done.stderr}")
    check(said in done.stderr, "it says why", words, done.stderr)


def _file(olga, title="Не печатает", site="spb"):
    return str(olga.json("ticket", "create", "--title", title, "--site", site)["id"])


def _kinds(cli, number):
    return [e["kind"] for e in cli.json("ticket", "promises", number)["entries"]]


def _one_life(otk):
    """Given, moved, at the customer's request, withdrawn; what each side sees."""
    olga, pavel = otk.as_("olga"), otk.as_("pavel")
    number = _file(olga)
    text = pavel.run("--zone", "Europe/Moscow", "ticket", "promise", number, "tomorrow", "18:00")
    check("there is no record" in text, "nothing like it was promised before", text)
    check("Tue 2026-03-03 18:00:00 +0300" in text and "(first)" in text, "shown back with day and zone", text)
    text = pavel.run("--zone", "Europe/Lisbon", "ticket", "promises", number)
    check("Tue 2026-03-03 15:00:00 +0000" in text and "customer     Tue 2026-03-03 18:00 Europe/Moscow" in text,
          "in the viewer's zone, and in the customer's", text)
    events = olga.json("ticket", "show", number)["events"]
    told = [e for e in events if e["kind"] == "promised"][0]
    check_equal((told["until"], told["visibility"], told["due_at"]), ("2026-03-03T15:00:00Z", "public", None),
                "the customer is told the date, and not when its owner is warned")
    clocks = {c["kind"]: c["state"] for c in olga.json("ticket", "show", number)["ticket"]["clocks"]}
    check_equal(clocks["response"], "met", "a date answers the customer")

    earlier = pavel.json("ticket", "promise", number, "2026-03-03T14:00:00Z")["entry"]
    check_equal((earlier["move"], earlier["lead_s"], earlier["offensive"]), ("earlier", 30 * 3600.0, False), "earlier")
    _refused(pavel, 65, "must give the reason for moving the promise of 2026-03-03T14:00:00Z",
             "ticket", "promise", number, "2026-03-03T16:00:00Z")
    otk.clock.move("2026-03-03T11:00:00Z")  # 3 h before; a fifth of the 29 h is 5 h 48 m
    dry = pavel.json("ticket", "promise", number, "2026-03-03T16:00:00Z", "--dry-run")
    check_equal((dry["preview"]["move"], dry["preview"]["offensive"], dry["preview"]["notice_s"], dry["preview"]["seq"]),
                ("later", True, 29 * 3600 / 5, 0), "a dry run tells that it would offend")
    check("Nothing is written" in pavel.run("ticket", "promise", number, "+5h", "-n"), "for people")
    check_equal(len([k for k in _kinds(pavel, number) if k == "promised"]), 2, "and writes nothing")

    olga.run("ticket", "reply", number, "--text", "Приходите лучше завтра")
    asked = [e["seq"] for e in olga.json("ticket", "show", number)["events"] if e["kind"] == "replied"][-1]
    _refused(pavel, 65, "is no public message of the customer", "ticket", "promise", number, "+26h",
             "--reason", "x", "--at-request", "1")
    moved = pavel.json("ticket", "promise", number, "+26h", "--reason", "как просили", "--at-request", asked)["entry"]
    check_equal((moved["move"], moved["by_customer"], moved["cited_seq"], moved["offensive"], moved["reason"]),
                ("later", True, asked, False, "как просили"), "late, but the customer asked")
    check_equal(moved["promise_at"], "2026-03-04T13:00:00Z", "+26h is from the server's now")
    gone = pavel.json("ticket", "promise", number, "--withdraw", "--reason", "нет детали")["entry"]
    check_equal((gone["move"], gone["promise_at"]), ("withdrawn", None), "withdrawn")
    ledger = list(csv.DictReader(io.StringIO(pavel.run("--format", "csv", "ticket", "promises", number), newline="")))
    given = [r for r in ledger if r["what"] not in ("warned", "broken")]
    check_equal([(r["what"], r["by"], r["offensive"]) for r in given],
                [("first", "", ""), ("earlier", "us", "no"), ("later", "customer", "no"), ("withdrawn", "us", "no")],
                "the ledger")
    check("withdrawn (first 2026-" in olga.run("ticket", "show", number), "ticket show tells it too")
    check("withdrawn (first 2026-" in olga.run("sla", "explain", number), "and explain")


def _time_speaks(otk):
    """Warned, broken at its instant, broken again after a new date; reopened; cancelled."""
    olga, pavel, rui = otk.as_("olga"), otk.as_("pavel"), otk.as_("rui")
    otk.clock.move("2026-03-05T09:00:00Z")
    number, other, third = (_file(olga, f"срок {i}") for i in range(3))
    pavel.run("ticket", "promise", number, "+100m")
    pavel.run("ticket", "promise", other, "+3h")
    pavel.run("ticket", "promise", third, "+3h")
    pavel.run("ticket", "resolve", other, "--text", "готово")
    pavel.run("ticket", "cancel", third, "--text", "дубль")
    otk.clock.move("2026-03-05T10:11:00Z")  # 30 % of the span are left at 10:10
    eventually(lambda: _kinds(pavel, number) == ["promised", "promise_warned"], "the owner is warned")
    check_equal(_kinds(olga, number), ["promised"], "the customer is not")
    otk.clock.move("2026-03-05T10:41:00Z")
    eventually(lambda: _kinds(olga, number) == ["promised", "promise_broken"], "and it is broken")
    broken = olga.json("ticket", "promises", number)
    check_equal((broken["state"], broken["entries"][1]["occurred_at"]), ("broken", "2026-03-05T10:40:00Z"),
                "as of its date")
    after = pavel.json("ticket", "promise", number, "+1h", "--reason", "простите")["entry"]
    check_equal((after["offensive"], after["after_date"]), (True, True), "after the date")
    text = pavel.run("ticket", "promise", number, "+90m", "--reason", "ещё раз")
    check("offensive" not in text, "announced in time", text)
    pavel.run("ticket", "resolve", number, "--text", "готово")
    check_equal(olga.json("ticket", "promises", number)["state"], "kept", "the last date was kept")
    otk.clock.move("2026-03-05T13:00:00Z")
    olga.run("ticket", "reopen", other, "--text", "опять")
    check_equal(_kinds(olga, other), ["promised", "promise_broken"], "a reopen after the date breaks it")
    pavel.run("ticket", "resolve", other, "--text", "теперь точно")
    check_equal((_kinds(olga, third), olga.json("ticket", "promises", third)["state"]), (["promised"], "void"),
                "a cancelled one has no outcome")
    _refused(rui, 2, "", "ticket", "promises", number)
    _refused(olga, 77, "", "ticket", "promise", number, "+4h")
    for when, said in (("soon", "write 2026-12-31 18:00"), ("2026-03-05T12:00:00Z", "must lie in the future"),
                       ("2029-01-01T12:00:00Z", "within two years")):
        _refused(pavel, 64 if when == "soon" else 65, said, "ticket", "promise", _file(olga), when)


def _record(otk):
    """What is shown when typing: how often such dates were kept, from the narrowest group that says enough."""
    messages = schema().promise
    pavel, olga = Peer(otk, "pavel"), Peer(otk, "olga")

    def record(ticket, peer=pavel):
        return peer.call("GetPromiseRecord", messages.GetPromiseRecordRequest(ticket_id=ticket),
                         messages.GetPromiseRecordResponse).record

    otk.clock.move("2026-03-09T08:00:00Z")
    kept, fresh = [], None
    for i in range(13):
        ticket = olga.ticket("create", title=f"запрос {i}", type=2, impact=1, urgency=1, site="spb").id
        if i == 12:
            fresh = ticket
            break
        pavel.call("PromiseTicket", messages.PromiseTicketRequest(
            ticket_id=ticket, promise_at_us=micros(otk.clock.now()) + 3600 * 10**6), messages.PromiseTicketResponse)
        kept.append(ticket)
    check_equal(record(fresh).first_n, 0, "nothing is known of them yet")
    for ticket in kept[:2]:
        pavel.ticket("resolve", ticket_id=ticket, text="готово")
    few = record(fresh)
    check_equal((few.description, few.too_few, few.first_n, few.first_kept),
                ("service_request P1", True, 2, 2), "too few are said to be")
    for ticket in kept[2:9]:
        pavel.ticket("resolve", ticket_id=ticket, text="готово")
    otk.clock.move("2026-03-09T10:00:00Z")  # an hour late
    eventually(lambda: all(pavel.ticket("get", ticket_id=t).promise_broken for t in kept[9:]), "broken")
    pavel.ticket("resolve", ticket_id=kept[9], text="поздно")
    many = record(fresh)
    check_equal((many.first_n, many.first_kept, many.last_n, many.last_kept, many.too_few), (12, 9, 12, 9, False),
                "open ones past their date count as broken")
    check(0.46 < many.first_low < 0.47 and 0.91 < many.first_high < 0.92, "Wilson's interval", many)
    check(-3600 * 10**6 <= many.median_slip_us < 0, "the middle was early", many.median_slip_us)
    otk.psql("""UPDATE principal_grant SET customer_id = (SELECT customer_id FROM customer WHERE code = 'verf')
        WHERE principal_id = (SELECT principal_id FROM principal WHERE code = 'tomas');
        UPDATE installation SET epoch = epoch + 1""")
    tomas = Peer(otk, "tomas")
    check_equal(record(fresh, tomas), many, "of one customer's engineer: the same, from that customer")
    tomas.close()
    check_equal(record(fresh, olga).first_n, 0, "the customer is not shown the provider's record")
    text = otk.as_("pavel").run("ticket", "promise", str(fresh), "+4h", "--dry-run")
    check("9 of 12 kept, 75 % (47 to 91 %)" in text, "for people", text)
    try:
        olga.call("GetPromiseRecord", messages.GetPromiseRecordRequest(ticket_id=fresh, withdraw=True),
                  messages.GetPromiseRecordResponse)
        check(False, "a customer previewed a promise")
    except Refused as refused:
        check_equal(refused.status.reason, "NOT_PERMITTED", "only who may promise may preview")
    pavel.close()
    olga.close()


def _figures(otk):
    """The rollups know it, and a rebuild gives the same."""
    irina = otk.as_("irina")
    eventually(lambda: irina.json("kpi", "promise-kept")[0]["first_kept"] == 9, "folded")
    found = irina.json("kpi", "promise-kept")[0]
    check_equal({k: found[k] for k in ("first_broken", "last_kept", "last_broken")},
                {"first_broken": 5, "last_kept": 10, "last_broken": 4}, "kept and broken")
    found = irina.json("kpi", "promise-changes")[0]
    check_equal({k: found[k] for k in ("tickets", "ours", "customer", "later", "earlier", "withdrawn", "passed")},
                {"tickets": 15, "ours": 4, "customer": 1, "later": 3, "earlier": 1, "withdrawn": 1, "passed": 5},
                "changes by initiator")
    check_equal(irina.json("kpi", "promise-offensive")[0]["offensive"], 1, "offensive ones")
    for name in ("promise-slip", "promise-churn", "promise-accuracy", "update-cadence"):
        check(irina.json("kpi", name)[0], "there are figures", name)
    check(irina.json("kpi", "promise-accuracy")[0]["min_s"] < 0, "early is negative")
    check_equal(otk.admin.json("kpi", "verify"), [], "kpi verify finds nothing")


def promises_from_typing_to_figures():
    with Deployment(clock=START) as otk:
        _one_life(otk)
        _time_speaks(otk)
        _record(otk)
        _figures(otk)


if __name__ == "__main__":
    run()
