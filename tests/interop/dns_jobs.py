"""A host name with many addresses, some of them dead, asked of a real name server.

    unshare --user --map-root-user --net --mount python3 dns_jobs.py

It must run in a network and a mount of its own, as this line makes them: there it is the name server on port 53, and
/etc/resolv.conf names only that one. s3sim stands behind a relay for each living address; nobody listens at the others.
$BIN is the folder with s3sim, s3zipd and s3zip.
"""
import asyncio
import collections
import contextlib
import fcntl
import hashlib
import io
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time
import zipfile

from daemon import Daemon
from s3 import S3

NAME, PORT, S3SIM_PORT = "s3.interop.test", 9000, 9001
LIVING = [f"127.0.1.{n}" for n in range(1, 6)]
REFUSED = [f"127.0.2.{n}" for n in range(1, 6)]
NO_WAY_THERE = ["192.0.2.1", "2001:db8::1"]  # the documentation's networks: here is no route to them
ENV = {"S3_ACCESS_KEY": "interop", "S3_SECRET_KEY": "interop-secret"}
OBJECTS, RATE_BYTES_PER_S = 400, 8 << 20


def only_loopback():
    """Switches it on; ends the test if there is any other network, which must not see what is done here."""
    names = [name for _, name in socket.if_nameindex()]
    if any(name == "eth0" or name.startswith(("en", "wl")) for name in names):
        raise SystemExit(f"not in a network of its own: {names}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        up = struct.pack("16sh14x", b"lo", 0x1 | 0x40)  # IFF_UP, IFF_RUNNING
        fcntl.ioctl(control, 0x8914, up)  # SIOCSIFFLAGS


@contextlib.contextmanager
def running(*command):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(what, condition):
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within 20 s")
        time.sleep(0.02)


def listens(address, port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


@contextlib.contextmanager
def name_server(folder):
    """dnsmasq on 127.0.0.1:53, and a resolv.conf of this mount's own that names it."""
    resolv, hosts = os.path.join(folder, "resolv.conf"), os.path.join(folder, "hosts")
    with open(resolv, "w", encoding="utf-8") as file:
        file.write("nameserver 127.0.0.1\n")
    with open(hosts, "w", encoding="utf-8") as file:
        file.writelines(f"{address} {NAME}\n" for address in [*REFUSED, *NO_WAY_THERE, *LIVING])
    subprocess.run(["mount", "--bind", resolv, "/etc/resolv.conf"], check=True)
    # --no-daemon also keeps it from changing its user, which it could not here.
    with running("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=",
                 "--listen-address=127.0.0.1", "--bind-interfaces", f"--addn-hosts={hosts}") as server:
        def answers():
            if server.poll() is not None:
                raise SystemExit(f"dnsmasq ended with {server.returncode}")
            with contextlib.suppress(socket.gaierror):
                found = {info[4][0] for info in socket.getaddrinfo(NAME, PORT, type=socket.SOCK_STREAM)}
                return found >= set(LIVING + REFUSED)
            return False
        wait_until("an answer of dnsmasq with all addresses", answers)
        yield server


class Relays:
    """For each living address a slow relay to s3sim that counts its connections; a thread with a loop of its own."""

    def __init__(self):
        self.connections = collections.Counter()
        self.acceptors, self.tasks = {}, collections.defaultdict(set)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        self.call(self._start())
        return self

    def __exit__(self, *_):
        for address in LIVING:
            self.close(address)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    async def _start(self):
        for address in LIVING:
            listener = socket.create_server((address, PORT), backlog=64)
            listener.setblocking(False)
            self.acceptors[address] = (listener, self.loop.create_task(self._accept(address, listener)))

    async def _accept(self, address, listener):
        # Not asyncio's own server: closed while it accepts, it forgets a connection, and the client waits for nobody.
        while True:
            accepted, _ = await self.loop.sock_accept(listener)
            self.connections[address] += 1
            self.tasks[address].add(self.loop.create_task(self._relay(accepted)))

    async def _relay(self, accepted):
        writers = []
        try:
            near, writer = await asyncio.open_connection(sock=accepted)
            writers.append(writer)
            far, writer = await asyncio.open_connection("127.0.0.1", S3SIM_PORT)
            writers.append(writer)
            await asyncio.gather(self._pump(near, writers[1]), self._pump(far, writers[0]))
        except OSError:
            pass
        finally:
            for writer in writers:
                writer.transport.abort()  # a reset, in the middle of whatever it was
            accepted.close()

    async def _pump(self, reader, writer):
        while data := await reader.read(1 << 18):
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(len(data) / RATE_BYTES_PER_S)  # so that a job has a middle
        raise ConnectionResetError

    async def _close(self, address):
        listener, acceptor = self.acceptors.pop(address, (None, None))
        if listener:
            acceptor.cancel()
            listener.close()
        tasks = self.tasks.pop(address, ())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def close(self, address):
        self.call(self._close(address))


def failed_connects():
    """Of this network, since it was made."""
    with open("/proc/net/snmp", encoding="utf-8") as file:
        names, values = (line.split()[1:] for line in file if line.startswith("Tcp:"))
    return int(dict(zip(names, values))["AttemptFails"])


def request(key):
    return {"source": {"bucket": "src", "prefix": ""}, "destination": {"bucket": "out", "key": key}}


def compare(s3, key):
    with zipfile.ZipFile(io.BytesIO(s3.get("out", key))) as archive:
        names = archive.namelist()
        if sorted(names) != sorted(s3.list("src")) or len(names) != OBJECTS:
            raise SystemExit(f"{key}: {len(names)} entries")
        for name in names:
            if hashlib.sha256(archive.read(name)).digest() != hashlib.sha256(s3.get("src", name)).digest():
                raise SystemExit(f"{key}: {name} differs")


def run_jobs(relays):
    s3 = S3(f"http://127.0.0.1:{S3SIM_PORT}", ENV["S3_ACCESS_KEY"], ENV["S3_SECRET_KEY"])
    with Daemon(ENV, f"http://{NAME}:{PORT}", None, "--connections", "32") as daemon:
        before = failed_connects()
        daemon.run(request("spread.zip"))
        unused = [address for address in LIVING if not relays.connections[address]]
        if unused:
            raise SystemExit(f"never connected to: {unused} ({dict(relays.connections)})")
        refused = failed_connects() - before
        if refused == 0:
            raise SystemExit("no dead address was tried: nothing was tested")
        # Addresses that worked die under a job, but one.
        job = daemon.call("/archives", request("dying.zip"))
        while job["progress"]["objects_done"] == 0 and job["state"] not in ("succeeded", "failed"):
            job = daemon.call(f"/archives/{job['id']}")
        for address in LIVING[1:]:
            relays.close(address)
        now = daemon.call(f"/archives/{job['id']}")
        if now["state"] != "running":
            raise SystemExit(f"not in the middle of the job: {now['state']}, {now.get('error')}")
        job = daemon.wait(now)
        if job["state"] != "succeeded":
            raise SystemExit(f"state {job['state']}: {job.get('error')}\n{daemon.log()}")
    compare(s3, "spread.zip")
    compare(s3, "dying.zip")
    return f"connections {[relays.connections[address] for address in LIVING]}, {refused} to dead addresses"


def main():
    only_loopback()
    with tempfile.TemporaryDirectory(prefix="s3zipd-interop-") as folder, name_server(folder), Relays() as relays, \
            running(os.path.join(os.environ["BIN"], "s3sim"), "--listen", f"127.0.0.1:{S3SIM_PORT}", "--access-key",
                    ENV["S3_ACCESS_KEY"], "--secret-key", ENV["S3_SECRET_KEY"], "--bucket", "out", "--synthetic",
                    f"src=count={OBJECTS},size=256KiB"):
        wait_until("s3sim", lambda: listens("127.0.0.1", S3SIM_PORT))
        summary = run_jobs(relays)
    print(summary)


if __name__ == "__main__":
    main()
