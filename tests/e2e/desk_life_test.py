#!/usr/bin/python3
"""A ticket's life through the command line, on a clock that is moved: dues, levels, pauses,
reopen, and what each person may see. Two servers sweep the same database."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from otk_test import Deployment, check, check_equal, eventually, run  # noqa: E402

START = "2026-11-23T09:00:00Z"  # a Monday; 12:00 in Moscow


def _clock(ticket, kind):
    return next(c for c in ticket["clocks"] if c["kind"] == kind)


def _file(otk, *words):
    return otk.as_("olga").json("ticket", "create", "--customer", "verf", "--title", "Нет связи", *words)


def _show(otk, ticket):
    return otk.as_("marta").json("ticket", "show", ticket["id"])["ticket"]


def _levels(otk, ticket):
    """(clock, level) of what fired, in order."""
    events = otk.as_("marta").json("ticket", "show", ticket["id"])["events"]
    return [(e["clock"], e["level"]) for e in events if e["kind"] == "level_fired"]


def the_levels_of_a_clock_fire_once_under_two_servers():
    with Deployment(clock=START, masters=2) as otk:
        ticket = _file(otk, "--site", "spb", "--impact", "2", "--urgency", "1")
        response, resolution = _clock(ticket, "response"), _clock(ticket, "resolution")
        check_equal(response["due_at"], "2026-11-23T09:00:08Z", "response due")
        check_equal(resolution["due_at"], "2026-11-23T09:01:00Z", "resolution due")
        otk.clock.advance("5s")
        eventually(lambda: _levels(otk, ticket) == [("response", 1)], "the warning fires")
        otk.clock.advance("5s")
        eventually(lambda: _levels(otk, ticket) == [("response", 1), ("response", 2)], "the breach fires")
        otk.clock.advance("2m")
        owed = [("response", 1), ("response", 2), ("resolution", 1), ("resolution", 2)]
        eventually(lambda: _levels(otk, ticket) == owed, "the owed levels fire in order")
        otk.clock.advance("1h")
        check_equal(_levels(otk, ticket), owed, "and no more")
        shown = _clock(_show(otk, ticket), "response")
        check_equal(shown["breached_at"], "2026-11-23T09:00:08Z", "the breach is dated to the due time")


def waiting_for_the_customer_pauses_and_its_answer_resumes():
    with Deployment(clock=START) as otk:
        ticket = _file(otk, "--site", "spb", "--impact", "2", "--urgency", "1")
        pavel, olga = otk.as_("pavel"), otk.as_("olga")
        otk.clock.advance("2s")
        pavel.json("ticket", "take", ticket["id"])
        pavel.json("ticket", "reply", ticket["id"], "--text", "Смотрю")
        otk.clock.advance("8s")
        pavel.json("ticket", "pend", ticket["id"], "--reason", "customer", "--text", "Кабель цел?")
        otk.clock.advance("1h")
        olga.json("ticket", "reply", ticket["id"], "--text", "Цел")
        shown = _show(otk, ticket)
        check_equal(shown["state"], "in_progress", "the answer resumes")
        otk.clock.advance("10s")
        pavel.json("ticket", "resolve", ticket["id"], "--text", "Готово")
        shown = _show(otk, ticket)
        check_equal(_clock(shown, "resolution")["consumed_s"], 20.0, "the hour of waiting does not count")
        check_equal(_clock(shown, "resolution")["state"], "met", "resolution")
        check_equal(_clock(shown, "response")["state"], "met", "response")
        intervals = otk.as_("irina").json("sla", "explain", ticket["id"], "resolution")["clocks"][0]["intervals"]
        check_equal([i["kind"] for i in intervals], ["counted", "paused", "counted"], "explain")
        for before, after in zip(intervals, intervals[1:]):
            check_equal(before["to"], after["from"], "intervals tile")
        olga.json("ticket", "reopen", ticket["id"], "--text", "Опять нет связи")
        check_equal(_clock(_show(otk, ticket), "resolution")["state"], "running", "reopen resumes")


def a_stranger_and_a_stale_version_are_refused():
    with Deployment(clock=START) as otk:
        ticket = _file(otk, "--site", "spb", "--impact", "2", "--urgency", "1")
        said = otk.as_("rui").fails("ticket", "show", ticket["id"])
        absent = otk.as_("rui").fails("ticket", "show", ticket["id"] + 1000000)
        check_equal(said.replace(str(ticket["id"]), "N"),
                    absent.replace(str(ticket["id"] + 1000000), "N"), "a foreign ticket looks absent")
        otk.as_("pavel").json("ticket", "note", ticket["id"], "--text", "внутреннее")
        said = otk.as_("pavel").fails("ticket", "take", ticket["id"], "--version", ticket["version"])
        check(f"version {ticket['version'] + 1}" in said, "a stale version is told the new one", said)
        events = otk.as_("olga").json("ticket", "show", ticket["id"])["events"]
        check(all(e["visibility"] == "public" for e in events), "a requester sees what is public")
        said = otk.as_("olga").fails("ticket", "take", ticket["id"])
        said = otk.as_("pavel").fails("ticket", "close", ticket["id"])
        check("resolved" in said or "resolve" in said, "a refused transition says what is allowed", said)


def applying_the_installation_again_changes_nothing():
    with Deployment(clock=START) as otk:
        before = otk.rows("SELECT count(*) FROM contract_version")
        check_equal(otk.apply(otk.installation), otk.apply(otk.installation), "both say the same")
        check_equal(otk.rows("SELECT count(*) FROM contract_version"), before, "no new version")


run()
