"""Revisions, uncommitted changes, and directories turned into commits."""

from __future__ import annotations

import os
import subprocess

import pytest

from headgate.errors import InputError, UsageError
from headgate.store.content import content_digest
from headgate.store.git import (
    changes_digest,
    dirty_files,
    extract,
    find_repository,
    resolve,
    same_content,
    snapshot,
)


def git(directory, *arguments):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    for who in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{who}_NAME": "t", f"GIT_{who}_EMAIL": "t@localhost"}
    done = subprocess.run(
        ["git", *arguments], cwd=directory, check=True, env=environment, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    root = (tmp_path / "repo").resolve()
    (root / "bench").mkdir(parents=True)
    git(root, "init", "-q", "--initial-branch=main")
    (root / "code.py").write_text("x = 1\n")
    (root / "bench" / "b.py").write_text("def time_x(): pass\n")
    (root / ".gitignore").write_text("ignored/\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first: a title")
    git(root, "tag", "-a", "v1.0", "-m", "annotated")
    return root


def test_a_branch_a_tag_a_hash_and_an_expression_mean_their_commit(repository):
    head = git(repository, "rev-parse", "HEAD")
    for name in ("main", "v1.0", head, head[:8], "HEAD"):
        revision = resolve(repository, name)
        assert (revision.name, revision.commit, revision.title) == (name, head, "first: a title")


@pytest.mark.parametrize("name", ["v1.1", "--all", "HEAD~5", "no such thing", ""])
def test_an_unknown_revision_is_refused(repository, name):
    with pytest.raises(UsageError, match="no such revision"):
        resolve(repository, name)


def test_an_unknown_revision_names_what_is_near_and_a_shallow_clone_says_so(repository, tmp_path):
    with pytest.raises(UsageError, match=r"did you mean v1\.0"):
        resolve(repository, "v1.1")
    git(repository, "commit", "-q", "--allow-empty", "-m", "second")
    git(tmp_path, "clone", "-q", "--depth=1", repository.as_uri(), "shallow")
    with pytest.raises(UsageError, match="--unshallow"):
        resolve(tmp_path / "shallow", "HEAD~1")


def test_a_directory_outside_any_repository_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(InputError, match="not in a git repository; run this inside one, or make one"):
        find_repository(tmp_path)
    with pytest.raises(InputError, match="no such directory"):
        find_repository(tmp_path / "none")


def test_the_repository_is_found_from_below_even_where_git_s_variables_point_elsewhere(
    repository, tmp_path, monkeypatch
):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert find_repository(repository / "bench") == repository


def test_dirty_files_are_the_tracked_ones_that_changed(repository):
    (repository / "new.py").touch()
    assert dirty_files(repository) == ()
    (repository / "code.py").write_text("x = 2\n")
    (repository / "bench" / "b.py").unlink()
    assert sorted(dirty_files(repository)) == ["bench/b.py", "code.py"]


def test_uncommitted_changes_have_a_digest_that_what_is_left_out_does_not_change(repository):
    def digest():
        return changes_digest(repository, exclude=repository / "bench")

    assert digest() == ""
    (repository / "bench" / "b.py").write_text("changed\n")
    (repository / "new.py").touch()
    assert digest() == ""
    seen = set()
    for text in ("x = 2\n", "x = 3\n"):
        (repository / "code.py").write_text(text)
        seen.add(digest())
    assert len(seen - {""}) == 2
    assert changes_digest(repository, exclude=repository.parent) not in {"", *seen}


def test_a_directorys_digest_is_of_its_files_tracked_or_not_and_of_no_ignored_one(repository):
    bench = repository / "bench"
    seen = {content_digest(bench)}
    (bench / "helper.py").write_text("x = 1\n")
    seen.add(content_digest(bench))
    (bench / "b.py").write_text("changed\n")
    seen.add(content_digest(bench))
    git(repository, "commit", "-qam", "the same content")
    seen.add(content_digest(bench))
    assert len(seen) == 3
    for left_out in (bench / "ignored", bench / "results"):
        left_out.mkdir()
        (left_out / "x.py").touch()
    (repository / "code.py").write_text("x = 2\n")
    assert content_digest(bench, exclude=(bench / "results", repository)) in seen
    assert content_digest(bench) not in seen


def test_what_a_suite_writes_beside_itself_is_not_of_its_digest_but_code_and_what_is_tracked_is(repository):
    bench = repository / "bench"
    (bench / "table.json").write_text("{}")
    git(repository, "add", "-A")
    before = content_digest(bench)
    for name in ("out.json", "cache.npy", "settings.toml", "log"):
        (bench / name).write_text("written\n")
    assert content_digest(bench) == before
    seen = {before}
    for name in ("table.json", "fast.cpython-311-x86_64-linux-gnu.so", "fast.pyd", "helper.py"):
        (bench / name).write_text("changed\n")
        seen.add(content_digest(bench))
    assert len(seen) == 5


def test_outside_a_repository_code_counts_but_for_what_is_excluded(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "sub").mkdir()
    (tmp_path / "results").mkdir()
    (tmp_path / "sub" / "b.py").touch()
    before = content_digest(tmp_path, exclude=(tmp_path / "results",))
    for name in ("results/r.py", "sub/data.json"):
        (tmp_path / name).touch()
    assert content_digest(tmp_path, exclude=(tmp_path / "results",)) == before
    (tmp_path / "sub" / "b.py").write_text("changed\n")
    assert content_digest(tmp_path, exclude=(tmp_path / "results",)) != before


def test_same_content_sees_changes_and_untracked_files_below_the_directory_only(repository):
    head = git(repository, "rev-parse", "HEAD")
    (repository / "code.py").write_text("x = 2\n")
    assert same_content(repository, head, repository / "bench")
    (repository / "bench" / "new.py").touch()
    assert not same_content(repository, head, repository / "bench")


def test_no_hook_runs_of_the_repository_or_of_all_of_the_users(repository, tmp_path, monkeypatch):
    ran = tmp_path / "ran"
    for hooks in (repository / ".git" / "hooks", tmp_path / "hooks"):
        hooks.mkdir(exist_ok=True)
        for name in ("post-checkout", "post-index-change", "reference-transaction"):
            (hooks / name).write_text(f"#!/bin/sh\ntouch {ran}\nexit 1\n")
            (hooks / name).chmod(0o755)
    head = resolve(repository, "HEAD").commit
    assert extract(repository, head, "bench", tmp_path / "out" / "suite") is not None
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text(f"[core]\nhooksPath = {tmp_path / 'hooks'}\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert snapshot(repository, tmp_path / "store").commit == head
    assert not ran.exists()


def test_a_directory_is_extracted_as_the_commit_has_it(repository, tmp_path):
    head = git(repository, "rev-parse", "HEAD")
    (repository / "bench" / "b.py").write_text("changed\n")
    there = extract(repository, head, "bench", tmp_path / "out" / "suite")
    assert (there / "b.py").read_text() == "def time_x(): pass\n"
    assert extract(repository, head, "bench", tmp_path / "out" / "suite") == there
    assert extract(repository, head, "nothing", tmp_path / "out" / "other") is None


def test_a_clean_checkout_is_its_own_snapshot_and_a_changed_one_is_a_commit_on_top(repository, tmp_path):
    head = git(repository, "rev-parse", "HEAD")
    store = tmp_path / "store.git"
    (repository / "ignored").mkdir()
    (repository / "ignored" / "x").touch()
    assert snapshot(repository, store).commit == head
    (repository / "code.py").write_text("x = 2\n")
    (repository / "new.py").write_text("untracked\n")
    changed = snapshot(repository, store)
    assert snapshot(repository, store).commit == changed.commit
    assert git(store, "show", f"{changed.commit}:code.py") == "x = 2"
    assert git(store, "show", f"{changed.commit}:new.py") == "untracked"
    assert git(store, "rev-parse", f"{changed.commit}^") == head
    assert "ignored" not in git(store, "ls-tree", "--name-only", changed.commit)
    assert git(store, "describe", changed.commit).startswith("v1.0-1-")
    assert git(repository, "status", "--porcelain", "--untracked-files=no") == "M code.py"


def test_a_plain_directory_becomes_a_commit_without_what_is_excluded(tmp_path):
    plain = tmp_path / "plain"
    (plain / "env").mkdir(parents=True)
    (plain / "env" / "big").touch()
    (plain / "a.py").write_text("1\n")
    revision = snapshot(plain, tmp_path / "store.git", exclude=("env",))
    assert git(tmp_path / "store.git", "ls-tree", "-r", "--name-only", revision.commit) == "a.py"
    assert "plain as it stands" in revision.title


@pytest.mark.parametrize("pattern", ["/bench export-ignore", "/bench/** export-ignore", "b.py export-subst"])
def test_what_is_kept_from_releases_is_part_of_the_commit_all_the_same(repository, tmp_path, pattern):
    (repository / ".gitattributes").write_text(f"{pattern}\n")
    (repository / "bench" / "b.py").write_text("def time_x(): '$Format:%H$'\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "attributes")
    found = extract(repository, resolve(repository, "HEAD").commit, "bench", tmp_path / "own")
    assert found is not None
    assert (found / "b.py").read_text() == "def time_x(): '$Format:%H$'\n"
    assert git(repository, "status", "--porcelain") == ""
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(bare))
    assert extract(bare, resolve(bare, "HEAD").commit, "bench", tmp_path / "from-bare") is not None
