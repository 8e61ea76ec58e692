#!/usr/bin/python3
"""`otklik oncall`: rotas of the installation, who is on duty, overrides and who may make them.

time-limit: 120
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from otk_test import EXAMPLE, Deployment, check, check_equal, eventually, run  # noqa: E402

START = "2026-03-24T12:00:00Z"  # a Tuesday; Moscow is three hours ahead


def _duty(row):
    return row["layer"], row.get("person"), row["from"], row["until"]


def the_rota_says_who_is_on_call_and_an_override_wins_until_it_is_withdrawn():
    with Deployment(clock=START) as otk:
        shown = otk.as_("pavel").json("oncall", "show", "systems")
        check_equal([_duty(row) for row in shown], [
            (1, None, "2026-03-24T12:00:00Z", "2026-03-24T15:00:00Z"),
            (1, "marta", "2026-03-24T15:00:00Z", "2026-03-25T06:00:00Z"),
            (2, "tomas", "2026-03-24T12:00:00Z", "2026-03-30T09:00:00Z"),
            (2, "tomas", "2026-03-30T09:00:00Z", "2026-04-06T09:00:00Z")], "now and next, by layer")
        check("nobody" in otk.as_("pavel").run("oncall", "show", "systems"), "a gap is named")
        listed = otk.as_("pavel").json("oncall", "list", "systems", "--from", "2026-03-27T15:00:00Z",
                                       "--to", "2026-03-31T00:00:00Z")
        check_equal([_duty(row) for row in listed if row["layer"] == 1], [
            (1, "marta", "2026-03-27T15:00:00Z", "2026-03-30T06:00:00Z"),
            (1, None, "2026-03-30T06:00:00Z", "2026-03-30T15:00:00Z"),
            (1, "pavel", "2026-03-30T15:00:00Z", "2026-03-31T00:00:00Z")],
            "the weekend, the day that nobody covers, the next turn")
        at = otk.as_("pavel").json("oncall", "show", "systems", "--at", "2026-03-25T05:59:59Z")
        check_equal(at[0]["person"], "marta", "just before the end of the night")
        check_equal(otk.as_("pavel").json("oncall", "show", "systems", "--at", "2026-03-24T11:00:00Z")[0].get("person"),
                    None, "nobody before it was declared")
        check_equal(otk.as_("pavel").json("oncall", "show", "first-line"), [], "a team without a rota")
        check("provider" in otk.as_("olga").fails("oncall", "show"), "not a customer's business")

        _override_and_withdraw(otk)


def _override_and_withdraw(otk):
    lead, engineer = otk.as_("marta"), otk.as_("tomas")
    number = lead.json("oncall", "override", "systems", "--person", "pavel", "--to",
                       "2026-03-25T06:00:00Z", "--reason", "Марта едет")["override_id"]
    shown = engineer.json("oncall", "show", "systems")[0]
    check_equal((shown["person"], shown["override"], shown["reason"], shown["from"], shown["until"]),
                ("pavel", number, "Марта едет", "2026-03-24T12:00:00Z", "2026-03-25T06:00:00Z"),
                "the override, also in the gap")
    check("leads arrange" in engineer.fails("oncall", "override", "systems", "--person", "pavel",
                                        "--to", "2026-03-25T06:00:00Z"), "others are for leads")
    mine = engineer.json("oncall", "override", "systems", "--person", "tomas", "--from",
                         "2026-03-24T18:00:00Z", "--to", "2026-03-24T20:00:00Z")["override_id"]
    at = lead.json("oncall", "show", "systems", "--at", "2026-03-24T19:00:00Z")[0]
    check_equal((at["person"], at["until"]), ("tomas", "2026-03-24T20:00:00Z"), "the later made wins")
    engineer.fails("oncall", "withdraw", number)
    check("withdrawn" in engineer.run("oncall", "withdraw", mine), "one's own")

    otk.clock.advance("1h")
    check("withdrawn" in lead.run("oncall", "withdraw", number), "by a lead")
    check("no override" in lead.fails("oncall", "withdraw", number), "twice changes nothing")
    rows = lead.json("oncall", "list", "systems", "--from", START, "--to", "2026-03-24T16:00:00Z")
    check_equal([_duty(row) for row in rows if row["layer"] == 1], [
        (1, "pavel", "2026-03-24T12:00:00Z", "2026-03-24T13:00:00Z"),
        (1, None, "2026-03-24T13:00:00Z", "2026-03-24T15:00:00Z"),
        (1, "marta", "2026-03-24T15:00:00Z", "2026-03-24T16:00:00Z")],
        "what was, stays; then the rota again")
    _swap(otk)
    _the_past_stays(otk)


def _nights(who, first, last):
    """Duties of layer 1 as (person, from, until)."""
    rows = who.json("oncall", "list", "systems", "--from", first, "--to", last)
    return [(row["person"], row["from"], row["until"]) for row in rows
            if row["layer"] == 1 and row.get("person")]


def _swap(otk):
    """A night of Marta's against one of Pavel's, previewed, made at once, and taken over."""
    lead, engineer = otk.as_("marta"), otk.as_("tomas")
    span = ("--from", "2026-03-29T12:00:00Z", "--to", "2026-03-31T06:00:00Z")
    words = ("oncall", "swap", "systems", "--person", "marta", "--with", "pavel", *span)
    plan = [("2026-03-29T12:00:00Z", "2026-03-30T06:00:00Z", "marta", "pavel"),
            ("2026-03-30T15:00:00Z", "2026-03-31T06:00:00Z", "pavel", "marta")]

    def told(rows):
        return [(row["from"], row["until"], row["was"], row["becomes"]) for row in rows]

    before = _nights(lead, span[1], span[3])
    check_equal(told(lead.json(*words, "--dry-run")), plan, "previewed")
    check_equal(_nights(lead, span[1], span[3]), before, "and nothing done")
    check("leads arrange" in engineer.fails(*words), "neither of others nor for another")
    check("leads arrange" in otk.as_("pavel").fails(*words), "one of the two gives nobody a duty")
    made = lead.json(*words, "--reason", "Театр")
    check_equal(told(made), plan, "made")
    check_equal(_nights(lead, span[1], span[3]), [(new, first, last) for first, last, _, new in plan], "exchanged")
    row = engineer.json("oncall", "show", "systems", "--at", "2026-03-29T13:00:00Z")[0]
    check_equal((row["by"], row["in_place_of"], row["reason"]), ("marta", "marta", "Театр"), "by whom, for whom")
    check("in place of marta: Театр" in engineer.run("oncall", "show", "systems", "--at", "2026-03-29T13:00:00Z"),
          "people see it")
    # Taken over by himself; it touches what was swapped, and gives nothing.
    mine = engineer.json("oncall", "swap", "systems", "--person", "marta", "--with", "tomas",
                         "--from", "2026-03-30T20:00:00Z", "--to", "2026-04-01T00:00:00Z", "--take-over")
    check_equal(told(mine), [("2026-03-30T20:00:00Z", "2026-03-31T06:00:00Z", "marta", "tomas")], "taken over")
    check("no duty there" in lead.fails("oncall", "swap", "systems", "--person", "tomas",
                                        "--with", "pavel", "--from", "2026-04-01T00:00:00Z", "--to",
                                        "2026-04-02T00:00:00Z"), "nothing to swap")
    check("somebody else" in lead.fails(*words[:6], "marta", *span), "not with oneself")
    check_equal(otk.value("SELECT string_agg(p.code || '>' || w.code || ':' || part, ' ' ORDER BY override_id) FROM "
                          "oncall_override JOIN principal p ON p.principal_id = in_place_of JOIN principal w ON "
                          "w.principal_id = person_id"), "marta>pavel:1 pavel>marta:2 marta>tomas:1", "who for whom")


def _the_past_stays(otk):
    """Edited, retired and overridden since, the past tells what was in force then."""
    lead = otk.as_("marta")
    otk.clock.advance("10d")  # 2026-04-03T13:00, a Friday, Pavel's week
    span = ("2026-03-24T12:00:00Z", "2026-04-10T12:00:00Z")
    before = _nights(lead, *span)
    check_equal(otk.value("SELECT count(*) FROM oncall_override WHERE NOT over"), "4", "known")
    lead.json("oncall", "override", "systems", "--person", "tomas", "--from", "2026-04-20T00:00:00Z",
              "--to", "2026-04-20T01:00:00Z")
    check_equal(otk.value("SELECT count(*) FROM oncall_override WHERE NOT over"), "1", "what is over is not held")
    check_equal(_nights(lead, *span), before, "and told")
    text = EXAMPLE.read_text()
    path = otk.folder / "edited.yaml"
    path.write_text(text.replace("people: [pavel, marta]", "people: [tomas]"))
    otk.admin.json("apply", "-f", path)
    now = "2026-04-03T13:00:00Z"
    after = _nights(lead, *span)
    check_equal([d for d in after if d[1] < now], [d for d in before if d[1] < now], "before the edit as it was")
    check_equal({d[0] for d in after if d[1] >= now}, {"tomas"}, "after it the new people")
    otk.clock.advance("1d")
    path.write_text(text[:text.index("rotas:")] + text[text.index("calendars:"):])
    otk.admin.json("apply", "-f", path)
    cut = _nights(lead, *span)
    check_equal([d for d in cut if d[2] <= now], [d for d in before if d[2] <= now], "retired, and still told")
    check(all(d[2] <= "2026-04-04T13:00:00Z" for d in cut), "nobody after", cut)
    check_equal(lead.json("oncall", "show", "systems", "--at", "2026-03-25T05:59:59Z")[0]["person"], "marta", "then")
    row = lead.json("oncall", "show", "systems", "--at", "2026-03-29T13:00:00Z")[0]
    check_equal((row["person"], row["by"], row["in_place_of"]), ("pavel", "marta", "marta"), "a swap that is over")
    otk.apply(EXAMPLE)


def what_is_wrong_is_told():
    with Deployment(clock=START) as otk:
        lead = otk.as_("marta")
        for words, told in (
                (("systems", "--person", "olga", "--to", "2026-03-25"), "provider's people"),
                (("nowhere", "--person", "pavel", "--to", "2026-03-25"), "team"),
                (("systems", "--person", "pavel", "--to", "2026-03-24T11:00:00Z"), "future"),
                (("systems", "--person", "pavel", "--to", "2028-03-24T11:00:00Z"), "a year")):
            error = lead.fails("oncall", "override", *words)
            check(told in error, f"{words}: {told}", error)
        otk.psql("INSERT INTO oncall_override (team_id, layer, person_id, from_at, to_at, reason, made_by, made_at, key,"
                 " hash) SELECT t.team_id, 1, p.principal_id, '2026-03-25', '2026-03-26', '', p.principal_id, now(),"
                 " gen_random_uuid(), '' FROM team t, principal p, generate_series(1, 1000)"
                 " WHERE t.code = 'systems' AND p.code = 'pavel';"
                 "UPDATE installation SET epoch = epoch + 1; NOTIFY otklik_reference")
        eventually(lambda: any(row["override"] for row in lead.json("oncall", "list", "systems", "--from", START, "--to",
                                                                    "2026-03-26")), "they are known")
        check("lie ahead already" in lead.fails("oncall", "override", "systems", "--person", "pavel", "--to",
                                                "2026-03-25"), "a thousand are enough")
        otk.psql("DELETE FROM oncall_override; UPDATE installation SET epoch = epoch + 1; NOTIFY otklik_reference")
        text = EXAMPLE.read_text()
        for old, new, told in (
                ("hand_over: mon 09:00", "hand_over: tue 09:00", "2026-01-06"),
                ("people: [pavel, marta]", "people: [pavel, olga]", "customer's"),
                ("people: [pavel, marta]", "people: [pavel, nobody]", "no person 'nobody'"),
                ("people: [pavel, marta]", "people: [pavel, pavel]", "named twice"),
                ("people: [pavel, marta]", "people: []", "1 to 50"),
                ("    layer: 2\n", "    layer: 4\n", "1 to 3"),
                ("period: 1w", "period: 1h", "days or weeks"),
                ("18:00-09:00; tue-fri", "18:00-18:00; tue-fri", "span"),
                ("    team: systems\n    zone", "    team: sistems\n    zone", "no team 'sistems'")):
            check(old in text, f"the example has {old!r}")
            path = otk.folder / "wrong.yaml"
            path.write_text(text.replace(old, new, 1))
            error = otk.admin.fails("apply", "-f", path)
            check(told in error and "wrong.yaml:" in error, f"{new}: {told}", error)
        path.write_text(text.replace("people: [pavel, marta]", "people: [marta, pavel]"))
        changes = otk.admin.json("apply", "-f", path)
        check_equal([(c["kind"], c["code"]) for c in changes], [("rota", "systems-nights")], "the order counts")
        check("pavel,marta" in changes[0]["detail"], "from and to", changes)
        at = lead.json("oncall", "show", "systems", "--at", "2026-03-24T19:00:00Z")[0]
        check_equal(at["person"], "pavel", "the other has the turn")
        cut = text[:text.index("rotas:")] + text[text.index("calendars:"):]
        path.write_text(cut)
        check_equal({(c["action"], c["kind"]) for c in otk.admin.json("apply", "-f", path)},
                    {("retire", "rota")}, "retired")
        check_equal(lead.json("oncall", "show"), [], "nobody is on call any more")


run()
