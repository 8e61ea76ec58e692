"""A desk that takes mail, and letters as mail programs write them."""
import email.message
import email.utils
import os
import subprocess

from mailbox import Office
from otk_test import PATIENCE, binary, check_equal

ADDRESS = "desk@otklik.test"
EX_OK, EX_DATAERR, EX_TEMPFAIL, EX_NOPERM = 0, 65, 75, 77


class MailDesk(Office):
    """A desk whose installation takes mail; `post` is its gateway."""

    policy = {"unknown": "refuse", "unknown_reply": "note", "authserv_id": "", "unverified": "accept"}

    def make(self):
        super().make()
        self.psql("INSERT INTO principal (principal_id, kind, customer_id, code, name, uri) VALUES"
                  " (50, 1, 0, 'post', 'Post', 'otklik://demo/person/post');"
                  "INSERT INTO principal_grant VALUES (50, 7, 0)")
        self.profile("post")
        self.set_policy()

    def set_policy(self, **changes):
        p = {**self.policy, **changes}
        self.psql(f"DELETE FROM mail_policy; INSERT INTO mail_policy (address, unknown, unknown_reply,"
                  f" authserv_id, unverified) VALUES ('{ADDRESS}', '{p['unknown']}', '{p['unknown_reply']}',"
                  f" '{p['authserv_id']}', '{p['unverified']}');"
                  "UPDATE installation SET epoch = epoch + 1; NOTIFY otklik_reference")

    def intake(self, letter, *words, start=False):
        """Hands the letter in as an MTA would; (exit code, what was said). start: the process."""
        data = letter if isinstance(letter, bytes) else bytes(letter)
        command = [binary("otklik"), "--profile", "post", "mail-intake", *words]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, env=self.environment)
        if start:
            process.stdin.write(data)
            process.stdin.close()
            return process
        said, _ = process.communicate(data, timeout=60 * PATIENCE)
        return process.returncode, said.decode()

    def takes(self, letter, *words, outcome="filed"):
        """The number of the ticket that it went to, 0 for none."""
        code, said = self.intake(letter, *words)
        check_equal(code, EX_OK, f"it is taken: {said}")
        check_equal(said.split(" ")[0].strip(), outcome, f"what becomes of it: {said}")
        return int(said.rsplit(" ", 1)[1]) if " ticket " in said else 0

    def refuses(self, letter, *words, code=EX_NOPERM):
        found, said = self.intake(letter, *words)
        check_equal(found, code, f"it is refused: {said}")
        return said


def letter(sender="olga", subject="Нет света", text="В цехе № 4 нет света", files=(), html=None, **headers):
    """A letter as Python's library writes it; `files`: (name, type, bytes)."""
    message = email.message.EmailMessage()
    message["From"] = sender if "@" in sender else f"{sender}@example.test"
    message["To"] = ADDRESS
    message["Subject"] = subject
    message["Date"] = "Mon, 2 Mar 2026 12:00:00 +0300"
    message["Message-ID"] = email.utils.make_msgid(domain="example.test")
    for name, value in headers.items():
        name = name.replace("_", "-")
        del message[name]
        if value is not None:
            message[name] = value
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    for name, kind, data in files:
        main, sub = kind.split("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return message


def answer(to, text, sender="olga", by="address", **headers):
    """An answer to a letter of ours, as a mail program makes it: by its address for replies, by
    References alone, or by nothing but In-Reply-To."""
    if by == "address":
        headers["To"] = to["Reply-To"]
    if by != "nothing":
        headers["In_Reply_To"] = to["Message-ID"]
    if by in ("address", "references"):
        headers["References"] = f"{to['References']} {to['Message-ID']}"
    quoted = "".join(f"> {line}\n" for line in to.get_body(("plain",)).get_content().splitlines())
    return letter(sender, f"Re: {to['Subject']}", f"{text}\n\n2 марта 2026 г., 12:00, {ADDRESS} писал(а):\n{quoted}",
                  **headers)


def bounce(of, recipient="olga@example.test", status="5.1.1"):
    """What a mail server sends when a letter of ours cannot be delivered."""
    message = email.message.EmailMessage()
    message["From"] = "Mail Delivery System <MAILER-DAEMON@mx.test>"
    message["To"] = ADDRESS
    message["Subject"] = "Undelivered Mail Returned to Sender"
    message["Message-ID"] = email.utils.make_msgid(domain="mx.test")
    message["Auto-Submitted"] = "auto-replied"
    boundary = "B" + os.urandom(8).hex()
    message["Content-Type"] = f'multipart/report; report-type=delivery-status; boundary="{boundary}"'
    parts = [
        "\n\nI'm sorry to have to inform you that your message could not be delivered.\n",
        "\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n"
        f"Final-Recipient: rfc822; {recipient}\nAction: failed\nStatus: {status}\n"
        "Diagnostic-Code: smtp; 550 no such user\n",
        "\nContent-Type: message/rfc822\n\n" + of.as_string()]
    body = "".join(f"--{boundary}{part}\n" for part in parts) + f"--{boundary}--\n"
    head = "".join(f"{name}: {value}\n" for name, value in message.items())
    return f"{head}\n{body}".encode()
