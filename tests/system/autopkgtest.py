#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# The tests that the Debian package carries (debian/tests), in the order of its control file, as autopkgtest would run them: on a booted
# machine, with the packages installed.

import os
import re
import subprocess

import admin
from machine import HERE, Failed, play

TESTS = os.path.join(HERE, '../../debian/tests')


def bring_tests(machine):
    """the tests of the package"""
    machine.run('mkdir -p /root/tests')
    archive = subprocess.run(['tar', '-C', TESTS, '-c', '.'], check=True, stdout=subprocess.PIPE).stdout
    subprocess.run(machine.command('tar -x -C /root/tests'), input=archive, check=True)


def run_tests(machine):
    """each of them succeeds"""
    # Services are killed there, and a stranger's worker is refused.
    machine.allow('^systemd$', r'fulgur-(web|webhooks|workers)\.service: (Main process exited, code=killed|Failed with result .signal)')
    machine.allow('^fulgur-runner$', r'trying again|closed|run:log failed: lost')
    machine.allow('^fulgur-workers$', r'^Refused \d+ worker connection')
    with open(f'{TESTS}/control', encoding='utf-8') as file:
        names = re.findall(r'^Tests: (\S+)$', file.read(), re.M)
    for name in names:
        status, said = machine.try_run(f'cd /root; AUTOPKGTEST_TMP=$(mktemp -d) tests/{name}')
        if status != 0:
            raise Failed(f'{name}: exit status {status}\n{said}')
        print(f'ok {name}')


play(admin.install, bring_tests, run_tests)
