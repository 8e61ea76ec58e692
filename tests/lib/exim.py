"""A real mail server: Exim on a port of its own as nobody special, delivering into maildirs."""
import os
import shutil
import subprocess
from pathlib import Path

from otk_test import Skip, eventually, free_port

CONFIG = """
exim_path = {program}
primary_hostname = mail.example.test
spool_directory = {folder}/spool
log_file_path = {folder}/log-%s
pid_file_path = {folder}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
deliver_drop_privilege = true
host_lookup =
rfc1413_hosts =
tls_advertise_hosts = *
tls_certificate = {folder}/tls.pem
acl_smtp_rcpt = take
acl_smtp_data = take
begin acl
take:
  accept
begin routers
{desk_router}people:
  driver = accept
  address_data = ${{lookup{{$local_part}}lsearch{{{folder}/people}}{{$value}}fail}}
  transport = folder
begin transports
folder:
  driver = appendfile
  directory = {folder}/mail/$address_data
  maildir_format
  create_directory
  mode_fail_narrower = false
{desk_transport}"""

# What deploy/example/exim-intake.conf shows.
DESK_ROUTER = """desk:
  driver = accept
  local_parts = desk
  local_part_suffix = +*
  local_part_suffix_optional
  transport = intake
"""
DESK_TRANSPORT = """intake:
  driver = pipe
  command = {folder}/intake
  return_fail_output
  log_output
  timeout = 2m
"""


class Exim:
    """`people`: local parts that it takes letters for, at any domain; `mail(person)`: theirs, as
    files in the order of their arrival. `pipe`: a program that gets letters to desk@ and desk+…@ on
    its standard input, sender and recipient in its environment; it is written to folder/intake."""

    user = "Debian-exim"

    def __init__(self, folder, people, port=None, pipe=None):
        self.program = shutil.which("exim4", path="/usr/sbin:/usr/bin")
        if self.program is None:
            raise Skip("exim4-daemon-light is not installed")
        self.folder, self.port, self.process = Path(folder), port or free_port(), None
        (self.folder / "mail").mkdir(parents=True)
        (self.folder / "spool").mkdir()
        (self.folder / "people").write_text("".join(f"{p}: {p}\n" for p in people))
        (self.folder / "conf").write_text(
            CONFIG.format(program=self.program, folder=self.folder, port=self.port,
                          desk_router=DESK_ROUTER if pipe else "",
                          desk_transport=DESK_TRANSPORT.format(folder=self.folder) if pipe else ""))
        if pipe:
            (self.folder / "intake").write_text(pipe)
            (self.folder / "intake").chmod(0o755)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
                        "-subj", "/CN=mail.example.test", "-keyout", self.folder / "key",
                        "-out", self.folder / "cert"], check=True, capture_output=True)
        (self.folder / "tls.pem").write_text(
            (self.folder / "key").read_text() + (self.folder / "cert").read_text())
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", self.user, self.folder], check=True)

    def start(self):
        as_user = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"]
        command = [*(as_user if os.geteuid() == 0 else []), self.program, "-C",
                   str(self.folder / "conf"), "-bdf", "-q1m"]
        with open(self.folder / "out", "ab") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        eventually(self.answers, f"exim answers ({self.folder}/out)")
        return self

    def answers(self):
        import socket
        with socket.create_connection(("127.0.0.1", self.port), 5) as peer:
            return peer.recv(3) == b"220"

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def mail(self, person):
        inbox = self.folder / "mail" / person / "new"
        found = [*inbox.glob("*")] if inbox.exists() else []
        return sorted(found, key=lambda path: path.stat().st_mtime_ns)
