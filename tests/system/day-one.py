#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# From packages to a run that succeeds, services that are killed, and the packages gone again.

import os
import subprocess

import admin
from machine import HERE, bring, play, wait_until


def commands():
    """What the README's install section tells people to type."""
    tool = os.path.join(HERE, '../../tools/readme-commands')
    return subprocess.run([tool], check=True, stdout=subprocess.PIPE, text=True).stdout.strip().splitlines()


def install_as_told(machine):
    """the README's first line, in the folder that holds the packages"""
    machine.run('systemctl start postgresql')
    for deb in machine.debs:
        bring(machine, deb, os.path.basename(deb))
    # apt finds all but our own package on the machine already: it has no network to fetch anything.
    print(machine.run(f'cd /root; DEBIAN_FRONTEND=noninteractive {commands()[0]}')[-200:])


def set_up_as_told(machine):
    """the README's other lines"""
    for line in commands()[1:]:
        print(machine.run(f'cd /root; {line}'))
    # The runner is another package; whoever sets up without a superuser names one later.
    machine.run('DEBIAN_FRONTEND=noninteractive dpkg --install /root/fulgur-runner_*.deb')


def not_yet(machine):
    """before set-up nothing runs, nothing listens, and everything says what comes next"""
    machine.allow('^fulgur$', r'^Fulgur is not set up yet')
    machine.allow('^fulgur-web(hooks)?$', r'is not set: run "fulgurctl setup"')
    machine.allow('^systemd$', r"fulgur-(setup-check|web|webhooks)\.service: (Main process exited, code=exited, status=78|"
                               r"Failed with result 'exit-code')|^(Failed to start|Dependency failed for) .*Fulgur")
    assert machine.try_run('systemctl start fulgur.target')[0] != 0
    for unit in ('fulgur-setup-check.service', 'fulgur-web.service', 'fulgur-webhooks.service'):
        assert machine.try_run(f'systemctl start {unit}')[0] != 0, unit
        said = machine.try_run(f'systemctl status {unit}')[1]
        assert 'fulgurctl setup' in said, said
        assert machine.run(f'systemctl show --value --property NRestarts {unit}') == '0'
    assert machine.run("systemctl list-units --plain --no-legend --state=active 'fulgur*'") == ''
    assert 'The packages are installed, but there are no keys yet' in machine.run('journalctl -x -t fulgur')
    machine.run("systemctl reset-failed 'fulgur*'")


def run_something(machine):
    """post a webhook through the public port; the runner executes it"""
    admin.await_success(machine, admin.post(machine))


def leave_and_come_back(machine):
    """stop the services; the next webhook starts them"""
    machine.run('systemctl stop fulgur-web.service fulgur-webhooks.service')
    admin.post(machine)
    machine.run('systemctl stop fulgur-web.service')
    print('# activation to first byte:', machine.run(
        "curl -s -o /dev/null -w '%{time_starttransfer}' http://127.0.0.1:4000/health_check"), 's')


def kill_each(machine):
    """kill -9 each service while callers wait in its backlog: none is refused"""
    for name in admin.SOCKETS:
        machine.allow('^systemd$', rf'fulgur-{name}\.service: (Main process exited, code=killed|Failed with result .signal)')
        if name == 'workers':
            machine.allow('^fulgur-runner$', r'^connection closed \(1006\), trying again')
        admin.ask(machine, name).wait()       # it runs now
        pid = machine.main_pid(f'fulgur-{name}.service')
        machine.run(f'kill -STOP {pid}')
        callers = [admin.ask(machine, name) for _ in range(20)]
        wait_until('all wait in the backlog', lambda n=name: admin.n_waiting(machine, n) >= 20)
        machine.run(f'kill -KILL {pid}')
        admin.all_answered(name, callers)
        assert machine.main_pid(f'fulgur-{name}.service') != pid


def take_away(machine):
    """remove, then purge: nothing runs, the data stays, and what stays is named"""
    machine.run('dpkg --remove fulgur-runner fulgur')
    assert machine.run("systemctl list-units --plain --no-legend --state=active 'fulgur*.service' 'fulgur*.socket' 'fulgur*.timer'") == ''
    said = machine.run('dpkg --purge fulgur-runner fulgur')
    for left in ('dropdb fulgur', '/etc/credstore.encrypted/fulgur.primary-key', '/var/backups/fulgur'):
        assert left in said, said
    assert machine.run("ls -d /etc/systemd/system/fulgur-*.service.d 2>/dev/null || true") == ''
    assert int(machine.run('cd /; runuser -u postgres -- psql -tA -d fulgur -c "SELECT count(*) FROM runs"')) > 0
    machine.run('test -s /etc/credstore.encrypted/fulgur.primary-key')


play(install_as_told, not_yet, set_up_as_told, *admin.SET_UP[1:], run_something, leave_and_come_back, kill_each, take_away)
