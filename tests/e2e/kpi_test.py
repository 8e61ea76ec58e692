#!/usr/bin/python3
"""Figures of the provider's own clocks, of escalations, of time over the targets and of what is at
risk: who sees them, what takes them back, and that an older release's rollups are completed."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import Desk, Refused, schema  # noqa: E402
from otk_test import check, check_equal, eventually, run  # noqa: E402

SUPPLIER, OPERATIONAL = 3, 4  # a reason to wait, a clock
OWN = """
INSERT INTO contract_target (contract_version_id, position, type, priority, clock, target) VALUES
	(1, 4, 0, 0, 4, '30m'), (1, 5, 0, 0, 5, '2h');
INSERT INTO principal_grant VALUES (15, 5, 0);
UPDATE installation SET epoch = epoch + 1;
SELECT pg_notify('otklik_reference', '')
"""
CELLS = """SELECT customer_id, day, site_id, team_id, priority, type, metric, bucket, n, sum, sum2
    FROM kpi_cell WHERE n <> 0 OR sum <> 0 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8"""
# More entries than are folded again in one step.
MANY = """
INSERT INTO event (customer_id, ticket_id, seq, kind, side, is_public, occurred_at, recorded_at)
	SELECT t.customer_id, t.ticket_id, t.version + g, 5, 1, false, t.updated_at, t.updated_at
	FROM ticket t, generate_series(1, 4100) g WHERE t.ticket_id = %d;
UPDATE ticket SET version = version + 4100 WHERE ticket_id = %d
"""
# As a release without these measures leaves them; its feed is trimmed.
OLDER = """
DELETE FROM kpi_cell WHERE metric >= 63;
DELETE FROM kpi_quarter WHERE metric >= 63;
UPDATE kpi_ticket SET state = '\\x02';
UPDATE kpi_fold SET rules = 2;
DELETE FROM feed;
"""


def _ask(peer, name, **fields):
    kpi = schema().kpi
    return peer.call("QueryKpi", kpi.QueryKpiRequest(name=name, **fields), kpi.QueryKpiResponse)


def _refusal(peer, name, **fields):
    try:
        _ask(peer, name, **fields)
    except Refused as refused:
        return refused.status.reason
    return None


def _folded(otk):
    eventually(lambda: otk.value("SELECT k.rev = f.rev AND k.rules = 3 AND NOT feed_pending() "
                                 "FROM kpi_fold k, feed_state f") == "t", "all is folded", 20)


def _figures(otk, name, *words):
    _folded(otk)
    return otk.as_("lena").json("kpi", name, *words)


def _some(row, *names):
    return [row[n] for n in names]


def _customers_see_what_is_promised(otk):
    """Mark is the customer's own manager."""
    mark, lena = otk.peer("mark"), otk.peer("lena")
    for name in ("operational-compliance", "supplier-compliance", "escalation"):
        check_equal(_refusal(mark, name), "PROVIDER_ONLY", f"{name} is the provider's")
        check_equal(_refusal(mark, name, customer="acme"), "PROVIDER_ONLY", f"{name} of his own")
        check_equal(_refusal(lena, name, customer="acme"), None, f"{name} for the provider")
    for name, own in (("breach-minutes", 6), ("at-risk", 6)):
        seen, all_of_it = _ask(mark, name), _ask(lena, name)
        columns = [c.name for c in seen.columns]
        check_equal(len(all_of_it.columns) - len(columns), own, f"columns of {name}")
        check(not any("operational" in c or "supplier" in c for c in columns), "not in there either", columns)
        check_equal(len(seen.rows[0].cells), len(columns), "a cell for each")
    words = str(_ask(mark, "breach-minutes")) + str(_ask(mark, "at-risk"))
    check("operational" not in words and "supplier" not in words, "nor anywhere else")


def _an_older_release_is_completed(otk, ticket):
    otk.psql(MANY % (ticket, ticket))
    _folded(otk)
    before = otk.rows(CELLS)
    otk.servers[0].stop()
    otk.psql(OLDER)
    otk.servers[0].start()
    olga = eventually(lambda: otk.peer("olga"), "the server is back")
    after = olga.ticket("create", title="After the upgrade").id
    _folded(otk)
    olga.ticket("cancel", ticket_id=after, text="Never mind")
    _folded(otk)
    kept = [r for r in before if int(r[6]) >= 63]
    check(len(kept) > 8, "there was something to complete", len(kept))
    check_equal([r for r in otk.rows(CELLS) if int(r[6]) >= 63], kept, "as if it had always counted them")
    check_equal(otk.as_("lena").run("kpi", "verify"), "", "a rebuild gives the same")
    otk.peer("eva").ticket("resolve", ticket_id=ticket, text="Another lamp")
    row = _figures(otk, "breach-minutes")[0]
    check_equal(_some(row, "resolution_n", "resolution_minutes"), [1, 105], "and goes on from there")
    check_equal(otk.as_("lena").run("kpi", "verify"), "", "as a rebuild does")


def what_runs_over_is_counted_and_taken_back():
    with Desk(clock="2026-03-02T09:00:00Z") as otk:
        otk.psql(OWN)
        olga, eva, lena = otk.peer("olga"), otk.peer("eva"), otk.peer("lena")
        ticket = olga.ticket("create", title="No light").id
        eva.ticket("assign", ticket_id=ticket, team="desk")
        otk.clock.advance("40m")
        # the desk had half an hour, and so had the answer: both run on
        rows = _figures(otk, "breach-minutes")
        check_equal(_some(rows[0], "response_minutes", "response_open_minutes", "operational_open_minutes"),
                    [10, 10, 10], "what is open is in it")
        rows = _figures(otk, "breach-minutes", "--by", "hour")
        check_equal([_some(r, "hour", "response_minutes") for r in rows if r["response_minutes"]],
                    [["2026-03-02T09:00:00Z", 10]], "also by hour")
        check_equal(_figures(otk, "breach-minutes", "--to", "2026-03-02")[0]["response_minutes"], 0,
                    "of days before nothing")
        eva.ticket("assign", ticket_id=ticket, team="field")
        otk.clock.advance("10m")
        eva.ticket("pend", ticket_id=ticket, reason=SUPPLIER, text="A new lamp is ordered")
        otk.clock.advance("55m")
        rows = _figures(otk, "breach-minutes", "--by", "team")
        check_equal([_some(r, "team", "operational_minutes", "operational_open_minutes", "response_minutes",
                           "response_n") for r in rows if r["team"]],
                    [["desk", 10, 0, 0, 0], ["field", 35, 35, 20, 1]], "whose team it was")
        rows = _figures(otk, "at-risk", "--by", "customer,team,priority")
        check_equal([_some(r, "customer", "team", "priority", "update_open", "update_at_risk", "update_broken",
                           "operational_broken", "resolution_at_risk") for r in rows],
                    [["acme", "field", "P4", 1, 1, 0, 1, 0]], "an update is owed in five minutes")
        check_equal(_refusal(lena, "at-risk", by=["month"]), "INVALID_FIELD", "of now, not of months")
        _customers_see_what_is_promised(otk)

        eva.ticket("resume", ticket_id=ticket)
        rows = _figures(otk, "supplier-compliance")
        check_equal(_some(rows[0], "met", "breached", "waived"), [1, 0, 0], "the supplier was in time")
        rows = _figures(otk, "operational-compliance", "--by", "team")
        check_equal([_some(r, "team", "met", "breached") for r in rows if r["team"]], [["desk", 0, 1], ["field", 0, 1]],
                    "each team for its own round")
        row = _figures(otk, "escalation")[0]
        check_equal(_some(row, "arrivals", "escalated", "functional", "hierarchical", "automatic"),
                    [1, 1, 1, 1, 1], "handed on, and told to the lead by a level")

        # a waiver takes both away; a reopen takes a resolve's overrun back until the next
        messages = schema().ticket
        lena.call("WaiveClock", messages.WaiveClockRequest(ticket_id=ticket, clock=OPERATIONAL, text="no parts"),
                  messages.WaiveClockResponse)
        row = _figures(otk, "operational-compliance", "--team", "field")[0]
        check_equal(_some(row, "met", "breached", "waived"), [0, 0, 1], "waived is beside")
        otk.clock.advance("4h")
        eva.ticket("resolve", ticket_id=ticket, text="A new lamp")
        row = _figures(otk, "breach-minutes")[0]
        check_equal(_some(row, "operational_n", "operational_minutes", "resolution_minutes",
                          "resolution_open_minutes"), [1, 10, 105, 0], "of the desk alone, and of the whole")
        olga.ticket("reopen", ticket_id=ticket, text="Dark again")
        row = _figures(otk, "breach-minutes")[0]
        check_equal(_some(row, "resolution_minutes", "resolution_open_minutes"), [105, 105], "open again")
        check_equal(otk.value("SELECT coalesce(sum(n), 0) FROM kpi_cell WHERE metric = 72"), "0", "and not stored")
        _an_older_release_is_completed(otk, ticket)


run()
