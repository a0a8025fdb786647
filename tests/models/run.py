# SPDX-License-Identifier: Apache-2.0
"""run.py: verifies the models with spin, and that each of their mutants is refuted.

  run.py [--list] [NAME]...        all verifications, or those named; TAP, then a table
  run.py --trail NAME              a shortest way to what the verification finds

With OSMEMPOOL_TEST_LONG=1 in the environment the larger ones run, too.

Each is made in a directory of its own: spin -a, gcc, pan. A model holds if its search was complete,
found no error, and reached every step of the model. A mutant is refuted if its search found a
broken promise or a deadlock. All else, a crash or a cut-off search too, is a failure.
"""
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
LONG = os.environ.get('OSMEMPOOL_TEST_LONG', '0') not in ('', '0')
SECONDS = 14400 if LONG else 1800
MEMORY_MIB = 8000 if LONG else 4000

HOLDS = 'holds'
REFUTED = 'refuted'
# What a search must find to show that a model can do something; and a mutant that then cannot.
SHOWN = 'shown'
NEVER = 'never'
BROKEN = re.compile(r'^pan:1: (assertion violated|invalid end state|acceptance cycle)', re.MULTILINE)
ESCAPE = re.compile(r'"\(\(\(?me==1\)&&killed\)\)"')
CUT_OFF = re.compile(r'Search not completed|max search depth too small|out of memory|'
                     r'reached -DMEMLIM|aborting', re.IGNORECASE)


@dataclasses.dataclass
class Verification:
    model: str
    defines: str
    wanted: str
    says: str
    depth: int = 1_000_000
    table_bits: int = 20
    optimize: str = '-O1'
    live: bool = False
    compress: bool = False
    every_step: bool = True

    @property
    def name(self):
        return ' '.join([self.model] + self.defines.split())


@dataclasses.dataclass
class Outcome:
    problem: str = ''
    states: int = 0
    seconds: float = 0.0
    mib: int = 0
    found: str = ''


def big(model, defines, says):
    return Verification(model, defines, HOLDS, says, depth=6_000_000, table_bits=24,
                        optimize='-O2')


def part(model, defines, says):
    """Too small for every step of the model to be taken; another verification takes them."""
    return dataclasses.replace(big(model, defines, says), every_step=False)


def huge(model, defines, says):
    return Verification(model, defines, HOLDS, says, depth=30_000_000, table_bits=26,
                        optimize='-O2', compress=True)


def small(model, defines, says, **more):
    return Verification(model, defines, HOLDS, says, **more)


def mutants(model, defines, names, **more):
    for mutant, says in names.items():
        flags = ' '.join('M_' + name for name in mutant.split('+'))
        yield Verification(model, f'{defines} {flags}'.strip(), REFUTED, says, **more)


MODELS = [
    big('ownership', 'T=3 P=2', '3 threads, 2 pools'),
    small('ownership', 'T=2 P=2 SPINLOCK', 'the lock is given by a store'),
    small('ownership', 'T=2 P=2 PSO SPINLOCK', 'stores out of order'),
    small('ownership', 'T=3 P=1 PSO', '3 threads, stores out of order'),
    small('ownership', 'T=2 P=2 LIVE', 'who waits for an owner gets on', live=True),
    small('caches', '', 'claims, pauses, reopening'),
    small('caches', 'SPINLOCK', 'the lock is given by a store'),
    small('caches', 'PSO', 'stores out of order'),
    big('caches', 'BLOCKS=3 DEPTH=2 BULK', 'deeper caches, two blocks at once'),
    small('caches', 'BLOCKS=3 DEPTH=2 BATCH=2', 'batches of two'),
    small('caches', 'FORK', 'and forks'),
    big('caches', 'BLOCKS=3 LIST_MIN=1 FORK BULK', 'the list keeps a block while a cache is open'),
    small('caches', 'LIVE', 'who waits for a cache gets on', live=True),
    Verification('caches', 'BLOCKS=3 DEPTH=3 HOLD AS_BUILT SHOW_OPEN', SHOWN,
                 'claimed caches open again, one block held and depth = blocks'),
    big('ends', 'LATE SETUP REGISTER', 'ends; caches on and off; unregistered'),
    big('ends', 'DROP', 'dropped, made anew; a record and a pointer used again'),
    part('ends', 'BLOCKS=1 LATE SETUP DROP', 'the same, caches on and off, late calls'),
    part('ends', 'BLOCKS=1 DROP CHILD', 'a fork while the pool is dropped'),
    small('fork', 'P=2', 'the freeze'),
    small('fork', 'T=3 P=1', '3 threads'),
    small('fork', 'P=1 SETUP', 'a handler enables caches'),
    small('fork', 'P=2 PSO', 'stores out of order'),
]

MUTANTS = [
    *mutants('ownership', 'T=2 P=1', {
        'BUSY_PER_POOL': 'busy is a word of the pool',
        'NO_BARRIER': 'no membarrier',
        'LOCAL_FENCE': 'a fence of the revoker alone',
        'BARRIER_FIRST': 'the barrier before owner = NULL',
        'NO_SECOND_LOOK': 'no second look',
        'NO_WAIT': 'no wait for busy',
        'READ_EARLY': 'reads before it has waited',
        'LEAVE_EARLY': 'leaves before its last store',
        'LOCK_WHILE_BUSY': 'takes the lock with busy set',
        'GRANT_OUTSIDE': 'grants after the unlock',
        'RESUME_EARLY': 'gives back before the visit ends',
    }),
    *mutants('ownership', 'T=2 P=1 PSO', {
        'LEAVE_RELAXED': 'leaves without release',
        'RESUME_RELAXED': 'gives back without release',
    }),
    *mutants('ownership', 'T=2 P=1 LIVE', {
        'LOCK_WHILE_BUSY': 'takes the lock with busy set: waits for ever',
    }, live=True),
    *mutants('caches', '', {
        'NO_BARRIER': 'no membarrier',
        'LOCAL_FENCE': 'a fence of the claimer alone',
        'NO_SECOND_LOOK': 'no second look',
        'NO_WAIT': 'no wait for busy',
        'COLLECT_FIRST': 'collects before it has waited',
        'LEAVE_EARLY': 'leaves before its last store',
        'LOCK_WHILE_BUSY': 'takes the lock with busy set',
        'STALE_OPEN': 'open is not read again under the lock',
        'CLOSED_FAILS': 'fails as its own cache is closed',
    }),
    *mutants('caches', 'BLOCKS=3 DEPTH=2 BATCH=2', {
        'BATCH_OUTSIDE': 'a batch is stored after the unlock',
    }),
    *mutants('caches', 'PSO', {
        'LEAVE_RELAXED': 'leaves without release',
        'RESUME_RELAXED': 'opens for another without release',
    }),
    Verification('caches', 'BLOCKS=3 DEPTH=3 HOLD AS_BUILT SHOW_OPEN M_FIXED_THRESHOLD', NEVER,
                 'opens at depth free blocks: never again'),
    *mutants('caches', 'FORK', {
        'NO_FLAG': 'nobody looks at the gate',
        'LATE_FLAG': 'the gate is set after the unlock',
        'OPEN_FROZEN': 'the forking thread opens its cache',
        'RESUME_FROZEN': 'a visit in the freeze opens caches',
    }),
    *mutants('caches', 'BLOCKS=3 LIST_MIN=1 FORK BULK', {
        'TAKE_FROM_MINIMUM': 'a get past the caches takes of the minimum',
        'OPEN_AND_TAKE': 'opens, and then takes of the minimum',
        'RESUME_DRAINED': 'a thaw opens what a fork handler drained',
    }),
    *mutants('caches', 'BLOCKS=3 DEPTH=2 BATCH=2 BULK LIST_MIN=1', {
        'REFILL_ALL': 'a refill takes of the minimum',
    }),
    *mutants('ends', 'BLOCKS=1 LATE SETUP', {
        'NO_BARRIER': 'no membarrier',
        'KEEP_CACHE': 'an end leaves its cache as it is',
        'KEEP_OPEN': 'an end leaves its cache open',
        'KEEP_CACHE_TP': 'an end leaves tp in its cache',
        'KEEP_OWNER': 'an end keeps ownership',
        'KEEP_TP': 'an end leaves tp in its record',
        'KEEP_OWNER+KEEP_TP+LOOK_AT_RESULT_ONLY': 'both: two threads share a busy word',
        'FREE_FIRST': 'the record is free first',
        'END_WITHOUT_LOCK': 'an end empties its cache without the lock',
        'FLUSH_OWNED': 'an end writes the list of an owned pool',
        'DISABLE_WITHOUT_CLAIM': 'disabling does not claim',
        'ENABLE_WITHOUT_REVOKE': 'enabling does not revoke',
    }),
    *mutants('ends', 'BLOCKS=1 LATE SETUP DROP', {
        'FREE_BEFORE_TP': 'the record is free before tp is cleared',
        'FORGET_BY_RECORD': 'an end finds its cache by the record',
    }),
    *mutants('ends', 'BLOCKS=1 DROP CHILD', {
        'CHILD_KEEPS_RECORD_BUSY': 'the child keeps the records\' busy words',
        'CHILD_KEEPS_BUSY': 'the child keeps the caches\' busy words',
        'CHILD_KEEPS_TP': 'the child keeps tp in records',
        'CHILD_CLOSES': 'the child closes caches with blocks in them',
    }),
    *mutants('fork', 'P=2', {
        'NO_BARRIER': 'no membarrier',
        'NO_WAIT': 'no wait for busy',
        'NO_FLAG': 'nobody looks at the gate',
        'LATE_FLAG': 'the gate is set after the unlock',
        'GRANT_FROZEN': 'ownership is granted in the freeze',
        'CHILD_TRUSTS_BUSY': 'the child keeps the busy words',
    }),
    *mutants('fork', 'P=1 SETUP', {
        'GIVE_BACK_CACHED': 'gives a pool back that became cached',
    }),
]

LONG_ONES = [
    huge('ownership', 'T=3 P=2 SPINLOCK', '3 threads, 2 pools'),
    huge('ownership', 'T=3 P=2 PSO B=2', '3 threads, 2 pools, out of order'),
    huge('caches', 'T=3', '3 threads'),
    huge('caches', 'BLOCKS=3 DEPTH=2 FORK PSO', 'deeper caches, forks, out of order'),
    huge('ends', 'LATE SETUP REGISTER PSO', 'all of it, stores out of order'),
    huge('ends', 'LATE SETUP REGISTER SPINLOCK', 'the lock is given by a store'),
    huge('ends', 'DROP CHILD', 'a fork while the pool is dropped'),
    huge('fork', 'T=3 P=2 B=2', '3 threads, 2 pools'),
]


@dataclasses.dataclass
class Done:
    status: int
    output: str
    seconds: float


running = set()
ended = threading.Event()


def end(signal_number, _frame):
    """What was started ends with us; the threads find that out and leave nothing behind."""
    ended.set()
    for process in list(running):
        process.kill()
    sys.exit(128 + signal_number)


def run(*command, cwd):
    """Runs a command to its end, or kills it after SECONDS; seconds are processor time."""
    if ended.is_set():
        raise OSError('ended by a signal')
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=words,
                                   stderr=subprocess.STDOUT)
        watch = threading.Timer(SECONDS, process.kill)
        watch.start()
        running.add(process)
        _, status, used = os.wait4(process.pid, 0)
        running.discard(process)
        watch.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        words.seek(0)
        output = words.read().decode('utf-8', 'replace')
    return Done(process.returncode, output, used.ru_utime + used.ru_stime)


def build(it, folder, *gcc_options):
    """Makes pan; what went wrong, or ''."""
    for source in HERE.glob('*.pml'):
        shutil.copy(source, folder)
    defines = ['-D' + define for define in it.defines.split()]
    done = run('spin', *defines, '-a', it.model + '.pml', cwd=folder)
    if done.status != 0 or 'Error' in done.output or not (folder / 'pan.c').exists():
        return f'spin: status {done.status}: {done.output.strip()[-300:]}'
    options = [f'-DMEMLIM={MEMORY_MIB}', '-DVECTORSZ=1024', *gcc_options]
    options += ['-DNFAIR=3'] if it.live else ['-DSAFETY', '-DNOFAIR']
    options += ['-DCOLLAPSE'] if it.compress else []
    # A small search takes less time than a good compilation.
    options += ['-O0' if it.wanted == REFUTED else it.optimize]
    done = run('gcc', '-w', *options, '-o', 'pan', 'pan.c', cwd=folder)
    return '' if done.status == 0 else f'gcc: {done.output.strip()[-300:]}'


def unreached(output):
    """Steps that no thread ever came to, but for the ends of loops that have none. An escape is
    listed with each step that it may interrupt: it counts as one step."""
    steps = [line.strip() for line in output.split('\n')
             if re.match(r'\t\S+\.pml:\d+, state', line) and '"-end-"' not in line]
    return [step for step in steps if not ESCAPE.search(step)]


def problem_of(it, output, status):
    errors = re.search(r'errors: (\d+)', output)
    if status != 0 or errors is None:
        return f'pan: status {status}: {output.strip()[-300:]}'
    found = int(errors.group(1)) > 0
    if it.wanted in (REFUTED, SHOWN):
        return '' if found and BROKEN.search(output) else 'nothing found'
    if found:
        return BROKEN.search(output).group(0) if BROKEN.search(output) else 'an error'
    if CUT_OFF.search(output):
        return 'the search was not complete'
    if it.wanted == HOLDS and it.every_step and not it.live and unreached(output):
        return 'steps that are never taken: ' + '; '.join(unreached(output)[:5])
    return ''


def search(it, folder):
    problem = build(it, folder)
    if problem:
        return Outcome(problem)
    options = [f'-m{it.depth}', f'-w{it.table_bits}'] + (['-a', '-f'] if it.live else [])
    done = run('./pan', *options, cwd=folder)
    outcome = Outcome(problem_of(it, done.output, done.status), seconds=done.seconds)
    states = re.search(r'([\d.e+]+) states, stored', done.output)
    memory = re.search(r'([\d.]+)\s+total actual memory usage', done.output)
    broken = re.search(r'^pan:1: (.{0,40})', done.output, re.MULTILINE)
    outcome.states = int(float(states.group(1))) if states else 0
    outcome.mib = round(float(memory.group(1))) if memory else 0
    outcome.found = broken.group(1) if broken else ''
    return outcome


def verify(it):
    with tempfile.TemporaryDirectory(prefix='osmempool-models-') as folder:
        try:
            return search(it, pathlib.Path(folder))
        except OSError as error:
            return Outcome(str(error))


def title(it):
    return f'{it.name} ({it.says}) ' + {
        HOLDS: 'holds', REFUTED: 'is refuted', SHOWN: 'is shown', NEVER: 'is refuted'}[it.wanted]


def table(rows):
    print('#')
    print(f'# {"verification":<62} {"result":<8} {"states":>10} {"seconds":>8} {"MiB":>6}')
    for it, outcome in rows:
        result = 'FAILED' if outcome.problem else it.wanted
        print(f'# {it.name:<62} {result:<8} {outcome.states:>10} {outcome.seconds:>8.2f} '
              f'{outcome.mib:>6}')
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f'# processor time of all, compilers too: {used.ru_utime + used.ru_stime:.0f} s')


def verify_all(chosen):
    rows = []
    print(f'1..{len(chosen)}', flush=True)
    with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for number, (it, outcome) in enumerate(zip(chosen, pool.map(verify, chosen)), 1):
            rows.append((it, outcome))
            if outcome.problem:
                print('# ' + outcome.problem.replace('\n', '\n# '))
            print(f'{"not ok" if outcome.problem else "ok"} {number} - {title(it)}', flush=True)
    table(rows)
    return 1 if any(outcome.problem for _, outcome in rows) else 0


def show_trail(it):
    with tempfile.TemporaryDirectory(prefix='osmempool-models-') as name:
        folder = pathlib.Path(name)
        problem = build(it, folder, '-DBFS')
        if problem:
            print(problem, file=sys.stderr)
            return 1
        print(run('./pan', f'-w{it.table_bits}', cwd=folder).output)
        defines = ['-D' + define for define in it.defines.split()]
        print(run('spin', *defines, '-t', '-p', '-g', '-l', it.model + '.pml', cwd=folder).output)
    return 0


def main(arguments):
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    everything = MODELS + MUTANTS + LONG_ONES
    if arguments == ['--list']:
        for it in everything:
            print(f'{title(it)}{" [long]" if it in LONG_ONES else ""}')
        return 0
    trail = arguments[:1] == ['--trail']
    names = arguments[1:] if trail else arguments
    unknown = [name for name in names if name not in [it.name for it in everything]]
    if unknown or (trail and len(names) != 1):
        print(f'run.py: no verification {unknown}; see --list' if unknown
              else 'run.py: --trail wants one name', file=sys.stderr)
        return 64
    if trail:
        return show_trail(next(it for it in everything if it.name == names[0]))
    if names:
        return verify_all([it for it in everything if it.name in names])
    return verify_all(everything if LONG else MODELS + MUTANTS)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
