# SPDX-License-Identifier: Apache-2.0
"""mutants.py: each check of the library is needed by a row of the list.

Deletes one check after the other from a copy of the library, compiles what that changes, and commits
the crimes that this check sees. If one of the rows that are named has the outcome that it should
have all the same, the test fails: either the row does not test that check, or nothing does.

Usage: mutants.py BUILD-DIRECTORY SOURCE-DIRECTORY PROGRAM [NAME-PART]
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import answers

LIBRARY = re.compile(r'lib/libosmempool\.so[^/]*/')


class Mutant:
    """A text in a file of the library that is replaced by another, and who must notice.

    seen_by: all rows that name this check; rows: these rows, named.
    """

    def __init__(self, name, file, old, new, seen_by=None, rows=(), column='stock'):
        self.name, self.file, self.old, self.new = name, file, old, new
        self.seen_by, self.names, self.column = seen_by, rows, column

    def rows(self, rows):
        return [row for row in rows if row.name in self.names
                or (self.seen_by and row.seen_by == self.seen_by)]


HOLDS = '!geometry_holds(mp, block)'
LINKS = ['write_first_byte', 'write_wild_link', 'write_null_link', 'write_cycle']
STRAYS = ['put_stack_memory', 'put_behind_last', 'put_wild', 'put_others_block', 'put_inside']
INLINE = 'include/os/os_mempool_inline.h'
MUTANTS = [
    Mutant('init: no pool', 'lib/registry/init.c', 'request->mp == NULL || error != OS_OK',
           'error != OS_OK', 'init_null'),
    Mutant('init: block size 0', 'lib/layout/geometry.c', 'stride == 0 || ', '', 'init_size'),
    Mutant('init: no buffer', 'lib/layout/geometry.c', '(membuf == NULL && blocks > 0)', 'false',
           'init_buffer'),
    Mutant('init: a buffer that wraps', 'lib/layout/geometry.c',
           '__builtin_add_overflow((uintptr_t)membuf, bytes, &end)', '(end = 0) != 0', 'init_wrap'),
    Mutant('init: alignment', 'lib/layout/geometry.c',
           '(uintptr_t)membuf % OS_ALIGNMENT == 0 ? OS_OK : OS_MEM_NOT_ALIGNED', 'OS_OK',
           'init_alignment'),
    Mutant('init: no name', 'lib/pool/pool.c', 'name != NULL ? name : ""', 'name', 'init_name'),
    Mutant('init: registered already', 'lib/registry/registry.c',
           'registry_counted.reinits += former->state == NODE_REGISTERED;\n'
           '        registry_forget(former, caches);', '', 'zero'),
    Mutant('unregister: not registered', 'lib/registry/registry.c',
           'node != NULL && node->state == NODE_REGISTERED', 'node != NULL',
           'retired'),
    Mutant('unregister: overwritten', 'lib/registry/init.c', 'if (!registry_is_intact(node)) {',
           'if (false) {', 'intact'),
    Mutant('unregister: dropped', 'lib/registry/registry.c',
           'while ((node = registry_first_any()) != NULL) {', 'while (node = NULL, false) {',
           'dropped'),
    Mutant('walk: over an overwritten pool', 'lib/registry/walk.c',
           'while (node != NULL && !registry_is_intact(node)) {', 'while (false) {', 'walk'),
    Mutant('walk: an overwritten pool is told', 'lib/registry/walk.c',
           '''fault_note_gone(faults, node->mp, node->identity.id, OSMEMPOOL_FAULT_OVERWRITTEN,
                        node->name);''', '', 'walk'),
    Mutant('clear: no pool', 'lib/pool/pool.c', '''    if (mp == NULL) {
        return OS_INVALID_PARM;
    }
''', '', 'clear_null'),
    Mutant('walk: from a pool that is gone', 'lib/registry/walk.c', '    if (mp == NULL) {',
           '    if (registry_find(mp) == NULL) {', 'registered'),
    Mutant('lookup: no name', 'lib/registry/walk.c', '''    if (name == NULL) {
        return NULL;
    }
''', '', 'get_name'),
    Mutant('get: no pool', 'lib/pool/block.c', '''    if (osmp_unlikely(mp == NULL)) {
        return NULL;
    }
''', '', 'get_null'),
    Mutant('get_bulk: no pool, no array', 'lib/pool/bulk.c', '''    if (mp == NULL || blocks == NULL) {
        return OS_INVALID_PARM;
    }
''', '', 'get_null'),
    Mutant('put: no pool', 'lib/pool/block.c', '''    if (osmp_unlikely(mp == NULL)) {
        return fault_no_pool(mp, block_addr, osmp_caller());
    }
''', '', 'put_null'),
    Mutant('put_bulk: no array', 'lib/pool/bulk.c', '''    if (osmp_unlikely(blocks == NULL)) {
        return block_refuse(mp, OSMEMPOOL_FAULT_NULL, NULL, osmp_caller());
    }
''', '', 'bulk_null'),
    Mutant('put_bulk: no pool', 'lib/pool/bulk.c', '''    if (osmp_unlikely(mp == NULL)) {
        return fault_no_pool(mp, NULL, osmp_caller());
    }
''', '', 'bulk_null'),
    Mutant('put_bulk: number', 'lib/pool/bulk.c', 'return n > mp->mp_num_blocks;', 'return false;',
           'bulk_number'),
    Mutant('put_bulk: array in a block', 'lib/pool/bulk.c',
           'osmp_unlikely(geometry_touches(mp, blocks, n * sizeof(*blocks)))', 'false', 'bulk_array'),
    Mutant('fence: array in a block', 'lib/pool/bulk.c', 'osmp_unlikely(geometry_is_apart(mp))',
           'false', 'bulk_array', column='fence'),
    Mutant('memblock_from: range', 'lib/pool/block.c', ' && geometry_holds(mp, block);', ';',
           'from'),
    Mutant('memblock_index: range', 'lib/layout/geometry.c',
           '        distance / extent->step >= extent->num_blocks ||\n', '', 'index'),
    Mutant('memblock_at: range', 'lib/pool/block.c', 'index < mp->mp_num_blocks', 'true', 'at'),

    Mutant('put: range, plain path', INLINE,
           'osmp_index(mp, block) >= mp->mp_num_blocks ||\n', '\n', 'range'),
    Mutant('put: range, slow path', 'lib/pool/freelist.c', f'''    if ({HOLDS}) {{
        return fault_kind_of_stray(mp, block);
    }}
''', '', 'range'),
    Mutant('put: range, cache', 'lib/pool/cache_path.h',
           'osmp_unlikely(!geometry_span_holds(mp, &cache->span, block))', 'false', rows=STRAYS),
    Mutant('put: range, before the callback', 'lib/pool/block.c', f'''    if (!block_is_of(mp, block)) {{
        return fault_kind_of_stray(mp, block);
    }}
''', '', rows=STRAYS),
    Mutant('put_bulk: range', 'lib/pool/freelist.c', f'''    if ({HOLDS}) {{
        return false;
    }}
    if (!freelist_may_have''', '    if (!freelist_may_have',
           rows=STRAYS),
    Mutant('put: double, plain path', INLINE,
           ''' ||
                    osmp_peek(&osmp_words(block)[OSMP_KEY]) == key)) {''', ')) {',
           rows=['put_twice', 'put_twice_late', 'put_never_got', 'put_again_after_reuse',
                 'threads_put_at_once', 'child_puts_twice']),
    Mutant('put: double, slow path', 'lib/pool/freelist.c',
           'freelist_may_have(mp, block) && freelist_has(mp, block)', 'false', 'double'),
    Mutant('put: double, cache', 'lib/pool/cache_path.h',
           'osmp_unlikely(osmp_peek(word) == key)', 'false',
           rows=['put_twice', 'put_never_got', 'put_again_after_reuse']),
    Mutant('put: double, in a cache that is not the caller\'s', 'lib/pool/block.c',
           'if (cache_has(mp, block)) {', 'if (false) {',
           rows=['put_twice', 'thread_puts_after_other']),
    Mutant('put: double, before the callback', 'lib/pool/block.c',
           'block_is_free(mp, block, caller) ? OSMEMPOOL_FAULT_DOUBLE_PUT : 0',
           '(block_is_free(mp, block, caller), 0)',
           rows=['put_twice', 'put_never_got']),
    Mutant('put: double, one-word blocks', 'lib/pool/freelist.h', '''    if (osmp_unlikely(!geometry_has_key(mp))) {
        return true;''', '''    if (osmp_unlikely(!geometry_has_key(mp))) {
        return false;''', rows=['put_twice', 'put_twice_late', 'threads_put_at_once']),
    Mutant('put_bulk: double', 'lib/pool/freelist.c', '''    if (!freelist_may_have(mp, block)) {
        return true;''', '''    if (true) {
        return true;''', rows=['put_twice', 'put_twice_in_array']),
    Mutant('put_bulk: twice in the array', 'lib/pool/freelist.c',
           '!freelist_is_among(blocks, i, block)', 'true', 'twins'),
    Mutant('put_bulk: twice in the array, cache', 'lib/pool/cache.c',
           'while (marked < n && cache_mark(mp, cache, blocks[marked])) {',
           'while (marked < n && (cache_mark(mp, cache, blocks[marked]), true)) {', 'twins'),
    Mutant('put: of the block whose callback runs', 'lib/pool/block.c',
           'callback_is_running(mp, block, frame)', 'false', 'recursion'),
    Mutant('put: through a long ring of callbacks', 'lib/sync/running.c',
           'slots != NULL ? slots : running_add_table(table)', 'slots', rows=['callback_big_ring']),
    Mutant('put: of a block that was freed in its callback', 'lib/pool/block.c',
           '    callback_end(mp, block);\n    return block_put_past', '    return block_put_past',
           'released'),
    Mutant('put_bulk: to a pool that a callback ended', 'lib/pool/bulk.c',
           'while (i < n && running_is_noted(running));', 'while (i < n);', 'bulk_ends'),
    Mutant('get: link, plain path', INLINE,
           'osmp_rarely(osmp_index(mp, next) >= mp->mp_num_blocks)', 'false',
           rows=['write_first_byte', 'write_wild_link', 'overrun_by_block']),
    Mutant('get: link, slow path', 'lib/pool/freelist.c',
           'num_free > 1 ? geometry_holds(mp, freelist_next(block)) : freelist_next(block) == NULL',
           'true', 'link'),
    Mutant('get: a list that is cut off is reported', 'lib/pool/freelist.c',
           'fault_note_damaged_list(faults, mp, block, lost);', '', 'link'),
    Mutant('repair: reported', 'lib/pool/repair.c',
           'fault_note_damaged_list(faults, mp, broken, 0)', 'NULL', 'repair'),
    Mutant('repair: a block without its key', 'lib/pool/repair.c',
           'if (repair_has_key(mp, block)) {', 'if (true) {', 'repair'),
    Mutant('repair: more keys than free blocks', 'lib/pool/repair.c',
           'osmp_unlikely(repair.n > num_free)', 'false', 'forged'),
    Mutant('is_sane: links', 'lib/pool/freelist.c', '''        if (!geometry_holds(mp, block)) {
            what''', '''        if (false) {
            what''', rows=['write_wild_link', 'overrun_by_block']),
    Mutant('is_sane: keys', 'lib/pool/freelist.c', '!freelist_key_is_set(mp, block)', 'false',
           rows=['write_key']),
    Mutant('statistics: nowhere to write', 'lib/registry/tend.c', 'st == NULL || ', '', 'stats'),
    Mutant('caches: depth', 'lib/registry/tend.c', 'depth == 0 || depth > CACHE_DEPTH_MAX', 'false',
           'cache'),
    Mutant('export: a relative path', 'lib/export/export.c', "path != NULL && *path != '/'", 'false', 'export'),

    Mutant('check: range', 'lib/check/check.c', 'if (i >= record_of(mp)->n_blocks) {',
           'if (false) {', 'range', column='check'),
    Mutant('check: double', 'lib/check/check.c',
           'record_is_free(mp, (uint32_t)i) ? OSMEMPOOL_FAULT_DOUBLE_PUT : 0', '0',
           rows=['put_twice', 'put_never_got', 'put_twice_many_small'], column='check'),
    Mutant('check: twice in the array', 'lib/check/check.c',
           '*check_state(mp, blocks[chosen]) == BLOCK_CHOSEN', 'false', 'twins', column='check'),
    Mutant('check: a walk at each put', 'lib/check/check.c', '''    check_look(mp, faults);
    if (problem == 0) {''', '    if (problem == 0) {', rows=LINKS + ['write_key'],
           column='check'),
    Mutant('check: a walk before the callback', 'lib/pool/block.c', '''    if (!is_free) {
        check_look(mp, &faults);
    }
''', '', rows=['callback_keeps_over_damage'], column='check'),
    Mutant('check: a walk at a put that no callback sees', 'lib/pool/block.c',
           '''    if (pool_is_checked(mp)) {
        check_look(mp, &faults);
    }
''', '', rows=['write_key_and_put'], column='check'),
    Mutant('check: around the blocks that are out', 'lib/check/check.c',
           '(int)margin_check_all(mp, faults) & (int)sane', 'sane', rows=['overrun_in_rounding'],
           column='check'),
    Mutant('check: other pools on the buffer', 'lib/registry/init.c',
           'finder_note_shared(node, faults);', '', rows=['init_on_used_buffer'], column='check'),
    Mutant('check: the struct\'s members', 'lib/check/check.c',
           'bool sane = check_members_are_sane(mp);', 'bool sane = true;', rows=['use_a_copy'],
           column='check'),
    Mutant('check: at get', 'lib/check/check.c', '    check_block_is_sane(mp, i, faults);\n', '',
           rows=LINKS + ['write_middle', 'underrun_by_one'], column='poison'),
    Mutant('poison: around the block that is put', 'lib/check/check.c',
           '        margin_check(mp, i, faults);\n', '', rows=['overrun_in_rounding'],
           column='poison'),
    Mutant('poison: around the blocks that are cleared', 'lib/check/check.c',
           '''    margin_check_all(mp, faults);
    record_clear(mp);''', '    record_clear(mp);', rows=['overrun_then_clear'], column='poison'),
    Mutant('poison: the pattern', 'lib/check/poison.c',
           'return poison->filled || poison->n_words < 2', 'return poison->n_words < 2',
           rows=['write_middle', 'write_last_byte', 'underrun_by_one'], column='poison'),
    Mutant('track: who has the blocks at the end', 'lib/check/check.c',
           'check_note_held(mp, faults, held);', '', rows=['unregister_with_blocks_out'],
           column='track'),
    Mutant('track: who has the blocks at exit', 'lib/registry/exit_report.c',
           'exit_check_leaks(record, node->mp, faults, held);', ';', rows=['leak_at_exit'],
           column='track'),
    Mutant('check: free blocks at exit', 'lib/registry/exit_report.c',
           'walk->block = exit_check_damage(record, node->mp, walk->block, faults);', ';',
           rows=['write_before_exit'], column='check'),
    Mutant('fence: before a block', 'lib/check/margin.c', '(int)margin_check_one(mp, i, &before, faults)',
           '1', rows=['underrun_by_one', 'underrun_of_first'], column='fence'),
    Mutant('fence: around the blocks that are out at the end', 'lib/check/check.c',
           '''    if (record->fence.map != NULL) {
        margin_check_all(mp, faults);
    }
''', '', rows=['overrun_then_end'], column='fence'),
    Mutant('fence: free blocks are inaccessible', 'lib/check/record.c',
           'fence_close(&record->fence, i);', ';',
           rows=LINKS + ['write_middle', 'read_stale'], column='fence'),
    Mutant('fence: from the beginning', 'lib/check/record.c', 'fence_close_all(&record->fence);',
           'fence_drop(&record->fence);', rows=['write_after_clear', 'overrun_by_block'],
           column='fence'),
    Mutant('fence: a page between blocks', 'lib/check/fence.c',
           'return fence->block_bytes + fence->page_bytes;', 'return fence->block_bytes;',
           rows=['overrun_into_held'], column='fence'),
]


class Copy:
    """A copy of the library's source, and how its objects are compiled."""

    def __init__(self, build, source, folder):
        self.build, self.source, self.folder = build, source, pathlib.Path(folder)
        for part in ('lib', 'include'):
            shutil.copytree(source / part, self.folder / part)
        listed = json.loads((build / 'compile_commands.json').read_text(encoding='utf-8'))
        self.commands = {entry['output']: entry for entry in listed
                         if LIBRARY.match(entry['output'])}
        self.needs = self._read_needs()

    def _read_needs(self):
        """{object: the files that it is made of}, as ninja knows."""
        told = subprocess.run(['ninja', '-t', 'deps'], cwd=self.build, stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, check=True, text=True).stdout
        needs, name = {}, None
        for line in told.splitlines():
            if line and not line[0].isspace():
                name = line.split(':')[0]
                needs[name] = set()
            elif line.strip():
                needs[name].add((self.build / line.strip()).resolve())
        return needs

    def objects_of(self, file):
        wanted = (self.source / file).resolve()
        return [name for name in self.commands if wanted in self.needs.get(name, ())]

    def _compile(self, name):
        """The object made anew, from the copy, for speed of compiling without optimisation."""
        made = self.folder / pathlib.PurePath(name).name
        command = []
        for word in shlex.split(self.commands[name]['command']):
            for part in ('lib', 'include'):
                prefix = '-I' if word.startswith('-I') else ''
                path = (self.build / word[len(prefix):]).resolve()
                if path.is_relative_to(self.source / part):
                    word = prefix + str(self.folder / path.relative_to(self.source))
            command.append(str(made) if word == name else word)
        run(command + ['-O0', '-w'], self.build)
        return made

    def library(self, file):
        """The shared library with the objects that the file is part of compiled anew."""
        changed = self.objects_of(file)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as workers:
            made = list(workers.map(self._compile, changed))
        kept = [name for name in self.commands if name not in changed]
        target = self.folder / 'libosmempool.so.1'
        compiler = shlex.split(self.commands[next(iter(self.commands))]['command'])
        compiler = compiler[:next(i for i, word in enumerate(compiler) if word.startswith('-'))]
        run(compiler + ['-shared', '-o', str(target), '-Wl,-soname,libosmempool.so.1',
                        f'-Wl,--version-script,{self.source}/lib/osmempool.map', *kept,
                        *map(str, made), '-lbsd', '-pthread'], self.build)
        return target

    def mutate(self, mutant):
        """The library without a check."""
        path = self.folder / mutant.file
        text = (self.source / mutant.file).read_text(encoding='utf-8')
        times = text.count(mutant.old)
        if times != 1:
            raise LookupError(f'the text stands {times} times in {mutant.file}, not once: '
                              f'{mutant.old!r}')
        path.write_text(text.replace(mutant.old, mutant.new), encoding='utf-8')
        try:
            return self.library(mutant.file)
        finally:
            path.write_text(text, encoding='utf-8')


def run(command, folder):
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stdout)


def survivors(program, mutant, rows, library):
    """The rows that do not notice."""
    os.environ['LD_PRELOAD'] = str(library)
    try:
        results = answers.commit_all(program, rows, [mutant.column])
    finally:
        del os.environ['LD_PRELOAD']
    return [row.name for row in rows
            if all(outcome.answer == row.expected[mutant.column]
                   for outcome in results[row.name, mutant.column].values())]


def try_mutant(copy, program, mutant, all_rows):
    """What is wrong, a line each."""
    rows = mutant.rows(all_rows)
    if not rows or len(rows) < len(mutant.names):
        return ['there are no such rows']
    try:
        unseen = survivors(program, mutant, rows, copy.mutate(mutant))
    except (LookupError, RuntimeError) as error:
        return str(error).splitlines()
    return [f'without it {name} has the outcome that it should have' for name in unseen]


def unmutated(copy, program, rows):
    """The copy itself, made in the same way: the rows have the outcomes that they should have."""
    library = copy.library('lib/pool/freelist.c')
    sample = [row for row in rows if row.seen_by]
    good = survivors(program, Mutant('', '', '', ''), sample, library)
    return [f'{row.name} fails in a library that lacks nothing' for row in sample
            if row.name not in good]


def main():
    build, source = (pathlib.Path(name).resolve() for name in sys.argv[1:3])
    program = sys.argv[3]
    part = sys.argv[4] if len(sys.argv) > 4 else ''
    rows = answers.rows_of(program)
    if not answers.ownership_is_had(program, rows):
        print('1..0 # SKIP no ownership here, and some checks are those of owned and cached pools')
        return 0
    chosen = [mutant for mutant in MUTANTS if part in mutant.name]
    print(f'1..{len(chosen) + 2}', flush=True)
    failed = 0

    def tell(number, what, lines):
        for line in lines:
            print(f'# {line}')
        print(f'{"not ok" if lines else "ok"} {number} - {what}', flush=True)
        return bool(lines)

    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(build, source, folder)
        failed += tell(1, 'the library as it is passes', unmutated(copy, program, rows))
        for number, mutant in enumerate(chosen, 2):
            failed += tell(number, f'{mutant.name} [{mutant.column}]',
                           try_mutant(copy, program, mutant, rows))
        checks = {mutant.seen_by for mutant in MUTANTS}
        orphans = sorted({row.seen_by for row in rows if row.seen_by} - checks)
        failed += tell(len(chosen) + 2, 'each check that a row names can be deleted', orphans)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
