/**
 * The probe: a Python program that tries a volume out from inside a container,
 * with the volume's own interpreter. It goes in as an argument, so nothing is
 * added to the volume or the image, and imports nothing but the standard library.
 *
 * @module
 */

/**
 * For tests only, and no secret: the key and the certificate (for `localhost`,
 * 2020 to 2120) with which the probe's TLS server in the container serves itself.
 * Python's own `ssl` cannot make one.
 */
export const TEST_PEM = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqwDqX0syCTyD5g2m
QQih4AVlAvsrv/baBfjAz421k0ihRANCAAREiE5AbmwFCdpbwy86h/fkNWSysASp
t3WUVh8g/IsVR4VW1W9ntm8vaSLFS/7Fui36iPi3y9g62buN4tBcUtxg
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBgTCCASegAwIBAgIBATAKBggqhkjOPQQDAjAcMRowGAYDVQQDDBFrcnVubmVy
IHRlc3Qgb25seTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowHDEa
MBgGA1UEAwwRa3J1bm5lciB0ZXN0IG9ubHkwWTATBgcqhkjOPQIBBggqhkjOPQMB
BwNCAAREiE5AbmwFCdpbwy86h/fkNWSysASpt3WUVh8g/IsVR4VW1W9ntm8vaSLF
S/7Fui36iPi3y9g62buN4tBcUtxgo1gwVjAdBgNVHQ4EFgQU9IhAMeQwbVxb9euF
8LrJzMmwDfMwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAoQwFAYDVR0R
BA0wC4IJbG9jYWxob3N0MAoGCCqGSM49BAMCA0gAMEUCIDXzaKaVVtpVhtQD18bd
Y5b6D8CgaT3r7rB4MMfGqTrTAiEAz0vCAyNqj3Pnop8+T5gIgwDjmuaxUBKCpJtx
ndHZefs=
-----END CERTIFICATE-----
`;

/**
 * The program's text. Python 3.8 and later run all of it; the mode `report` is
 * also run by the image's own Python, from 3.6.
 */
export const PROBE = String
  .raw`"""Tries a krunner volume out, from inside a container that has it mounted.

    python -s -c SOURCE MODE OPTIONS

OPTIONS is JSON. The modes "bare" and "hostile" print one JSON document. The
others are run by those two, each in a process of its own, for a module that
crashes takes its process with it; they leave their answer in a file.
"""

import json
import os
import re
import subprocess
import sys
import time

ROOT = "/opt/backend.ai"
PYTHON = ROOT + "/bin/python"
SCRATCH = "/tmp/krunner-probe"
# Seconds that one process may take.
LIMIT = 60
VERSION = "%d.%d" % sys.version_info[:2]


def source():
    """This text, out of the command line of the process that runs it."""
    with open("/proc/self/cmdline", "rb") as file:
        words = file.read().split(b"\0")
    return words[words.index(b"-c") + 1].decode()


def ask(mode, options=None, env=None, python=PYTHON, flags=("-s",)):
    """The answer of a mode in a process of its own, or {"error": why not}.

    Arguments:
        env: variables to set besides those that are; None takes one away.
    """
    result = SCRATCH + "/result.json"
    for leftover in (result, result + ".at"):
        if os.path.exists(leftover):
            os.remove(leftover)
    variables = {**os.environ, **(env or {})}
    try:
        process = subprocess.run(
            [python, *flags, "-c", source(), mode,
             json.dumps({**(options or {}), "result": result})],
            env={name: value for name, value in variables.items()
                 if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=LIMIT,
            cwd="/",
        )
    except subprocess.TimeoutExpired:
        return {"error": "it did not end within %d s%s" % (LIMIT, at(result))}
    except OSError as error:
        return {"error": error.strerror}
    try:
        with open(result) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {"error": end_of(process) + at(result)}


def at(result):
    """What a process that gave no answer was at."""
    try:
        with open(result + ".at") as file:
            return " at " + file.read().split("\n")[-2]
    except (OSError, IndexError):
        return ""


def end_of(process):
    """How a process ended, in words."""
    if process.returncode < 0:
        return "it was ended by signal %d" % -process.returncode
    lines = process.stderr.decode("utf-8", "replace").strip().split("\n")
    fatal = [line for line in lines
             if re.match(r"(Fatal Python error|\S*Error)\b", line)]
    said = (fatal or lines)[-1]
    return said or "it ended with exit code %d" % process.returncode


def answer(options, value):
    """Leaves the answer of a mode."""
    with open(options["result"] + ".new", "w") as file:
        json.dump(value, file)
    os.rename(options["result"] + ".new", options["result"])


def describe(error):
    """An exception in words."""
    return "%s: %s" % (type(error).__name__, error)


def with_library_path(*folders):
    """LD_LIBRARY_PATH as the agent's entry point exports it."""
    rest = [*folders, os.environ.get("LD_LIBRARY_PATH", "")]
    return {"LD_LIBRARY_PATH": ":".join([ROOT + "/lib", *rest])}


def libraries():
    """The shared objects that this process has loaded."""
    with open("/proc/self/maps") as file:
        paths = {line.split(None, 5)[-1].strip() for line in file}
    return sorted(path for path in paths
                  if path.startswith("/") and ".so" in path)


# ---- Modes that run in a process of their own ------------------------------

def import_all(options):
    """Imports the standard library, and what every package installed has."""
    import importlib

    names = getattr(sys, "stdlib_module_names", ())
    names = sorted(set(names) - set(options["other_platforms"]))
    failed, left_out = {}, []

    def import_each(names):
        for name in names:
            progress.write(name + "\n")
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                may_be = options["may_be_missing"]
                if name in may_be and error.name in may_be:
                    left_out.append(name)
                else:
                    failed[name] = describe(error)
            except BaseException as error:  # a broken module may raise anything
                failed[name] = describe(error)

    with open(options["result"] + ".at", "w", buffering=1) as progress:
        import_each(names)
        packages = installed()
        import_each(packages)
    return {
        "failed": failed,
        "left_out": left_out,
        "modules": len(names) - len(left_out),
        "packages": len(packages),
        "compiled": compiled_again(),
        "libraries": libraries(),
    }


def installed():
    """Names of the modules that the installed packages have."""
    from importlib import metadata

    try:
        return sorted(metadata.packages_distributions())
    except AttributeError:  # before Python 3.10
        return []


def compiled_again():
    """Why Python compiled modules of the volume again, by their path."""
    found = {}
    for module in list(sys.modules.values()):
        spec = getattr(module, "__spec__", None)
        origin = getattr(spec, "origin", None) or ""
        if origin.endswith(".py") and origin.startswith(ROOT + "/"):
            reason = why_compiled(origin, spec.cached)
            if reason:
                found[origin[len(ROOT) + 1:]] = reason
    return found


def why_compiled(path, cached):
    """Why Python does not use the .pyc file of a module, None if it does."""
    import importlib.util

    try:
        with open(cached, "rb") as file:
            head = file.read(16)
    except (OSError, TypeError):
        return "it has no .pyc file"
    if head[:4] != importlib.util.MAGIC_NUMBER:
        return "its .pyc file is of another Python"
    flags = int.from_bytes(head[4:8], "little")
    if flags == 0b01:
        return None
    if flags == 0b11:
        with open(path, "rb") as file:
            same = importlib.util.source_hash(file.read()) == head[8:]
        return None if same else "its .pyc file is of another text"
    status = os.stat(path)
    stamp = b"".join(
        (value & 0xFFFFFFFF).to_bytes(4, "little")
        for value in (int(status.st_mtime), status.st_size)
    )
    if stamp != head[8:]:
        return "its .pyc file has another time stamp"
    return None


def check_tls(options):
    """A handshake with a server, and a message there and back."""
    import socket
    import ssl
    import threading

    pem = SCRATCH + "/test.pem"
    with open(pem, "w") as file:
        file.write(options["pem"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.sendall(tls.recv(16))

    threading.Thread(target=serve, daemon=True).start()
    trust = ssl.create_default_context(cafile=pem)
    address = listener.getsockname()
    with socket.create_connection(address, timeout=10) as plain:
        with trust.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall(b"ping")
            expect(tls.recv(16), b"ping")
    return ssl.OPENSSL_VERSION


def check_sqlite3(_options):
    """A database in a file."""
    import contextlib
    import sqlite3

    path = SCRATCH + "/test.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (n INTEGER)")
        database.execute("INSERT INTO t VALUES (20), (22)")
        database.commit()
    with contextlib.closing(sqlite3.connect(path)) as database:
        expect(database.execute("SELECT sum(n) FROM t").fetchone(), (42,))
    return sqlite3.sqlite_version


def check_zmq(_options):
    """A message within the process, and one over TCP."""
    import zmq

    with zmq.Context() as context:
        for address in ("inproc://probe", "tcp://127.0.0.1:*"):
            with context.socket(zmq.PAIR) as one, \
                    context.socket(zmq.PAIR) as other:
                for end in (one, other):
                    end.linger = 0
                    end.rcvtimeo = end.sndtimeo = 10_000
                one.bind(address)
                other.connect(one.last_endpoint.decode().rstrip("\0"))
                other.send(b"ping")
                expect(one.recv(), b"ping")
    return zmq.zmq_version()


def check_uvloop(_options):
    """A coroutine, and a program that it starts."""
    import asyncio

    import uvloop

    async def work():
        process = await asyncio.create_subprocess_exec(
            PYTHON, "-s", "-c", "print(42)", stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
        return output

    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        expect(loop.run_until_complete(work()), b"42\n")
    finally:
        loop.close()
    return uvloop.__version__


def expect(value, wanted):
    """Raises RuntimeError if a value is not the one that is wanted."""
    if value != wanted:
        raise RuntimeError("%r came, and not %r" % (value, wanted))


CHECKS = {
    "tls": check_tls,
    "sqlite3": check_sqlite3,
    "zmq": check_zmq,
    "uvloop": check_uvloop,
}


def check(options):
    """One of CHECKS."""
    try:
        return {"version": CHECKS[options["name"]](options)}
    except Exception as error:
        return {"error": describe(error)}


def report(options):
    """Who this Python is. Any Python 3 of the image's is asked this too."""
    import importlib

    versions, origins = {}, {}
    for name in options["modules"]:
        try:
            module = importlib.import_module(name)
        except Exception as error:
            versions[name] = describe(error)
            continue
        origins[name] = getattr(module, "__file__", None)
        for attribute in ("OPENSSL_VERSION", "sqlite_version",
                          "ZLIB_RUNTIME_VERSION", "__version__"):
            if isinstance(getattr(module, attribute, None), str):
                versions[name] = getattr(module, attribute)
                break
    for name in ("sitecustomize", "usercustomize"):
        if name in sys.modules:
            origins[name] = getattr(sys.modules[name], "__file__", None)
    return {
        "version": VERSION,
        "prefix": sys.prefix,
        "path": [path for path in sys.path if path not in ("", "/")],
        "versions": versions,
        "origins": origins,
        "libraries": libraries(),
        "environment": {
            name: os.environ.get(name) for name in options.get("variables", [])
        },
    }


# ---- The bare image --------------------------------------------------------

def bare(options):
    """Whether everything in the volume works."""
    agent = with_library_path()
    kept = {name: options[name]
            for name in ("other_platforms", "may_be_missing")}
    return {
        "python": "%d.%d.%d" % sys.version_info[:3],
        "imports": {
            "without": ask("import_all", kept, {"LD_LIBRARY_PATH": None}),
            "with": ask("import_all", kept, agent),
        },
        "checks": {
            name: ask("check", {"name": name, "pem": options["pem"]}, agent)
            for name in CHECKS
        },
        "ttyd": try_ttyd(agent),
        "startup": start_up(agent),
    }


def try_ttyd(env):
    """What ttyd says of its version; None where the volume has no ttyd."""
    path = ROOT + "/bin/ttyd"
    if not os.path.lexists(path):
        return None
    try:
        process = subprocess.run(
            [path, "--version"], env={**os.environ, **env},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return {"error": "it did not end within %d s" % LIMIT}
    except OSError as error:
        return {"error": error.strerror}
    if process.returncode != 0:
        return {"error": end_of(process)}
    return {"version": process.stdout.decode("utf-8", "replace").strip()}


def start_up(env):
    """Milliseconds until a kernel's usual modules are imported: best of 3."""
    code = "import asyncio, json, logging, sqlite3, ssl"
    for name in ("zmq", "uvloop", "msgpack", "janus", "attrs",
                 "jupyter_client"):
        code += "\ntry: import %s\nexcept ImportError: pass" % name
    times = []
    for _ in range(3):
        start = time.monotonic()
        subprocess.run([PYTHON, "-s", "-c", code], env={**os.environ, **env},
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=LIMIT)
        times.append(time.monotonic() - start)
    return round(min(times) * 1000)


# ---- The hostile environment -----------------------------------------------

# Modules that a user's folders have as well.
SHADOWED = ["logging", "ssl", "zmq"]
# Modules whose libraries the volume may have too.
LIBRARY_USERS = ["bz2", "ctypes", "curses", "hashlib", "lzma", "pyexpat",
                 "readline", "sqlite3", "ssl", "uuid", "zlib"]


def hostile(options):
    """What gets into the volume's Python, and out of it into others."""
    package = "%s/lib/python%s/site-packages" % ("%s", VERSION)
    shadow(SCRATCH + "/modules")
    shadow(package % (SCRATCH + "/venv"))
    shadow(package % (SCRATCH + "/home/.local"))
    os.makedirs(SCRATCH + "/rubbish/lib/python" + VERSION)
    with open(SCRATCH + "/venv/pyvenv.cfg", "w") as file:
        file.write("home = /usr/bin\n")
    cases = {
        "PYTHONHOME": {"PYTHONHOME": SCRATCH + "/rubbish"},
        "PYTHONPATH": {"PYTHONPATH": SCRATCH + "/modules"},
        "VIRTUAL_ENV": {
            "VIRTUAL_ENV": SCRATCH + "/venv",
            "PATH": SCRATCH + "/venv/bin:" + os.environ.get("PATH", ""),
        },
        "user site-packages": {"HOME": SCRATCH + "/home"},
    }
    clean = ask("report", {"modules": SHADOWED}, with_library_path())
    return {
        "python": VERSION,
        "error": clean.get("error"),
        "cases": {
            name: intruders(clean, env) for name, env in cases.items()
        } if "error" not in clean else {},
        "libraries": foreign_libraries(options),
        "others": [try_other(path) for path in other_pythons()],
    }


def shadow(folder):
    """Makes a folder with modules that are named like others."""
    os.makedirs(folder)
    for name in [*SHADOWED, "sitecustomize", "usercustomize"]:
        with open("%s/%s.py" % (folder, name), "w"):
            pass


def intruders(clean, env):
    """How the volume's Python is another one under these variables."""
    found = ask("report", {"modules": SHADOWED, "variables": sorted(env)},
                {**with_library_path(), **env})
    if "error" in found:
        return ["it does not start: " + found["error"]]
    problems = []
    if found["prefix"] != clean["prefix"]:
        problems.append("its prefix is " + found["prefix"])
    for path in found["path"]:
        if path not in clean["path"]:
            problems.append("it looks for modules in " + path)
    foreign = [name for name, origin in sorted(found["origins"].items())
               if origin != clean["origins"].get(name)]
    if foreign:
        problems.append("it imports %s from elsewhere" % ", ".join(foreign))
    for name, value in found["environment"].items():
        if value != env[name]:
            problems.append("programs that it starts no longer see " + name)
    return problems


def foreign_libraries(options):
    """Libraries that a user's folder slips into the volume's Python."""
    kept = {name: options[name]
            for name in ("other_platforms", "may_be_missing")}
    own = ask("import_all", kept, with_library_path())
    if "error" in own:
        return own
    folder = SCRATCH + "/libraries"
    os.mkdir(folder)
    copied = [path for path in own["libraries"]
              if path.startswith(ROOT + "/")
              and os.path.basename(path).startswith("lib")]
    for path in copied:
        copy(path, folder)
    found = ask("import_all", kept, with_library_path(folder))
    if "error" in found:
        return found
    loaded = [os.path.basename(path) for path in found["libraries"]
              if path.startswith(folder + "/")]
    return {"tried": len(copied), "loaded": loaded}


def copy(path, folder):
    """Copies a file. The module shutil would load what is to be tried."""
    target = os.path.join(folder, os.path.basename(path))
    with open(path, "rb") as source, open(target, "wb") as file:
        file.write(source.read())


def other_pythons():
    """The Pythons of the image itself, each once."""
    folders = [*os.environ.get("PATH", "").split(":"), "/usr/bin",
               "/usr/local/bin", "/opt/conda/bin"]
    found = {}
    for folder in folders:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            path = os.path.realpath(os.path.join(folder, name))
            if (re.match(r"python3(\.\d+)?$", name)
                    and not path.startswith(ROOT + "/")
                    and os.access(path, os.X_OK)):
                found.setdefault(path, os.path.join(folder, name))
    return sorted(found.values())


def try_other(python):
    """How another Python is changed by the agent's LD_LIBRARY_PATH."""
    options = {"modules": LIBRARY_USERS}
    before = ask("report", options, python=python, flags=())
    after = ask("report", options, with_library_path(), python, ())
    if "error" in before:
        return {"python": python, "error": before["error"]}
    if "error" in after:
        return {"python": python, "version": before["version"],
                "problems": ["it does not start: " + after["error"]]}
    problems = [
        "it loads " + path for path in after["libraries"]
        if path.startswith(ROOT + "/")
    ]
    for key in ("prefix", "path", "versions", "origins"):
        if before[key] != after[key]:
            problems.append("its %s changes from %s to %s" % (
                key, *changed(before[key], after[key])))
    return {"python": python, "version": before["version"],
            "problems": problems}


def changed(before, after):
    """Two values, of dictionaries only what differs."""
    if isinstance(before, dict):
        keys = [key for key in sorted({*before, *after})
                if before.get(key) != after.get(key)]
        before = {key: before.get(key) for key in keys}
        after = {key: after.get(key) for key in keys}
    return json.dumps(before), json.dumps(after)


def main():
    mode, options = sys.argv[1], json.loads(sys.argv[2])
    if mode in ("bare", "hostile"):
        os.makedirs(SCRATCH)
        print(json.dumps(globals()[mode](options)))
    else:
        answer(options, globals()[mode](options))


main()
`;
