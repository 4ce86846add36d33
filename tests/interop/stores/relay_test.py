"""The relay passes bytes unchanged, holds the parts it is to hold, and passes two requests at the same time."""
import http.client
import http.server
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from relay import Relay  # noqa: E402

LIMIT_S = 20


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the body; the server counts the heads and the bodies that have come."""
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        with self.server.changed:
            self.server.heads += 1
            self.server.changed.notify_all()
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT

    def log_message(self, *_):
        pass


class RelayTest(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        self.server.daemon_threads = True
        self.server.heads, self.server.changed = 0, threading.Condition()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.relay = Relay(*self.server.server_address)
        self.relay.__enter__()
        self.addCleanup(self.relay.__exit__)
        self.answers = []

    def send(self, method, path, body=b"body"):
        connection = http.client.HTTPConnection("127.0.0.1", int(self.relay.url.rpartition(":")[2]), timeout=LIMIT_S)
        self.addCleanup(connection.close)
        connection.request(method, path, body)
        return connection.getresponse().read()

    def in_background(self, *request):
        thread = threading.Thread(target=lambda: self.answers.append(self.send(*request)), daemon=True)
        thread.start()
        return thread

    def test_bytes_pass_unchanged(self):
        body = bytes(range(256)) * 5000 + b"PUT /?partNumber=1 HTTP/1.1\r\n"
        self.assertEqual(self.send("PUT", "/key", body), body)
        self.assertEqual(self.send("PUT", "/key?partNumber=1&uploadId=a", body), body)

    def test_parts_are_held_behind_their_head(self):
        self.relay.hold_parts_after(1)
        for _ in range(2):  # a part that is sent again passes again
            self.assertEqual(self.send("PUT", "/key?partNumber=1&uploadId=a"), b"body")
        thread = self.in_background("PUT", "/key?partNumber=2&uploadId=a", b"x" * 1_000_000)
        self.relay.wait_until_held(LIMIT_S)
        with self.server.changed:
            self.assertTrue(self.server.changed.wait_for(lambda: self.server.heads == 3, LIMIT_S))
        self.assertEqual(self.send("POST", "/key?uploads="), b"body")  # nothing but parts is held
        self.assertEqual(self.answers, [])
        self.relay.release()
        thread.join(LIMIT_S)
        self.assertEqual(self.answers, [b"x" * 1_000_000])

    def test_nothing_is_held_unasked(self):
        self.relay.hold_parts_after(1)
        with self.assertRaises(SystemExit):
            self.relay.wait_until_held(0.1)

    def test_two_meet(self):
        self.relay.let_meet(2, lambda line: line.startswith(b"POST "))
        first = self.in_background("POST", "/key?uploadId=a")
        self.assertEqual(self.send("PUT", "/other"), b"body")
        with self.server.changed:
            self.assertEqual(self.server.heads, 1)  # the first one waits for the second
        second = self.in_background("POST", "/key?uploadId=b")
        for thread in (first, second):
            thread.join(LIMIT_S)
        self.assertEqual(self.answers, [b"body", b"body"])
        self.assertEqual(self.send("POST", "/key?uploadId=c"), b"body")  # a third one does not wait


if __name__ == "__main__":
    unittest.main()
