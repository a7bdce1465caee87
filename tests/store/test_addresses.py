"""Which addresses name one repository."""

import pytest

from headgate.store.addresses import names_project, shown

PROJECT = "https://github.com/known/truth.git"


@pytest.mark.parametrize(
    ("remotes", "expected"),
    [
        (["https://github.com/known/truth"], True),
        (["https://me:token@GitHub.com/Known/truth.git/"], True),
        (["git@github.com:known/truth.git"], True),
        (["github.com:/known/truth"], True),
        (["ssh://git@github.com:22/known/truth"], True),
        (["https://github.com/me/suite", "git@github.com:known/truth"], True),
        (["https://github.com/known/truth-benchmarks.git"], False),
        (["git@gitlab.com:me/suite", "https://github.com/me/suite"], False),
        (["https://github.com/me/truth"], None),  # a fork
        (["ssh://git@ssh.github.com:443/known/truth.git"], None),
        (["/srv/git/suite.git"], None),
        (["file:///srv/git/suite.git", "https://github.com/me/suite"], None),
        ([], None),
    ],
)
def test_remotes_tell_whether_a_checkout_is_of_the_project(remotes, expected):
    assert names_project(remotes, [PROJECT]) is expected


def test_a_directory_is_the_project_where_git_takes_the_address_for_it(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    assert names_project([tmp_path.as_uri()], [PROJECT, str(tmp_path / "link")])


@pytest.mark.parametrize("address", ["https://u:p@ss@h.org/a@b", "https://token@h.org/a@b", "https://h.org/a@b"])
def test_no_secret_of_an_address_is_shown(address):
    assert shown(address) == "https://h.org/a@b"
