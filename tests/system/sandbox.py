#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# What an intruder in one of our services could do: a probe in its place, with all that the unit says, is refused everything.

import os

import admin
from machine import HERE, bring, play

PROBE = os.environ.get('FULGUR_PROBE', '')


def probe_units(machine):
    """the probe in the place of each service is refused at least forty acts, and allowed none"""
    bring(machine, PROBE, 'probe')
    bring(machine, f'{HERE}/sandbox', 'sandbox')
    # Forbidden acts leave traces of their own.
    machine.allow('.*', r'(?s).*')
    print(machine.run('/root/sandbox /root/probe'))


play(admin.install, admin.set_up, probe_units)
