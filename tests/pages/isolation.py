"""Runs the pages with a network and a process table of their own, so that their ports are free, the
names of their hosts resolve, and nothing is left behind.

This takes Linux namespaces: as root, or where an ordinary user may make them. Elsewhere (in a
container without CAP_SYS_ADMIN, say) the pages run on free ports of the machine: see Tree in
session.py.
"""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import signal
import socket
import struct
import sys

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000
MS_NOSUID_NODEV_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 14, 0x1000, 0x4000, 0x40000
PR_SET_PDEATHSIG, SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 1, 0x8913, 0x8914, 1
# The place where `millrace up` keeps its data if root starts it.
ROOTS_DATA = pathlib.Path("/var/lib/millrace")

libc = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def mount(source, target, kind, flags):
    call(libc.mount, os.fsencode(source), os.fsencode(target), kind and kind.encode(), flags, None)


def unshare():
    if os.geteuid() == 0:
        return call(libc.unshare, CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID)
    user, group = os.geteuid(), os.getegid()
    call(libc.unshare, CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID)
    pathlib.Path("/proc/self/setgroups").write_text("deny")
    pathlib.Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    pathlib.Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return None


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def settle(directory, hosts):
    """Gives the new process 1 its own /proc, loopback, host names, and a place for root's data."""
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("proc", "/proc", "proc", MS_NOSUID_NODEV_NOEXEC)
    raise_loopback()
    names = directory / "hosts"
    names.write_text(f"127.0.0.1 localhost {' '.join(hosts)}\n::1 localhost\n")
    mount(names, "/etc/hosts", None, MS_BIND)
    if os.geteuid() == 0:
        data = directory / "var-lib-millrace"
        data.mkdir(mode=0o755)
        mount(data, ROOTS_DATA, None, MS_BIND)


@contextlib.contextmanager
def place_for_roots_data():
    is_new = os.geteuid() == 0 and not ROOTS_DATA.exists()
    if is_new:
        ROOTS_DATA.mkdir(mode=0o755)
    try:
        yield
    finally:
        if is_new:
            with contextlib.suppress(OSError):
                ROOTS_DATA.rmdir()


def end(process):
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def reap_until(child):
    """Does the duty of process 1: waits for the child and for all orphans."""
    while True:
        process, status = os.wait()
        if process == child:
            return os.waitstatus_to_exitcode(status)


def run_alone(directory, hosts, work):
    """Runs work() in namespaces of its own and returns what it returns, an exit code.

    Returns None if there are no such namespaces; then work() did not run.
    """
    with place_for_roots_data():
        first = os.fork()
        if first == 0:
            os._exit(outside(directory, hosts, work))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: end(first))
        code = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
    return None if code == NO_NAMESPACES else abs(code)


NO_NAMESPACES = 77


def outside(directory, hosts, work):
    call(libc.prctl, PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    try:
        unshare()
    except OSError:
        return NO_NAMESPACES
    process_one = os.fork()
    if process_one == 0:
        os._exit(inside(directory, hosts, work))
    return abs(os.waitstatus_to_exitcode(os.waitpid(process_one, 0)[1]))


def inside(directory, hosts, work):
    call(libc.prctl, PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    try:
        settle(directory, hosts)
    except OSError as error:
        print(f"pages: no namespaces: {error}", flush=True)
        return NO_NAMESPACES
    worker = os.fork()
    if worker == 0:
        try:
            code = work()
        except BaseException:  # It must not return into the caller's frames.
            sys.excepthook(*sys.exc_info())
            code = 1
        sys.stdout.flush()
        os._exit(code)
    return reap_until(worker)
