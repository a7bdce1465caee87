"""Revisions of a git repository: what a name means, what is uncommitted, and directories turned into commits."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from headgate.errors import InputError, UsageError

__all__ = [
    "DUBIOUS",
    "FETCH_ALL",
    "Revision",
    "changes_digest",
    "dirty_files",
    "extract",
    "fetch_from",
    "find_repository",
    "head",
    "is_shallow",
    "means_its_own",
    "remotes",
    "resolve",
    "rewritten",
    "same_content",
    "share_history",
    "snapshot",
    "tracked_and_other",
]

NEAR_NAMES = 3
# A snapshot's commit depends on the content alone, so that an unchanged directory finds its build again.
SNAPSHOT_DATE = "2000-01-01T00:00:00Z"
# Where git has it that a repository is another user's (LC_ALL is C for every git of ours).
DUBIOUS = "dubious ownership"
# What brings a shallow clone the rest of its history.
FETCH_ALL = "`git fetch --unshallow`, in GitHub's checkout action `fetch-depth: 0`"
_DUBIOUS = re.compile(rf"{DUBIOUS} in repository at '([^'\n]*)'")


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit: the name it was asked for by, its full hash and its title."""

    name: str
    commit: str
    title: str


def find_repository(directory: Path, *, bare: bool = False) -> Path:
    """Return the top of the working tree around ``directory``, or a ``bare`` repository; refuse if there is none."""
    _require_directory(directory)
    found = _git(directory, "rev-parse", "--show-toplevel", check=False)
    if bare and _git(directory, "rev-parse", "--is-bare-repository", check=False).stdout == "true\n":
        return directory
    if found.returncode:
        raise InputError(_no_repository(directory, found.stderr))
    return Path(found.stdout.strip())


def _no_repository(directory: Path, said: str) -> str:
    """Say why git finds no repository: in a container it often belongs to another user than whoever asks."""
    foreign = _DUBIOUS.search(said)
    if foreign:
        return (
            f"{directory}: git refuses it ({DUBIOUS}: it belongs to another user); "
            f"`git config --global --add safe.directory {foreign[1]}` allows it"
        )
    return f"{directory}: not in a git repository; run this inside one, or make one with `git init`"


def _require_directory(path: Path) -> None:
    if not path.is_dir():
        what = "not a directory" if path.exists() else "no such directory"
        raise InputError(f"{path}: {what}; check the path")


def head(directory: Path) -> Revision:
    """Return the commit checked out around ``directory``; refuse where there is no repository or no commit yet."""
    repository = find_repository(directory)
    if _git(repository, "rev-parse", "--verify", "--quiet", "HEAD", check=False).returncode:
        raise UsageError(f"{repository}: the repository has no commit yet; make one, for what is measured is a commit")
    return resolve(repository, "HEAD")


def resolve(repository: Path, name: str) -> Revision:
    """Return the commit that ``name`` means in ``repository``; unknown names are refused with near ones."""
    found = _git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", check=False)
    if found.returncode:
        raise UsageError(_unknown(repository, name))
    commit = found.stdout.strip()
    title = _git(repository, "log", "-1", "--format=%s", commit).stdout.strip()
    return Revision(name, commit, title)


def is_shallow(repository: Path) -> bool:
    """Say whether the repository's history is cut off at some commit."""
    return _git(repository, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"


def means_its_own(checkout: Path, mirror: Path, name: str) -> bool:
    """Say whether ``name``, or what it counts back from (``HEAD`` of ``HEAD~2``), is another commit in the mirror."""
    begin = re.split(r"[~^]", name, maxsplit=1)[0]
    try:
        found = resolve(checkout, begin)
    except UsageError:
        return False
    return _git(mirror, "rev-parse", "--verify", "--quiet", f"{begin}^{{commit}}", check=False).stdout.strip() != (
        found.commit
    )


def share_history(checkout: Path, mirror: Path) -> bool:
    """Say whether two repositories are of one project: the mirror has a first commit of the checkout's."""
    roots = _git(checkout, "rev-list", "--max-parents=0", "HEAD", check=False).stdout.split()
    return any(not _git(mirror, "cat-file", "-e", f"{root}^{{commit}}", check=False).returncode for root in roots)


def remotes(checkout: Path) -> tuple[str, ...]:
    """Return the addresses of all remotes, as they are written and as git's own settings rewrite them."""
    written = _git(checkout, "config", "--null", "--get-regexp", r"^remote\..*\.url$", check=False).stdout
    found = [entry.partition("\n")[2] for entry in written.split("\0") if entry]
    return tuple(address for one in found for address in (one, rewritten(checkout, one)))


def rewritten(checkout: Path, address: str) -> str:
    """Return what git takes an address for (``url.<base>.insteadOf``); nothing is connected to."""
    return _git(checkout, "ls-remote", "--get-url", "--", address, check=False).stdout.rstrip("\n") or address


def fetch_from(checkout: Path, mirror: Path, name: str) -> Revision:
    """Return the commit that ``name`` means in ``checkout``, having brought it into ``mirror``; else in the mirror.

    A name that only the mirror has, as a branch that was never fetched, means what it means there; but not what counts
    back from the checkout's own (``HEAD~2``), where that is another commit and its history is cut off.
    """
    try:
        found = resolve(checkout, name)
    except UsageError:
        if means_its_own(checkout, mirror, name):
            raise
        return resolve(mirror, name)
    if _git(mirror, "cat-file", "-e", f"{found.commit}^{{commit}}", check=False).returncode:
        # The reference keeps it there; a commit may be asked for by its hash, whatever the checkout's own settings are.
        kept = f"+{found.commit}:refs/heads/headgate-{found.commit[:16]}"
        upload = "git -c uploadpack.allowAnySHA1InWant=true upload-pack"
        source = str(checkout.resolve())
        _git(mirror, "fetch", "--quiet", "--no-tags", "--update-shallow", f"--upload-pack={upload}", source, kept)
    return found


def _unknown(repository: Path, name: str) -> str:
    refs = _git(repository, "for-each-ref", "--format=%(refname:short)").stdout.split()
    near = difflib.get_close_matches(name, refs, n=NEAR_NAMES, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    if is_shallow(repository):
        hint += f"; the clone is shallow: {FETCH_ALL}"
    hint = hint or "; fetch it, or give a branch, tag or hash that exists"
    return f"{name!r}: no such revision in {repository}{hint}"


def dirty_files(repository: Path) -> tuple[str, ...]:
    """Return the tracked files with uncommitted changes: what a comparison of commits does not measure."""
    status = _git(repository, "status", "--porcelain", "--untracked-files=no", "-z").stdout
    return tuple(entry[3:] for entry in status.split("\0") if len(entry) > 3)


def changes_digest(repository: Path, *, exclude: Path) -> str:
    """Return a digest of all uncommitted changes of tracked files, but for those below ``exclude``; '' without any."""
    below = os.path.relpath(exclude, repository)
    apart = [] if below.startswith("..") or below == "." else [f":(exclude){below}"]
    done = _git(repository, "diff", "--binary", "--no-ext-diff", "--no-textconv", "HEAD", "--", ".", *apart).stdout
    return hashlib.sha256(done.encode()).hexdigest()[:16] if done else ""


def tracked_and_other(directory: Path, exclude: tuple[str, ...]) -> tuple[list[str], list[str]] | None:
    """Return the files below ``directory``, by name, that git tracks, and those it does not; None in no repository.

    Ignored ones are left out, and those below ``exclude`` (paths relative to the directory).
    """
    listed = []
    for which in (["--cached"], ["--others", "--exclude-standard"]):
        apart = [f":(exclude){path}" for path in exclude]
        done = _git(directory, "ls-files", *which, "-z", "--", ".", *apart, check=False)
        if done.returncode:
            return None
        listed.append(done.stdout.split("\0")[:-1])
    return listed[0], listed[1]


def same_content(repository: Path, commit: str, directory: Path) -> bool:
    """Say whether ``directory`` of the working tree holds exactly what ``commit`` has there."""
    changed = _git(repository, "diff", "--quiet", commit, "--", str(directory), check=False).returncode
    untracked = _git(repository, "ls-files", "--others", "--exclude-standard", "--", str(directory)).stdout
    return not changed and not untracked.strip()


def extract(repository: Path, commit: str, subdirectory: str, destination: Path) -> Path | None:
    """Write ``subdirectory`` as ``commit`` has it below ``destination``; return where, or None where it has none."""
    target = destination / subdirectory
    if target.is_dir():
        return target
    if _git(repository, "cat-file", "-e", f"{commit}:{subdirectory}", check=False).returncode:
        return None
    destination.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent) as partial:
        unpacked = Path(partial) / "tree"
        unpacked.mkdir()
        # Not `git archive`: it leaves out what .gitattributes keeps from releases, as suites often are.
        index = {"GIT_INDEX_FILE": str(Path(partial) / "index")}
        _git(repository, f"--work-tree={unpacked}", "checkout", "--quiet", commit, "--", subdirectory, env=index)
        target.parent.mkdir(parents=True, exist_ok=True)
        (unpacked / subdirectory).rename(target)
    return target


def snapshot(directory: Path, store: Path, *, exclude: tuple[str, ...] = ()) -> Revision:
    """Turn a directory as it stands, uncommitted and untracked files included, into a commit of ``store``.

    ``store`` is a bare repository of ours, made if need be; the directory is only read. Ignored files stay out, and
    so does ``exclude`` (paths relative to the directory). A clean checkout keeps its own commit; a changed one gets
    one on top of it, so that version numbers made from tags still work.
    """
    _require_directory(directory)
    if not (store / "HEAD").is_file():
        store.mkdir(parents=True, exist_ok=True)
        _git(store, "init", "--quiet", "--bare", ".")
    parent = _fetch_head(directory, store)
    with tempfile.TemporaryDirectory() as scratch:
        environment = {"GIT_DIR": str(store.resolve()), "GIT_INDEX_FILE": str(Path(scratch) / "index")}
        pathspecs = [".", *(f":(exclude){path}" for path in exclude)]
        # `git add` exits 1 where an excluded path is ignored as well; what it staged is right all the same.
        _git(directory, "--work-tree=.", "add", "--all", "--", *pathspecs, env=environment, check=False)
        tree = _git(directory, "write-tree", env=environment).stdout.strip()
    if parent and _git(store, "rev-parse", f"{parent}^{{tree}}").stdout.strip() == tree:
        commit, title = parent, _git(store, "log", "-1", "--format=%s", parent).stdout.strip()
    else:
        title = f"{directory.resolve().name} as it stands" + (f", on top of {parent[:8]}" if parent else "")
        identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _IDENTITY.items()}
        parents = ["-p", parent] if parent else []
        commit = _git(store, "commit-tree", tree, *parents, "-m", title, env=identity).stdout.strip()
    _git(store, "update-ref", f"refs/heads/snapshot-{commit[:16]}", commit)
    return Revision(str(directory), commit, title)


_IDENTITY = {"NAME": "headgate", "EMAIL": "headgate@localhost", "DATE": SNAPSHOT_DATE}


def _fetch_head(directory: Path, store: Path) -> str | None:
    """Bring the directory's own commit and tags into ``store``; None where it is not the top of a checkout with one."""
    top = _git(directory, "rev-parse", "--show-toplevel", check=False)
    head = _git(directory, "rev-parse", "--verify", "--quiet", "HEAD", check=False)
    if top.returncode or head.returncode or Path(top.stdout.strip()) != directory.resolve():
        return None
    source = str(directory.resolve())
    _git(store, "fetch", "--quiet", "--force", "--tags", "--update-shallow", source, "HEAD")
    return head.stdout.strip()


def _git(
    directory: Path, *arguments: str, env: dict[str, str] | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run git in ``directory``; a failure that ``check`` does not expect becomes an :class:`InputError`."""
    # A hook that calls us exports GIT_DIR and friends of *its* repository: they must not redirect ours.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(
            # Nor do hooks run, a checkout's own or those of all of a user's: a command of theirs is none of ours.
            ["git", "-c", f"core.hooksPath={os.devnull}", *arguments],
            cwd=directory,
            env={**inherited, "LC_ALL": "C", **(env or {})},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        # Popen says so too where it is the directory that is not there.
        _require_directory(directory)
        raise InputError("git is not on PATH; install it") from None
    if check and done.returncode:
        raise InputError(f"{directory}: `git {' '.join(arguments)}` failed: {done.stderr.strip()}")
    return done
