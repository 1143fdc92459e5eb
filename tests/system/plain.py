#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Credentials that are not encrypted: root-only files, out of sight for everybody else.

import admin
from machine import play

NAMES = ('primary-key', 'worker-secret', 'run-token-key', 'session-key')


def ask_for_plain(machine):
    """set-up is asked for plain credentials"""
    machine.set_up_options = '--plain-credentials'


def look_at_files(machine):
    """the keys are files for root alone, and nothing is encrypted"""
    assert machine.run("stat -c '%a %U' /etc/credstore") == '700 root'
    for name in NAMES:
        assert machine.run(f"stat -c '%a %U' /etc/credstore/fulgur.{name}") == '400 root'
    assert machine.run('ls -A /etc/credstore.encrypted 2>/dev/null || true') == ''
    assert machine.run('ls -d /etc/systemd/system/fulgur-*.service.d 2>/dev/null || true') == ''


def keep_quiet(machine):
    """a run succeeds, and no key is seen in journal, unit properties, environments or command lines"""
    admin.await_success(machine, admin.post(machine))
    seen = machine.run("journalctl -o export -a; systemctl show --all 'fulgur*'; cat /proc/[0-9]*/cmdline | tr '\\0' ' '; "
                       "cat /proc/[0-9]*/environ | tr '\\0' '\\n'")
    for name in NAMES:
        for line in machine.run(f'cat /etc/credstore/fulgur.{name}').split():
            assert len(line) < 20 or line not in seen, name


play(admin.install, ask_for_plain, *admin.SET_UP[1:], look_at_files, keep_quiet)
