#!/usr/bin/python3
"""Customers' programs hear of their tickets by webhooks of their own, which lead nowhere inside."""
import hashlib
import hmac
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from mailbox import DEAD, SENT, Dripper, Mailbox, Office, Receiver, secret_file  # noqa: E402
from otk_test import EXAMPLE, Deployment, check, check_equal, eventually, free_port, run  # noqa: E402


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


def a_dead_host_of_one_customer_stops_no_other():
    secret_file()
    folder = Path(os.environ["OTKLIK_TEST_DIR"])
    with Receiver() as hook, Office(webhook_secret_dir=folder, webhook_allow_private="yes") as otk:
        otk.psql(f"""UPDATE customer SET webhook_secret = 'secret', webhook_kinds = '{{1}}', webhook_url = CASE code
                WHEN 'acme' THEN 'http://127.0.0.1:{free_port()}/' ELSE 'http://127.0.0.1:{hook.port}/' END
            WHERE code IN ('acme', 'bravo');
            UPDATE installation SET epoch = epoch + 1""")
        olga = otk.peer("olga")
        olga.ticket("create", title="Раз")
        eventually(lambda: "onnect" in (otk.value("SELECT last_error FROM outbox") or ""), "nobody answers")
        otk.peer("boris").ticket("create", title="Zwei")
        eventually(lambda: len(hook.calls) == 1, "the other customer is told at once")
        olga.ticket("create", title="Три")
        eventually(lambda: otk.value("SELECT count(*) FROM outbox WHERE attempts > 0 AND last_error <> ''") == "2",
                   "what comes later is tried, and waits too")
        otk.psql("UPDATE customer SET webhook_url = '' WHERE code = 'acme'")
        otk.clock.advance("2m")
        eventually(lambda: otk.count(DEAD) == 2, "not for ever")


def one_that_drips_holds_nobody_up():
    secret_file()
    folder = Path(os.environ["OTKLIK_TEST_DIR"])
    with Mailbox() as box, Receiver() as hook, Office(
            box.port, webhook_secret_dir=folder, webhook_allow_private="yes") as otk, Dripper() as drip:
        otk.psql(f"""UPDATE customer SET webhook_secret = 'secret', webhook_kinds = '{{1}}', webhook_url = CASE code
                WHEN 'acme' THEN 'http://127.0.0.1:{drip.port}/' ELSE 'http://127.0.0.1:{hook.port}/' END
            WHERE code IN ('acme', 'bravo');
            UPDATE installation SET epoch = epoch + 1""")
        olga, boris = otk.peer("olga"), otk.peer("boris")
        for number in range(8):
            olga.ticket("create", title=f"Капля {number}")
        eventually(lambda: drip.calls == 4, "a few are posted at once")
        for number in range(6):
            boris.ticket("create", title=f"Drop {number}")
        eventually(lambda: len(hook.calls) == 6, "the other customer is told")
        eventually(lambda: len(box.to("boris")) == 6 and len(box.to("olga")) == 8, "letters go out")
        eventually(lambda: otk.count(SENT) == 20, "and are marked")
        check_equal(drip.calls, 4, "all while four posts are under way, and no more")


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
        check("webhook.notices[1]" in otk.admin.fails(
            "apply", "-f", declared("https://example.org/x", notices="[promise-broken, promise-warned]")),
              "a warning is for the owner")
        check("webhook" in otk.admin.run("apply", "-f", declared("https://example.org/x")), "a good one is taken")
        check("retire" in otk.apply(EXAMPLE), "and goes when it is not declared")
        check_equal(otk.value("SELECT count(*) FROM customer WHERE webhook_url <> ''"), "0", "for good")


run()
