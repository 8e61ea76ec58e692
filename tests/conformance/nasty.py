"""What a server must bear and refuse: every rule of proto/README.md, broken on purpose."""
import socket
import ssl
import struct
import time
import uuid

import client as otk
from client import CANCEL, CREDIT, GOAWAY, HELLO, PING, PONG, REQUEST, RESPONSE, STATUS, frame

INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED = 3, 4, 8, 12


class Suite:
    """Each method `check_…` is one check; its name is the sentence it proves."""

    def __init__(self, schema, host, port, pki):
        self.schema, self.host, self.port, self.pki = schema, host, port, pki
        self.hello = schema.messages["Hello"](version_min=1, version_max=1).SerializeToString()
        self.who = schema.methods["WhoAmI"][1].id
        self.get = schema.methods["GetTicket"][1].id

    def open(self, **more):
        return otk.Connection(self.schema, self.host, self.port, self.pki, **more)

    def still_works(self, server):
        assert server.call("WhoAmI").principal

    def told_goodbye(self, server, *reasons):
        """GOAWAY with one of the reasons, then the end."""
        try:
            while True:
                server.read_frame()
        except otk.Closed as closed:
            assert closed.goaway is not None, f"closed without GOAWAY: {closed}"
            assert closed.goaway.reason in reasons, closed.goaway.reason
            return closed.goaway

    def refused_with(self, server, method, payload, code, reason, field=None):
        """The request alone is refused; the connection lives on."""
        try:
            server.call(method, payload)
        except otk.StatusError as error:
            status = error.status
            assert (status.code, status.reason) == (code, reason), str(error)
            if field:
                assert status.violations[0].field == field, status.violations
            self.still_works(server)
            return
        raise AssertionError("the request was taken")

    # --- greeting

    def check_the_server_greets_with_its_limits(self):
        with self.open() as server:
            hello = server.hello
            assert hello.version == 1 and hello.version_min <= 1 <= hello.version_max
            assert hello.principal.startswith("otklik://") and hello.build
            assert abs(hello.server_time_us) > 0 and hello.limits.in_flight > 0
            assert hello.limits.frame_bytes >= 1 << 20

    def check_a_request_before_hello_is_refused(self):
        with self.open(greet=False) as server:
            server.send(REQUEST, b"", self.who, 1)
            self.told_goodbye(server, "UNEXPECTED_FRAME")

    def check_a_second_hello_is_refused(self):
        with self.open() as server:
            server.send(HELLO, self.hello)
            self.told_goodbye(server, "UNEXPECTED_FRAME")

    def check_no_common_version_is_told(self):
        with self.open(greet=False) as server:
            hello = self.schema.messages["Hello"](version_min=90, version_max=99)
            server.send(HELLO, hello.SerializeToString())
            self.told_goodbye(server, "VERSION_MISMATCH")

    def check_a_hello_that_is_no_message_is_refused(self):
        with self.open(greet=False) as server:
            server.send(HELLO, b"\x0a\xff\xff")
            self.told_goodbye(server, "MALFORMED_MESSAGE")

    def check_a_hello_over_16_kib_is_refused(self):
        with self.open(greet=False) as server:
            server.socket.sendall(struct.pack(">IB", 16 * 1024 + 1, HELLO) + bytes(31))
            self.told_goodbye(server, "FRAME_TOO_LARGE")

    # --- certificates and TLS

    def rejected(self, context):
        """In TLS 1.3 a client learns at its first read."""
        try:
            with self.open(context=context):
                pass
        except (otk.Closed, OSError):
            return
        raise AssertionError("the server took the connection")

    def check_no_client_certificate_is_rejected(self):
        self.rejected(otk.tls_context(self.pki, None))

    def check_another_application_protocol_is_rejected(self):
        context = otk.tls_context(self.pki, "person-admin")
        context.set_alpn_protocols(["h2"])
        self.rejected(context)

    def check_no_application_protocol_is_rejected(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(f"{self.pki}/ca.crt")
        context.load_cert_chain(f"{self.pki}/person-admin.crt", f"{self.pki}/person-admin.key")
        self.rejected(context)

    def check_tls_1_2_is_rejected(self):
        context = otk.tls_context(self.pki, "person-admin")
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.rejected(context)

    def check_plain_text_is_rejected(self):
        with socket.create_connection((self.host, self.port), timeout=20) as plain:
            try:
                plain.sendall(frame(HELLO, self.hello) * 40)
                assert b"otklik" not in plain.recv(1000)
            except ConnectionError:
                pass

    # --- frames

    def check_bytes_may_come_one_at_a_time(self):
        with self.open(greet=False) as server:
            for byte in frame(HELLO, self.hello):
                server.socket.sendall(bytes([byte]))
            assert server.read_frame()[0] == HELLO
            for byte in frame(REQUEST, b"", self.who, 7):
                server.socket.sendall(bytes([byte]))
            assert server.read_frame()[:2] == (RESPONSE, 7)

    def check_many_frames_may_come_at_once(self):
        with self.open() as server:
            wanted = set(range(1, 201))
            server.socket.sendall(b"".join(frame(REQUEST, b"", self.who, i) for i in wanted))
            while wanted:
                kind, request_id, _ = server.read_frame()
                assert kind == RESPONSE
                wanted.remove(request_id)

    def check_a_connection_may_break_after_any_byte(self):
        message = frame(HELLO, self.hello) + frame(REQUEST, b"\x08\x01", self.get, 1)
        for cut in range(0, len(message)):
            with self.open(greet=False) as server:
                server.socket.sendall(message[:cut])
        with self.open() as server:
            self.still_works(server)

    def check_a_length_over_the_limit_is_refused_before_it_is_sent(self):
        for length in (1 << 20) + 1, 0xFFFFFFFF:
            with self.open() as server:
                head = struct.pack(">IBBHQI16s", length, REQUEST, 0, self.who, 1, 0, bytes(16))
                server.socket.sendall(head)
                self.told_goodbye(server, "FRAME_TOO_LARGE")

    def check_bad_frames_end_the_connection(self):
        for bad, reason in (
            (frame(0), "UNKNOWN_FRAME_TYPE"),
            (frame(11), "UNKNOWN_FRAME_TYPE"),
            (frame(255, b"x"), "UNKNOWN_FRAME_TYPE"),
            (frame(RESPONSE, b"", request_id=1), "UNEXPECTED_FRAME"),
            (frame(STATUS, b"", request_id=1), "UNEXPECTED_FRAME"),
            (frame(PING, flags=1), "RESERVED_FLAGS"),
            (frame(PING, b"x"), "UNEXPECTED_PAYLOAD"),
            (frame(CANCEL, b"x", request_id=1), "UNEXPECTED_PAYLOAD"),
            (frame(REQUEST, b"", self.who, 0), "BAD_REQUEST_ID"),
            (frame(CREDIT, b"", request_id=0), "BAD_REQUEST_ID"),
            (frame(GOAWAY, b"", request_id=1), "BAD_REQUEST_ID"),
            (frame(REQUEST, b"", 0, 1), "BAD_FRAME_FIELD"),
            (frame(CANCEL, b"", 5, 1), "BAD_FRAME_FIELD"),
            (frame(PING, key=b"k" * 16), "BAD_FRAME_FIELD"),
        ):
            with self.open() as server:
                server.socket.sendall(bad)
                self.told_goodbye(server, reason)

    def check_a_request_id_in_flight_may_not_be_used_again(self):
        with self.open() as server:
            watch = self.schema.methods["Watch"][1].id
            server.socket.sendall(frame(REQUEST, b"", watch, 9) * 2)
            self.told_goodbye(server, "DUPLICATE_REQUEST_ID")

    def check_a_request_id_may_be_used_again_when_it_is_free(self):
        with self.open() as server:
            for _ in range(3):
                assert server.finish("WhoAmI", server.start("WhoAmI", request_id=5)).principal

    def check_a_ping_is_answered_with_its_id(self):
        with self.open() as server:
            server.send(PING, request_id=0xFEDCBA9876543210)
            assert server.read_frame()[:2] == (PONG, 0xFEDCBA9876543210)

    def check_cancel_and_credit_of_nothing_are_ignored(self):
        with self.open() as server:
            server.cancel(77)
            server.send(CREDIT, b"\x08\x05", request_id=77)
            self.still_works(server)

    def check_a_credit_that_is_no_message_is_refused(self):
        with self.open() as server:
            server.send(CREDIT, b"\x08", request_id=1)
            self.told_goodbye(server, "MALFORMED_MESSAGE")

    # --- calls

    def check_an_unknown_method_is_unimplemented(self):
        with self.open() as server:
            for method in 3, 65535:
                server.send(REQUEST, b"ignored", method, 1)
                kind, request_id, payload = server.read_frame()
                assert (kind, request_id) == (STATUS, 1)
                status = self.schema.messages["Status"].FromString(payload)
                assert status.code == UNIMPLEMENTED and status.reason and status.message
            self.still_works(server)

    def check_a_mutation_without_a_key_is_refused(self):
        with self.open() as server:
            try:
                server.call("TakeTicket", key=otk.NO_KEY, ticket_id=1)
            except otk.StatusError as error:
                assert error.status.code == INVALID_ARGUMENT, str(error)
            else:
                raise AssertionError("taken without a key")
            self.still_works(server)

    def check_a_key_serves_one_request_only(self):
        key = uuid.uuid4().bytes
        codes = []
        with self.open() as server:
            for ticket in 1 << 60, 1 << 60, 1 << 61:
                try:
                    server.call("TakeTicket", key=key, ticket_id=ticket)
                except otk.StatusError as error:
                    codes.append(error.status.code)
            assert len(codes) == 3 and codes[0] == codes[1] and 0 not in codes, codes

    def check_malformed_messages_are_refused(self):
        bad = "MALFORMED_MESSAGE"
        with self.open() as server:
            for payload in (b"\x08", b"\x80", b"\x00\x01", b"\x0a\x05x", b"\x0b\x0c",
                            b"\x08" + b"\xff" * 10, b"\x08\x01\x08\x02", b"\xfa\x07\x7fx"):
                self.refused_with(server, "GetTicket", payload, INVALID_ARGUMENT, bad)

    def check_fields_that_break_a_rule_are_named(self):
        with self.open() as server:
            for method, payload, field in (
                ("ListTickets", b"\x1a\x01\xff", "team"),
                ("ListTickets", b"\x1a\x03a\x00b", "team"),
                ("ListTickets", b"\x1a\x03\xed\xa0\x80", "team"),
                ("ListTickets", b"\x38\x63", "type"),
                ("ListTickets", b"\x12\x03\x01\x02\x63", "states[2]"),
                ("ListTickets", b"\x30\x80\x80\x80\x80\x10", "priority"),
                ("ListTickets", b"\x1a\x81\x80\x04" + b"x" * 65537, "team"),
                ("ListTickets", b"\x10\x01" * 65, "states[64]"),
            ):
                self.refused_with(server, method, payload, INVALID_ARGUMENT, "INVALID_FIELD",
                                  field)

    def check_a_message_with_too_many_parts_is_refused(self):
        with self.open() as server:
            self.refused_with(server, "GetTicket", b"\xf8\x07\x01" * 1025, RESOURCE_EXHAUSTED,
                              "MESSAGE_TOO_COMPLEX")

    def check_unknown_fields_are_ignored(self):
        with self.open() as server:
            assert server.call("WhoAmI", b"\xf8\x07\x01\xfa\x07\x03new").principal

    def check_a_cancelled_stream_is_answered(self):
        with self.open() as server:
            watch = server.start("Watch")
            time.sleep(0.05)
            server.cancel(watch)
            while True:
                kind, payload = server.frame_for(watch)
                if kind == STATUS:
                    break
            assert self.schema.messages["Status"].FromString(payload).code == 1
            self.still_works(server)

    def check_a_deadline_ends_a_stream(self):
        with self.open() as server:
            watch = server.start("Watch", deadline_ms=60)
            try:
                for _ in server.items("Watch", watch):
                    pass
            except otk.StatusError as error:
                assert error.status.code == DEADLINE_EXCEEDED, str(error)
            else:
                raise AssertionError("the stream ended well")
            self.still_works(server)

    def check_the_server_lives_after_all_this(self):
        with self.open() as server:
            self.still_works(server)


def run(schema, host, port, pki, only=""):
    """(checks passed, [failures as text])."""
    suite = Suite(schema, host, port, pki)
    passed, failures = 0, []
    for name in [n for n in vars(Suite) if n.startswith("check_") and only in n]:
        try:
            getattr(suite, name)()
            passed += 1
        except Exception as error:  # one bad check must not hide the others
            failures.append(f"{name[6:].replace('_', ' ')}: {type(error).__name__}: {error}")
    return passed, failures
