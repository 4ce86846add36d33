"""A relay between the daemon and a store that holds requests, so that a test can act in the middle of a job.

    with Relay(host, port) as relay:            # relay.url is the store's address for the daemon
        relay.hold_parts_after(2)               # UploadPart: two part numbers pass, the others stop behind their head
        relay.wait_until_held(limit_s)
        relay.release()
        relay.let_meet(2, lambda line: ...)     # requests with such a first line pass once two of them are there

It reads only the first line of what a client sends after an answer, never bodies; bytes pass unchanged.
"""
import contextlib
import re
import socket
import threading

CHUNK = 1 << 18
MEETING_LIMIT_S = 20
UPLOAD_PART = re.compile(rb"PUT \S*[?&]partNumber=(\d+)\S* HTTP/1\.1\r\n")


class Relay:
    def __init__(self, host, port):
        self.target = (host, port)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.lock = threading.Condition()
        self.sockets = set()
        self.parts_allowed = None  # None: all
        self.passed = set()  # the part numbers that pass, however often they are sent
        self.held = 0
        self.meets, self.barrier = None, None
        self.closed = False
        self.acceptor = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self.acceptor.start()
        return self

    def __exit__(self, *_):
        with self.lock:
            self.closed, self.parts_allowed = True, None
            self.lock.notify_all()
            sockets = list(self.sockets)
        for end in [self.listener, *sockets]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self.acceptor.join(10)

    def hold_parts_after(self, count):
        with self.lock:
            self.parts_allowed, self.held, self.passed = count, 0, set()

    def wait_until_held(self, limit_s):
        with self.lock:
            if not self.lock.wait_for(lambda: self.held > 0, limit_s):
                raise SystemExit(f"no UploadPart was held within {limit_s} s")

    def release(self):
        with self.lock:
            self.parts_allowed = None
            self.lock.notify_all()

    def let_meet(self, count, meets):
        """The first `count` requests whose first line satisfies meets(line) pass at the same time."""
        self.barrier, self.meets = threading.Barrier(count), meets

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.target, 10)
            except OSError:
                if self.closed:
                    return
                near.close()  # the store is not there: so it looks to the client
                continue
            far.settimeout(None)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.sockets |= {near, far}
            threading.Thread(target=self._pump, args=(near, far, self._before_sending), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, None), daemon=True).start()

    def _pump(self, source, sink, before):
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if before:
                    before(data, sink)
                else:
                    sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
            with self.lock:
                self.sockets.discard(end)

    def _before_sending(self, data, sink):
        line = data[:data.find(b"\r\n") + 2]
        if part := UPLOAD_PART.fullmatch(line):
            head = data.find(b"\r\n\r\n") + 4
            if head >= 4 and self._must_wait(part[1]):
                sink.sendall(data[:head])  # the store has begun with this request
                with self.lock:
                    self.held += 1
                    self.lock.notify_all()
                    self.lock.wait_for(lambda: self.parts_allowed is None)
                data = data[head:]
        elif self.meets and line.endswith(b" HTTP/1.1\r\n") and self.meets(line):
            with contextlib.suppress(threading.BrokenBarrierError):
                self.barrier.wait(MEETING_LIMIT_S)
            self.meets = None  # a later one, such as a retry, does not wait
        sink.sendall(data)

    def _must_wait(self, part):
        with self.lock:
            if self.parts_allowed is None or part in self.passed:
                return False
            if len(self.passed) < self.parts_allowed:
                self.passed.add(part)
            return part not in self.passed
