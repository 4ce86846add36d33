#!/usr/bin/env python3
"""keep_asking.py ADDRESS...: asks GET /healthz at each address, HOST:PORT or the path of a Unix socket, over a new connection
each time, until SIGTERM. Then a line for each: its kind, how many were answered 200, and what became of the others."""
import collections
import signal
import socket
import sys
import threading

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
stop = threading.Event()


def ask(address):
    if address.startswith("/"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(60)
        connection.connect(address)
    else:
        host, port = address.rsplit(":", 1)
        connection = socket.create_connection((host, int(port)), 60)
    with connection:
        connection.sendall(REQUEST)
        answer = b""
        while part := connection.recv(4096):
            answer += part
    return answer.split(b"\r\n")[0].decode() or "no answer"


def keep_asking(address, results):
    while not stop.is_set():
        try:
            results[ask(address)] += 1
        except OSError as error:
            results[type(error).__name__] += 1


def main():
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    results = {address: collections.Counter() for address in sys.argv[1:]}
    threads = [threading.Thread(target=keep_asking, args=item) for item in results.items()]
    for thread in threads:
        thread.start()
    print("asking", flush=True)
    for thread in threads:
        while thread.is_alive():
            thread.join(0.1)
    for address, counts in results.items():
        good = counts.pop("HTTP/1.1 200 OK", 0)
        others = ", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "none"
        print(f"{'unix' if address.startswith('/') else 'tcp'} {good} others: {others}")


if __name__ == "__main__":
    main()
