#!/usr/bin/env python3
"""
run.py - do the tests notice when the code is wrong? (make mutants)

  run.py [--number N|all] [--seed S] [--goal PERCENT] [--list] [--fast] [--build DIR] [FILE|FILE:LINE]...

Takes a sample of the mutants (mutate.py) of src/smtp and src/diag, spread evenly over the files, or of the files named. For
each one compiles that file, links it into a shared core library and runs the tests, the likely killers first: the unit
test of its module, the dialogues in the quick way, the other unit tests of smtp and diag, and only if all these are green
all dialogues, the captures and the command line. Red, a crash or no end means killed. Prints the survivors and a summary;
exit status 1 when fewer than the goal (90 %) were killed. The same seed takes the same sample of the same sources.

Not counted: what does not compile, and what compiles to the same machine code. All happens in a copy of the tree under the
build directory; programs of the last run there are used again when nothing changed.
"""
import argparse
import glob
import math
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True  # the source tree stays as it is
from mutate import mutants_of  # noqa: E402

WORKERS = 2
DIRECTORIES = ["src/smtp", "src/diag"]
LIBRARY = "libsmtpscope-core.so"
COMPILE = ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Iinclude", "-O1", "-fPIC", "-w", "-Werror=int-conversion"]
# A mutant may run wild: each program has three times the processor time that it took unchanged, and this much memory.
MEMORY_KIB = 2 * 1024 * 1024


def compiler():
    return os.environ.get("CC", "cc").split()


def copy_tree(tree):
    """All but what was built; times are kept so that make builds only what changed."""
    os.makedirs(tree, exist_ok=True)
    for name in os.listdir(tree):
        if name not in ("build", "smtpscope"):
            path = os.path.join(tree, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    for name in os.listdir("."):
        if name.startswith((".", "build")) or name == "smtpscope":
            continue
        path = os.path.join(tree, name)
        shutil.copytree(name, path) if os.path.isdir(name) else shutil.copy2(name, path)


def unit_tests():
    """NAME of each tests/unit/test_NAME.c that is about smtp or diag: some file there begins with its first word."""
    names = [os.path.basename(path)[5:-2] for path in sorted(glob.glob("tests/unit/test_*.c"))]
    return [name for name in names if any(glob.glob(f"{d}/{name.split('_')[0]}*.c") for d in DIRECTORIES)]


def build(tree):
    programs = [f"build/tests/unit/test_{name}" for name in unit_tests()]
    programs += ["build/tests/run_dialogs", "build/tests/run_pcaps", "smtpscope"]
    link = " ".join(compiler()) + f" -shared -Wl,-soname,{LIBRARY} -o"
    command = ["make", "-s", "-j", str(WORKERS), "CFLAGS=-O1 -fPIC", f"CORE=build/{LIBRARY}", f"CORE_LINK={link}"]
    environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "BUILD")}
    subprocess.run(command + programs, cwd=tree, check=True, stdout=subprocess.DEVNULL, env=environment)


class Test:
    def __init__(self, *command):
        self.command = list(command)
        self.seconds = 20.0  # until it was measured

    def passes(self, tree, library_directory):
        environment = dict(os.environ, LD_LIBRARY_PATH=library_directory, SMTPSCOPE="./smtpscope")
        limits = f'ulimit -t {math.ceil(3 * self.seconds) + 1} -v {MEMORY_KIB}; exec "$@"'
        child = subprocess.Popen(["sh", "-c", limits, "sh"] + self.command, cwd=tree, env=environment,
                                 start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        try:
            return child.wait(timeout=10 * self.seconds + 30) == 0
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            return False


class Tests:
    def __init__(self, tree, fast):
        self.tree = tree
        self.unit = {name: Test(f"build/tests/unit/test_{name}") for name in unit_tests()}
        self.quick = Test("build/tests/run_dialogs", "--quick")
        self.thorough = [Test("build/tests/run_dialogs"), Test("build/tests/run_pcaps"), Test("tests/cli.sh")]
        if fast:
            self.thorough = []

    def order(self, path):
        module = os.path.basename(path)[:-2]
        own = [name for name in self.unit if module.startswith(name) and self.unit[name].seconds < 1]
        own.sort(key=len, reverse=True)
        others = sorted((name for name in self.unit if name not in own), key=lambda name: self.unit[name].seconds)
        return [self.unit[name] for name in own] + [self.quick] + [self.unit[name] for name in others] + self.thorough

    def measure(self):
        """The tree as it is must be green."""
        for test in [*self.unit.values(), self.quick, *self.thorough]:
            start = time.monotonic()
            if not test.passes(self.tree, "build"):
                sys.exit(f"mutants: the unchanged tree fails: {' '.join(test.command)}")
            test.seconds = time.monotonic() - start


class Bench:
    """Where one worker compiles and links."""

    def __init__(self, tree, number):
        self.tree = tree
        self.directory = os.path.join(os.path.dirname(tree), f"worker{number}")
        self.object = os.path.join(self.directory, "mutant.o")
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)

    def compile(self, path, text):
        """The octets of the object file, None when it is not C."""
        source = os.path.join(self.directory, os.path.basename(path))
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        command = compiler() + COMPILE + ["-I" + os.path.dirname(path), "-c", "-o", self.object, source]
        if subprocess.run(command, cwd=self.tree, stderr=subprocess.DEVNULL, check=False).returncode:
            return None
        with open(self.object, "rb") as file:
            return file.read()

    def link(self, path):
        others = [f"build/{p[:-2]}.o" for layer in ("base", "net", "smtp", "diag")
                  for p in glob.glob(f"src/{layer}/*.c", root_dir=self.tree) if p != path]
        command = compiler() + ["-shared", "-o", os.path.join(self.directory, LIBRARY), self.object] + others
        subprocess.run(command, cwd=self.tree, check=True)

    def judge(self, mutant, unchanged, tests):
        """killed, survived, or None when it does not count."""
        compiled = self.compile(mutant.path, mutant.text())
        if compiled in (None, unchanged):
            return None
        self.link(mutant.path)
        if all(test.passes(self.tree, self.directory) for test in tests.order(mutant.path)):
            return "survived"
        return "killed"


def chosen_files(names):
    """File to the line that was asked for, or to None."""
    if not names:
        return {path: None for directory in DIRECTORIES for path in sorted(glob.glob(f"{directory}/*.c"))}
    files = {}
    for name in names:
        path, _, line = name.partition(":")
        files.update({match: int(line) if line else None for match in sorted(glob.glob(path)) or sys.exit(f"no file {path}")})
    return files


def sample(files, number, seed):
    """One of each file in turn, each file's mutants in an order that the seed decides, until there are enough."""
    waiting = []
    for path, line in files.items():
        mutants = [m for m in mutants_of(path) if line in (None, m.line)]
        random.Random(f"{seed} {path}").shuffle(mutants)
        waiting.append(mutants)
    chosen = []
    while any(waiting) and len(chosen) < number:
        chosen += [mutants.pop() for mutants in waiting if mutants]
    return chosen[:min(number, len(chosen))]


def judge_all(mutants, tree, tests):
    """The verdicts, in the order of the mutants."""
    benches = queue.Queue()
    for number in range(WORKERS):
        benches.put(Bench(tree, number))
    first = benches.get()
    unchanged = {m.path: first.compile(m.path, m.source) for m in mutants}
    benches.put(first)
    done = []

    def judge(mutant):
        bench = benches.get()
        try:
            verdict = bench.judge(mutant, unchanged[mutant.path], tests)
        finally:
            benches.put(bench)
        done.append(verdict)
        if verdict == "survived":
            print(mutant, flush=True)
        if sys.stderr.isatty():
            print(f"{len(done)} of {len(mutants)}, {done.count('survived')} survived", end="\r", file=sys.stderr)
        return verdict

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(judge, mutants))


def summary(mutants, verdicts):
    """Prints killed of counted, per file, per directory, in all; the percentage killed."""
    counts = {}
    for mutant, verdict in zip(mutants, verdicts):
        if verdict:
            for name in (mutant.path, os.path.dirname(mutant.path) + "/", "in all"):
                killed, counted = counts.get(name, (0, 0))
                counts[name] = (killed + (verdict == "killed"), counted + 1)
    print()
    for name in sorted(counts, key=lambda name: (name == "in all", name.endswith("/"), name)):
        killed, counted = counts[name]
        print(f"{name:32} {killed:5} of {counted:5} killed {100 * killed / counted:6.1f} %")
    killed, counted = counts.get("in all", (0, 0))
    print(f"{verdicts.count(None)} not counted: not C, or the same machine code")
    return 100 * killed / counted if counted else 100


def main():
    options = argparse.ArgumentParser(description="mutants of src/smtp and src/diag: do the tests notice?")
    options.add_argument("--number", default="300", help="how many mutants, or all")
    options.add_argument("--seed", default="1")
    options.add_argument("--goal", type=float, default=90, help="percent that must be killed")
    options.add_argument("--list", action="store_true", help="print the mutants, run nothing")
    options.add_argument("--fast", action="store_true", help="without the slow tests: to find candidates")
    options.add_argument("--build", default="build/mutants", help="directory for the copy of the tree")
    options.add_argument("files", nargs="*", metavar="FILE[:LINE]")
    chosen = options.parse_args()

    files = chosen_files(chosen.files)
    mutants = sample(files, math.inf if chosen.number == "all" else int(chosen.number), chosen.seed)
    if chosen.list:
        print(*mutants, sep="\n")
        return 0
    start = time.monotonic()
    tree = os.path.abspath(os.path.join(chosen.build, "tree"))
    copy_tree(tree)
    build(tree)
    tests = Tests(tree, chosen.fast)
    tests.measure()
    try:
        percent = summary(mutants, judge_all(mutants, tree, tests))
    finally:
        for directory in glob.glob(os.path.join(chosen.build, "worker*")):
            shutil.rmtree(directory)
    print(f"seed {chosen.seed}, {time.monotonic() - start:.0f} s: {percent:.1f} % killed, {chosen.goal:g} % demanded")
    return 0 if percent >= chosen.goal else 1


if __name__ == "__main__":
    sys.exit(main())
