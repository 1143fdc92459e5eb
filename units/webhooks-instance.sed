# SPDX-License-Identifier: Apache-2.0
#
# fulgur-webhooks@.service out of fulgur-webhooks.service: one more process at the same socket. It stays: nothing would start it again.
s/^Description=.*/Description=Fulgur webhook receiver, process %i/
/^# Started again by the socket/d
/^Environment=FULGUR_EXIT_IDLE_SECONDS=/d
s/^Restart=on-failure/Restart=always/
s/^Type=notify/&\nSockets=fulgur-webhooks.socket/
$a\
\
[Install]\
WantedBy=fulgur.target
