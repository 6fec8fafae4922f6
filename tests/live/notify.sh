#!/bin/bash
# What a service manager is told (sd_notify(3)): ready when the capture is open, signs of life, files opened anew, the end; through the
# sandbox. Needs root for the capture; exits 77 without.
set -u
[ "$(id -u)" = 0 ] || { echo "needs root to capture"; exit 77; }
program=${SMTPSCOPE:-./smtpscope}
case "$program" in /*) ;; *) program=$PWD/$program ;; esac
exec python3 - "$program" <<'PYTHON'
import os, signal, socket, struct, subprocess, sys, tempfile, time

program, failed = sys.argv[1], 0


def run(name, address, shown, options, watchdog=None, other=False, hup=False):
    """Messages of one run, each checked to come from the program itself."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(address)
    manager.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    manager.settimeout(10)
    env = dict(os.environ, NOTIFY_SOCKET=shown)
    if watchdog:
        env["WATCHDOG_USEC"] = str(watchdog)
    if other:
        env["WATCHDOG_PID"] = "1"
    out = os.path.join(folder, "events.json")
    child = subprocess.Popen([program, "-i", "lo", "-o", "json", "-O", out, *options], env=env, stderr=subprocess.DEVNULL)
    got, end = [], None
    while True:
        try:
            data, ancillary, _, _ = manager.recvmsg(4096, socket.CMSG_SPACE(12))
        except TimeoutError:
            got.append("nothing within ten seconds")
            break
        pid = struct.unpack("iii", ancillary[0][2])[0]
        if pid != child.pid:
            got.append(f"message of {pid}, not {child.pid}")
        text = data.decode()
        got.append(text)
        if text.startswith("READY=1") and end is None:
            end = time.monotonic() + 0.9
            manager.settimeout(1)
            if hup:
                os.rename(out, out + ".1")
                child.send_signal(signal.SIGHUP)
        if end and time.monotonic() > end or text.startswith("STOPPING"):
            break
        if end and not watchdog and not hup:
            break
        if hup and text == "READY=1\n":
            break
    child.send_signal(signal.SIGTERM)
    child.wait(10)
    manager.settimeout(0.2)
    try:
        while True:
            got.append(manager.recv(4096).decode())
    except TimeoutError:
        pass
    if child.returncode != 0:
        got.append(f"exit status {child.returncode}")
    if hup and not os.path.exists(out):
        got.append("no new file")
    manager.close()
    return got


def expect(name, condition, got):
    global failed
    if not condition:
        failed += 1
        print(f"{name}: {got}")


with tempfile.TemporaryDirectory() as folder:
    os.chmod(folder, 0o777)
    path = os.path.join(folder, "notify")
    ready = "READY=1\nSTATUS=lo\n"
    got = run("plain", path, path, [])
    expect("plain", got == [ready, "STOPPING=1\n"], got)
    os.unlink(path)
    got = run("signs of life", path, path, [], watchdog=400000)
    expect("signs of life", got[0] == ready and got.count("WATCHDOG=1\n") >= 3 and got[-1] == "STOPPING=1\n" and len(set(got)) == 3, got)
    os.unlink(path)
    got = run("workers", path, path, ["--workers", "2"], watchdog=400000)
    expect("workers", got[0] == ready and got.count("WATCHDOG=1\n") >= 3 and got[-1] == "STOPPING=1\n", got)
    os.unlink(path)
    got = run("another's watchdog", path, path, [], watchdog=400000, other=True)
    expect("another's watchdog", got[0] == ready and "WATCHDOG=1\n" not in got, got)
    os.unlink(path)
    got = run("SIGHUP", path, path, [], hup=True)
    expect("SIGHUP", len(got) == 4 and got[1].startswith("RELOADING=1\nMONOTONIC_USEC=") and got[2] == "READY=1\n", got)
    name = f"smtpscope-test-{os.getpid()}"
    got = run("an abstract address", "\0" + name, "@" + name, [])
    expect("an abstract address", got == [ready, "STOPPING=1\n"], got)
    for bad in ("/nowhere/notify", "relative", "/" + "x" * 200, ""):
        child = subprocess.run(["timeout", "-s", "TERM", "0.3", program, "-i", "lo", "-O", "/dev/null"], capture_output=True,
                               env=dict(os.environ, NOTIFY_SOCKET=bad))
        expect(f"NOTIFY_SOCKET={bad[:20]}", child.returncode in (0, 124), child)
sys.exit(failed != 0)
PYTHON
