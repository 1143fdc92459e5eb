# SPDX-License-Identifier: Apache-2.0
#
# A machine that a scenario is administrator of: booted over the cached tree, spoken to as root, its journal held to account.

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
SKIPPED = 77

# What may stand in the journal at warning or worse, each with its reason. Scenarios allow more with Machine.allow().
ALWAYS_ALLOWED = [
    # The rig has no hardware, no audit and no modules; none of that is ours.
    (r'^(systemd|systemd-journald|kernel|dbus-daemon|systemd-logind)$', r'^(?!.*fulgur)'),
]


class Failed(Exception):
    pass


def skip(why):
    print(f'skipped: {why}')
    sys.exit(SKIPPED)


def packages():
    """The debs in FULGUR_PACKAGES, or the test is skipped."""
    folder = os.environ.get('FULGUR_PACKAGES', '')
    found = [f'{folder}/{name}' for name in sorted(os.listdir(folder))] if os.path.isdir(folder) else []
    debs = [name for name in found if re.search(r'/fulgur(-runner)?_[^/]*\.deb$', name)]
    if len(debs) != 2:
        skip('FULGUR_PACKAGES names no folder with the packages fulgur and fulgur-runner')
    return debs


def check_possible():
    if os.geteuid() != 0:
        skip('needs root')
    for program in ('debootstrap', 'nsenter', 'unshare'):
        if not shutil.which(program):
            skip(f'{program} is not installed')
    if subprocess.run(['unshare', '--mount', '--pid', '--fork', '--net', 'true'], check=False).returncode != 0:
        skip('namespaces are not to be had')
    groups = subprocess.run(['findmnt', '-n', '-o', 'TARGET', '-t', 'cgroup2'], check=False, stdout=subprocess.PIPE, text=True).stdout.split('\n')[0]
    if not groups or not os.access(f'{groups}/cgroup.procs', os.W_OK):
        skip('there is no control group tree to put a system into')


def wait_until(what, probe, seconds=60):
    """Waits for something to happen; the limit only says when to give up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = probe()
        if found:
            return found
        time.sleep(0.05)
    raise Failed(f'waited {seconds} s in vain: {what}')


class Machine:
    def __init__(self):
        check_possible()
        self.debs = packages()
        made = subprocess.run([f'{HERE}/tree', *self.debs], check=False, stdout=subprocess.PIPE, text=True)
        if made.returncode != 0:
            skip('no Debian tree could be made: is a mirror in reach?')
        tree = made.stdout.strip()
        self.state = tempfile.mkdtemp(prefix='fulgur-system.', dir='/var/tmp')
        self.allowed = list(ALWAYS_ALLOWED)
        self.set_up_options = ''        # of fulgurctl setup
        self.rig = subprocess.Popen([f'{HERE}/boot', tree, self.state])
        self.pid = wait_until('systemd runs', self._booted)
        wait_until('the system is up', lambda: self.try_run('systemctl is-system-running')[1].strip() in ('running', 'degraded'))

    def _booted(self):
        if self.rig.poll() is not None:
            raise Failed('the system did not boot')
        try:
            with open(f'{self.state}/pid', encoding='ascii') as file:
                return file.read()
        except FileNotFoundError:
            return None

    def command(self, script):
        return ['nsenter', '--target', self.pid, '--all', '--', 'env', '-i', 'HOME=/root', 'LC_ALL=C.UTF-8', 'SYSTEMD_PAGER=cat',
                'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'bash', '-c', script]

    def try_run(self, script, stdin=''):
        done = subprocess.run(self.command(script), input=stdin, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def run(self, script, stdin=''):
        """As root at the machine's shell; what goes wrong fails the test."""
        status, output = self.try_run(f'set -euo pipefail; {script}', stdin)
        if status != 0:
            raise Failed(f'$ {script}\nexit status {status}\n{output}')
        return output.strip()

    def write(self, path, text, mode='0644'):
        self.run(f'install -D -m {mode} /dev/stdin {path}', text)

    def install(self, *debs):
        for deb in debs:
            with open(deb, 'rb') as file:
                subprocess.run(self.command(f'cat >/root/{os.path.basename(deb)}'), stdin=file, check=True)
        names = ' '.join(f'/root/{os.path.basename(deb)}' for deb in debs)
        return self.run(f'DEBIAN_FRONTEND=noninteractive dpkg --install {names}')

    def main_pid(self, unit):
        return int(self.run(f'systemctl show --value --property MainPID {unit}'))

    def journal(self, *matches):
        text = self.run('journalctl --output json --no-pager ' + ' '.join(matches))
        return [json.loads(line) for line in text.splitlines() if line.startswith('{')]

    def allow(self, identifier, message):
        """A message of warning or worse that a scenario brings about."""
        self.allowed.append((identifier, message))

    def check_journal(self):
        bad = [f"{entry.get('SYSLOG_IDENTIFIER')}: {entry.get('MESSAGE')}" for entry in self.journal('--priority warning')
               if not any(re.search(who, str(entry.get('SYSLOG_IDENTIFIER'))) and re.search(what, str(entry.get('MESSAGE')))
                          for who, what in self.allowed)]
        if bad:
            raise Failed('the journal holds what nobody allowed:\n' + '\n'.join(bad))

    def tell(self):
        """What an administrator would look at now."""
        print(self.try_run("systemctl --no-pager status 'fulgur*' postgresql; journalctl --no-pager -n 200")[1])

    def off(self):
        self.rig.kill()
        self.rig.wait()
        # The keeper removes the pid file last.
        wait_until('nothing of the system is left', lambda: not os.path.exists(f'{self.state}/pid'))
        shutil.rmtree(self.state)


def bring(machine, path, name):
    """A file of ours, into root's home, executable."""
    with open(path, 'rb') as file:
        subprocess.run(machine.command(f'cat >/root/{name}; chmod 0755 /root/{name}'), stdin=file, check=True)


def play(*steps):
    """Boots a machine and takes the steps on it, functions named for what they do."""
    machine = Machine()
    try:
        for step in steps:
            print(f'-- {step.__doc__}', flush=True)
            step(machine)
        print('-- the journal holds no surprise', flush=True)
        machine.check_journal()
    except Exception:
        machine.tell()
        raise
    finally:
        machine.off()
