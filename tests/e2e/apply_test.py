#!/usr/bin/python3
"""`otklik apply`: a file declares the installation; what differs is shown, made, and kept.

time-limit: 240
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from otk_test import EXAMPLE, Deployment, check, check_equal, eventually, run  # noqa: E402

TEXT = EXAMPLE.read_text()


def _changed(otk, *replacements, dry_run=False, text=TEXT):
    """Applies the example with replacements; the changes as {(kind, code): change}."""
    for old, new in replacements:
        check(old in text, f"the example has {old!r}")
        text = text.replace(old, new)
    path = otk.folder / "declared.yaml"
    path.write_text(text)
    changes = otk.admin.json("apply", "-f", path, *(["--dry-run"] if dry_run else []))
    return {(c["kind"], c["code"]): c for c in changes}


def _state(otk):
    return otk.rows("""SELECT 'customer', code, name || zone || retired FROM customer
        UNION ALL SELECT 'principal', code, name || disabled || coalesce(uri, '') FROM principal
        UNION ALL SELECT 'contract', code, string_agg(v.version || ':' || coalesce(v.withdrawn_at::text, ''), ' ')
            FROM contract c JOIN contract_version v USING (contract_id) GROUP BY code
        UNION ALL SELECT 'epoch', '', epoch::text FROM installation ORDER BY 1, 2""")


def a_dry_run_shows_what_an_apply_makes():
    with Deployment(installation=None) as otk:
        before = _state(otk)
        shown = _changed(otk, dry_run=True)
        check_equal(shown["customer", "verf"]["action"], "add", "a new customer")
        check(("contract", "verf-slipway") in shown and ("site", "verf/spb") in shown, "all is shown")
        check_equal(_state(otk), before, "a dry run changes nothing")
        made = _changed(otk)
        check_equal(made, shown, "what was shown is made")
        check(otk.value("SELECT uri FROM principal WHERE code = 'marta'") == "otklik://demo/person/marta",
              "a person's name in certificates")
        check(otk.value("SELECT uri FROM principal WHERE code = 'spb-1'") == "otklik://demo/agent/spb-1",
              "an agent's name in certificates")
        check_equal(otk.value("SELECT string_agg(s.code, ' ' ORDER BY s.code) FROM service s "
                              "JOIN customer c USING (customer_id) WHERE c.code = 'verf'"),
                    "network workplace", "a service without a customer is one of each")

        epoch = otk.value("SELECT epoch FROM installation")
        check_equal(_changed(otk), {}, "the same file again changes nothing")
        check_equal(otk.value("SELECT epoch FROM installation"), epoch, "and tells nobody")


def a_person_who_is_declared_may_connect_and_file_at_once():
    with Deployment() as otk:
        ticket = otk.as_("olga").json("ticket", "create", "--title", "No light", "--site", "spb")
        check_equal(otk.value(f"SELECT c.code FROM ticket JOIN contract_version v USING (contract_version_id) "
                              f"JOIN contract c USING (contract_id) WHERE ticket_id = {ticket['id']}"),
                    "verf-slipway", "under the contract of the site")


def a_changed_contract_gets_a_version_and_old_tickets_keep_theirs():
    with Deployment() as otk:
        old = otk.as_("olga").json("ticket", "create", "--title", "Before", "--site", "vlad")["id"]
        change = _changed(otk, ("priority: 1, clock: response, target: 15m", "priority: 1, clock: response, target: 20m"))
        check_equal(list(change), [("contract", "verf-standard")], "one change")
        check("15m" in change["contract", "verf-standard"]["detail"] and
              "20m" in change["contract", "verf-standard"]["detail"], "from and to", change)
        new = otk.as_("olga").json("ticket", "create", "--title", "After", "--site", "vlad")["id"]
        check_equal(otk.rows(f"SELECT v.version::text FROM ticket JOIN contract_version v "
                             f"USING (contract_version_id) WHERE ticket_id IN ({old}, {new}) ORDER BY ticket_id"),
                    [["1"], ["2"]],
                    "versions of the two tickets")
        check_equal(otk.value("SELECT count(*) FROM contract_version WHERE withdrawn_at IS NOT NULL"), "0",
                    "nothing is withdrawn")


def what_is_not_declared_any_more_is_retired_and_comes_back():
    with Deployment() as otk:
        without = TEXT[:TEXT.index("  - code: rui\n")] + TEXT[TEXT.index("# Programs on site"):]
        change = _changed(otk, text=without)
        check_equal([(k, c["action"]) for k, c in change.items()], [(("person", "rui"), "retire")], "retired")
        error = otk.as_("rui").fails("whoami")
        check("disabled" in error.lower(), "he may not connect", error)
        change = _changed(otk)
        check_equal([(k, c["action"]) for k, c in change.items()], [(("person", "rui"), "change")], "back")
        eventually(lambda: otk.as_("rui").run("whoami"), "he may connect again")


def a_changed_calendar_gets_an_edition():
    with Deployment() as otk:
        change = _changed(otk, ('      - "2027-01-01"\n      - "2027-03-26"\n', '      - "2027-03-26"\n'))
        check_equal(list(change), [("calendar", "lisbon-hours")], "one change")
        check("from now on" in change["calendar", "lisbon-hours"]["detail"], "it says from when it acts")
        check_equal(otk.value("SELECT count(*) FROM calendar_edition JOIN calendar USING (calendar_id) "
                              "WHERE code = 'lisbon-hours'"), "2", "editions")


def mail_is_declared_changed_and_taken_back():
    mail = "\nmail:\n  address: desk@provider.example\n  unknown: customer verf\n"
    with Deployment() as otk:
        made = _changed(otk, text=TEXT + mail)
        check_equal([(c["action"], c["kind"]) for c in made.values()], [("add", "mail")], "declared")
        check_equal(otk.rows("SELECT unknown, unknown_reply, unverified FROM mail_policy"),
                    [["customer verf", "note", "accept"]], "with what is usual where it says nothing")
        check_equal(_changed(otk, text=TEXT + mail), {}, "again changes nothing")
        detail = _changed(otk, text=TEXT + mail + "  authserv_id: mx\n  unverified: refuse\n")["mail", "intake"]
        check("refuse" in detail["detail"] and detail["action"] == "change", "changed", detail)
        for wrong in ("unknown: customer nobody", "unverified: refuse", "unknown: bounce", "address: desk+x@y.test"):
            path = otk.folder / "wrong.yaml"
            path.write_text(f"{TEXT}\nmail:\n  address: desk@provider.example\n  {wrong}\n"
                            if "address" not in wrong else f"{TEXT}\nmail:\n  {wrong}\n")
            check(wrong.split(":")[0] in otk.admin.fails("apply", "-f", path), f"{wrong} is refused")
        check_equal(_changed(otk)["mail", "intake"]["action"], "retire", "taken back")
        check_equal(otk.value("SELECT count(*) FROM mail_policy"), "0", "gone")


def errors_name_the_line_and_what_is_right():
    with Deployment() as otk:
        def refuse(*replacements):
            text = TEXT
            for old, new in replacements:
                check(old in text, f"the example has {old!r}")
                text = text.replace(old, new, 1)
            path = otk.folder / "wrong.yaml"
            path.write_text(text)
            line = next(i for i, (a, b) in enumerate(zip(TEXT.splitlines(), text.splitlines()), 1) if a != b)
            error = otk.admin.fails("apply", "-f", path)
            check(f"wrong.yaml:{line}:" in error, f"line {line} is named", error)
            return error

        check("Europe" in refuse(("zone: Europe/Moscow", "zone: Europe/Mosco")), "a zone")
        check("admin" in refuse(("role: manager", "role: boss")), "a role")
        error = refuse(("target: 15m", "target: 15 minutes"))
        check("targets[0].target" in error, "the path of a target", error)
        error = refuse(("priority: 1, clock: response, target: 30m", "priority: 9, clock: reply, target: 30m"))
        check("priority" in error and "clock" in error, "several at once", error)
        refuse(("sites: [spb]", "sites: [nowhere]"))
        refuse(("site: spb", "site: mars"))
        refuse(('week: "mon-fri 09:00-18:00; sat 10:00-14:00"', 'week: "mon-fri 9-18; sat"'))
        error = otk.admin.fails("apply", "-f", _file(otk, TEXT.replace("sites: [spb]", "sites: []")))
        check("default" in error and "verf-standard" in error, "a tie", error)
        error = otk.admin.fails("apply", "-f", _file(otk, TEXT.replace("role: admin", "role: manager")))
        check("'admin'" in error, "an administrator keeps his role", error)
        error = otk.admin.fails("apply", "-f", _file(otk, TEXT.replace("name: demo", "name: other")))
        check("demo" in error, "the name of the installation stays", error)
        error = otk.as_("irina").fails("apply", "-f", EXAMPLE)
        check("administrator" in error, "only an administrator", error)


def _file(otk, text):
    path = otk.folder / "other.yaml"
    path.write_text(text)
    return path


run()
