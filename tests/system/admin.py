# SPDX-License-Identifier: Apache-2.0
#
# What administrators do on every machine: install, set up as fulgur.systemd(7) says, declare a workflow, post a webhook.

import json
import subprocess

from machine import Failed, wait_until

SOCKETS = {'web': '127.0.0.1:4000', 'webhooks': '/run/fulgur/webhooks.sock', 'workers': '/run/fulgur/workers.sock'}

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


def set_up(machine):
    """fulgurctl setup does all the rest; a second time it has nothing to do"""
    machine.run('systemctl start postgresql')
    wait_until('PostgreSQL answers', lambda: machine.try_run('runuser -u postgres -- psql -c "SELECT 1"')[0] == 0)
    print(machine.run(f'fulgurctl setup --superuser root@example.org {machine.set_up_options}', 'an engine weaves patterns\n'))
    again = json.loads(machine.run('fulgurctl --json setup'))
    assert again['ok'] and not again['changed'], again


def start_runner(machine):
    """start the small worker"""
    machine.run('systemctl enable --now fulgur-runner.service')


def declare(machine):
    """declare a workflow"""
    text = machine.run('fulgurctl kickstart -', WORKFLOW)
    manifest = json.loads(text)
    machine.hook = 'http://127.0.0.1:4000' + manifest['workflows'][0]['webhook_path']


SET_UP = (install, set_up, start_runner, declare)


def post(machine, data='{}'):
    """Posts a webhook; returns its run's id."""
    reply = machine.run(f"curl -sS --fail-with-body -D - -X POST -H 'content-type: application/json' --data '{data}' {machine.hook}")
    for line in reply.splitlines():
        name, _, value = line.partition(':')
        if name.lower() == 'x-meta-run-id':
            return value.strip()
    raise AssertionError(f'the reply names no run: {reply}')


def ask(machine, name):
    """A caller at a daemon's socket, who waits for an answer."""
    where = f'--unix-socket {SOCKETS[name]}' if SOCKETS[name].startswith('/') else ''
    url = 'http://localhost/' if where else f'http://{SOCKETS[name]}/health_check'
    return subprocess.Popen(machine.command(f"curl -sS -o /dev/null -w '%{{http_code}}' {where} {url}"),
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def n_waiting(machine, name):
    """How many callers wait in a socket's backlog."""
    family, column = ('-xl', '$3') if SOCKETS[name].startswith('/') else ('-tl', '$2')
    return int(machine.run(f"ss -Hn {family} | grep -F '{SOCKETS[name]} ' | awk '{{ print {column} }}'"))


def all_answered(name, callers):
    answers = [caller.communicate()[0] for caller in callers]
    assert all(len(a) == 3 and a != '000' for a in answers), f'{name}: {answers}'


def state_of(machine, run):
    return json.loads(machine.run(f'fulgurctl --json run show {run}'))['run'][0]['state']


def await_success(machine, run):
    state = wait_until('the run ends', lambda: (lambda s: s not in ('available', 'claimed', 'started') and s)(state_of(machine, run)))
    assert state == 'success', f'run {run}: {state}'


def count_runs(machine, runs, condition='true'):
    """How many of those runs the database holds."""
    return int(machine.run('cd /; runuser -u fulgur -- psql -tA -f -',
                           f"SELECT count(*) FROM runs WHERE {condition} AND id = ANY('{{{','.join(runs)}}}'::uuid[])"))


def await_all(machine, runs):
    """Until all have succeeded. A slow machine may take its time, as long as it gets on."""
    done = 0
    try:
        while done < len(runs):
            done = wait_until(f'more than {done} of {len(runs)} runs succeed',
                              lambda d=done: (lambda n: n > d and n)(count_runs(machine, runs, "state = 'success'")), 120)
    except Failed:
        for run in runs:
            if state_of(machine, run) != 'success':
                print(machine.run(f'fulgurctl run show {run}; journalctl FULGUR_RUN_ID={run}; journalctl --grep {run}'))
        raise
