/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Message ids of what an administrator acts on. Each has an entry in units/fulgur.catalog, so that
 * `journalctl -x` says what to do; a static test compares the two lists.
 */

#define MSG_SETTING_INVALID "5b8f0c1f6d4f4b0f9a57c2c1f3a60b01"
#define MSG_SECRET_IN_ENVIRONMENT "5b8f0c1f6d4f4b0f9a57c2c1f3a60b02"
#define MSG_DATABASE_LOST "5b8f0c1f6d4f4b0f9a57c2c1f3a60b03"
#define MSG_DATABASE_BACK "5b8f0c1f6d4f4b0f9a57c2c1f3a60b04"
#define MSG_MIGRATION_NEEDED "5b8f0c1f6d4f4b0f9a57c2c1f3a60b05"
#define MSG_RUN_LOST "5b8f0c1f6d4f4b0f9a57c2c1f3a60b06"
#define MSG_RUN_GIVEN_BACK "5b8f0c1f6d4f4b0f9a57c2c1f3a60b07"
#define MSG_WORKER_REFUSED "5b8f0c1f6d4f4b0f9a57c2c1f3a60b08"
#define MSG_WEBHOOKS_REFUSED "5b8f0c1f6d4f4b0f9a57c2c1f3a60b09"
#define MSG_MIGRATED "5b8f0c1f6d4f4b0f9a57c2c1f3a60b0a"
#define MSG_CRON_FAILED "5b8f0c1f6d4f4b0f9a57c2c1f3a60b0b"
#define MSG_NOT_SET_UP "5b8f0c1f6d4f4b0f9a57c2c1f3a60b0c"     /* fulgur-setup-check.service says it, too */
