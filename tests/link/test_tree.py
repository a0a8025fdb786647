# SPDX-License-Identifier: Apache-2.0
"""Sources that were written for Mynewt: in a tree with an os/os.h of its own, and without one.

Usage: test_tree.py SOURCE_ROOT SHARED_LIBRARY STATIC_LIBRARY [unittest's options]
"""
import re
import shutil
import unittest

from linker import COMPILERS, HERE, LinkCase, lto_of, main, run

VERSIONS = {"c": ("c99", "c11", "c17"), "c++": ("c++11", "c++17", "c++20")}
TREE = f"-I{HERE / 'tree'}"


def present():
    """(compiler, version of its language) of all that are here."""
    for compiler, language in COMPILERS.items():
        if shutil.which(compiler) is not None:
            for version in VERSIONS[language]:
                yield compiler, f"-std={version}"


class TreeCase(LinkCase):
    def setUp(self):
        include = self.root / "include"
        self.mynewt = f"-I{include / 'mynewt'}"
        self.plain = [f"-I{include}", f"-I{include / 'os'}"]
        # <osmempool/osmempool.h>, as it is found once it is installed.
        self.installed = self.work / "installed"
        self.installed.mkdir(exist_ok=True)
        if not (self.installed / "osmempool").exists():
            (self.installed / "osmempool").symlink_to(include)

    def assertBuilds(self, compiler, source, *flags):
        objects = [self.object(compiler, source, "-Wall", "-Wextra", "-Werror", *flags),
                   self.main_of(compiler, "ours")]
        for kind in ("shared", "static"):
            self.assertRuns(*self.link(compiler, kind, objects))

    def assertRefused(self, compiler, words, *flags):
        done = self.compile(compiler, "in_tree.c", self.work / "refused.o", *flags)
        self.assertNotEqual(done.returncode, 0, done.args)
        self.assertRegex(done.stderr, f"error: .*{words}")
        return done.stderr


class InATree(TreeCase):
    """With the directory of one header before the tree's."""

    def test_pools_are_this_librarys_and_all_else_the_trees(self):
        for compiler, version in present():
            for inline in ([], ["-DOSMEMPOOL_INLINE"]):
                self.assertBuilds(compiler, "in_tree.c", version, self.mynewt, TREE, *inline)

    def test_whichever_header_comes_first(self):
        for compiler in COMPILERS:
            for first in ("os/os_mempool.h", "os/os_mbuf.h", "os/os_arch.h", "os/queue.h"):
                self.assertBuilds(compiler, "in_tree.c", f'-DFIRST="{first}"', self.mynewt, TREE)

    def test_osmempool_h_may_follow(self):
        for compiler in COMPILERS:
            self.assertBuilds(compiler, "in_tree.c", self.mynewt, TREE, f"-I{self.installed}",
                              "-DSECOND=<osmempool/osmempool.h>")

    def test_the_trees_own_header_by_its_path_does_no_harm_behind(self):
        self.assertBuilds("gcc", "in_tree.c", self.mynewt, TREE,
                          f'-DSECOND="{HERE}/tree/os/os_mempool.h"')

    def test_an_alignment_below_the_librarys_or_equal_is_used_as_it_is(self):
        for alignment in (1, 2, 4, 8):
            self.assertBuilds("gcc", "in_tree.c", self.mynewt, TREE,
                              f"-DTREE_ALIGNMENT={alignment}")

    def test_a_larger_one_is_an_error_that_says_what_to_do(self):
        for compiler in COMPILERS:
            self.assertRefused(compiler, "OS_ALIGNMENT is above the size of a pointer, .*: lower it",
                               self.mynewt, TREE, "-DTREE_ALIGNMENT=16")

    def test_so_is_a_pool_header_of_the_trees_that_came_first(self):
        for compiler in COMPILERS:
            self.assertRefused(compiler, "own os_mempool.h came first: .*osmempool-mynewt",
                               self.mynewt, TREE, f'-DFIRST="{HERE}/tree/os/os_mempool.h"')

    def test_so_is_the_wrong_order_of_directories(self):
        for compiler in COMPILERS:
            said = self.assertRefused(compiler, "another os_mempool.h came first: .*-mynewt",
                                      TREE, self.mynewt, f"-I{self.installed}",
                                      "-DSECOND=<osmempool/osmempool.h>")
            # Much more is said, but this first.
            self.assertLess(said.index("another os_mempool.h"), said.index("redefin"))

    def test_so_is_osmempool_h_in_front(self):
        self.assertRefused("gcc", "osmempool.h> came first: .*include os/os_mempool.h",
                           self.mynewt, TREE, f"-I{self.installed}", "-DFIRST=<osmempool/osmempool.h>")

    def test_so_is_a_tree_without_an_alignment(self):
        self.assertRefused("gcc", "no OS_ALIGNMENT: .*use osmempool, not",
                           self.mynewt, TREE, "-DTREE_OS_ARCH_H")


class WithoutATree(TreeCase):
    """With the shims behind everything else."""

    def test_the_shims_stand_for_it(self):
        shims = ["-idirafter", self.root / "include" / "compat"]
        for compiler, version in present():
            gnu = version.replace("=c", "=gnu")
            self.assertBuilds(compiler, "no_tree.c", gnu, *self.plain, *shims)

    def test_and_nothing_stands_for_it_unasked(self):
        done = self.compile("gcc", "no_tree.c", self.work / "refused.o", *self.plain)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("os/mynewt.h", done.stderr)


class TasksInOneThread(TreeCase):
    """A simulator's tasks, which signals switch: each call is in a critical section."""

    def setUp(self):
        super().setUp()
        self.recipe = self.root / "doc" / "examples" / "simulator.c"

    def wrapped(self):
        """What the line says that doc/porting.md shows."""
        text = (self.root / "doc" / "porting.md").read_text(encoding="utf-8")
        line = re.search(r"^ *wrap=\$\((.*)\)$", text, re.MULTILINE)[1]
        return run("sh", "-c", line, cwd=self.recipe.parent).stdout.split()

    def test_the_recipe_lets_no_tick_into_a_call(self):
        for compiler in ("gcc", "clang"):
            for flags in ((), lto_of(compiler) or ()):
                flags = ("-Wall", "-Werror", *flags)
                objects = [self.object(compiler, source, self.mynewt, TREE, *flags)
                           for source in ("tasks.c", self.recipe)]
                for kind in ("shared", "static"):
                    self.assertRuns(*self.link(compiler, kind, objects, (*flags, *self.wrapped())))

    def test_it_wraps_all_calls_that_look_at_more_than_an_address(self):
        header = (self.root / "include" / "os" / "os_mempool.h").read_text(encoding="utf-8")
        declared = {f"-Wl,--wrap=osmempool_{name}"
                    for name in re.findall(r"OSMP_LABEL\((os_\w+)\)", header)}
        self.assertEqual(declared - set(self.wrapped()),
                         {f"-Wl,--wrap=osmempool_{name}" for name in
                          ("os_memblock_from", "os_mempool_module_init")})

    def test_inline_calls_are_refused(self):
        done = self.compile("gcc", self.recipe, self.work / "refused.o", self.mynewt, TREE,
                            "-DOSMEMPOOL_INLINE")
        self.assertRegex(done.stderr, "error: .*compile without OSMEMPOOL_INLINE")


if __name__ == "__main__":
    main()
