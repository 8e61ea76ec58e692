#!/usr/bin/python3
"""Who may connect, what a peer may ask, and what ends it."""
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from otk_test import PKI, check, check_equal, eventually, run  # noqa: E402
from raw_peer import (APPLY, CANCEL, CREATE_TICKET, DENIED, HEADER, HELLO, INVALID, PING, PONG,  # noqa: E402
                      REQUEST, RESPONSE, SERVER_STATUS, STATUS, UNIMPLEMENTED, WHO_AM_I, Peer,
                      deployment, dies, message, person, ready, start)


def whom_a_certificate_names_decides():
    with deployment() as otk:
        start(otk)
        peer = Peer(otk, "person-admin").greeted()
        kind, me = peer.call(WHO_AM_I)
        check_equal(kind, RESPONSE, "an answer")
        check_equal(me[1], b"otklik://demo/person/admin", "the principal")
        check_equal(me[3], b"person", "the kind")
        kind, status = peer.call(SERVER_STATUS)
        check_equal((kind, status.get(5)), (RESPONSE, 1), "the database is up")

        subprocess.run([PKI, "person", otk.pki, otk.name, "nobody"], check=True)
        check_equal(Peer(otk, "person-nobody").refused("an unknown person"), "PRINCIPAL_UNKNOWN",
                    "the reason")
        subprocess.run([PKI, "self-signed", otk.pki, otk.name, "admin"], check=True)
        check(dies(lambda: Peer(otk, "self-signed-admin")), "a foreign certificate is refused")
        check(dies(lambda: Peer(otk, None)), "no certificate is refused")
        check(dies(lambda: Peer(otk, "person-admin", alpn=())), "no protocol is refused")
        check(dies(lambda: Peer(otk, "person-admin", alpn=("h2",))), "another one is refused")

        kind, answer = peer.call(999)
        check_equal((kind, answer[1]), (STATUS, UNIMPLEMENTED), "an unknown method")
        kind, answer = peer.call(CREATE_TICKET)
        check_equal(answer[2], b"IDEMPOTENCY_KEY_REQUIRED", "a mutation needs a key")
        kind, answer = peer.call(WHO_AM_I, b"\xff\xff")
        check_equal(answer[1], INVALID, "a malformed message")
        person(otk, "rita")
        rita = Peer(otk, "person-rita").greeted()
        kind, answer = rita.call(APPLY, key=os.urandom(16))
        check_equal((kind, answer[1]), (STATUS, DENIED), "a method for administrators")
        otk.cluster.psql("UPDATE principal SET disabled = true WHERE code = 'rita';"
                         "UPDATE installation SET epoch = epoch + 1")
        check_equal(rita.refused("who is disabled is put out"), "PRINCIPAL_DISABLED", "why")
        check_equal(Peer(otk, "person-rita").refused("and stays out"), "PRINCIPAL_DISABLED", "why")
        check_equal(peer.call(WHO_AM_I)[0], RESPONSE, "others stay")
        check_equal(otk.servers[0].stop(), 0, "exit status")


def what_a_peer_may_not_do_is_answered_or_ends_it():
    with deployment(settings={"in_flight_per_connection": 4, "per_address_connections": 12,
                               "per_address_handshakes": 6}) as otk:
        start(otk)
        peer = Peer(otk, "person-admin", hello=False)
        peer.send(REQUEST, method=WHO_AM_I, request=1)
        check_equal(peer.refused("a request before Hello"), "UNEXPECTED_FRAME", "why")
        peer = Peer(otk, "person-admin", hello=False)
        peer.send(HELLO, length=16385)
        check_equal(peer.refused("a great frame before Hello"), "FRAME_TOO_LARGE", "why")
        peer = Peer(otk, "person-admin", hello=False)
        peer.send(HELLO, message(f1=7, f2=9))
        check_equal(peer.refused("a version of the future"), "VERSION_MISMATCH", "why")
        peer = Peer(otk, "person-admin").greeted()
        peer.send(77)
        check_equal(peer.refused("a type of the future"), "UNKNOWN_FRAME_TYPE", "why")

        peer = Peer(otk, "person-admin").greeted()
        peer.send(PING, request=5)
        check_equal(peer.receive()[:2], (PONG, 5), "a ping is answered")
        for number in range(1, 301):
            peer.send(REQUEST, method=WHO_AM_I, request=number)
        peer.send(CANCEL, request=12345)
        answers = {peer.receive()[1] for _ in range(300)}
        check_equal(answers, set(range(1, 301)), "300 at once, 4 at a time")
        # Bytes one by one make the same frame.
        for byte in HEADER.pack(0, REQUEST, 0, WHO_AM_I, 900, 0, bytes(16)):
            peer.socket.sendall(bytes([byte]))
        check_equal(peer.receive()[:2], (RESPONSE, 900), "a frame in pieces")

        silent = [Peer(otk, "person-admin", hello=False) for _ in range(6)]
        check(dies(lambda: Peer(otk, "person-admin")), "too many that say nothing")
        check_equal(peer.call(WHO_AM_I)[0], RESPONSE, "who is known is not touched")
        for one in silent:
            one.close()
        eventually(lambda: ready(otk), "there is room again")
        many = [peer]
        while len(many) < 12:
            try:
                many.append(Peer(otk, "person-admin").greeted())
            except (OSError, EOFError):
                break
        check(dies(lambda: Peer(otk, "person-admin")), "more than an address may have")
        check(len(many) >= 10, "but as many as it may", len(many))


run()
