#!/bin/bash
# Outputs that are connections, from outside: what the restrictions of a run leave possible is enough to connect again (as root the program
# is nobody by then), and what comes on the second connection is whole. test_sink tries the sinks themselves.
set -u
program=${SMTPSCOPE:-./smtpscope}
case "$program" in /*) ;; *) program=$PWD/$program ;; esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"

python3 - "$program" "$dir" <<'PY'
import json, os, socket, subprocess, sys, threading
program, where = sys.argv[1:]
capture = open("samples/first-look.pcap", "rb").read()
wanted = [json.loads(l) for l in subprocess.run([program, "-r", "-", "-o", "json", "--events", "command,session"], input=capture,
          stdout=subprocess.PIPE, check=True).stdout.splitlines()]
failed = []

def run(name, listener, target):
    listener.listen()
    listener.settimeout(20)
    p = subprocess.Popen([program, "-r", "-", "--events", "command,session", "-O", target], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    got = b""
    try:
        first = listener.accept()[0]
        first.close()  # it goes away before anything was sent
        p.stdin.write(capture)
        p.stdin.close()
        second = listener.accept()[0]
        while octets := second.recv(65536):
            got += octets
    except OSError as error:
        failed.append("%s: %s" % (name, error))
        p.kill()
    said, status = p.stderr.read().decode(), p.wait()
    if status != 0 or "trying again" not in said or "connected" not in said:
        failed.append("%s: status %d, says: %s" % (name, status, said))
    if [json.loads(l) for l in got.splitlines()] != wanted:
        failed.append("%s: not the events of a run without interruption: %r" % (name, got[:200]))

tcp = socket.socket()
tcp.bind(("127.0.0.1", 0))
unix = socket.socket(socket.AF_UNIX)
unix.bind(where + "/socket")
os.chmod(where + "/socket", 0o777)
runs = [threading.Thread(target=run, args=("tcp", tcp, "tcp:localhost:%d" % tcp.getsockname()[1])),
        threading.Thread(target=run, args=("unix", unix, "unix:%s/socket" % where))]
for r in runs: r.start()
for r in runs: r.join()
for text in failed: print(text)
wrong = len({text.split(":")[0] for text in failed})
print("%d passed, %d failed, 0 skipped" % (2 - wrong, wrong))
sys.exit(1 if failed else 0)
PY
