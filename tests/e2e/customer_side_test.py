#!/usr/bin/python3
"""What a requester gets: dues in his own zone when he files, a call on record, an answer to his
question, and every promised date and move of it."""
import csv
import io
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from otk_test import Deployment, check, check_equal, eventually, run  # noqa: E402

START = "2026-03-02T09:00:00Z"  # a Monday, noon in Moscow


def _filing_answers_with_the_dues(otk):
    """Whoever files, and wherever, is told the dues in the requester's zone."""
    marta = otk.as_("marta")
    words = ("ticket", "create", "--customer", "verf", "--requester", "olga", "--title", "Нет связи",
             "--impact", "1", "--urgency", "1")
    text = marta.run("--zone", "Europe/Lisbon", *words)
    response = next(line for line in text.splitlines() if line.split()[:1] == ["response"])
    resolution = next(line for line in text.splitlines() if line.split()[:1] == ["resolution"])
    check("2026-03-02 12:15:00 +0300" in response, "the response is due in the requester's zone", text)
    check("2026-03-02 16:00:00 +0300" in resolution, "and the resolution", text)
    check("+0000" not in text, "nothing in the zone of who filed it", text)
    ticket = marta.json(*words)
    dues = {c["kind"]: c["due_at"] for c in ticket["clocks"]}
    check_equal((ticket["zone"], dues), ("Europe/Moscow", {"response": "2026-03-02T09:15:00Z",
                "resolution": "2026-03-02T13:00:00Z"}), "JSON: instants, and the zone that they are shown in")
    row = next(csv.DictReader(io.StringIO(marta.run("--format", "csv", *words), newline="")))
    check_equal((row["clock"], row["due"]), ("response", "2026-03-02T09:15:00Z"), "CSV: the next one")


def _a_call_is_on_record(otk):
    """reply --spoken is an answer, and says how it was given."""
    olga, pavel = otk.as_("olga"), otk.as_("pavel")
    number = str(olga.json("ticket", "create", "--title", "Позвоните")["id"])
    pavel.run("ticket", "reply", number, "--spoken", "--text", "Позвонил: мастер едет")
    shown = olga.json("ticket", "show", number)
    said = next(e for e in shown["events"] if e["kind"] == "replied")
    check_equal((said["cause"], said["visibility"], said["text"]), ("spoken", "public", "Позвонил: мастер едет"),
                "the call")
    clocks = {c["kind"]: c["state"] for c in shown["ticket"]["clocks"]}
    check_equal(clocks["response"], "met", "it answers")


def _a_question_asks_for_another_date(otk):
    """What the customer asks may be cited as his wish, and every change of the date is told him."""
    olga, pavel = otk.as_("olga"), otk.as_("pavel")
    number = str(olga.json("ticket", "create", "--title", "Когда?")["id"])
    pavel.run("ticket", "promise", number, "+2h")
    otk.clock.advance("100m")
    olga.run("ticket", "ask", number, "Что слышно? Можно и завтра утром")
    asked = [e["seq"] for e in olga.json("ticket", "show", number)["events"] if e["kind"] == "asked"][-1]
    entry = pavel.json("ticket", "promise", number, "tomorrow 10:00", "--at-request", str(asked),
                       "--reason", "как просили", "--zone", "Europe/Moscow")["entry"]
    check_equal((entry["by_customer"], entry["offensive"], entry["promise_at"]), (True, False, "2026-03-03T07:00:00Z"),
                "at the customer's own request")
    said = pavel.fails("ticket", "promise", number, "--withdraw")
    check("otklik: reason: must give the reason for withdrawing" in said, "the option is named, not the field", said)
    pavel.run("ticket", "promise", number, "--withdraw", "--reason", "нет детали")
    eventually(lambda: otk.value("SELECT (SELECT max(rev) FROM feed) = (SELECT rev FROM dispatch)") == "t"
               and otk.value("SELECT (SELECT count(*) FROM feed) = (SELECT count(*) FROM event)") == "t", "dispatched")
    told = otk.rows(f"""SELECT o.kind FROM outbox o JOIN principal p
        ON p.principal_id = o.recipient_id WHERE o.ticket_id = {number} AND p.code = 'olga' AND o.kind = 8""")
    check_equal(len(told), 3, "the requester is told of the date and of each of its moves")
    entries = olga.json("ticket", "promises", number)["entries"]
    check_equal([e["warn_at"] for e in entries], [None] * len(entries), "not when its owner is warned")
    check_equal({e["kind"] for e in entries}, {"promised"}, "nor that he was")


def _the_owner_is_warned(otk):
    """Whoever has the ticket hears of the date while it can still be moved decently, and when it has passed."""
    olga, pavel = otk.as_("olga"), otk.as_("pavel")
    number = str(olga.json("ticket", "create", "--title", "Когда же?")["id"])
    pavel.run("ticket", "take", number)
    pavel.run("ticket", "promise", number, "+100m")
    told = lambda kind: {row[0] for row in otk.rows(f"""SELECT p.code FROM outbox o JOIN principal p
        ON p.principal_id = o.recipient_id WHERE o.ticket_id = {number} AND o.kind = {kind}""")}  # noqa: E731
    otk.clock.advance("70m")
    check_equal(told(9), set(), "not yet")
    otk.clock.advance("1m")
    eventually(lambda: told(9) == {"pavel"}, "its owner is warned, a fifth and a half of that before")
    otk.clock.advance("30m")
    check("pavel" in eventually(lambda: told(10), "and told that it is broken"), "he too", told(10))


def what_the_customer_gets():
    # Nobody listens at port 1: notices wait, which is all that is looked at here.
    settings = {"smtp_url": "smtp://127.0.0.1:1", "smtp_from": "desk@otklik.test"}
    with Deployment(clock=START, settings=settings) as otk:
        _filing_answers_with_the_dues(otk)
        _a_call_is_on_record(otk)
        _a_question_asks_for_another_date(otk)
        _the_owner_is_warned(otk)


if __name__ == "__main__":
    run()
