# SPDX-License-Identifier: MIT OR Apache-2.0
"""What pkcs11-check says of the module: runs it, and compares its verdicts with
the reference. For Python 3.12 and later.

usage: compare_check.py run SHARD SHARDS REPORT    runs each SHARDS-th file of checks
       compare_check.py compare TOML VERDICTS REPORT...
       compare_check.py write TOML VERDICTS REPORT...

A line of VERDICTS is a class, a blank, a check. A check with parameters that all
are in the same class is one line, with their number.
"""
import collections
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib

OPTIONS = [
    "-q", "--tb=short", "-p", "no:cacheprovider", "--p11-destructive", "--p11-thread-safe", "--timeout=300",
    "--hypothesis-seed=0",
    # Of benchmarks only the verdict counts.
    "--benchmark-max-time=0.01", "--benchmark-min-rounds=1",
]


def run(shard, shards, report):
    import pkcs11_check
    root = os.path.join(os.path.dirname(pkcs11_check.__file__), "testcases")
    files = sorted(
        os.path.join(folder, name)
        for folder, _, names in os.walk(root)
        for name in names
        if name.startswith("test_") and name.endswith(".py"))
    environment = dict(os.environ, P11TEST_PIN=os.environ["CIE_PIN"], P11TEST_SO_PIN=os.environ["CIE_PUK"],
                       PYTHONDONTWRITEBYTECODE="1")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"--rootdir={root}", f"--p11-module={os.environ['MODULE']}",
         f"--report-log={report}", *OPTIONS, *files[int(shard)::int(shards)]],
        env=environment, stdin=subprocess.DEVNULL)
    # 1: some failed. Anything else says that it did not come to its end.
    sys.exit(0 if done.returncode in (0, 1) else f"pytest: exit code {done.returncode}")


def said(record):
    """What a record of the report says, in words."""
    if record.get("wasxfail"):
        return record["wasxfail"]
    text = record.get("longrepr")
    if isinstance(text, list):
        return str(text[2])
    if isinstance(text, dict):
        return str((text.get("reprcrash") or {}).get("message", ""))
    return str(text or "")


def verdicts(reports):
    """Of each check its verdict and what it said."""
    found = {}
    for report in reports:
        finished = False
        with open(report, encoding="utf-8") as file:
            for line in file:
                record = json.loads(line)
                finished |= record["$report_type"] == "SessionFinish"
                if record["$report_type"] == "CollectReport" and record["outcome"] == "failed":
                    found[record["nodeid"]] = ("error", said(record))
                if record["$report_type"] != "TestReport":
                    continue
                check, outcome = record["nodeid"], record["outcome"]
                if "wasxfail" in record:
                    outcome = "xfail" if outcome == "skipped" else "xpass"
                elif outcome == "failed" and record["when"] != "call":
                    outcome = "error"
                # Of set-up, call and tear-down what is not a pass, the last one.
                if outcome != "passed" or check not in found:
                    found[check] = (outcome, "" if outcome == "passed" else said(record))
        if not finished:
            sys.exit(f"{report}: pkcs11-check did not come to its end")
    return found


def classify(classes, verdict, text):
    for one in classes:
        if one["verdict"] == verdict and any(re.search(wanted, text, re.DOTALL) for wanted in one["says"]):
            return one["name"]
    return None


def lines(placed):
    """The reference's lines for checks and their classes."""
    groups = collections.defaultdict(list)
    for check, name in placed.items():
        groups[check.split("[", 1)[0]].append((check, name))
    result = []
    for function, members in groups.items():
        names = {name for _, name in members}
        if len(names) == 1 and (len(members) > 1 or members[0][0] != function):
            result.append(f"{names.pop()} {function}[{len(members)}]")
        else:
            result.extend(f"{name} {check}" for check, name in members)
    return sorted(result)


def main(what, toml, reference, *reports):
    with open(toml, "rb") as file:
        known = tomllib.load(file)
    version = importlib.metadata.version("pkcs11-check")
    if version != known["version"]:
        sys.exit(f"pkcs11-check {version}, the reference is of {known['version']}")
    unexplained, placed = [], {}
    for check, (verdict, text) in verdicts(reports).items():
        name = classify(known["class"], verdict, text)
        if name is None:
            unexplained.append(f"{verdict} {check}: {text}")
        placed[check] = name or "unexplained"
    counts = collections.Counter(placed.values())
    print(f"pkcs11-check {version}: {len(placed)} checks")
    for name, count in sorted(counts.items()):
        print(f"{count:6} {name}")
    for one in unexplained:
        print("unexplained:", one)
    for one in known["class"]:
        if one["name"] not in counts:
            print("no check is in the class", one["name"])
            unexplained.append(one["name"])
    now = lines(placed)
    if what == "write":
        with open(reference, "w", encoding="utf-8") as file:
            file.write("\n".join(now) + "\n")
    with open(reference, encoding="utf-8") as file:
        expected = file.read().splitlines()
    for line in sorted(set(expected) - set(now)):
        print("expected:", line)
    for line in sorted(set(now) - set(expected)):
        print("but seen:", line)
    if unexplained or now != expected:
        sys.exit("the verdicts are not those of the reference")


if sys.argv[1] == "run":
    run(*sys.argv[2:])
else:
    main(*sys.argv[1:])
