-- SPDX-License-Identifier: Apache-2.0
--
-- name: pool_limits
-- params: statement_timeout_msec
SELECT set_config('statement_timeout', $1, true), set_config('timezone', 'UTC', true);
