#!/usr/bin/python3
"""People are told what they wish when they wish it, in words of the installation's own; customers'
programs hear by webhooks of theirs."""
import hashlib
import hmac
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from mailbox import DEAD, Mailbox, Office, Receiver, last, secret_file, text_of  # noqa: E402
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
        for words, field in ((("--digest", "daily 25:00"), "digest"), (("--quiet", "7-8"), "quiet_hours"),
                             (("--mute", "news"), "mute"), (("--levels", "some"), "levels"),
                             (("--channel", "pigeon"), "channel")):
            check(field in me.fails("preference", "set", *words), "what cannot be is refused by name")
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
        draft = Path(os.environ["OTKLIK_TEST_DIR"]) / "draft.yaml"
        draft.write_text("subject: Draft {title}\ntext: '{actor}'\n")
        shown = otk.admin.json("template", "preview", "created", "--ticket", number, "-f", draft)
        check("Draft Нет" in shown["subject"], "a draft is tried")
        draft.write_text("subject: Draft {titel}\n")
        check("{titel}" in otk.admin.fails("template", "preview", "created", "--ticket", number, "-f", draft),
              "with its faults")
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


def a_customers_program_hears_of_its_tickets():
    secret_file()
    folder = Path(os.environ["OTKLIK_TEST_DIR"])
    with Receiver() as hook, Office(webhook_secret_dir=folder, webhook_allow_private="yes") as otk:
        otk.psql(f"""UPDATE customer SET webhook_url = 'http://127.0.0.1:{hook.port}/acme', webhook_secret = 'secret',
            webhook_kinds = '{{1}}' WHERE code = 'acme';
            UPDATE customer SET webhook_url = 'http://127.0.0.1:{hook.port}/bravo', webhook_secret = 'none'
            WHERE code = 'bravo';
            UPDATE contract_level SET actions = 'webhook, notify lead' WHERE clock = 1 AND level = 2;
            UPDATE installation SET epoch = epoch + 1""")
        ticket = otk.peer("olga").ticket("create", title="Свой крючок")
        eventually(lambda: len(hook.calls) == 1, "it is told")
        headers, body = hook.calls[0]
        signed = headers["Otklik-Timestamp"].encode() + b"." + body
        check_equal(headers["Otklik-Signature"], "v1=" + hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest(),
                    "signed with its own secret")
        check_equal((json.loads(body)["ticket"], json.loads(body)["kind"]), (ticket.id, "created"), "of its ticket")
        otk.peer("eva").ticket("assign", ticket_id=ticket.id, team="desk")
        otk.clock.advance("16m")
        otk.clock.advance("11m")
        eventually(lambda: len(hook.calls) == 2, "of a level whose actions say so")
        check_equal(json.loads(hook.calls[1][1])["level"], "soon", "and of no other")
        otk.peer("boris").ticket("create", title="Без секрета")
        eventually(lambda: "secret 'none'" in (otk.value("SELECT max(last_error) FROM outbox") or ""),
                   "a secret that is missing is told")
        otk.psql("UPDATE customer SET webhook_url = ''")
        otk.clock.advance("5m")
        eventually(lambda: otk.count(DEAD) == 1, "what was declared once is not called any more")
        check_equal(len(hook.calls), 2, "nobody else was asked")


def webhooks_that_lead_inside_are_refused_at_apply():
    secret_file()
    folder = Path(os.environ["OTKLIK_TEST_DIR"])
    with Deployment(settings={"webhook_secret_dir": folder}) as otk:
        def declared(url, secret="secret", notices="[created]"):
            text = EXAMPLE.read_text().replace(
                "    zone: Europe/Moscow\n    language: ru\n",
                f"    zone: Europe/Moscow\n    language: ru\n    webhook:\n      url: {url}\n      secret: {secret}\n"
                f"      notices: {notices}\n", 1)
            return _file(otk, text)
        for url in ("http://127.0.0.1/x", "http://[::1]/", "http://10.0.0.8/", "http://169.254.169.254/",
                    "http://localhost/", "http://2130706433/", "ftp://example.org/"):
            said = otk.admin.fails("apply", "-f", declared(f"'{url}'"))
            check("customers[0].webhook.url" in said and "again.yaml:" in said, f"{url} is refused by name", said)
        check("webhook.secret" in otk.admin.fails("apply", "-f", declared("https://example.org/x", "../etc/passwd")),
              "a secret is no path")
        check("webhook.notices" in otk.admin.fails("apply", "-f", declared("https://example.org/x", notices="[news]")),
              "a notice that there is not")
        check("webhook" in otk.admin.run("apply", "-f", declared("https://example.org/x")), "a good one is taken")
        check("retire" in otk.apply(EXAMPLE), "and goes when it is not declared")
        check_equal(otk.value("SELECT count(*) FROM customer WHERE webhook_url <> ''"), "0", "for good")


run()
