#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# fulgurctl doctor on a machine that is well, and on one where something is wrong: it finds just that, and the command it names mends it.

import contextlib
import json

import admin
from machine import play, wait_until

CONF = '/etc/fulgur/fulgur.env'
CREDENTIAL = '''
projects: [ { name: safe, credentials: [ { name: target, owner: ada@example.org, body: { token: abc } } ] } ]
'''


def examine(machine):
    """What the doctor finds: health by check."""
    status, text = machine.try_run('fulgurctl --json doctor 2>/dev/null')
    report = json.loads(text)
    assert report['ok'] == (status == 0), text
    assert [check['number'] for check in report['checks']] == list(range(1, len(report['checks']) + 1))
    return {check['check']: check for check in report['checks']}


def ailing(checks):
    return {name for name, check in checks.items() if check['health'] == 'FAILED'}


def well(machine):
    """after set-up nothing is wrong; what a new machine lacks is only warned of"""
    checks = wait_until('the worker is there', lambda: (lambda c: c['workers']['health'] == 'ok' and c)(examine(machine)))
    assert ailing(checks) == set(), checks
    warned = {name for name, check in checks.items() if check['health'] == 'warning'}
    assert warned <= {'clock', 'backup', 'disk'} and 'backup' in warned, checks
    print(machine.run('fulgurctl doctor'))


@contextlib.contextmanager
def broken(machine, breaks, mends):
    machine.run(breaks)
    yield examine(machine)
    machine.run(mends)
    assert ailing(examine(machine)) == set(), (breaks, mends)


def finds_settings(machine):
    """a wrong setting"""
    for line in ('PORT=x', 'NONSENSE=1'):
        with broken(machine, f'echo {line} >{CONF}', f'rm {CONF}') as found:
            assert 'settings' in ailing(found), found


def mends(machine):
    """what is wrong alone is found alone, and the command that is named mends it"""
    for check, breaks in (('sockets', 'chmod 0666 /run/fulgur/workers.sock'),
                          ('sockets', 'chgrp root /run/fulgur/webhooks.sock'),
                          ('units', 'systemctl stop fulgur-cron.timer')):
        machine.run(breaks)
        found = examine(machine)
        assert ailing(found) == {check}, (breaks, found)
        machine.run(found[check]['fix'])
        assert ailing(examine(machine)) == set(), (breaks, found[check]['fix'])


def finds_keys(machine):
    """keys that are lost, foreign or open to everybody"""
    store = '/etc/credstore.encrypted'
    with broken(machine, f'mv {store}/fulgur.session-key /root', f'mv /root/fulgur.session-key {store}') as found:
        assert {'settings', 'keys'} <= ailing(found), found
    with broken(machine, 'install -d -m 0700 /etc/credstore; install -m 0644 /dev/null /etc/credstore/fulgur.session-key',
                'rm /etc/credstore/fulgur.session-key') as found:
        assert 'keys' in ailing(found) and 'chmod 0400' in found['keys']['fix'], found
    sealed = "decode('01' || repeat('ab', 8) || repeat('00', 60), 'hex')"
    machine.run('fulgurctl kickstart -', CREDENTIAL)
    sql = f"INSERT INTO credential_bodies (id, credential_id, name, body) SELECT gen_random_uuid(), id, 'other', {sealed} FROM credentials LIMIT 1"
    with broken(machine, f'cd /; runuser -u fulgur -- psql -c "{sql}"',
                "cd /; runuser -u fulgur -- psql -c \"DELETE FROM credential_bodies WHERE name = 'other'\"") as found:
        assert ailing(found) == {'seals'}, found


def finds_services(machine):
    """a database that is away, a public address that is closed, a sandbox with a hole, no worker, a backup"""
    machine.allow('^fulgur', r'.')          # services complain of what is done to them here
    machine.allow('^(systemd|postgres.*)$', r'(?i)fulgur|postgres')
    with broken(machine, 'systemctl stop postgresql@15-main.service',
                'systemctl start postgresql@15-main.service') as found:
        assert ailing(found) == {'database'}, found
    with broken(machine, 'systemctl stop fulgur-web.socket fulgur-web.service', 'systemctl start fulgur.target') as found:
        assert ailing(found) == {'units', 'answer'}, found
    with broken(machine, 'install -d /etc/systemd/system/fulgur-cron.service.d; '
                         r'printf "[Service]\nPrivateUsers=no\nUser=root\nCapabilityBoundingSet=~\nProtectSystem=no\nSystemCallFilter=\n" '
                         '>/etc/systemd/system/fulgur-cron.service.d/hole.conf; systemctl daemon-reload',
                'rm /etc/systemd/system/fulgur-cron.service.d/hole.conf; systemctl daemon-reload') as found:
        assert found['sandbox']['health'] == 'warning', found
    assert examine(machine)['worker-keys']['health'] == 'ok'
    stranger = 'eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJMaWdodG5pbmcifQ.AAAA'
    assert machine.run("curl -s -o /dev/null -w '%{http_code}' --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' "
                       "-H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' "
                       f"'http://127.0.0.1:4000/worker/websocket?vsn=2.0.0&token={stranger}'") == '401'
    found = wait_until('it is told', lambda: (lambda c: c['health'] == 'warning' and c)(examine(machine)['worker-keys']))
    assert 'not signed with our WORKER_SECRET' in found['note'], found
    machine.run('systemctl stop fulgur-runner.service')
    wait_until('it has left', lambda: examine(machine)['workers']['health'] == 'warning')
    machine.run('cd /; ' + examine(machine)['backup']['fix'])
    assert examine(machine)['backup']['health'] == 'ok'


def reports(machine):
    """a bug report has all that matters, and no secret, wherever it leaked to"""
    machine.write(CONF, 'SMTP_PASSWORD=planted in the settings\nWORKER_CAPACITY_X=planted in an unknown one\n'
                  'DATABASE_URL=postgresql://flow:planted-in-the-address@db.example.org/flow\n')
    machine.run('''systemd-run --quiet --wait --unit=fulgur-leak sh -c '
        for key in primary-key worker-secret run-token-key session-key; do
                systemd-creds decrypt --name=fulgur.$key /etc/credstore.encrypted/fulgur.$key -
                echo
        done; echo "<4>planted in the settings, planted-in-the-address, told and leaked"' ''')
    keys = machine.run('for key in /etc/credstore.encrypted/*; do systemd-creds decrypt --name=$(basename $key) $key -; echo; done').split()
    machine.allow('^sh$', 'told and leaked')
    for text in (machine.run('fulgurctl bug-report'), machine.run('fulgurctl --json bug-report')):
        assert 'told and leaked' in text and 'libh2o' in text and 'fulgur-web.socket' in text
        for secret in (*keys, 'planted in', 'planted-in'):
            assert secret not in text, secret
    machine.run('fulgurctl bug-report /root/report; test "$(stat -c %a /root/report)" = 600')
    assert machine.try_run('fulgurctl bug-report /root/report')[0] == 1
    assert machine.try_run('fulgurctl bug-report >/dev/full')[0] == 1
    machine.run(f'rm {CONF}')


play(*admin.SET_UP, well, finds_settings, mends, finds_keys, finds_services, reports)
