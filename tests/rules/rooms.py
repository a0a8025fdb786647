# SPDX-License-Identifier: Apache-2.0
"""rooms.py: includes go one way through the rooms of lib/, and programs see public headers only."""
import pathlib
import re

import rule

ROOMS = ['base', 'sync', 'layout', 'check', 'pool', 'registry', 'snapshot', 'export']
# Bodies that the build chooses between: each belongs to the room of the header that includes it.
BODIES = {'lock_body.h': 'sync', 'tool_body.h': 'base'}
GENERATED = {'build_config.h': 'base/build.h'}
# A client can never hold a pool: the exporter gets documents and sees nothing of pools.
HIDDEN = {'export': ['layout', 'check', 'pool', 'registry']}
OUTSIDE = ['include', 'tools', 'bench']


def includes(tree, name):
    """(line number, file) of each include in quotes."""
    for number, line in enumerate(tree.read(name).split('\n'), 1):
        match = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
        if match:
            yield number, match.group(1)


def breach_in_lib(name, target):
    """What is wrong with an include of target in a file of lib/; None if nothing."""
    room = name.split('/')[1]
    if target in GENERATED:
        return None if name == 'lib/' + GENERATED[target] else 'only base/build.h may read it'
    other = BODIES.get(target, target.split('/')[0])
    if other == 'os' or target == 'osmempool.h':
        return None
    if room not in ROOMS:
        return f'room {room} is not in the order of rooms; add it to rooms.py'
    if other not in ROOMS:
        return 'includes in lib/ begin with a room'
    if ROOMS.index(other) > ROOMS.index(room):
        return f'{room} comes before {other}: dependencies run the other way'
    if other in HIDDEN.get(room, []):
        return f'{room} sees nothing of {other}'
    return None


def breach_outside(tree, name, target):
    beside = (pathlib.PurePath(name).parent / target).as_posix()
    if target.split('/')[0] in ROOMS and beside not in tree.names:
        return 'a header of lib/ is none of its business'
    if 'lib/' in target:
        return 'a path into lib/'
    return None


def check(tree):
    breaches = []
    for name in tree.under('lib', ends=('.c', '.h')):
        for number, target in includes(tree, name):
            problem = breach_in_lib(name, target)
            if problem:
                breaches.append(f'{name}:{number}: {target}: {problem}')
    for name in tree.under(*OUTSIDE, ends=('.c', '.h')):
        for number, target in includes(tree, name):
            problem = breach_outside(tree, name, target)
            if problem:
                breaches.append(f'{name}:{number}: {target}: {problem}')
    return breaches


rule.main(check, {
    'a room that looks up': {'lib/pool/a.c': '#include "registry/registry.h"\n'},
    'a second reader of the configuration': {'lib/pool/a.c': '#include "build_config.h"\n'},
    'an exporter that looks at pools': {'lib/export/a.c': '#include "registry/registry.h"\n'},
    'an unknown room': {'lib/attic/a.c': '#include "base/build.h"\n'},
    'an include without a room': {'lib/pool/a.c': '#include "pool.h"\n'},
    'a tool that looks into the library': {'tools/a.c': '#include "snapshot/snapshot.h"\n'},
    'a path into the library': {'bench/a.c': '#include "../lib/pool/pool.h"\n'},
    'a public header that needs a room': {'include/os/a.h': '#include "layout/tail.h"\n'},
}, {
    'includes that look down': {
        'lib/pool/a.c': '#include <stdio.h>\n#include "pool/a.h"\n#include "base/build.h"\n'
                        '#include "os/os_mempool.h"\n',
        'tools/a.c': '#include "osmempool.h"\n#include "model/model.h"\n'},
})
