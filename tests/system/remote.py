#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# A database that is reached by TCP with a password, as on another machine: the example drop-in, set-up with an address, no word of the
# password anywhere.

import json

import admin
from machine import play, wait_until

PASSWORD = 'planted-in-the-address'
UNITS = ('web', 'webhooks', 'workers', 'cron', 'janitor', 'migrate')


def make_database(machine):
    """an administrator of databases makes role and database; the connection is encrypted"""
    machine.run('systemctl start postgresql')
    wait_until('PostgreSQL answers', lambda: machine.try_run('runuser -u postgres -- psql -c "SELECT 1"')[0] == 0)
    machine.run('''cd /var/lib/postgresql
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=db -keyout db.key -out db.crt 2>/dev/null
        chown postgres db.key db.crt; chmod 0600 db.key''')
    machine.run('cd /; runuser -u postgres -- psql -f -', f'''
        CREATE ROLE flow LOGIN PASSWORD '{PASSWORD}';
        CREATE DATABASE flow OWNER flow;
        ALTER SYSTEM SET ssl = on;
        ALTER SYSTEM SET ssl_cert_file = '/var/lib/postgresql/db.crt';
        ALTER SYSTEM SET ssl_key_file = '/var/lib/postgresql/db.key';''')
    machine.run('systemctl restart postgresql@15-main.service')
    wait_until('PostgreSQL answers', lambda: machine.try_run('runuser -u postgres -- psql -c "SELECT 1"')[0] == 0)


def set_up_remote(machine):
    """the drop-in for each unit, then set-up with the address"""
    for unit in UNITS:
        machine.run('install -D -m 0644 /usr/share/doc/fulgur/examples/remote-database.conf '
                    f'/etc/systemd/system/fulgur-{unit}.service.d/remote-database.conf')
    machine.run('systemctl daemon-reload')
    machine.write('/root/url', f'postgresql://flow:{PASSWORD}@127.0.0.1:5432/flow', '0600')
    print(machine.run('fulgurctl setup --database-url-file /root/url --superuser root@example.org', 'an engine weaves patterns\n'))
    machine.run('rm /root/url')
    again = json.loads(machine.run('fulgurctl --json setup'))
    assert again['ok'] and not again['changed'], again


def work(machine):
    """a run succeeds; the doctor sees TLS; timers work; the password is nowhere"""
    admin.await_success(machine, admin.post(machine))
    found = {check['check']: check for check in json.loads(machine.run('fulgurctl --json doctor'))['checks']}
    assert found['tls']['health'] == found['sandbox']['health'] == 'ok', found
    machine.run('systemctl start fulgur-janitor.service fulgur-cron.service')
    ssl = machine.run("cd /; runuser -u postgres -- psql -tA -c \"SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'flow'\"")
    assert ssl == 't', ssl
    seen = machine.run("journalctl -o export -a; systemctl show --all 'fulgur*'; cat /proc/[0-9]*/cmdline | tr '\\0' ' '; "
                       "cat /proc/[0-9]*/environ | tr '\\0' '\\n'; fulgurctl config show; fulgurctl bug-report")
    assert PASSWORD not in seen


play(admin.install, make_database, set_up_remote, *admin.SET_UP[2:], work)
