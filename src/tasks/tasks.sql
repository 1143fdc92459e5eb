-- SPDX-License-Identifier: Apache-2.0

-- name: task_ring
-- params: channel payload
SELECT pg_notify($1::text, $2::text)::text;
