#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Services in the care of an administrator and of systemd: idle, reloaded, restarted, hung, misconfigured, without their database.

import json
import re
import subprocess

import admin
from machine import play, wait_until

DAEMONS = ('web', 'webhooks', 'workers')
CONF = '/etc/fulgur/fulgur.env'


def drop_in(machine, unit, text):
    machine.write(f'/etc/systemd/system/{unit}.d/test.conf', text)
    machine.run('systemctl daemon-reload')


def take_out(machine, unit):
    machine.run(f'rm /etc/systemd/system/{unit}.d/test.conf; systemctl daemon-reload')


def strict(machine):
    """from here on, a system call that the sandbox refuses kills whoever makes it"""
    for name in (*DAEMONS, 'cron', 'janitor', 'migrate'):
        machine.write(f'/etc/systemd/system/fulgur-{name}.service.d/strict.conf', '[Service]\nSystemCallErrorNumber=kill\n')
    machine.run('systemctl daemon-reload; systemctl restart fulgur-migrate.service')
    for name in DAEMONS:
        machine.run(f'systemctl try-restart fulgur-{name}.service')


def shut_in(machine):
    """no daemon leaves a core file, and their secrets are locked into memory"""
    admin.post(machine)
    for name in DAEMONS:
        pid = machine.main_pid(f'fulgur-{name}.service')
        limits = machine.run(f'cat /proc/{pid}/limits')
        assert re.search(r'^Max core file size +0 +0 ', limits, re.M), limits
        locked = int(re.search(r'^VmLck:\s+(\d+) kB', machine.run(f'cat /proc/{pid}/status'), re.M)[1])
        assert locked > 0, name


def tell_a_story(machine):
    """the journal tells a run's story"""
    machine.run('fulgurctl log-level debug webhooks')
    run = admin.post(machine)
    admin.await_success(machine, run)
    story = wait_until('the story is written', lambda: (lambda s: s and s[-1]['MESSAGE'] == 'Run ended: success' and s)(
        machine.journal(f'FULGUR_RUN_ID={run}')))
    assert [entry['MESSAGE'] for entry in story] == [
        'Answered 200', 'Run claimed by ' + story[1]['FULGUR_WORKER'], 'Run started', 'Step ended: success', 'Run ended: success'], story
    assert {entry['_SYSTEMD_UNIT'] for entry in story} == {'fulgur-webhooks.service', 'fulgur-workers.service'}
    assert all(entry.get('FULGUR_PROJECT_ID') == story[1]['FULGUR_PROJECT_ID'] for entry in story[1:]), story
    machine.run('fulgurctl log-level default')
    quiet = admin.post(machine)
    admin.await_success(machine, quiet)
    assert 'Answered' not in machine.run(f'journalctl -o cat FULGUR_RUN_ID={quiet}')


def levels(machine):
    """what is no level or service changes nothing"""
    for arguments in ('loud', 'debug nothing', 'debug fulgur-cron', '', '9', '"$(printf "\\n")"'):
        assert machine.try_run(f'fulgurctl log-level {arguments}')[0] == 64, arguments
    machine.run('systemctl stop fulgur-webhooks.service')
    told = json.loads(machine.run('fulgurctl --json log-level notice web webhooks'))
    assert told == [{'service': 'fulgur-web', 'level': 'notice'}, {'service': 'fulgur-webhooks', 'level': None}], told
    machine.run('fulgurctl log-level default')


def go_idle(machine):
    """a daemon without work leaves; its socket listens on, and the next webhook brings it back"""
    unit = 'fulgur-webhooks.service'
    drop_in(machine, unit, '[Service]\nEnvironment=FULGUR_EXIT_IDLE_SECONDS=1\n')
    machine.run(f'systemctl restart {unit}')
    # fulgur-web keeps a connection to it for a while.
    wait_until('it has left', lambda: machine.try_run(f'systemctl is-active {unit}')[1].strip() == 'inactive', 120)
    assert machine.run('systemctl is-active fulgur-webhooks.socket') == 'active'
    assert machine.run(f'systemctl show --value --property Result {unit}') == 'success'
    admin.await_success(machine, admin.post(machine))
    take_out(machine, unit)


def n_restarts(machine, unit):
    return int(machine.run(f'systemctl show --value --property NRestarts {unit}'))


def hang_once(machine, name):
    unit = f'fulgur-{name}.service'
    pid, restarts = machine.main_pid(unit), n_restarts(machine, unit)
    machine.run(f'kill -STOP {pid}')
    callers = [admin.ask(machine, name) for _ in range(5)]
    # The watchdog does not wait for us: on a slow machine it may be first.
    waited = []
    wait_until('all wait in the backlog', lambda: waited.append(admin.n_waiting(machine, name)) or
               waited[-1] >= 5 or machine.main_pid(unit) != pid)
    print(f'# {max(waited)} of {len(callers)} callers waited for {unit} while it hung')
    wait_until('another one is there', lambda: machine.main_pid(unit) not in (0, pid))
    assert n_restarts(machine, unit) == restarts + 1, name
    admin.all_answered(name, callers)


def hang(machine):
    """a daemon that hangs is put down by its watchdog, another one is started, and whoever waits meanwhile is answered"""
    for name in DAEMONS:
        unit = f'fulgur-{name}.service'
        machine.allow('^systemd$', rf'{unit}: (Watchdog timeout|Killing process|Main process exited, code=(killed|dumped)|'
                                   r"Failed with result 'watchdog')")
        machine.allow('^fulgur-runner$', r'^connection closed \(1006\), trying again')
        drop_in(machine, unit, '[Service]\nWatchdogSec=2s\n')
        machine.run(f'systemctl restart {unit}')
        admin.post(machine)
        wait_until('it runs', lambda u=unit: machine.main_pid(u))
        hang_once(machine, name)
        admin.await_success(machine, admin.post(machine))
        take_out(machine, unit)


def reload_and_restart(machine):
    """reload keeps the process, restart changes it, the target stops and starts everything"""
    for name in DAEMONS:
        unit = f'fulgur-{name}.service'
        pid = machine.main_pid(unit)
        machine.run(f'systemctl reload {unit}')
        assert machine.main_pid(unit) == pid
        machine.run(f'systemctl restart {unit}')
        assert machine.main_pid(unit) != pid
    admin.await_success(machine, admin.post(machine))

    machine.allow('^fulgur-runner$', r'trying again|closed')
    machine.run('systemctl stop fulgur.target')
    running = "systemctl list-units --plain --no-legend --state=active 'fulgur-[wcj]*'"
    wait_until('everything has stopped', lambda: machine.run(running) == '')
    assert machine.try_run('curl -s http://127.0.0.1:4000/health_check')[0] == 7       # refused
    machine.run('systemctl start fulgur.target')
    admin.await_success(machine, admin.post(machine))


def mend_a_setting(machine):
    """a wrong setting is named where one looks, does not spin, and whoever waits is answered once it is right"""
    machine.allow('^fulgur-webhooks$', r'^LOG_LEVEL is not one of')
    machine.allow('^systemd$', r"fulgur-webhooks\.service: (Main process exited, code=exited, status=78|Failed with result 'exit-code')|"
                               r'^Failed to start fulgur-webhooks')
    machine.run('systemctl stop fulgur-webhooks.service')
    machine.write(CONF, 'LOG_LEVEL=shouting\n')
    caller = subprocess.Popen(machine.command(f"curl -s -o /dev/null -w '%{{http_code}}' -X POST -d '{{}}' {machine.hook}"),
                              stdout=subprocess.PIPE, text=True)
    wait_until('it says so', lambda: (lambda s: 'LOG_LEVEL is not one of' in s and 'Status: "A setting is wrong or missing' in s)(
        machine.try_run('systemctl status fulgur-webhooks.service')[1]))
    assert machine.run('systemctl show --value --property NRestarts fulgur-webhooks.service') == '0'
    machine.run(f'rm {CONF}')
    assert caller.communicate()[0] == '200'
    tries = machine.journal('--unit fulgur-webhooks.service', '--grep "LOG_LEVEL is not one of"')
    assert len(tries) <= 3, len(tries)


def lose_the_database(machine):
    """PostgreSQL is restarted while webhooks arrive: each that was acknowledged is a run, once"""
    machine.allow('^fulgur-(web|webhooks|workers|cron|janitor)$', r'(?i)database')
    machine.allow('^postgres', r'.')
    # It asks again: a claim whose answer is lost is given back.
    machine.allow('^fulgur-runner$', r'^claim refused: .*[Dd]atabase')
    machine.allow('^systemd$', r'fulgur-(cron|janitor)\.service')
    load = subprocess.Popen(machine.command(
        f"for i in $(seq 120); do curl -s -o /dev/null -D - -X POST -d '{{}}' {machine.hook} | tr -d '\\r' | "
        f"sed -n 's/^HTTP.* 200.*/200/p; s/^x-meta-run-id: //p' | paste -sd ' '; sleep 0.05; done"), stdout=subprocess.PIPE, text=True)
    first = load.stdout.readline()
    assert first.startswith('200 '), first
    machine.run('systemctl restart postgresql@15-main.service')
    lines = [first, *load.communicate()[0].splitlines()]
    runs = [line.split()[1] for line in lines if line.startswith('200 ')]
    print(f'# {len(runs)} of {len(lines)} webhooks were acknowledged')
    assert len(runs) == len(set(runs)) and len(runs) > 100, len(runs)
    assert admin.count_runs(machine, runs) == len(runs)
    admin.await_all(machine, runs)


play(*admin.SET_UP, strict, shut_in, tell_a_story, levels, go_idle, hang, reload_and_restart, mend_a_setting, lose_the_database)
