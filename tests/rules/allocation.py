# SPDX-License-Identifier: Apache-2.0
"""allocation.py: rooms whose code may run under a lock of the library do not call malloc.

A program's malloc() may lock itself for a fork before the library does, or stand on a pool: called
under the registry's or a pool's lock it would wait for ever. These rooms have memory from
base/arena.h; the rooms above them, which hold no such lock, may call malloc.
"""
import re

import rule

ROOMS = ['base', 'sync', 'layout', 'check', 'pool', 'registry']
CALLS = re.compile(r'(?<![\w.>])(malloc|calloc|realloc|reallocarray|aligned_alloc|posix_memalign|'
                   r'free|strdup|strndup|asprintf|vasprintf|getline|fopen|fdopen|opendir|qsort|'
                   r'printf|fprintf|vfprintf|pthread_getattr_np)\s*\(')


def check(tree):
    breaches = []
    for room in ROOMS:
        for name in tree.under('lib/' + room, ends=('.c', '.h')):
            text = rule.without_comments(tree.read(name))
            for number, line in enumerate(text.split('\n'), 1):
                for match in CALLS.finditer(re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)):
                    breaches.append(f'{name}:{number}: {match.group(1)}() may call malloc')
    return breaches


rule.main(check, {
    'a malloc': {'lib/pool/a.c': 'void *p = malloc(3);\n'},
    'a free': {'lib/registry/a.c': '    free(set);\n'},
    'a function that allocates in silence': {'lib/check/a.h': 'fprintf(stderr, "x");\n'},
    'memory in a body that the build chooses': {'lib/sync/mutex/a.c': 'x = calloc(1, 2);\n'},
}, {
    'memory of the library': {'lib/pool/a.c': 'p = arena_alloc(3);\narena_free(p, 3);\n'},
    'a word of a comment': {'lib/pool/a.c': '/* free() of malloc() */\nint x;\n'},
    'a name that ends so': {'lib/pool/a.c': 'cache_free(x); set->free(y); node_free (z);\n'},
    'rooms that hold no lock': {'lib/snapshot/a.c': 'p = malloc(3);\n'},
})
