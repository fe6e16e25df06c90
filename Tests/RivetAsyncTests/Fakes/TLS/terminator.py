# SPDX-License-Identifier: Apache-2.0
"""Ends TLS and forwards to a plain port of this machine, as a load balancer does.

argv: the certificates' directory, the plain port, optionally the newest version (such as TLSv1_2). A client that asks
for the name <number>.port.test gets to that port instead. It prints "port <number>" and ends with its standard input. An end of either side is passed on as such: close_notify and FIN are
each other's translation, and a reset or truncation on one side resets the other.
"""
import os
import select
import socket
import ssl
import struct
import sys
import threading

LIMIT = 1 << 18


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Side:
    """One socket with what is still to be sent to it."""

    def __init__(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LIMIT)
        connection.setblocking(False)
        self.connection = connection
        self.pending = bytearray()
        self.has_ended = False
        self.is_ending = False
        self.has_been_ended = False

    def receive(self):
        try:
            data = self.connection.recv(65536)
        except BlockingIOError:
            return None
        if not data:
            self.has_ended = True
        return data

    def send(self):
        if self.pending:
            try:
                del self.pending[: self.connection.send(self.pending)]
            except BlockingIOError:
                return
        if self.is_ending and not self.pending and not self.has_been_ended:
            self.has_been_ended = True
            self.connection.shutdown(socket.SHUT_WR)


def shake_hands(raw, session, incoming, outgoing):
    while True:
        try:
            return session.do_handshake()
        except ssl.SSLWantReadError:
            pass
        finally:
            raw.sendall(outgoing.read())
        data = raw.recv(65536)
        if not data:
            raise ConnectionResetError("truncated")
        incoming.write(data)


def remember_name(session, name, context):
    session.name = name


def wanted_port(session, usual):
    name = getattr(session, "name", None) or ""
    return int(name.split(".")[0]) if name.endswith(".port.test") else usual


def forward(raw, context, usual_port):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_side=True)
    plain = None
    try:
        shake_hands(raw, session, incoming, outgoing)
        plain = socket.create_connection(("127.0.0.1", wanted_port(session, usual_port)))
        move(session, incoming, outgoing, Side(raw), Side(plain))
        raw.close()
        plain.close()
    except (OSError, ssl.SSLError) as error:
        print("failed", getattr(error, "reason", None) or error, flush=True)
        if plain:
            reset(raw)
            reset(plain)
        raw.close()


def move(session, incoming, outgoing, outside, inside):
    has_sent_close_notify = False
    while True:
        try:
            while not inside.is_ending:
                data = session.read(65536)
                if not data:
                    inside.is_ending = True
                inside.pending += data
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            inside.is_ending = True
        # After everything that came was read: OpenSSL takes what it finds here for an error.
        if outside.is_ending and not has_sent_close_notify:
            has_sent_close_notify = True
            try:
                session.unwrap()
            except ssl.SSLError:
                pass  # The peer's close_notify may be still on its way.
        outside.pending += outgoing.read()
        outside.send()
        inside.send()
        if outside.has_been_ended and inside.has_been_ended:
            return
        readers = [
            side.connection
            for side, other in ((outside, inside), (inside, outside))
            if not side.has_ended and len(other.pending) < LIMIT
        ]
        writers = [side.connection for side in (outside, inside) if side.pending]
        readable, _, _ = select.select(readers, writers, [])
        if outside.connection in readable:
            data = outside.receive()
            if data:
                incoming.write(data)
            elif data == b"":
                if not inside.is_ending and not outside.is_ending:
                    raise ConnectionResetError("truncated")
                inside.is_ending = True
        if inside.connection in readable:
            data = inside.receive()
            if data:
                session.write(data)
            elif data == b"":
                outside.is_ending = True


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.path.join(sys.argv[1], "good.pem"), os.path.join(sys.argv[1], "good.key"))
if len(sys.argv) > 3:
    context.maximum_version = ssl.TLSVersion[sys.argv[3]]
context.set_alpn_protocols(["http/1.1"])
context.sni_callback = remember_name
listener = socket.create_server(("127.0.0.1", 0), backlog=512)
# Inherited by what it accepts. Left to itself the kernel makes room for as much as a test has to send.
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LIMIT)
print("port", listener.getsockname()[1], flush=True)


def accept():
    while True:
        raw, _ = listener.accept()
        threading.Thread(target=forward, args=(raw, context, int(sys.argv[2])), daemon=True).start()


threading.Thread(target=accept, daemon=True).start()
while os.read(0, 1024):
    pass
os._exit(0)
