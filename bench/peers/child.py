"""A contestant's side of contest.mjs: says that it is ready, then does its work once for every line it is sent."""
import json
import resource
import sys
import time


def missing(error):
    """Says in one line that this contestant cannot run here."""
    say(missing=str(error).splitlines()[0])
    sys.exit(0)


def say(**answer):
    print(json.dumps(answer), flush=True)


def answer(version, run):
    """run: does the work, returns what of it is compared; `laps` in it are times of its parts."""
    say(ready=True, version=version)
    for _ in sys.stdin:
        before, start = time.process_time(), time.perf_counter()
        result = run()
        wall, cpu = time.perf_counter() - start, time.process_time() - before
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        say(wall=wall, cpu=cpu, peak=peak, **result)
