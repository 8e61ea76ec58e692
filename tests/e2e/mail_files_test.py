#!/usr/bin/python3
"""Files of mail are kept whole and once, a message killed on its way is filed once, faults go back right."""
# time-limit: 200
import hashlib
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import Refused, schema  # noqa: E402
from mail_gateway import EX_DATAERR, EX_NOPERM, EX_TEMPFAIL, MailDesk, letter  # noqa: E402
from otk_test import check, check_equal, eventually, run  # noqa: E402


def _texts(otk, ticket, kind):
    return [r[0] for r in otk.rows(
        f"SELECT x.content FROM event e JOIN event_content x USING (customer_id, ticket_id, seq)"
        f" WHERE e.ticket_id = {ticket} AND e.kind = {kind} ORDER BY e.seq")]


def files_hang_on_tickets_once_and_come_back_whole():
    big = os.urandom(1024 * 1024 + 17)
    with MailDesk() as otk:
        ticket = otk.takes(letter(files=[("снимок.png", "image/png", b"\x89PNG" * 10),
                                         ("../../etc/passwd", "text/plain", b"root"), ("big.bin", "a/b", big)]))
        olga = otk.as_("olga")
        listed = olga.json("ticket", "attachment", "list", ticket)
        check_equal([(f["name"], f["bytes"]) for f in listed],
                    [("снимок.png", 40), ("../../etc/passwd", 4), ("big.bin", len(big))], "listed")
        folder = Path(os.environ["OTKLIK_TEST_DIR"]) / "down"
        folder.mkdir()
        os.chdir(folder)
        mask = os.umask(0o077)
        for file in listed:
            olga.run("ticket", "attachment", "get", ticket, file["number"])
        os.umask(mask)
        check_equal(oct((folder / "passwd").stat().st_mode & 0o777), "0o600", "for whom the user's new files are")
        check_equal(sorted(p.name for p in folder.iterdir()), ["big.bin", "passwd", "снимок.png"], "under safe names")
        check((folder / "big.bin").read_bytes() == big, "whole")
        check_equal(listed[2]["sha256"], hashlib.sha256(big).hexdigest(), "with its hash")
        olga.fails("ticket", "attachment", "get", ticket, listed[2]["number"])
        otk.as_("boris").fails("ticket", "attachment", "get", ticket, listed[2]["number"])
        check_equal(otk.takes(letter(files=[("same.bin", "a/b", big)])) > ticket, True, "the same file again")
        check_equal(otk.rows("SELECT count(*), sum(size) FROM attachment_content"), [["3", str(len(big) + 44)]],
                    "is stored once")

        (folder / "note.txt").write_text("internal")
        eva = otk.as_("eva")
        number = eva.json("ticket", "attach", ticket, "note.txt", "--internal")["seq"]
        check_equal(len(olga.json("ticket", "attachment", "list", ticket)), 3, "is not for the customer")
        olga.fails("ticket", "attachment", "get", ticket, number)
        check_equal(eva.run("ticket", "attachment", "get", ticket, number, "-o", "-"), "internal", "but for colleagues")
        olga.run("ticket", "attach", ticket, "note.txt")
        check_equal(otk.value("SELECT count(*) FROM attachment_piece WHERE nr = 0"), "4", "content is shared")
        check("SHA-256" in _texts(otk, ticket, 28)[0], "the journal proves what hung there")


def what_was_put_and_never_attached_goes():
    with MailDesk() as otk:
        content = hashlib.sha256(b"loose").digest()
        messages, olga = schema().mail, otk.peer("olga")

        def put(data, size=5, index=0):
            request = messages.PutContentRequest(hash=content, size=size, index=index, data=data)
            return olga.call("PutContent", request, messages.PutContentResponse)

        for data, fields in ((b"loos", {}), (b"loose", {"size": 1 << 30}), (b"loose", {"index": 1})):
            try:
                put(data, **fields)
                check(False, "a wrong piece is refused")
            except Refused as refused:
                check_equal(refused.status.code, 3, "a wrong piece is refused")
        try:
            put(b"wrong")
            check(False, "a wrong hash is found")
        except Refused as refused:
            check_equal(refused.status.reason, "CONTENT_WRONG", "a wrong hash is found")
        check_equal(put(b"loose").complete, True, "the right one is kept")
        check_equal(put(b"loose").complete, True, "also twice")
        check_equal(otk.value("SELECT count(*) FROM attachment_content"), "1", "once")

        parts = hashlib.sha256(b"ab").digest()

        def part(data, size, index):
            request = messages.PutContentRequest(hash=parts, size=size, index=index, data=data)
            return olga.call("PutContent", request, messages.PutContentResponse)

        piece = 256 * 1024
        otk.psql(f"INSERT INTO attachment_content SELECT 1, sha256(n::text::bytea), {64 << 20}, false, false, now()"
                 " FROM generate_series(1, 16) n")
        try:
            part(b"b", piece + 1, 1)
            check(False, "no room, whichever piece comes first")
        except Refused as refused:
            check_equal(refused.status.reason, "CONTENT_FULL", "no room, whichever piece comes first")
        otk.psql("DELETE FROM attachment_content WHERE size > 5")
        check_equal(part(b"b", piece + 1, 1).complete, False, "the second piece of a file")
        try:
            part(b"a", 1, 0)
            check(False, "a piece that says another size is wrong")
        except Refused as refused:
            check_equal(refused.status.reason, "CONTENT_WRONG", "a piece that says another size is wrong")
        check_equal(otk.value("SELECT count(*) FROM attachment_content"), "1", "nothing of it stays")
        otk.clock.advance("25h")
        otk.servers[0].kill_child("jobs")  # a new one looks at once, not within a minute
        eventually(lambda: otk.value("SELECT count(*) FROM attachment_piece") == "0", "it goes after a day", 20)
        check_equal(otk.value("SELECT count(*) FROM attachment_content"), "0", "whole")


def what_is_handed_in_twice_or_killed_is_filed_once():
    with MailDesk() as otk:
        files = [(f"f{i}.bin", "a/b", os.urandom(700_000)) for i in range(4)]
        first = letter(files=files)
        delay = 0.05
        while otk.value("SELECT count(*) FROM ticket") == "0":
            process = otk.intake(first, start=True)
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
            delay *= 1.8
        ticket = otk.value("SELECT ticket_id FROM ticket")
        code, said = otk.intake(first)
        check_equal((code, said.strip()), (0, f"filed before ticket {ticket}"), "a repetition is told, and no fault")
        both = [otk.intake(first, start=True) for _ in range(4)]
        check_equal([p.wait() for p in both], [0] * 4, "also at once")
        for process in both:
            process.stdout.close()
        check_equal(otk.rows("SELECT count(DISTINCT ticket_id), count(*) FROM attachment"), [["1", "4"]],
                    "one ticket, its four files")
        second = letter(text="Other words", Message_ID=first["Message-ID"])
        check(otk.takes(second) != int(ticket), "another letter under the same id is another letter")
        check_equal(otk.value("SELECT count(*) FROM attachment_content WHERE NOT linked"), "0", "nothing is loose")


def exit_codes_tell_the_mail_server_what_to_do():
    with MailDesk() as otk:
        olga = otk.peer("olga")
        try:
            olga.call("IntakeMail", schema().mail.IntakeMailRequest(), schema().mail.IntakeMailResponse)
            check(False, "only a gateway hands in")
        except Refused as refused:
            check_equal(refused.status.code, 7, "only a gateway hands in")
        otk.as_("olga").fails("mail", "list")
        otk.refuses(b"", code=EX_DATAERR)
        otk.refuses(b"no message\n", code=EX_DATAERR)
        otk.refuses(letter(files=[("x", "a/b", b"x" * 2_000_000)]), "--max-megabytes", "1", code=EX_DATAERR)
        bomb = b"From: olga@example.test\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 300_000
        otk.refuses(bomb, code=EX_DATAERR)
        check("sender's address" in otk.refuses(letter("nobody@else.test"), code=EX_NOPERM), "who may not")
        otk.psql("UPDATE principal_grant SET role = 1 WHERE principal_id = 50;"
                 "UPDATE installation SET epoch = epoch + 1; NOTIFY otklik_reference")
        eventually(lambda: otk.intake(letter())[0] == EX_TEMPFAIL, "a gateway without its grant: our fault")
        otk.psql("UPDATE principal_grant SET role = 7 WHERE principal_id = 50; DELETE FROM mail_policy;"
                 "UPDATE installation SET epoch = epoch + 1; NOTIFY otklik_reference")
        eventually(lambda: "takes no mail" in otk.intake(letter())[1], "nothing is declared")
        otk.refuses(letter(), code=EX_TEMPFAIL)
        otk.set_policy()
        eventually(lambda: otk.intake(letter())[0] == 0, "now it is")
        otk.servers[0].stop()
        otk.refuses(letter(), code=EX_TEMPFAIL)
        otk.servers[0].start()
        check_equal(otk.value("SELECT count(*) FROM ticket"), "1", "nothing else was filed")


run()
