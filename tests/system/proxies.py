#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# The samples for proxies, with the proxies; the inner sockets published, and several webhook processes at one socket.

import json

import admin
from machine import play, wait_until

EXAMPLES = '/usr/share/doc/fulgur/examples'
NAME = 'fulgur.example.org'
PROXIES = {
    'nginx': ('nginx.conf', '/etc/nginx/conf.d/fulgur.conf', 'nginx -t'),
    'caddy': ('Caddyfile', '/etc/caddy/Caddyfile', 'caddy validate --config /etc/caddy/Caddyfile'),
    'h2o': ('h2o.conf', '/etc/h2o/h2o.conf', 'h2o -t -c /etc/h2o/h2o.conf'),
}
SYNC = '''
projects:
  - name: sync
    workflows:
      - name: Answer
        trigger: { type: webhook, webhook_reply: after_completion }
        jobs:
          - name: Greet
            adaptor: ""
            body: "export default [ state => ({ data: { said: state.data.word } }) ];"
        edges:
          - { from: trigger, to: Greet, condition: always }
'''


def make_certificate(machine):
    """a certificate, and a workflow whose callers wait for its end"""
    machine.run(f'''install -d /etc/ssl/fulgur; cd /etc/ssl/fulgur; echo '127.0.0.1 {NAME}' >>/etc/hosts
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={NAME} \
                -addext subjectAltName=DNS:{NAME} -keyout privkey.pem -out fullchain.pem 2>/dev/null
        chmod 0644 privkey.pem''')
    manifest = json.loads(machine.run('fulgurctl kickstart -', SYNC))
    machine.sync = manifest['workflows'][0]['webhook_path']
    machine.path = machine.hook.partition(':4000')[2]


def curl(machine, path, options=''):
    return machine.run(f"curl -sS --cacert /etc/ssl/fulgur/fullchain.pem -w '\\n%{{http_code}}' {options} https://{NAME}{path}").rsplit('\n', 1)


def through(machine, proxy):
    sample, place, check = PROXIES[proxy]
    machine.run(f'cp {EXAMPLES}/{sample} {place}')
    if proxy == 'caddy':
        # No authority gives out certificates for this name here.
        machine.run(f"sed -i 's,^{NAME} {{,&\\n\\ttls /etc/ssl/fulgur/fullchain.pem /etc/ssl/fulgur/privkey.pem,' {place}")
    machine.run(check)
    machine.run(f'systemctl start {proxy}.service')
    wait_until(f'{proxy} answers', lambda: machine.try_run(f'curl -s --cacert /etc/ssl/fulgur/fullchain.pem https://{NAME}/health_check')[0] == 0)


def behind(machine):
    """behind each proxy: webhooks small and large, callers that wait, refusals, a worker over wss"""
    machine.allow('^fulgur-runner$', r'trying again|closed')
    # Started once in vain, before their samples had a certificate, or complaining of this machine.
    machine.allow('^(nginx|caddy|h2o)$', r'.')
    for proxy in PROXIES:
        through(machine, proxy)
        machine.run(f'''install -d /etc/systemd/system/fulgur-runner.service.d
            printf '[Service]\\nEnvironment=WORKER_LIGHTNING_SERVICE_URL=wss://{NAME}/worker NODE_EXTRA_CA_CERTS=/etc/ssl/fulgur/fullchain.pem\\n' \
                >/etc/systemd/system/fulgur-runner.service.d/wss.conf
            systemctl daemon-reload; systemctl restart fulgur-runner.service''')

        body, status = curl(machine, machine.path, "-X POST -d '{}'")
        assert status == '200', (proxy, body)
        machine.run("""node -e 'process.stdout.write(JSON.stringify({ data: "x".repeat(5e6), n: 1e400 + "" }))' >/root/large""")
        body, status = curl(machine, machine.path, "-X POST -H 'content-type: application/json' --data-binary @/root/large")
        assert status == '200', (proxy, body)
        order = json.loads(body)['work_order_id']
        stored = machine.run('cd /; runuser -u fulgur -- psql -tA -c "SELECT encode(sha256(b.body), \'hex\') FROM work_orders w '
                             f"JOIN dataclip_bodies b ON b.dataclip_id = w.dataclip_id WHERE w.id = '{order}'\"")
        assert stored == machine.run('sha256sum </root/large').split()[0], proxy

        body, status = curl(machine, machine.sync, "-X POST -H 'content-type: application/json' -d '{\"word\":\"good day\"}'")
        assert status == '201' or status == '200', (proxy, status, body)
        assert 'good day' in body, (proxy, body)
        machine.run("head -c 11000000 /dev/zero | tr '\\0' ' ' >/root/over")
        assert curl(machine, machine.path, "-X POST -H 'content-type: application/json' --data-binary @/root/over")[1] == '413', proxy
        assert curl(machine, '/i/00000000-0000-0000-0000-000000000000')[1] == '404', proxy
        # Nobody else could have answered the one that waited.
        assert '/worker' in machine.run("journalctl -u fulgur-runner -o cat --grep 'connected to wss:'")
        machine.run(f'systemctl stop {proxy}.service')
    machine.run('rm /etc/systemd/system/fulgur-runner.service.d/wss.conf; systemctl daemon-reload; systemctl restart fulgur-runner.service')


def publish(machine):
    """the inner sockets on ports of their own"""
    machine.allow('^systemd$', r'^fulgur-(webhooks|workers)\.socket: Socket unit configuration has changed')
    machine.allow('^fulgur-workers$', r'does not speak vsn 2\.0')
    for name, port in (('webhooks', 4001), ('workers', 4002)):
        machine.run(f'''install -D -m 0644 {EXAMPLES}/publish-{name}.conf /etc/systemd/system/fulgur-{name}.socket.d/publish.conf
            systemctl daemon-reload; systemctl restart fulgur-{name}.socket''')
    assert machine.run(f"curl -sS -o /dev/null -w '%{{http_code}}' -X POST -d '{{}}' http://127.0.0.1:4001{machine.path}") == '200'
    assert machine.run("curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:4002/worker/websocket") in ('400', '403')


def share(machine):
    """three processes at one socket: each takes its part, one that is killed takes nothing along"""
    machine.run('systemctl enable --now fulgur-webhooks@1.service fulgur-webhooks@2.service')
    units = [f'fulgur-webhooks{name}.service' for name in ('', '@1', '@2')]
    machine.run('fulgurctl log-level debug webhooks')
    machine.run(f"seq 300 | xargs -P 16 -I{{}} curl -sS -f -o /dev/null -X POST -d '{{}}' http://127.0.0.1:4001{machine.path}")
    shares = [len(machine.journal(f'--unit {unit}', '--grep "Answered 200"')) for unit in units]
    print(f'# shares of three processes: {shares}')
    assert all(n > 0 for n in shares) and sum(shares) == 300, shares
    machine.allow('^systemd$', r'fulgur-webhooks@1\.service: (Main process exited, code=killed|Failed with result .signal)')
    machine.run(f'kill -KILL {machine.main_pid("fulgur-webhooks@1.service")}')
    wait_until('it is back', lambda: machine.main_pid('fulgur-webhooks@1.service') != 0)
    admin.post(machine)
    assert {check['check'] for check in json.loads(machine.run('fulgurctl --json doctor'))['checks'] if check['health'] == 'FAILED'} == set()


play(*admin.SET_UP, make_certificate, behind, publish, share)
