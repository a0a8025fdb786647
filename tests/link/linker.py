# SPDX-License-Identifier: Apache-2.0
"""linker.py: compiles and links programs of the parts in this directory, in every way there is."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
DEADLINE = 120
STATIC_NEEDS = ["-lbsd", "-pthread"]
COMPILERS = {"gcc": "c", "clang": "c", "g++": "c++", "clang++": "c++"}
# What each compiler adds for link-time optimisation; the first that works is taken.
LTO = [["-flto"], ["-flto", "-fuse-ld=lld"], ["-flto", "-fuse-ld=gold"]]


def run(*command, **options):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("OSMEMPOOL", "LD_PRELOAD"))}
    env.update(options.pop("env", {}))
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
                          timeout=DEADLINE, check=False, **options)


def symbols_of(path, *options):
    """(address, size, type letter, name) of each defined symbol."""
    for line in run("nm", "-S", "--defined-only", *options, path).stdout.split("\n"):
        match = re.match(r"([0-9a-f]+) ([0-9a-f]+) (\w) (\S+)$", line)
        if match:
            yield int(match[1], 16), int(match[2], 16), match[3], match[4]


class LinkCase(unittest.TestCase):
    root = shared = static = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.work = pathlib.Path(cls.folder.name)
        cls.made = {}

    def command(self, *command):
        done = run(*command, cwd=self.work)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def compile(self, compiler, source, made, *flags):
        return run(compiler, "-x", COMPILERS[compiler], "-O2", "-g", "-fPIC", *flags, "-c",
                   HERE / source, "-o", made, cwd=self.work)

    def object(self, compiler, source, *flags):
        """Compiles a file of this directory, once; the path of the object."""
        key = (compiler, source, flags)
        if key not in self.made:
            self.made[key] = self.work / f"{len(self.made)}.o"
            done = self.compile(compiler, source, self.made[key], *flags)
            self.assertEqual(done.returncode, 0, f"{done.args}\n{done.stderr}")
        return self.made[key]

    def parts(self, compiler, names, *flags):
        """The objects of the parts: names of files, and what they stand for."""
        for name in names:
            source, _, inline = name.partition("+")
            others = source.startswith(("theirs", "other"))
            more = [f"-I{HERE / 'other' if others else self.root / 'include'}"]
            more += ["-DOSMEMPOOL_INLINE"] if inline else []
            yield self.object(compiler, source + ".c", *more, *flags)

    def link(self, compiler, kind, objects, flags=(), name="program"):
        """Links a program to the library, shared or static, or to none."""
        made = self.work / name
        libraries = {
            "shared": [self.shared, f"-Wl,-rpath,{self.shared.parent}"],
            "static": [self.static, *STATIC_NEEDS],
            "none": [],
        }[kind]
        return made, run(compiler, *flags, *objects, "-o", made, *libraries, "-pthread",
                         cwd=self.work)

    def main_of(self, compiler, calls, *flags):
        return self.object(compiler, "program.c", *flags, f"-DPARTS={calls}")

    def program(self, compiler, kind, names, calls, flags=(), name="program"):
        objects = [*self.parts(compiler, names, *flags), self.main_of(compiler, calls, *flags)]
        return self.link(compiler, kind, objects, flags, name)

    def assertLinked(self, linked):
        self.assertEqual(linked.returncode, 0, f"{linked.args}\n{linked.stderr}")

    def assertRuns(self, made, linked, **options):
        self.assertLinked(linked)
        done = run(made, **options)
        self.assertEqual(done.returncode, 0, f"{linked.args}\n{done.stdout}{done.stderr}")
        return done

    def assertUndefined(self, linked, *symbols):
        """The link failed for lack of these symbols, the API's names, and of none of the library's."""
        self.assertNotEqual(linked.returncode, 0, linked.args)
        for symbol in symbols:
            self.assertRegex(linked.stderr, rf"undefined (reference to|symbol:?) .?{symbol}\b")
        self.assertNotRegex(linked.stderr, r"undefined (reference to|symbol:?) .?osmempool_")


def ways():
    """(compiler, flags) of all that are here."""
    for compiler in COMPILERS:
        if shutil.which(compiler) is None:
            print(f"# no {compiler}", file=sys.stderr)
            continue
        yield compiler, ()
        yield compiler, ("-fno-plt",)
        lto = lto_of(compiler)
        if lto is None:
            print(f"# {compiler} has no link-time optimisation", file=sys.stderr)
        else:
            yield compiler, lto


def lto_of(compiler):
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "a.c"
        source.write_text("int main() { return 0; }\n", encoding="utf-8")
        for flags in LTO:
            if run(compiler, "-x", COMPILERS[compiler], *flags, source, "-o",
                   source.with_suffix("")).returncode == 0:
                return tuple(flags)
    return None


def main():
    """unittest's main for a test whose first three arguments say what is tested."""
    LinkCase.root, LinkCase.shared, LinkCase.static = (
        pathlib.Path(path).absolute() for path in sys.argv[1:4])
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[4:]])
