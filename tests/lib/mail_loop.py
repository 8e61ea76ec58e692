"""Mail in: a real mail server's pipe into `otklik mail-intake`, answers made by a real mail program.
The half of tests/acceptance/promises/07-mail-and-a-dead-smtp-server that is about it."""
import base64
import os
import shutil
import smtplib
import subprocess
from pathlib import Path

import mail_reader
from exim import Exim
from mail_gateway import ADDRESS, MailDesk
from otk_test import binary, check, check_equal, eventually, free_port

WORDS = "В цехе № 4 нет света — совсем"
INTAKE = """#!/bin/sh
export OTKLIK_CONFIG_DIR={config} LC_ALL=C.UTF-8
exec {otklik} --profile post mail-intake
"""


def _config_for(user, otk, folder):
    """The gateway's profile where the mail server's user may read it."""
    shutil.copytree(otk.folder / "config", folder / "config")
    profile = folder / "config/profiles/post.conf"
    text = profile.read_text()
    for name in ("person-post.crt", "person-post.key", "ca.crt"):
        shutil.copy(otk.pki / name, folder / name)
        (folder / name).chmod(0o600)
        text = text.replace(str(otk.pki / name), str(folder / name))
    profile.write_text(text)
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", user, folder], check=True)


class Loop:
    """A desk whose letters go out by Exim and come in by its pipe."""

    def __init__(self, name):
        self.folder = Path(os.environ["OTKLIK_TEST_DIR"]) / f"exim-{name}"
        self.gateway = Path(os.environ["OTKLIK_TEST_DIR"]) / f"gateway-{name}"
        port = free_port()
        self.exim = Exim(self.folder, ["olga", "eva", "ivan", "lena", "mark"], port, INTAKE.format(
            config=self.gateway / "config", otklik=binary("otklik")))
        self.otk = MailDesk(port)

    def __enter__(self):
        self.otk.__enter__()
        self.gateway.mkdir()
        _config_for(Exim.user, self.otk, self.gateway)
        self.exim.start()
        return self

    def __exit__(self, *error):
        self.exim.stop()
        if error[0]:
            print("".join(log.read_text(errors="replace")[-3000:] for log in self.folder.glob("log-*")))
        self.otk.__exit__(*error)

    def post(self, data, sender, to=ADDRESS):
        with smtplib.SMTP("127.0.0.1", self.exim.port, timeout=30) as smtp:
            smtp.sendmail(sender, [to], data)

    def mail(self, person, count):
        eventually(lambda: len(self.exim.mail(person)) >= count, f"{person} has {count} letters", 40)
        check_equal(len(self.exim.mail(person)), count, f"letters to {person}")
        return self.exim.mail(person)[-1]

    def answer(self, letter, person, text):
        """Answers as mblaze does it: mrep makes the head and quotes, we write above."""
        draft = mail_reader.reply(letter, f"{person}@example.test", text)
        head = draft.split("\n\n", 1)[0]
        to = next(line[4:].strip() for line in head.splitlines() if line.startswith("To: "))
        self.post(mail_reader.mime(draft), f"{person}@example.test", to)

    def texts(self, ticket, kind):
        return [r[0] for r in self.otk.rows(
            "SELECT x.content FROM event e JOIN event_content x USING (customer_id, ticket_id, seq)"
            f" WHERE e.ticket_id = {ticket} AND e.kind = {kind} ORDER BY e.seq")]


def a_conversation_by_mail_alone():
    """How many letters went to and fro."""
    with Loop("talk") as loop:
        otk = loop.otk
        first = (b"From: =?koi8-r?B?7czYx8E=?= <olga@example.test>\r\nTo: " + ADDRESS.encode() + b"\r\n"
                 b"Message-ID: <first@example.test>\r\nDate: Mon, 2 Mar 2026 12:00:00 +0300\r\n"
                 b"Subject: =?koi8-r?B?" + base64.b64encode("Нет света".encode("koi8-r")) + b"?=\r\n"
                 b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=windows-1251\r\n"
                 b"Content-Transfer-Encoding: 8bit\r\n\r\n" + WORDS.encode("windows-1251") + b"\r\n")
        loop.post(first, "olga@example.test")
        eventually(lambda: otk.value("SELECT count(*) FROM ticket") == "1", "the letter is a ticket", 20)
        ticket = otk.value("SELECT ticket_id FROM ticket")
        check_equal((otk.value("SELECT title FROM ticket"), loop.texts(ticket, 1)), ("Нет света", [WORDS]),
                    "subject and body, intact")
        told = loop.mail("olga", 1)
        check_equal(mail_reader.header(told, "Subject"), f"[#{ticket}] Нет света", "and back")

        eva = otk.peer("eva")
        eva.ticket("take", ticket_id=int(ticket))
        eva.ticket("pend", ticket_id=int(ticket), reason=1, text="Какой щит — № 1 или № 2?")
        asked = loop.mail("olga", 2)
        check("Какой щит — № 1 или № 2?" in mail_reader.body(asked), "the question, intact")
        loop.answer(asked, "olga", "Щит № 2")
        eventually(lambda: loop.texts(ticket, 4)[-1:] == ["Щит № 2"], "the answer joins, without history", 20)
        check_equal(eva.ticket("get", ticket_id=int(ticket)).state, 3, "and the work goes on")
        heard = loop.mail("eva", 1)
        check("Щит № 2" in mail_reader.body(heard), "she hears of it")
        loop.answer(heard, "eva", "Еду")
        check("Еду" in mail_reader.body(loop.mail("olga", 3)), "and answers by mail")
        check_equal(otk.value("SELECT count(*) FROM ticket"), "1", "all of it is one ticket")
        joined = mail_reader.threads(loop.exim.mail("olga"))
        check_equal([len(thread) for thread in joined], [3], "one thread")
        return 6


def what_comes_back_does_not_loop():
    """How many bounces and robots' letters were journalled."""
    with Loop("back") as loop:
        otk = loop.otk
        otk.psql("UPDATE principal SET email = 'gone@example.test' WHERE code = 'boris'")
        ticket = otk.peer("boris").ticket("create", title="Письмо не дойдёт").id
        eventually(lambda: len(loop.texts(ticket, 29)) == 1, "the bounce comes back and is journalled", 40)
        check("a letter to <gone@example.test> did not arrive: 5." in loop.texts(ticket, 29)[0],
              "with what the other server said", loop.texts(ticket, 29))
        eventually(lambda: otk.value("SELECT count(*) FROM outbox WHERE state = 3") == "1", "its notice is put aside")
        other = otk.peer("olga").ticket("create", title="Кто-то в отпуске").id
        told = loop.mail("olga", 1)
        away = mail_reader.reply(told, "olga@example.test", "Я в отпуске").replace(
            "\n\n", "\nAuto-Submitted: auto-replied\n\n", 1)
        loop.post(mail_reader.mime(away), "olga@example.test")
        still = mail_reader.reply(told, "olga@example.test", "И всё ещё")
        loop.post(mail_reader.mime(still), "<>")
        eventually(lambda: len(loop.texts(other, 29)) == 2, "robots' letters are journalled", 40)
        for _ in range(3):
            otk.clock.advance("10m")
            eventually(otk.quiet, "all is told")
        check_equal((len(loop.exim.mail("olga")), otk.value("SELECT count(*) FROM ticket"),
                     otk.value("SELECT count(*) FROM event WHERE kind = 29")), (1, "2", "3"),
                    "nothing was answered and nothing went round")
        return 3
