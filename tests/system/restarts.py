#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# The figures of starting; then a hundred restarts under load: nobody is refused, and what was acknowledged is there, once.

import json
import statistics
import subprocess

import admin
from machine import HERE, bring, play, wait_until

RESTARTS = 100
CALLERS = 8
DAEMONS = ('webhooks', 'web', 'workers')


def measure_start(machine):
    """from nothing to sockets that listen, and from a connection to the first byte"""
    running = "systemctl list-units --plain --no-legend --state=active,deactivating 'fulgur-[wcj]*'"
    machine.run('systemctl stop fulgur.target')
    wait_until('everything has stopped', lambda: machine.run(running) == '')
    machine.run('systemctl start fulgur.target')
    usec = machine.run('systemctl show --value --property InactiveExitTimestampMonotonic --property ActiveEnterTimestampMonotonic '
                       'fulgur.target fulgur-web.socket fulgur-webhooks.socket fulgur-workers.socket').split()
    times = [int(value) for value in usec]
    print(f'# fulgur.target to all sockets listening: {(max(times) - min(times)) / 1e6:.3f} s (goal: 1 s)')

    samples = []
    for _ in range(9):
        machine.run('systemctl stop fulgur-web.service')
        samples.append(float(machine.run(
            "curl -s -o /dev/null -w '%{time_starttransfer}' http://127.0.0.1:4000/health_check")))
    print(f'# activation to first byte through the public port: {statistics.median(samples):.3f} s (goal: 0.1 s)')

    for command in ('status', 'worker list', 'run list', 'config show', 'doctor', '--version'):
        took = float(machine.run(f'TIMEFORMAT=%R; {{ time fulgurctl {command} >/dev/null; }} 2>&1'))
        print(f'# fulgurctl {command}: {took:.3f} s (goal: 0.1 s)')


def start_load(machine):
    bring(machine, f'{HERE}/load.mjs', 'load.mjs')
    return subprocess.Popen(machine.command(f'node /root/load.mjs {machine.hook} {CALLERS}'), stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def one_each(machine, orders, runs):
    """Whether each work order is stored and has the run that its caller was told of, and no other."""
    lists = [f"'{{{','.join(ids)}}}'::uuid[]" for ids in (orders, runs)]
    counts = machine.run('cd /; runuser -u fulgur -- psql -tA -f -', f"""
        SELECT count(*) FROM unnest({lists[0]}, {lists[1]}) AS told (work_order, run)
          JOIN work_orders w ON w.id = told.work_order JOIN runs r ON r.id = told.run AND r.work_order_id = w.id;
        SELECT count(*) FROM runs WHERE work_order_id = ANY({lists[0]})""")
    return [int(n) for n in counts.split()] == [len(orders), len(orders)]


def restart_under_load(machine):
    """a hundred restarts, in turn, while webhooks arrive without a pause"""
    machine.allow('^fulgur-runner$', r'trying again|closed|run:log failed: lost')
    load = start_load(machine)
    before = admin.post(machine)
    for i in range(RESTARTS):
        machine.run(f'systemctl restart fulgur-{DAEMONS[i % len(DAEMONS)]}.service')
    load.stdin.close()
    result = json.loads(load.stdout.read())
    runs = result['runs']
    print(f"# {RESTARTS} restarts, {result['statuses']} webhooks, {result['refused']} refused")

    assert result['refused'] == 0 and result['errors'] == {}, result['errors']
    assert set(result['statuses']) <= {'200', '503'}, result['statuses']
    assert len(runs) == len(set(runs)) >= RESTARTS
    orders = result['orders']
    assert len(orders) == len(set(orders)) == len(runs) and one_each(machine, orders, runs)
    admin.await_success(machine, before)


def all_executed(machine):
    """after it, the workers go on: what waits is executed"""
    left = "cd /; runuser -u fulgur -- psql -tAc 'SELECT count(*) FROM run_queue'"
    start = int(machine.run(left))
    wait_until('runs are being executed', lambda: int(machine.run(left)) < start or start == 0)


play(*admin.SET_UP[:2], measure_start, *admin.SET_UP[2:], restart_under_load, all_executed)
