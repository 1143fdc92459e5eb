#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# An upgrade on a machine at work: connected workers, a run in flight, webhooks all the while. Nothing is lost.

import json
import os
import re
import subprocess
import tempfile

import admin
from machine import bring, play, HERE, wait_until

DAEMONS = ('web', 'webhooks', 'workers')


def make_previous(deb, folder):
    """The same package as an earlier version: there is no release yet that the real one could be."""
    tree = f'{folder}/{os.path.basename(deb)}.d'
    subprocess.run(['dpkg-deb', '-R', deb, tree], check=True)
    with open(f'{tree}/DEBIAN/control', encoding='utf-8') as file:
        control = re.sub(r'^Version: .*', 'Version: 0.0.1~previous', file.read(), flags=re.M)
    control = re.sub(r'fulgur \([^)]*\)', 'fulgur (= 0.0.1~previous)', control)
    with open(f'{tree}/DEBIAN/control', 'w', encoding='utf-8') as file:
        file.write(control)
    made = f'{folder}/previous-{os.path.basename(deb)}'
    subprocess.run(['dpkg-deb', '--root-owner-group', '-b', tree, made], check=True, stdout=subprocess.DEVNULL)
    return made


def install_previous(machine):
    """install the packages of an earlier version"""
    with tempfile.TemporaryDirectory() as folder:
        machine.install(*(make_previous(deb, folder) for deb in machine.debs))


def binaries(machine):
    return {name: machine.run(f'readlink /proc/{machine.main_pid(f"fulgur-{name}.service")}/exe') for name in DAEMONS}


def upgrade(machine):
    """upgrade while a run is in flight and webhooks arrive"""
    machine.allow('^fulgur-runner$', r'trying again|closed|run:log failed: lost')
    bring(machine, f'{HERE}/load.mjs', 'load.mjs')
    flying = admin.post(machine, '{"wait":8000}')
    wait_until('it has started', lambda: admin.state_of(machine, flying) == 'started')
    machine.run('systemctl enable --now fulgur-webhooks@1.service')
    instance = machine.main_pid('fulgur-webhooks@1.service')
    pids = {name: machine.main_pid(f'fulgur-{name}.service') for name in DAEMONS}
    load = subprocess.Popen(machine.command(f'node /root/load.mjs {machine.hook} 4 20'), stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    runner, server = sorted(machine.debs)
    machine.install(server)
    assert admin.state_of(machine, flying) == 'started', 'it was not in flight'
    machine.install(runner)
    load.stdin.close()
    result = json.loads(load.stdout.read())
    print(f"# {result['statuses']} webhooks during the upgrade")

    assert result['refused'] == 0 and result['errors'] == {} and set(result['statuses']) == {'200'}, result['errors']
    assert admin.count_runs(machine, result['runs']) == len(set(result['runs'])) == len(result['runs'])

    admin.await_success(machine, flying)
    told_by = [(entry['MESSAGE'].partition(':')[0], entry['_PID']) for entry in machine.journal(f'FULGUR_RUN_ID={flying}')]
    started, ended = (next(pid for message, pid in told_by if message == what) for what in ('Run started', 'Run ended'))
    assert started != ended and len([message for message, _ in told_by if message == 'Run ended']) == 1, told_by
    for name in DAEMONS:
        assert machine.main_pid(f'fulgur-{name}.service') != pids[name], name
    assert machine.main_pid('fulgur-webhooks@1.service') not in (0, instance)
    assert not any('deleted' in path for path in binaries(machine).values()), binaries(machine)
    assert machine.run("dpkg-query -W -f '${Version}' fulgur") != '0.0.1~previous'


def enabled_still(machine):
    """what was enabled is enabled, what was stopped stays stopped, and an upgrade starts nothing"""
    assert machine.run('systemctl is-enabled fulgur.target') == 'enabled'
    machine.run('systemctl stop fulgur-runner.service fulgur.target')
    running = "systemctl list-units --plain --no-legend --state=active,deactivating 'fulgur-[wcjr]*'"
    wait_until('everything has stopped', lambda: machine.run(running) == '')
    machine.install(*machine.debs)
    assert machine.run(running) == ''
    assert json.loads(machine.run('fulgurctl --json setup'))['ok']


play(install_previous, *admin.SET_UP[1:], upgrade, enabled_still)
