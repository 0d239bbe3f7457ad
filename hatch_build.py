"""Compiles the busiest modules with mypyc when a wheel is built with JITUI_COMPILE=1, from the same source; without it a wheel is pure Python.

    JITUI_COMPILE=1 pip wheel --no-deps .

The modules are listed in pyproject.toml (`tool.jitui.compiled`). JITUI_COMPILE_LEVEL is the C compiler's -O, 2 if it is not set.
"""

import contextlib
import os
import shutil
import sysconfig
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH: Final = "JITUI_COMPILE"
LEVEL: Final = "JITUI_COMPILE_LEVEL"
NEEDED: Final = ("mypy", "mypy-extensions", "setuptools")
GROUP: Final = "jitui"  # of modules that call each other directly: one library, jitui__mypyc


class CompiledModules(BuildHookInterface[Any]):
    """Adds the compiled form of the listed modules to a wheel, beside their source, which tracebacks show."""

    @property
    def _wanted(self) -> bool:
        return os.environ.get(SWITCH, "") not in {"", "0"}

    def dependencies(self) -> list[str]:
        """The compiler that is tested, by its version in constraints.txt."""
        pins = Path(self.root, "constraints.txt").read_text().splitlines()
        return [pin for pin in pins if pin.partition("==")[0] in NEEDED] if self._wanted else []

    @property
    def _kept(self) -> Path:
        """The folder of the compiled files, until they are in the wheel."""
        return Path(self.directory) / "compiled-modules"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not self._wanted or version == "editable":
            return
        root = Path(self.root)
        with tempfile.TemporaryDirectory(prefix="jitui-compile-") as name:
            shutil.copytree(root / "jitui", Path(name) / "jitui", ignore=shutil.ignore_patterns("__pycache__"))
            with contextlib.chdir(name):
                built = compiled(listed(root), os.environ.get(LEVEL, "2"))
            for path in built:
                kept = self._kept / path
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(Path(name) / path, kept)
                build_data["force_include"][str(kept)] = path
        build_data["pure_python"], build_data["infer_tag"] = False, True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        shutil.rmtree(self._kept, ignore_errors=True)


def listed(root: Path) -> list[str]:
    """The names of the modules to compile."""
    modules: list[str] = tomllib.loads(root.joinpath("pyproject.toml").read_text())["tool"]["jitui"]["compiled"]
    return modules


def compiled(modules: list[str], level: str) -> list[str]:
    """Compiles modules below the current folder, in place; the files that came of it. Exits with the reason if they can't be compiled."""
    from mypyc.build import mypycify  # noqa: PLC0415 - only there where something is compiled
    from setuptools.errors import CCompilerError  # noqa: PLC0415

    sources = [f"{module.replace('.', '/')}.py" for module in modules]
    # types of libraries are Any, installed or not, so that the same is made everywhere; `make types` has checked the package with all of them
    options = ["--config-file=", "--explicit-package-bases", "--no-site-packages", "--ignore-missing-imports", "--follow-imports=silent"]
    extensions = mypycify([*options, *sources], opt_level=level, debug_level="0", multi_file=True, target_dir="build", group_name=GROUP)
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return [_linked(extension, pool) for extension in extensions]
    except CCompilerError as error:
        raise SystemExit(f"jitui: the modules could not be compiled ({error}); install a C compiler and Python's headers "
                         f"(Debian: apt-get install gcc python3-dev), or build without {SWITCH}: that wheel is pure Python and does the same") from None


def _linked(extension: Any, pool: ThreadPoolExecutor) -> str:
    """One shared object, beside where its module's source is."""
    compiler = _compiler()
    objects = [each for found in pool.map(lambda source: _object(source, extension), extension.sources) for each in found]
    path: str = extension.name.replace(".", "/") + str(sysconfig.get_config_var("EXT_SUFFIX"))
    compiler.link_shared_object(objects, path)
    return path


def _object(source: str, extension: Any) -> list[str]:
    include = [*extension.include_dirs, sysconfig.get_path("include")]
    objects: list[str] = _compiler().compile([source], output_dir="objects", include_dirs=include, extra_postargs=[*extension.extra_compile_args, "-Wno-error"])
    return objects


def _compiler() -> Any:
    """The C compiler that Python itself was made with."""
    import_module("setuptools")  # brings distutils, which Python 3.12 dropped
    from distutils.ccompiler import new_compiler  # noqa: PLC0415
    from distutils.sysconfig import customize_compiler  # noqa: PLC0415

    compiler = new_compiler()
    customize_compiler(compiler)
    return compiler
