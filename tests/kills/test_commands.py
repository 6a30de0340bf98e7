"""Commands that change the workspace or the cache and run nothing are killed 20 times each."""

import shutil

import pytest

from pivot.store.lockfile import read_locks
from pivot.store.needs import needs

pytestmark = pytest.mark.timeout(3600)  # PIVOT_KILLS may ask for thousands

EVERY = 7  # kills after which the command is repeated to its end


def test_a_checkout_that_is_killed_leaves_each_stage_as_it_was_or_restored(site, kills):
    whole = site.files()
    for number in range(kills(20) * 20):
        site.mangle()
        before = site.files()
        if number % EVERY == 0:
            site.run("checkout")
            assert site.files() == whole
        else:
            site.killed("checkout", changes=site.kills % 2 == 0)
            site.settled(before)
        if site.kills == kills(20):
            break
    site.complete()
    assert site.kills == kills(20)


def test_a_collection_that_is_killed_takes_nothing_that_is_needed(site, kills, tmp_path):
    for version in range(1, 4):
        site.give_version(version)
        site.complete()
    whole, pivot = site.files(), site.path / ".pivot"
    shutil.copytree(pivot, tmp_path / "full")
    needed = {need.digest for record in read_locks(site.layout)[0] for need in needs(site.layout, record)}
    for number in range(kills(20) * 20):
        shutil.rmtree(pivot)
        shutil.copytree(tmp_path / "full", pivot)
        objects = site.names()
        if number % EVERY == 0:
            site.run("gc", "--keep-runs", "1")
            assert site.names() < objects
            assert site.unfinished() == []
            site.clear()
            site.run("checkout")
            assert site.files() == whole
        else:
            site.killed("gc", "--keep-runs", "1", changes=site.kills % 2 == 0)
            site.settled(whole)
        assert needed <= site.names()
        if site.kills == kills(20):
            break
    site.complete()
    assert site.kills == kills(20)


def test_a_commit_that_is_killed_loses_nothing_that_was_made_by_hand(site, kills):
    for number in range(kills(20) * 20):
        site.give_version(100 + number)
        for name in ("half/b.txt", "shards/0/0.txt", "own/raw.txt", "report.txt", "score.json"):
            (site.path / name).write_text(f"{number} by hand")
        by_hand = site.files()
        if number % EVERY == 0:
            site.run("commit")
            assert "0 stages run" in site.run("repro").out
        else:
            site.killed("commit", changes=site.kills % 2 == 0)
            site.settled(by_hand)
        assert site.files() == by_hand
        if site.kills == kills(20):
            break
    assert site.kills == kills(20)
    site.give_version(99)
    site.complete()


def test_a_pull_that_is_killed_brings_whole_objects_only_and_can_be_repeated(site, kills, tmp_path):
    site.run("remote", "add", "share", str(tmp_path / "share"))
    site.run("push")
    whole, objects = site.files(), site.names()
    for number in range(kills(20) * 20):
        shutil.rmtree(site.path / ".pivot/cache", ignore_errors=True)
        site.clear()
        if number % EVERY == 0:
            site.run("pull")
            assert site.names() == objects
            assert "0 stages run" in site.run("repro").out
            assert site.files() == whole
        else:
            site.killed("pull", changes=site.kills % 2 == 0)
            site.settled(site.files())
        if site.kills == kills(20):
            break
    site.run("pull")
    site.complete()
    assert site.kills == kills(20)
