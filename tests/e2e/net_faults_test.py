#!/usr/bin/python3
"""Killed children, reload, stop, a database that is away, no descriptors left."""
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from otk_test import PKI, binary, check, check_equal, eventually, run  # noqa: E402
from raw_peer import (GOAWAY, HELLO, RESPONSE, SERVER_STATUS, STATUS, UNAVAILABLE, WHO_AM_I, Peer,  # noqa: E402
                      deployment, message, ready, start)


def a_killed_child_loses_nobody_who_was_not_served_yet():
    with deployment(api=2) as otk:
        start(otk)
        served = Peer(otk, "person-admin").greeted()
        children = otk.servers[0].children("api")
        check_equal(len(children), 2, "children")
        for child in children:
            os.kill(child, signal.SIGSTOP)
        # Connected by TCP; their handshakes wait in the stopped children and in the master.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(otk.pki / "ca.crt")
        context.load_cert_chain(otk.pki / "person-admin.crt", otk.pki / "person-admin.key")
        context.set_alpn_protocols(["otklik/1"])
        waiting = [socket.create_connection(("127.0.0.1", otk.ports[0]), 20) for _ in range(20)]
        report = [binary("otklikd"), "status", "--config", otk.folder / "otklikd0.conf"]

        def dealt():
            text = subprocess.run(report, check=True, capture_output=True, text=True).stdout
            return text.count("unconfirmed=4") == 2 and "waiting=12" in text
        eventually(dealt, "four for each child, the others wait")
        for child in children:
            os.kill(child, signal.SIGKILL)
        for plain in waiting:
            peer = Peer.__new__(Peer)
            peer.socket, peer.next_id = context.wrap_socket(plain, server_hostname="localhost"), 0
            peer.send(HELLO, message(f1=1, f2=1, f5=b"test"))
            check_equal(peer.greeted().call(WHO_AM_I)[0], RESPONSE, "served by another child")
            peer.close()
        try:
            served.receive()
            check(False, "who was being served is told by the end of the connection")
        except (EOFError, OSError):
            pass
        eventually(lambda: len(otk.servers[0].children("api")) == 2, "two children again")
        master = otk.servers[0].process.pid
        children = otk.servers[0].children()
        os.kill(master, signal.SIGKILL)
        eventually(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in children),
                   "children die with their master")


def a_stop_says_goodbye_and_a_reload_brings_new_certificates():
    with deployment(api=2) as otk:
        start(otk)
        old = Peer(otk, "person-admin").greeted()
        server = otk.servers[0]
        before = server.children()
        for name in ("server.crt", "server.key"):
            shutil.copy(otk.pki / name, otk.pki / f"old-{name}")
        (otk.pki / "server.crt").write_text("nonsense")
        server.signal(signal.SIGHUP)
        eventually(lambda: "not usable" in server.log_text(), "a bad certificate is refused")
        check_equal(Peer(otk, "person-admin").greeted().certificate, old.certificate, "the old one")
        check_equal(server.children(), before, "the old generation stays")

        (otk.pki / "server.crt").unlink()
        subprocess.run([PKI, "server", otk.pki, "server"], check=True)
        server.signal(signal.SIGHUP)
        kind, _, goodbye = old.receive()
        check_equal((kind, goodbye[1]), (GOAWAY, b"SHUTTING_DOWN"), "the old generation drains")
        check(Peer(otk, "person-admin").greeted().certificate != old.certificate, "the new one")
        eventually(lambda: len(server.children()) == 2 and not set(server.children()) & set(before),
                   "new children only")

        peer = Peer(otk, "person-admin").greeted()
        started = time.monotonic()
        server.process.terminate()
        kind, _, goodbye = peer.receive()
        check_equal((kind, goodbye[1]), (GOAWAY, b"SHUTTING_DOWN"), "a stop says goodbye")
        check_equal(server.wait(), 0, "exit status")
        check(time.monotonic() - started < 8, "nothing was in flight, so nothing is waited for")


def the_server_outlives_its_database():
    with deployment() as otk:
        start(otk)
        peer = Peer(otk, "person-admin").greeted()
        otk.cluster.kill()

        def away():
            kind, answer = peer.call(WHO_AM_I)
            return kind == STATUS and answer[1] == UNAVAILABLE and answer.get(4, 0) > 0
        eventually(away, "UNAVAILABLE with a time to come again")
        kind, status = peer.call(SERVER_STATUS)
        check_equal((kind, status.get(5, 0)), (RESPONSE, 0), "the status says so")
        otk.cluster.start()
        eventually(lambda: peer.call(WHO_AM_I)[0] == RESPONSE, "it recovers by itself", 20)



def running_out_of_descriptors_passes():
    with deployment() as otk:
        server = otk.servers[0]
        server.command = ["prlimit", "--nofile=36:36", *server.command]
        start(otk)
        crowd = [socket.create_connection(("127.0.0.1", otk.ports[0]), 20) for _ in range(60)]
        eventually(lambda: "descriptor" in server.log_text() or
                   "cannot accept" in server.log_text(), "no descriptor is left")
        for one in crowd:
            one.close()
        eventually(lambda: ready(otk), "everybody is served again")
        check_equal(server.stop(), 0, "exit status")


run()
