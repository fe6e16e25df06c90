# SPDX-License-Identifier: Apache-2.0
"""The TLS servers of the tests, by Python's ssl.

argv[1] is the directory of the certificates, argv[2] a JSON list of servers. For each one a line "<name> port <number>" is printed, and then a line for each
connection. It ends with its standard input, so that it does not outlive the tests.
"""
import json
import os
import socket
import ssl
import sys
import threading

lock = threading.Lock()


def say(name, text):
    with lock:
        print(name, text, flush=True)


def context_of(server):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # The client has to refuse what is weak, so the server must not do it first.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(server["certificate"] + ".pem", server["certificate"] + ".key")
    context.minimum_version = ssl.TLSVersion[server.get("minimum", "TLSv1")]
    context.maximum_version = ssl.TLSVersion[server.get("maximum", "TLSv1_3")]
    if "clients" in server:
        context.load_verify_locations(server["clients"] + ".pem")
        context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(server.get("protocols", ["http/1.1"]))
    context.sni_callback = remember_name
    return context


names = {}


def remember_name(connection, name, context):
    names[id(connection)] = name


def describe(connection):
    subject = dict(pair for part in (connection.getpeercert() or {}).get("subject", ()) for pair in part)
    return "open version=%s reused=%s protocol=%s name=%s client=%s" % (
        connection.version(),
        connection.session_reused,
        connection.selected_alpn_protocol(),
        names.pop(id(connection), None),
        subject.get("commonName"),
    )


def echo(connection, server):
    total = 0
    while data := connection.recv(65536):
        total += len(data)
        connection.sendall(data)
    # An empty read is close_notify; a connection that just ends raises SSLEOFError.
    say(server["name"], "closed bytes=%d" % total)
    connection.unwrap()


def truncate(connection, server):
    connection.recv(65536)
    connection.sendall(server.get("answer", "not all of it").encode("latin-1"))
    connection.shutdown(socket.SHUT_RDWR)


def dribble(raw, server, context):
    """Sends every byte of ciphertext in a segment of its own."""
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_side=True)

    def call(function, *arguments):
        while True:
            try:
                result = function(*arguments)
            except ssl.SSLWantReadError:
                result = None
            for byte in outgoing.read():
                raw.sendall(bytes([byte]))
            if result is not None:
                return result
            data = raw.recv(65536)
            if data:
                incoming.write(data)
            else:
                incoming.write_eof()

    call(lambda: session.do_handshake() or True)
    data = call(session.read, 65536)
    call(session.write, data)
    try:
        session.unwrap()
    except ssl.SSLError:
        pass
    for byte in outgoing.read():
        raw.sendall(bytes([byte]))


def plain(raw, server):
    raw.recv(65536)
    raw.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")


def literal(raw, server):
    raw.recv(65536)
    raw.sendall(server["answer"].encode("latin-1"))


def serve(raw, server, context):
    mode = server.get("mode", "echo")
    try:
        if mode == "plain":
            plain(raw, server)
        elif mode == "literal":
            literal(raw, server)
        elif mode == "mute":
            while raw.recv(65536):
                say(server["name"], "heard")
            say(server["name"], "gone")
        elif mode == "hangup":
            raw.recv(65536)
        elif mode == "dribble":
            dribble(raw, server, context)
        else:
            with context.wrap_socket(raw, server_side=True, suppress_ragged_eofs=False) as connection:
                say(server["name"], describe(connection))
                {"echo": echo, "truncate": truncate}[mode](connection, server)
    except (OSError, ssl.SSLError) as error:
        say(server["name"], "failed %s" % (getattr(error, "reason", None) or error))
    finally:
        raw.close()


def accept(listener, server, context):
    while True:
        raw, _ = listener.accept()
        threading.Thread(target=serve, args=(raw, server, context), daemon=True).start()


os.chdir(sys.argv[1])
for server in json.loads(sys.argv[2]):
    context = None if server.get("mode") in ("plain", "mute", "hangup", "literal") else context_of(server)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    say(server["name"], "port %d" % listener.getsockname()[1])
    threading.Thread(target=accept, args=(listener, server, context), daemon=True).start()

while os.read(0, 1024):
    pass
os._exit(0)
