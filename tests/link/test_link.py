# SPDX-License-Identifier: Apache-2.0
"""Who links with the library, and who must not: a table of programs, compilers and ways to link.

Usage: test_link.py SOURCE_ROOT SHARED_LIBRARY STATIC_LIBRARY [unittest's options]

A file has either this library's header or that of another implementation with the same names and
smaller structures (other/). The first must link and work, in whatever way; the second must not link
with this library, and must keep its own pools if the program brings them along.
"""
import ctypes
import re
import shutil
import sys
import unittest

from linker import COMPILERS, HERE, LinkCase, main, run, symbols_of, ways

# Files with this library's header, called and inline.
OURS = [(first, second) for first in ("ours", "ours+inline") for second in ("again", "again+inline")]


class Table(LinkCase):
    """Programs of one or two headers."""

    def every(self):
        for compiler, flags in ways():
            for kind in ("shared", "static"):
                yield compiler, flags, kind

    def test_the_right_header_links_and_works(self):
        for compiler, flags, kind in self.every():
            for parts in OURS:
                self.assertRuns(*self.program(compiler, kind, parts, "ours,ours_ten_times", flags))

    def test_the_wrong_header_does_not_link(self):
        for compiler, flags, kind in self.every():
            _, linked = self.program(compiler, kind, ["theirs"], "theirs", flags)
            self.assertUndefined(linked, "os_mempool_init", "os_memblock_get", "os_memblock_put")

    def test_nor_does_a_file_that_only_looks_at_pools(self):
        for compiler, flags, kind in self.every():
            _, linked = self.program(compiler, kind, ["theirs_walk"], "theirs", flags)
            self.assertUndefined(linked, "os_mempool_info_get_next")

    def test_nor_do_both_headers_in_one_program(self):
        for compiler, flags, kind in self.every():
            for part in ("ours", "ours+inline"):
                _, linked = self.program(compiler, kind, [part, "theirs"], "ours,theirs", flags)
                self.assertUndefined(linked, "os_mempool_init")

    def test_pools_of_the_programs_own_and_the_librarys_do_not_meet(self):
        for compiler, flags, kind in self.every():
            for parts in (OURS[0], OURS[-1]):
                self.assertRuns(*self.program(compiler, kind, [*parts, "theirs", "other_pool"],
                                              "ours,theirs,ours_ten_times", flags))

    def test_a_program_with_its_own_pools_alone_is_left_alone(self):
        for compiler, flags, kind in self.every():
            self.assertRuns(*self.program(compiler, kind, ["theirs", "other_pool"], "theirs", flags))

    def test_a_file_that_only_defines_the_struct_is_seen_by_its_size(self):
        made, linked = self.program("gcc", "shared", ["ours", "theirs_struct"], "ours,theirs")
        self.assertRuns(made, linked)
        sizes = {name: size for _, size, _, name in symbols_of(made)}
        self.assertEqual(sizes["defined_elsewhere"], 48 if sys.maxsize > 2**32 else 32)
        self.assertGreater(sizes["pool"], 300)


class LoadedAtRunTime(LinkCase):
    def loader(self, compiler, *arguments, **options):
        made, linked = self.link(compiler, "none", [self.object(compiler, "loader.c", f"-I{self.root / 'include'}")], ["-ldl"])
        self.assertLinked(linked)
        return run(made, *arguments, **options)

    def plugin(self, compiler, names, calls, *flags):
        # A plugin may leave symbols undefined that the program or a library is to bring along.
        made, linked = self.program(compiler, "shared", names, calls,
                                    ("-shared", "-Wl,-z,undefs", *flags), "plugin.so")
        self.assertLinked(linked)
        return made

    def test_dlsym_finds_the_api_by_its_symbols(self):
        for compiler in ("gcc", "clang"):
            done = self.loader(compiler, "api", self.shared)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_plugin_with_the_right_header_loads_and_works(self):
        for compiler in ("gcc", "clang++"):
            for parts in (OURS[0], OURS[-1]):
                plugin = self.plugin(compiler, parts, "ours,ours_ten_times")
                done = self.loader("gcc", "plugin", plugin)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_plugin_with_the_wrong_one_fails_when_it_is_loaded(self):
        for compiler in ("gcc", "clang++"):
            done = self.loader("gcc", "plugin", self.plugin(compiler, ["theirs"], "theirs"))
            self.assertEqual(done.returncode, 9)
            self.assertRegex(done.stderr, "undefined symbol: os_mem")

    def test_ctypes_finds_the_api_by_its_symbols(self):
        library = ctypes.CDLL(str(self.shared))
        pool, memory = ctypes.create_string_buffer(4096), (ctypes.c_uint64 * 32)()
        get = library.osmempool_os_memblock_get
        get.restype = ctypes.c_void_p
        self.assertEqual(library.osmempool_os_mempool_init(pool, 4, 64, memory, b"ctypes"), 0)
        self.assertEqual(get(pool), ctypes.addressof(memory))
        self.assertEqual(library.osmempool_os_mempool_unregister(pool), 0)
        self.assertFalse(hasattr(library, "os_mempool_init"))


class Interposed(LinkCase):
    """Programs whose gets somebody else sees first. An inline get of an owned pool is no call."""

    def program(self, compiler, kind, names, calls="ours,ours_ten_times", flags=(), name="program"):
        return super().program(compiler, kind, names, calls, flags, name)

    def test_the_linker_wraps_symbols(self):
        for compiler, flags in ways():
            if COMPILERS[compiler] != "c":
                continue
            for kind in ("shared", "static"):
                wrapped = self.program(compiler, kind, ["ours", "again", "wrap"],
                                       flags=(*flags, "-Wl,--wrap=osmempool_os_memblock_get"))
                self.assertEqual(self.assertRuns(*wrapped).stdout, "11\n", wrapped[1].args)

    def test_and_not_the_names_of_the_api(self):
        self.assertRuns(*self.program("gcc", "shared", OURS[0],
                                      flags=("-Wl,--wrap=os_memblock_get",)))

    def preloaded(self, source):
        library = self.work / "preloaded.so"
        self.command("gcc", "-shared", self.object("gcc", source, f"-I{self.root / 'include'}"),
                     "-o", library, "-ldl")
        return {"LD_PRELOAD": str(library)}

    def test_a_preloaded_library_that_has_the_header_comes_first(self):
        for compiler, flags in ways():
            done = self.assertRuns(*self.program(compiler, "shared", OURS[0], flags=flags),
                                   env=self.preloaded("preload.c"))
            self.assertEqual(done.stdout, "11 11\n")

    def test_reports_name_its_functions_as_the_api_does(self):
        env = {**self.preloaded("preload.c"), "OSMEMPOOL_FAULT": "log"}
        done = self.assertRuns(*self.program("gcc", "shared", OURS[0]), env=env)
        self.assertRegex(done.stderr, r"double put.*\n.*this call at .*preloaded.so\+0x\w+ "
                                      r"\(os_memblock_put\)")

    def test_one_that_has_names_alone_is_never_called(self):
        for parts in OURS:
            self.assertRuns(*self.program("gcc", "shared", parts),
                            env=self.preloaded("preload_old.c"))


class LocalNames(LinkCase):
    """The API's names as local symbols, for tools that look for functions by name."""

    def names(self):
        text = (self.root / "lib" / "osmempool.map").read_text(encoding="utf-8")
        return re.findall(r"^\s*osmempool_(os_\w+);", text, re.MULTILINE)

    def assertNamed(self, path, names):
        symbols = {name: rest for *rest, name in symbols_of(path)}
        for name in names:
            self.assertEqual(symbols[name], [*symbols["osmempool_" + name][:2], "t"], name)

    def test_library_and_archive_have_them(self):
        self.assertGreater(len(self.names()), 20)
        for path in (self.shared, self.static):
            self.assertNamed(path, self.names())

    def test_a_program_that_is_linked_statically_has_them(self):
        made, linked = self.program("gcc", "static", ["ours"], "ours")
        self.assertRuns(made, linked)
        self.assertNamed(made, self.names())

    def test_each_compiler_makes_them(self):
        for compiler, flags in ways():
            if COMPILERS[compiler] != "c":
                continue
            for more in ((), ("-O0",), ("-m32",), ("-DOSMP_LIBRARY",)):
                self.make_library(compiler, [*flags, *more])

    def make_library(self, compiler, flags):
        made = self.work / "local.so"
        done = run(compiler, "-std=gnu11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2",
                   "-fPIC", "-shared", "-fvisibility=hidden", f"-I{self.root / 'lib'}",
                   f"-I{self.root / 'include'}", *flags, HERE / "local_names.c",
                   f"-Wl,--version-script={self.root / 'lib' / 'osmempool.map'}", "-o", made)
        if "-m32" in flags and re.search("incompatible|cannot find|No such file", done.stderr):
            print(f"# {compiler} makes no 32-bit programs here", file=sys.stderr)
            return
        self.assertLinked(done)
        self.assertNamed(made, ["os_error_str", "os_memblock_get"])
        exported = {name for *_, name in symbols_of(made, "-D")}
        self.assertEqual({name.split("@")[0] for name in exported},
                         {"osmempool_os_error_str", "osmempool_os_memblock_get"})


class TwoCopies(LinkCase):
    """A program that contains the static library and loads the shared one."""

    def test_threads_and_children_use_one_pool_by_way_of_both(self):
        source = self.object("gcc", "copies.c", f"-I{self.root / 'include'}", "-D_GNU_SOURCE")
        made, linked = self.link("gcc", "static", [source], ["-ldl"], "copies")
        self.assertLinked(linked)
        for cached in (0, 1):
            with self.subTest(cached=cached):
                done = run(made, self.shared, cached)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "0 wrong\n", ""))


class OtherNames(LinkCase):
    """The library's own functions and variables, whose names a program may have, too."""

    def test_a_program_may_have_any_of_them(self):
        names = {name for *_, name in symbols_of(self.static)
                 if re.fullmatch(r"(?!osmempool_)[a-z]\w*", name)}
        self.assertGreater(len(names), 300)
        source = self.work / "names.c"
        source.write_text("".join(f"int {name}_;\nvoid *{name}(void) __asm__(\"{name}\");\n"
                                  f"void *{name}(void) {{ return &{name}_; }}\n"
                                  for name in sorted(names)), encoding="utf-8")
        self.command("gcc", "-c", "-fno-builtin", source, "-o", self.work / "names.o")
        for compiler, flags in ways():
            objects = [*self.parts(compiler, OURS[0], *flags), self.work / "names.o",
                       self.main_of(compiler, "ours,ours_ten_times", *flags)]
            self.assertRuns(*self.link(compiler, "static", objects, flags))


class Tools(LinkCase):
    """Debuggers and tracers, by the API's names."""

    def without_debug_information(self):
        library = self.work / "bare" / self.shared.resolve().name
        library.parent.mkdir(exist_ok=True)
        soname = re.search(r"soname: \[(.*)\]", run("readelf", "-d", self.shared).stdout)[1]
        self.command("strip", "-g", self.shared, "-o", library.parent / soname)
        return library.parent

    def break_in(self, program, **env):
        done = run("gdb", "-q", "-nx", "-batch", "-ex", "set breakpoint pending on",
                   "-ex", "set debuginfod enabled off", "-ex", "break os_memblock_get",
                   "-ex", "run", "-ex", "bt", program, env=env)
        if re.search("ptrace|Couldn't get registers|Cannot .*trace", done.stderr):
            self.skipTest("no process may be traced here")
        return done.stdout

    @unittest.skipUnless(shutil.which("gdb"), "gdb is not here")
    def test_gdb_breaks_at_the_name_of_the_api(self):
        for kind, env in (("shared", {}), ("static", {}),
                          ("shared", {"LD_LIBRARY_PATH": str(self.without_debug_information())})):
            made, linked = self.program("gcc", kind, ["ours"], "ours")
            self.assertLinked(linked)
            out = self.break_in(made, **env)
            self.assertRegex(out, r"#0 .*os_memblock_get", (kind, env))
            self.assertRegex(out, r"#1 .* ours ", (kind, env))

    @unittest.skipUnless(shutil.which("perf"), "perf is not here")
    def test_perf_lists_the_name_of_the_api(self):
        done = run("perf", "probe", "-x", self.shared, "-F", "--filter", "os_memblock_get")
        if done.returncode != 0 and "os_memblock_get" not in done.stdout:
            self.skipTest(f"perf probe does not work here: {done.stderr.strip()}")
        self.assertIn("os_memblock_get", done.stdout.split())

    @unittest.skipUnless(shutil.which("bpftrace"), "bpftrace is not here")
    def test_bpftrace_lists_the_name_of_the_api(self):
        done = run("bpftrace", "-l", f"uprobe:{self.shared}:os_memblock_get")
        if done.returncode != 0:
            self.skipTest(f"bpftrace does not work here: {done.stderr.strip()}")
        self.assertIn(":os_memblock_get", done.stdout)


if __name__ == "__main__":
    main()
