# SPDX-License-Identifier: Apache-2.0
#
# What administrators do on every machine: install, set up as fulgur.systemd(7) says, declare a workflow, post a webhook.

import json

from machine import wait_until

# Jobs without an adaptor: the machine reaches no registry.
WORKFLOW = '''
users:
  - { email: ada@example.org, first_name: Ada, last_name: L, password: an engine weaves patterns, superuser: true, api_token: true }
projects:
  - name: demo
    members: [ { email: ada@example.org, role: owner } ]
    workflows:
      - name: Intake
        trigger: { type: webhook }
        jobs:
          - name: Greet
            adaptor: ""
            body: |
              export default [ state => new Promise(done => setTimeout(() => done(state), state.data.wait ?? 0)) ];
        edges:
          - { from: trigger, to: Greet, condition: always }
'''


def install(machine):
    """install the packages"""
    machine.install(*machine.debs)


def make_database(machine):
    """make the roles and the database"""
    machine.run('systemctl start postgresql')
    wait_until('PostgreSQL answers', lambda: machine.try_run('runuser -u postgres -- psql -c "SELECT 1"')[0] == 0)
    machine.run('cd /; runuser -u postgres -- createuser fulgur')
    machine.run('cd /; runuser -u postgres -- createuser fulgur-webhooks')
    machine.run('cd /; runuser -u postgres -- createdb --owner=fulgur fulgur')
    machine.run('''cd /; runuser -u postgres -- psql -c 'GRANT fulgur TO "fulgur-webhooks"' ''')


CREDENTIALS = {
    'PRIMARY_ENCRYPTION_KEY': 'fulgur.primary-key',
    'SECRET_KEY_BASE': 'fulgur.session-key',
    'WORKER_RUNS_PRIVATE_KEY': 'fulgur.run-token-key',
    'WORKER_SECRET': 'fulgur.worker-secret',
}


def make_keys(machine):
    """make the keys, as credentials"""
    machine.run('install -d -m 0700 /etc/credstore')
    for kind in ('encryption', 'worker', 'session'):
        for line in machine.run(f'fulgurctl key generate {kind} 2>/dev/null').splitlines():
            name, _, value = line.partition('=')
            if name in CREDENTIALS:
                machine.write(f'/etc/credstore/{CREDENTIALS[name]}', value.strip('"\''), '0600')


def start(machine):
    """start fulgur.target and the runner"""
    machine.run('systemctl enable --now fulgur.target fulgur-runner.service')


def declare(machine):
    """declare a workflow"""
    text = machine.run('systemd-run --quiet --pipe --wait -p User=fulgur -p LoadCredential=fulgur.primary-key '
                       '-p LoadCredential=fulgur.run-token-key fulgurctl kickstart - --manifest /dev/stdout', WORKFLOW)
    manifest = json.loads(text[text.index('{'):])
    machine.hook = 'http://127.0.0.1:4000' + manifest['workflows'][0]['webhook_path']


SET_UP = (install, make_database, make_keys, start, declare)


def post(machine, data='{}'):
    """Posts a webhook; returns its run's id."""
    reply = machine.run(f"curl -sS --fail-with-body -D - -X POST -H 'content-type: application/json' --data '{data}' {machine.hook}")
    for line in reply.splitlines():
        name, _, value = line.partition(':')
        if name.lower() == 'x-meta-run-id':
            return value.strip()
    raise AssertionError(f'the reply names no run: {reply}')


def state_of(machine, run):
    return machine.run(f"cd /; runuser -u fulgur -- psql -tA -c \"SELECT state FROM runs WHERE id = '{run}'\"")


def await_success(machine, run):
    state = wait_until('the run ends', lambda: (lambda s: s not in ('available', 'claimed', 'started') and s)(state_of(machine, run)))
    assert state == 'success', f'run {run}: {state}'
