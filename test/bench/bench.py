"""What the benchmarks share: SQL sessions with times measured by the server, alternating runs, one report.

Every figure comes from runs that alternate within one session of one machine: shared machines drift, ratios hold.
"""

import io
import os
import platform
import re
import statistics
import subprocess
import time

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
REPORT = os.environ.get("BENCH_REPORT") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "BENCHMARKS.md")
HEAD = "# Benchmarks\n\nWritten by `make bench`; each table is one alternating session. Ratios are medians of run-by-run ratios.\n"


def psql(sql, settings=()):
    """Runs SQL in one session; returns its output (unaligned, rows only)."""
    script = "\\set ON_ERROR_STOP on\nSET client_min_messages = error;\n"
    script += "".join("SET %s;\n" % s for s in settings) + sql + "\n"
    return subprocess.run(["psql", "-XqAt"], input=script, text=True, check=True, capture_output=True).stdout


def timed(sql, settings=(), before=""):
    """Seconds that one statement took, by psql's \\timing; `before` runs untimed in the same session."""
    script = "\\set ON_ERROR_STOP on\nSET client_min_messages = error;\n"
    script += "".join("SET %s;\n" % s for s in settings) + before
    script += "\n\\timing on\n" + sql + "\n"
    out = subprocess.run(["psql", "-XqAt"], input=script, text=True, check=True, capture_output=True).stdout
    return float(re.findall(r"^Time: ([0-9.]+) ms", out, re.M)[-1]) / 1000


def wall(function):
    """Seconds that a Python function took."""
    start = time.monotonic()
    function()
    return time.monotonic() - start


def alternate(contenders, runs=RUNS, warm_up=True):
    """{name: function that returns seconds} -> {name: [seconds]}, one warm-up, then in turn."""
    times = {name: [] for name in contenders}
    for run in range(0 if warm_up else 1, runs + 1):
        for name, function in contenders.items():
            seconds = function()
            if run > 0:
                times[name].append(seconds)
    return times


def ratios(times, base):
    """Median seconds and median of the run-by-run ratio to `base`, by name."""
    result = {}
    for name, values in times.items():
        pairs = [v / b for v, b in zip(values, times[base])]
        result[name] = (statistics.median(values), statistics.median(pairs), min(pairs), max(pairs))
    return result


def table(title, times, base, bars=None):
    """Prints and returns a Markdown table; bars: {name: largest allowed ratio}."""
    lines = ["### " + title, "", "| what | median s | ratio to %s | least | most | bar |" % base, "| --- | --- | --- | --- | --- | --- |"]
    for name, (seconds, ratio, low, high) in ratios(times, base).items():
        bar = (bars or {}).get(name)
        held = "" if bar is None else "≤ %g %s" % (bar, "held" if ratio <= bar else "missed")
        lines.append("| %s | %.3f | %.2f | %.2f | %.2f | %s |" % (name, seconds, ratio, low, high, held))
    text = "\n".join(lines) + "\n"
    print(text, flush=True)
    return text


WIDE = ["x%d" % i for i in range(1, 29)]


def wide_table(name, rows, seed):
    """28 real columns, and a label that follows products, steps and a few of them linearly; half of them are noise."""
    values = ", ".join("(random() + random() + random() - 1.5)::real AS %s" % c for c in WIDE)
    psql("""
        DROP TABLE IF EXISTS %s;
        SELECT setseed(%g);
        CREATE TABLE %s AS SELECT id, 3 * x1 * x2 + 2 * x3 * x4 + 1.5 * sign(x5) * x6 + x7 - x8 + sin(6 * x9) + abs(x10) + x11 * x12 * x13
            + 0.5 * x14 + random() + random() - 1 > 0.2 AS label, %s
        FROM (SELECT id, %s FROM generate_series(1, %d) AS id) AS r;
        ALTER TABLE %s ADD PRIMARY KEY (id);
        VACUUM ANALYZE %s;
        CHECKPOINT;
        """ % (name, seed, name, ", ".join(WIDE), values, rows, name, name))


def export(name):
    """Ids, columns and labels of a wide table, by COPY and numpy."""
    import numpy
    out = subprocess.run(["psql", "-Xq", "-c", "COPY (SELECT id, label::int, %s FROM %s) TO STDOUT WITH (FORMAT csv)" % (", ".join(WIDE), name)],
                         capture_output=True, check=True).stdout
    data = numpy.loadtxt(io.BytesIO(out), delimiter=",", dtype=numpy.float32)
    return data[:, 0].astype(int), numpy.ascontiguousarray(data[:, 2:]), data[:, 1]


def machine():
    model = re.search(r"model name\s*:\s*(.*)", open("/proc/cpuinfo").read()).group(1)
    server = psql("SELECT version();").strip().split(" on ")[0]
    return "%s, %d processors, %s, mlops %s" % (model, os.cpu_count(), server, psql("SELECT mlops.version();").strip())


def report(section, text, page=REPORT, head=HEAD):
    """Replaces one section of a page, docs/BENCHMARKS.md, leaving the others."""
    content = open(page).read() if os.path.exists(page) else head
    body = "## %s\n\n%s\n\n%s\n" % (section, machine(), text.strip())
    pattern = re.compile(r"^## %s\n.*?(?=^## |\Z)" % re.escape(section), re.M | re.S)
    content = pattern.sub(lambda _: body + "\n", content) if pattern.search(content) else content.rstrip() + "\n\n" + body
    with open(page, "w") as f:
        f.write(content.rstrip() + "\n")
