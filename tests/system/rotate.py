#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Another primary key while webhooks arrive and runs ask for their credentials: none of them notices.

import json
import subprocess

import admin
from machine import HERE, bring, play, wait_until

STORE = '/etc/credstore.encrypted'
WORKFLOW = '''
projects:
  - name: sealed
    credentials: [ { name: target, owner: ada@example.org, body: { token: planted } } ]
    workflows:
      - name: Use it
        trigger: { type: webhook }
        jobs:
          - name: look
            adaptor: ""
            credential: target
            body: |
              export default [ state => { if (state.configuration.token !== "planted") throw new Error("no key"); return state; } ];
        edges:
          - { from: trigger, to: look, condition: always }
'''


def declare_sealed(machine):
    """a workflow whose job needs a credential"""
    manifest = json.loads(machine.run('fulgurctl kickstart -', WORKFLOW))
    machine.hook = 'http://127.0.0.1:4000' + manifest['workflows'][0]['webhook_path']
    admin.await_success(machine, admin.post(machine))


def key_of(machine):
    return machine.run(f'systemd-creds decrypt --name=fulgur.primary-key {STORE}/fulgur.primary-key -')


def rotate(machine):
    """rotations under load: one is killed half way, the next one finishes it, and one more is made"""
    machine.allow('^fulgur-runner$', r'trying again|closed|run:log failed: lost')
    bring(machine, f'{HERE}/load.mjs', 'load.mjs')
    load = subprocess.Popen(machine.command(f'node /root/load.mjs {machine.hook} 1 40'), stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    keys = [key_of(machine)]
    half = subprocess.Popen(machine.command('exec fulgurctl key rotate'), stdout=subprocess.PIPE, text=True)
    wait_until('it has begun', lambda: machine.try_run(f'test -e {STORE}/fulgur.primary-key.old')[0] == 0)
    machine.run('pkill -KILL -x fulgurctl')
    half.communicate()
    assert 'sealed with a former key' in machine.run('fulgurctl doctor') or key_of(machine) == keys[0]
    for _ in range(2):
        print(machine.run('fulgurctl key rotate'))
        keys.append(key_of(machine))
        assert machine.try_run(f'test -e {STORE}/fulgur.primary-key.old')[0] != 0
        assert 'primary-key.old' not in machine.run('cat /etc/systemd/system/fulgur-webhooks.service.d/*')
    assert len(set(keys)) == 3, 'each rotation makes a key'
    last = admin.post(machine)
    load.stdin.close()
    result = json.loads(load.stdout.read())
    print(f"# {result['statuses']} webhooks meanwhile")
    assert result['refused'] == 0 and result['errors'] == {} and set(result['statuses']) == {'200'}, result
    admin.await_success(machine, last)
    admin.await_all(machine, result['runs'])
    assert '"ok":true' in machine.run('fulgurctl --json key rotate --check')
    seen = machine.run('journalctl -o export -a')
    assert not any(key in seen for key in keys)


play(*admin.SET_UP, declare_sealed, rotate)
