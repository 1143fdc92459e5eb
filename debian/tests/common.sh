# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests share: a server that is set up, and a workflow to run on it. For sourcing.

set -euo pipefail

address=http://127.0.0.1:4000

await() { # WHAT COMMAND…: a minute at most
        local what=$1 i
        shift
        for ((i = 0; i < 600; i++)); do
                if "$@"; then return; fi
                sleep 0.1
        done
        echo "waited in vain: $what"
        exit 1
}

sql() { (cd / && runuser -u fulgur -- psql -tA -c "$1"); }
has_ended() { [ "$(sql "SELECT state FROM runs WHERE id = '$1'")" = success ]; }
is_connected() { journalctl -u fulgur-runner.service -o cat | grep -q 'connected to'; }

# Sets $hook, where webhooks go. A second time changes nothing.
set_up() {
        systemctl start postgresql.service
        printf 'an engine weaves patterns\n' | fulgurctl setup --superuser ada@example.org
        hook=$address$(fulgurctl --json kickstart - <<'WORKFLOW' | grep -o '"webhook_path":"[^"]*"' | cut -d'"' -f4
projects:
  - name: autopkgtest
    workflows:
      - name: Greet
        trigger: { type: webhook }
        jobs:
          - name: greet
            adaptor: ""
            body: "export default [ state => new Promise(done => setTimeout(() => done(state), state.data.wait ?? 0)) ];"
        edges:
          - { from: trigger, to: greet, condition: always }
WORKFLOW
        )
}

# Posts a webhook, which has to be accepted; prints its run.
post() { # [JSON]
        curl -sS --fail-with-body -D - -o /dev/null -X POST -H 'content-type: application/json' -d "${1:-{\}}" "$hook" |
                tr -d '\r' | sed -n 's/^x-meta-run-id: //p'
}
