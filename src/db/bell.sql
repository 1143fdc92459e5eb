-- SPDX-License-Identifier: Apache-2.0
--
-- name: bell_ring
-- params: channels payloads
SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS ring (channel, payload);
