#!/usr/bin/python3
"""People are told what they wish when they wish it, in words of the installation's own."""
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from mailbox import Mailbox, Office, last, text_of  # noqa: E402
from otk_test import EXAMPLE, Deployment, check, check_equal, eventually, run  # noqa: E402


def _template(name, language, subject="", text="", customer=""):
    lines = [f"  - name: {name}", f"    language: {language}"]
    lines += [f"    customer: {customer}"] if customer else []
    lines += [f"    subject: {json.dumps(subject, ensure_ascii=False)}"] if subject else []
    lines += [f"    text: {json.dumps(text, ensure_ascii=False)}"] if text else []
    return "\n".join(lines) + "\n"


def what_is_wished_waits_and_comes_as_one():
    with Mailbox() as box, Office(box.port) as otk:
        olga, me = otk.peer("olga"), otk.as_("olga")
        check_equal(me.json("preference", "show")[0]["from"], "default", "nothing was wished")
        shown = me.json("preference", "set", "--digest", "hourly", "--quiet", "21:00-07:00", "--mute", "resolved")[0]
        check_equal((shown["digest"], shown["quiet_hours"], shown["mute"], shown["channel"], shown["from"]),
                    ("hourly", "21:00-07:00", "resolved", "mail", "person"), "now it is")
        ids = [olga.ticket("create", title=f"t{n}").id for n in range(3)]  # 19:00 in Vladivostok
        eventually(lambda: otk.count(1) == 3, "they wait")
        otk.clock.advance("59m")
        eve = otk.peer("eva")
        eve.ticket("resolve", ticket_id=ids[0], text="Готово")
        eventually(lambda: otk.value("SELECT count(*) FROM outbox WHERE recipient_id = 11 AND state = 1") == "4",
                   "its words wait, that it is resolved is muted")
        check_equal(len(box.to("olga")), 0, "still")
        otk.clock.advance("1m")
        digest = last(box, "olga", 1)
        check("Накопилось для вас" in text_of(digest) and all(f"#{i} " in text_of(digest) for i in ids),
              "all at once", text_of(digest))
        otk.clock.advance("90m")  # 21:30
        eve.ticket("reply", ticket_id=ids[1], text="Ночью")
        eventually(lambda: otk.count(1) == 1, "it waits")
        otk.clock.advance("9h")
        eventually(lambda: otk.rows("SELECT recipient FROM outbox WHERE state = 1") == [["olga@example.test"]],
                   "it is night")
        check_equal(len(box.to("olga")), 1, "nobody wakes her")
        otk.clock.advance("31m")
        check("#%d" % ids[1] in last(box, "olga", 2)["Subject"], "in the morning")
        for words, field in ((("--digest", "daily 25:00"), "digest"), (("--quiet", "7-8"), "quiet:"),
                             (("--mute", "news"), "mute"), (("--levels", "some"), "levels"),
                             (("--channel", "pigeon"), "channel")):
            said = me.fails("preference", "set", *words)
            check(field in said, "what cannot be is refused by name", said)
        me.fails("preference", "set", "eva", "--channel", "none")
        me.fails("preference", "show", "eva")
        me.run("preference", "set", "--channel", "none")
        olga.ticket("create", title="Тихо")
        eventually(otk.quiet, "all is dispatched")
        check_equal(len(box.to("olga")), 2, "who wants nothing gets nothing")


def words_of_ones_own_are_checked_and_shown():
    with Deployment(clock="2026-03-02T09:00:00Z") as otk:
        plain = EXAMPLE.read_text()
        own = plain + "\ntemplates:\n" + _template(
            "created", "ru", "Принято {ticket}", "<b>{title}</b>\nдо {response_due}\n", "verf") + _template(
            "created", "en", text="Filed: {title} ({count})\n")
        otk.apply(own)
        ticket = otk.as_("olga" if "olga" in own else "irina").json(
            "ticket", "create", "--title", "Нет <света> & воды", "--customer", "verf")
        number = str(ticket["id"] if isinstance(ticket, dict) else ticket[0]["id"])
        shown = otk.admin.json("template", "preview", "created", "--ticket", number, "--language", "ru")
        check_equal(shown["subject"], f"Принято {number}", "the customer's words")
        check("<b>Нет <света> & воды</b>" in shown["text"], "as text", shown)
        check("&lt;b&gt;Нет &lt;света&gt; &amp; воды" in shown["html"], "escaped as HTML", shown)
        shown = otk.admin.json("template", "preview", "created", "--ticket", number, "--language", "en-GB")
        check_equal(shown["text"], "Filed: Нет <света> & воды (1)\n", "those for all")
        check(number in shown["subject"], "with the built-in subject")
        shown = otk.admin.run("template", "preview", "created", "--ticket", number, "--language", "ru")
        check_equal(shown.split("\n")[:3], [f"Subject: Принято {number}", "", "<b>Нет <света> & воды</b>"],
                    "for people a line is a line")
        shown = otk.admin.json("template", "preview", "level", "--ticket", number, "--language", "en")
        check(f"[#{number}] warning: " in shown["subject"] and "not promised" not in shown["text"],
              "before a level has fired the first one is shown", shown)
        draft = Path(os.environ["OTKLIK_TEST_DIR"]) / "draft.yaml"
        draft.write_text("subject: Draft {title}\ntext: '{actor}'\n")
        shown = otk.admin.json("template", "preview", "created", "--ticket", number, "-f", draft)
        check("Draft Нет" in shown["subject"], "a draft is tried")
        draft.write_text("subject: Draft {titel}\n")
        check_equal(otk.admin.fails("template", "preview", "created", "--ticket", number, "-f", draft).count("{titel}"),
                    1, "a fault is told once")
        check(f"{draft}:1: subject: there is no variable {{titel}}; there are:" in otk.admin.fails(
            "template", "preview", "created", "--ticket", number, "-f", draft), "with file and line")
        listed = otk.admin.json("template", "list", "--declared")
        check_equal([(t["name"], t["language"], t["customer"]) for t in listed],
                    [("created", "en", None), ("created", "ru", "verf")], "both are listed")
        check(len(otk.admin.json("template", "list")) > 20, "and the built-in ones")
        check_equal(len(otk.admin.json("template", "show", "digest")), 2, "one in two languages")
        for bad, words in ((_template("created", "ru", "{titel}"), "templates[0].subject: there is no variable {titel}"),
                           (_template("news", "ru", "x"), "templates[0].name"),
                           (_template("created", "r u", "x"), "templates[0].language"),
                           (_template("created", "ru", "x" * 501), "templates[0].subject"),
                           (_template("created", "ru", "x", customer="nobody"), "templates[0].customer"),
                           (_template("created", "ru", "x") * 2, "templates[1].name"),
                           (_template("created", "ru", text="x}"), "templates[0].text")):
            path = otk.folder / "bad.yaml"
            path.write_text(plain + "\ntemplates:\n" + bad)
            check(words in otk.admin.fails("apply", "-f", path), f"{words} is named")
        check("retire" in otk.apply(plain), "what is not declared any more goes")
        shown = otk.admin.json("template", "preview", "created", "--ticket", number, "--language", "ru")
        check("Ваша заявка" in shown["text"], "and the built-in words come back")

        wished = plain.replace("    email: pavel@provider.example\n",
                               "    email: pavel@provider.example\n    preference:\n      digest: daily 08:30\n"
                               "      mute: [created]\n")
        check(wished != plain, "the example has him")
        otk.apply(wished)
        check_equal(otk.admin.json("preference", "show", "pavel")[0]["from"], "installation", "declared")
        otk.admin.run("preference", "set", "pavel", "--digest", "hourly")
        check("declared from now on" in otk.admin.run("apply", "-f", _file(otk, wished), "--dry-run"),
              "the file puts it back")


def _file(otk, text):
    path = otk.folder / "again.yaml"
    path.write_text(text)
    return path


run()
