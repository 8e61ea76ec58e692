#!/usr/bin/python3
"""Calendars of an installation: rules, .ics files, sites with their own; what edits do to open
clocks, and which calendars are refused.

time-limit: 240
"""
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "bench")]
import create  # noqa: E402
from cluster import call  # noqa: E402
from otk_test import Deployment, check, check_equal, eventually, run  # noqa: E402

START = "2026-11-23T09:00:00Z"  # a Monday; 10:00 in Berlin
TEXT = """\
name: demo
customers:
  - {code: acme, name: Acme, zone: Europe/Berlin}
sites:
  - {code: hq, customer: acme, name: Head office}
  - {code: dock, customer: acme, name: Dock, calendar: night}
teams:
  - {code: desk, name: Desk}
people:
  - {code: admin, name: Administrator, grants: [{role: admin}]}
  - {code: eva, name: Eva, teams: [desk], grants: [{role: engineer}]}
  - {code: olga, name: Olga, customer: acme, grants: [{role: requester, customer: acme}]}
calendars:
  - code: office
    zone: Europe/Berlin
    week: "mon-fri 09:00-17:00"
    rules: ["jan 1", "easter-2", "easter+1", "dec 25-26"]
  - code: night
    based_on: office
    week: "mon-sun 22:00-06:00"
    holidays: ["2026-11-24"]
contracts:
  - code: acme-all
    customer: acme
    calendar: office
    targets:
      - {clock: resolution, target: 12h}
      - {type: service_request, clock: resolution, target: 2bd}
"""


def _apply(otk, *replacements, dry_run=False):
    text = TEXT
    for old, new in replacements:
        check(old in text, f"the file has {old!r}")
        text = text.replace(old, new)
    file = otk.folder / "edited.yaml"
    file.write_text(text)
    changes = otk.admin.json("apply", "-f", file, *(["--dry-run"] if dry_run else []))
    return {(c["kind"], c["code"]): c["detail"] for c in changes}


def _desk(settings=None):
    class Acme(Deployment):
        def make(self):
            self.installation = None
            super().make()
            _apply(self)
            for person in ("eva", "olga"):
                self.profile(person)
    return Acme(clock=START, settings=settings)


def _file(otk, site):
    return otk.as_("olga").json("ticket", "create", "--title", "No light", "--site", site)["id"]


def _due(otk, ticket):
    shown = otk.as_("eva").json("ticket", "show", ticket)["ticket"]
    return next(c["due_at"] for c in shown["clocks"] if c["kind"] == "resolution")


def _moves(otk, ticket):
    """(cause, due before, due after) of each retarget in the journal."""
    events = otk.as_("eva").json("ticket", "show", ticket)["events"]
    return [(e["cause"], e["old_due_at"], e["due_at"]) for e in events
            if e["kind"] == "clock_retargeted"]


def _explained(otk, ticket):
    return otk.as_("eva").json("sla", "explain", ticket, "resolution")["clocks"][0]


def a_site_counts_by_its_own_calendar():
    with _desk() as otk:
        office, dock = _file(otk, "hq"), _file(otk, "dock")
        check_equal(_due(otk, office), "2026-11-24T13:00:00Z", "by the contract's calendar")
        # 22:00 to 06:00 tonight; none begins on the 24th, a holiday; then from the 25th on
        check_equal(_due(otk, dock), "2026-11-26T01:00:00Z", "by the site's")
        check_equal([_explained(otk, t)["calendar"] for t in (office, dock)], ["office", "night"],
                    "explain names the calendar")

        otk.clock.advance("2h")
        otk.as_("eva").json("ticket", "classify", dock, "--site", "hq")
        check_equal(_moves(otk, dock), [("retarget", "2026-11-26T01:00:00Z", "2026-11-24T15:00:00Z")],
                    "another site, another calendar")
        otk.as_("eva").json("ticket", "classify", office, "--site", "dock")
        check_equal(_due(otk, office), "2026-11-25T23:00:00Z", "what was consumed stays")
        check_equal(_explained(otk, office)["calendar"], "night", "explain follows")

        # No calendar of its own any more: open clocks count by the contract's from now on.
        shown = _apply(otk, (", calendar: night", ""), dry_run=True)
        check("calendar" in shown["site", "acme/dock"], "the change is shown", shown)
        _apply(otk, (", calendar: night", ""))
        otk.clock.advance("1s")  # what an instant brings comes after the commands at it
        eventually(lambda: len(_moves(otk, office)) == 2, "the edit moves the due")
        check_equal(_moves(otk, office)[1], ("calendar", "2026-11-25T23:00:00Z",
                                             "2026-11-24T13:00:00Z"), "with its cause")


def a_change_of_zone_and_a_rule_are_edits():
    with _desk() as otk:
        ticket = _file(otk, "hq")
        otk.clock.advance("1h")
        zone = ("    zone: Europe/Berlin", "    zone: Asia/Tokyo")
        _apply(otk, zone)
        otk.clock.advance("1s")
        eventually(lambda: _moves(otk, ticket), "the change of zone moves the due")
        # An hour was counted; in Tokyo it is evening: eight hours tomorrow, three the day after.
        moves = [("calendar", "2026-11-24T13:00:00Z", "2026-11-25T03:00:00Z")]
        check_equal(_moves(otk, ticket), moves, "by the hours of the other zone")
        check_equal(otk.value("SELECT count(*) FROM calendar_edition e JOIN calendar USING (calendar_id) "
                              "WHERE code = 'office'"), "2", "editions")
        _apply(otk, zone, ('rules: ["jan 1"', 'rules: ["4th tue of nov", "jan 1"'))
        otk.clock.advance("1s")
        moves.append(("calendar", "2026-11-25T03:00:00Z", "2026-11-26T03:00:00Z"))
        eventually(lambda: _moves(otk, ticket) == moves, "the rule moves the due")
        check(otk.value("SELECT rules[1] FROM calendar_edition ORDER BY calendar_id, edition DESC LIMIT 1")
              == "4th tue of nov", "the rule is kept")


def _zones(folder, version, berlin):
    """A folder of time zones, in which Berlin goes by the clock of another city."""
    system = Path("/usr/share/zoneinfo")
    for name, file in (("Europe/Berlin", berlin), ("Asia/Tokyo", "Asia/Tokyo"), ("UTC", "UTC")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.new").write_bytes((system / file).read_bytes())
        (folder / f"{name}.new").rename(folder / name)
    (folder / "tzdata.zi").write_text(f"# version {version}\n# words\n")


def a_change_of_time_zone_data_is_an_edit():
    folder = Path(tempfile.mkdtemp(dir=os.environ.get("OTKLIK_TEST_DIR")))
    folder.chmod(0o755)
    _zones(folder, "2026b", "Europe/Berlin")
    with _desk({"zoneinfo": folder}) as otk:
        def known():
            return [row[0] for row in otk.rows("SELECT version FROM zone_edition ORDER BY edition")]

        def look(versions):
            """The jobs look when they begin, and each minute."""
            otk.servers[0].kill_child("jobs")
            eventually(lambda: known() == versions, "what is known of the zone", 20)

        ticket = _file(otk, "hq")
        check_equal(known(), ["2026b"], "kept with the calendar")
        otk.value("UPDATE calendar_edition SET zone_edition = NULL; DELETE FROM zone_edition")
        look(["2026b"])  # as in an installation that was made before zones were kept
        otk.clock.advance("1h")
        _zones(folder, "2026a", "Asia/Tokyo")
        other = ('rules: ["jan 1"', 'holidays: ["2027-11-01"]\n    rules: ["jan 1"')
        _apply(otk, other)  # in force a year ahead; the jobs that follow it have looked at the zone
        look(["2026b"])
        otk.clock.advance("1s")
        eventually(lambda: otk.value("SELECT done FROM rearm") == "t", "the edit is followed")
        check_equal(_moves(otk, ticket), [], "what is older than what is known edits nothing")
        _zones(folder, "2026c", "Asia/Tokyo")
        look(["2026b", "2026c"])
        otk.clock.advance("1s")
        moves = [("calendar", "2026-11-24T13:00:00Z", "2026-11-25T02:59:59Z")]
        eventually(lambda: _moves(otk, ticket) == moves, "and moves what is open")
        check_equal(_explained(otk, ticket)["added_due"], moves[0][2], "explain adds up")
        views = [otk.as_("eva").json("calendar", "show", "office", *at)["calendars"][0]
                 for at in ((), ("--at", "2026-11-23T09:30:00Z"))]
        check_equal([(v["zone_version"], v["edition"], v["zone"]) for v in views],
                    [("2026c", 3, "Europe/Berlin"), ("2026b", 1, "Europe/Berlin")], "editions tell why")


def days_that_are_over_change_nothing_and_are_told():
    with _desk() as otk:
        ticket = _file(otk, "hq")
        otk.clock.advance("26h")  # Tuesday
        before = _due(otk, ticket)
        edit = ('rules: ["jan 1"', 'holidays: ["2026-11-23", "2026-11-20"]\n    rules: ["jan 1"')
        told = _apply(otk, edit, dry_run=True)["calendar", "office"]
        check("2 dates that are over (2026-11-20 to 2026-11-23) change nothing" in told, "dates", told)
        check("1 clocks of 1 tickets ran then" in told, "clocks and tickets are counted", told)
        check_equal(_apply(otk, edit)["calendar", "office"], told, "the apply reports the same")
        otk.clock.advance("1m")
        check_equal((_due(otk, ticket), _moves(otk, ticket)), (before, []), "nothing moves")
        _an_edit_while_paused_acts_at_once(otk)


def _an_edit_while_paused_acts_at_once(otk):
    """Two business days from Tuesday 12:01 are 16 hours, and ten once Wednesday has two. It is known
    when the edit comes, though the clock is paused; after the pause what is left follows."""
    eva, olga = otk.as_("eva"), otk.as_("olga")
    ticket = olga.json("ticket", "create", "--title", "A chair", "--site", "hq", "--type", "service_request")["id"]
    check_equal(_due(otk, ticket), "2026-11-26T11:01:00Z", "the same time on the second day")
    otk.clock.advance("1h")
    eva.json("ticket", "pend", ticket, "--reason", "customer", "--text", "Which one?")
    otk.clock.advance("1h")
    _apply(otk, ('rules: ["jan 1"', 'special_days: [{date: "2026-11-25", spans: "09:00-11:00"}]\n    '
                                    'rules: ["jan 1"'))
    otk.clock.advance("1s")
    moved = f"SELECT target_us / 3600000000 FROM event WHERE ticket_id = {ticket} AND kind = 13"
    eventually(lambda: otk.value(moved) == "10", "known while it is paused")
    otk.clock.advance("19h58m59s")  # Wednesday 10:00
    olga.json("ticket", "reply", ticket, "--text", "The green one")
    check_equal(_due(otk, ticket), "2026-11-26T16:00:00Z", "an hour of Wednesday and all of Thursday")
    explained = _explained(otk, ticket)
    check_equal(explained["added_due"], "2026-11-26T16:00:00Z", "and explain adds up")


def _whys(otk, ticket):
    """(kind, why, name of the day) of each interval that has a why."""
    return [(i["kind"], i["why"], i.get("day_name", "")) for i in _explained(otk, ticket)["intervals"]
            if i.get("why")]


def _names_are_told(otk, ticket, edit):
    """The name from the file; another from an edit on, which moves nothing; each told of its time."""
    closed = "outside of service hours"
    night = ("closed", closed, "")
    otk.clock.advance("25h")  # Tuesday 11:00 there, the day off
    check_equal(_whys(otk, ticket), [night, ("holiday", "holiday 2026-11-24: Day off", "Day off")],
                "by its name in the file")
    named = ('rules: ["jan 1"', 'holidays: ["2026-11-24: День труда"]\n    special_days: '
             '[{date: "2026-11-25", spans: "09:00-11:00,12:00-17:00", name: Короткий день}]\n    '
             'ics: [days.ics]\n    rules: ["jan 1: Новый год"')
    told = _apply(otk, named)["calendar", "office"]
    check("День труда" in told and "are over" not in told, "names are no days that are over", told)
    otk.clock.advance("24h")
    eventually(lambda: [m[0] for m in _moves(otk, ticket)] == ["calendar"], "an hour less, and no other move")
    short = "special working day 2026-11-25: Короткий день"
    check_equal(_whys(otk, ticket), [
        night, ("holiday", "holiday 2026-11-24: Day off", "Day off"),
        ("holiday", "holiday 2026-11-24: День труда", "День труда"),
        ("closed", f"{closed}; {short}", "Короткий день"), ("counted", short, "Короткий день")],
        "each edition's own")
    otk.clock.advance("1s")
    _apply(otk, named, ("Новый год", "Ёлка"))
    otk.clock.advance("1m")
    check_equal(len(_moves(otk, ticket)), 1, "another name alone moves nothing")
    eva = otk.as_("eva")
    shown = eva.json("calendar", "show", "office", "--to", "2027-01-02")["calendars"][0]
    check_equal([(d["date"], d["kind"], d["name"], d.get("spans", ""), d.get("rule", "")) for d in shown["days"]],
                [("2026-11-25", "special", "Короткий день", "09:00-11:00,12:00-17:00", ""),
                 ("2026-12-25", "holiday", "", "", "dec 25-26"), ("2026-12-26", "holiday", "", "", "dec 25-26"),
                 ("2027-01-01", "holiday", "Ёлка", "", "jan 1")], "days with names, and why")
    before = eva.json("calendar", "show", "office", "--at", "2026-11-24T11:00:00Z", "--from", "2026-11-24",
                      "--to", "2027-01-01")["calendars"][0]
    check_equal((before["edition"], before["editions"], before["days"][0]["name"],
                 before["days"][-1]["name"]), (3, 4, "День труда", "Новый год"), "as it was")
    check("Короткий день" in eva.run("calendar", "show", "office"), "people see them")
    check_equal(sorted(c["code"] for c in eva.json("calendar", "show")["calendars"]),
                ["night", "office"], "all of them")
    check("provider" in otk.as_("olga").fails("calendar", "show"), "not a customer's business")
    check("ten years" in eva.fails("calendar", "show", "office", "--to", "2099-01-01"), "bounded")
    _apply(otk, edit)


def files_of_holidays_are_read():
    with _desk() as otk:
        lines = ["BEGIN:VCALENDAR", "BEGIN:VEVENT", "DTSTART;VALUE=DATE:20261124",
                 "SUMMARY:Day off", "END:VEVENT", "BEGIN:VEVENT", "DTSTART:20261125T100000Z",
                 "SUMMARY:Lunch", "END:VEVENT", "END:VCALENDAR", ""]
        file = otk.folder / "days.ics"
        file.write_text("\r\n".join(lines))
        edit = ('rules: ["jan 1"', 'ics: [days.ics]\n    rules: ["jan 1"')
        check("2026-11-24" in _apply(otk, edit)["calendar", "office"], "a date of the file")
        ticket = _file(otk, "hq")
        check_equal(_due(otk, ticket), "2026-11-25T13:00:00Z", "is a holiday")
        _names_are_told(otk, ticket, edit)
        shown = otk.admin.json("calendar", "ics", file)
        check_equal([(d["date"], d["holiday"]) for d in shown], [("2026-11-24", "Day off")], "shown")

        lines[2] = "DTSTART;VALUE=DATE:20261124\r\nRRULE:FREQ=SECONDLY"
        file.write_text("\r\n".join(lines))
        error = otk.admin.fails("apply", "-f", otk.folder / "edited.yaml")
        check("days.ics:2:" in error, "a bomb is named with file and line", error)
        file.unlink()
        error = otk.admin.fails("apply", "-f", otk.folder / "edited.yaml")
        check("edited.yaml:" in error and ".ics[0]: " in error and "No such file" in error,
              "a missing file where it is named", error)
        check_equal(otk.admin.json("calendar", "holidays", "--rule", "easter+1", "--from", "2027"),
                    [{"date": "2027-03-29", "day": "mon"}], "dates of a rule")


def an_edit_survives_the_death_of_who_follows_it():
    tickets = 300
    text = create.INSTALLATION.read_text()
    with Deployment(clock=START, masters=2, installation=None) as otk:
        def apply(week):
            file = otk.folder / "bench.yaml"
            file.write_text(text.replace("mon-sun 00:00-24:00", week))
            otk.apply(file)

        apply("mon-sun 00:00-24:00")
        otk.profile("requester")
        call(create.load_program(), "requester", "32", f"n{tickets}", "acme", "riga",
             env=otk.environment, timeout=60)
        otk.clock.advance("1m")
        apply("mon-sun 08:00-11:30")  # now it is 11:01 there
        otk.clock.advance("1s")
        moved = "SELECT count(*) FROM event WHERE kind = 13"
        eventually(lambda: int(otk.value(moved)) > 0, "the edit is followed")
        for _ in range(3):
            for server in otk.servers:
                server.kill_child("jobs")
        eventually(lambda: otk.value(moved) == str(2 * tickets), "all clocks are moved", 60)
        check_equal(otk.value("""SELECT count(*) FROM (SELECT ticket_id, clock FROM event
            WHERE kind = 13 GROUP BY 1, 2 HAVING count(*) = 1) x"""), str(2 * tickets), "each once")
        eventually(lambda: otk.value("SELECT done FROM rearm") == "t", "the pass ends", 30)


def impossible_calendars_are_refused_with_their_line():
    with _desk() as otk:
        def refuse(old, new, told):
            check(old in TEXT, f"the file has {old!r}")
            text = TEXT.replace(old, new, 1)
            line = next(i for i, (a, b) in enumerate(zip(TEXT.splitlines(), text.splitlines()), 1)
                        if a != b)
            file = otk.folder / "wrong.yaml"
            file.write_text(text)
            error = otk.admin.fails("apply", "-f", file)
            check(f"wrong.yaml:{line}:" in error and told in error, f"line {line}: {told}", error)

        refuse('"mon-fri 09:00-17:00"', '"mon-fri 09:00-17:00,16:00-18:00"', "overlaps")
        refuse('"mon-fri 09:00-17:00"', '""', "never open")
        refuse('"mon-fri 09:00-17:00"', '"mon-fri 09:00-25:00"', "09:00-17:00")
        refuse("    zone: Europe/Berlin", "    zone: Europe/Berlim", "Europe/Berlim")
        refuse('holidays: ["2026-11-24"]', 'holidays: ["2026-11-31"]', "must be a date")
        refuse('holidays: ["2026-11-24"]', 'holidays: ["2026-11-24: "]', "name is empty")
        refuse('holidays: ["2026-11-24"]', 'holidays: ["2026-11-24: a\\eb"]', "control characters")
        refuse('["jan 1", "easter-2"', f'["jan 1: {"x" * 121}", "easter-2"', "at most 120 bytes")
        refuse('holidays: ["2026-11-24"]', 'holidays: ["2026-11-24", "2026-11-24"]', "twice")
        refuse('["jan 1", "easter-2"', '["jan 1", "6th mon of may"', "no rule")
        refuse('["jan 1", "easter-2"', '["jan 1", "jan 1"', "twice")
        refuse("based_on: office", "based_on: offices", "no calendar 'offices'")
        refuse("based_on: office", "based_on: night", "based on a calendar itself")
        refuse("name: Dock, calendar: night", "name: Dock, calendar: nights", "no calendar 'nights'")


run()
