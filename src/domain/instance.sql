-- SPDX-License-Identifier: Apache-2.0

-- name: instance_seen
-- params: id service host workers
INSERT INTO service_instances AS i (id, service, host, workers)
VALUES ($1::uuid, $2::text, $3::text, $4::text::json)
ON CONFLICT (id) DO UPDATE SET seen_at = now(), workers = excluded.workers;

-- name: instance_gone
-- params: id
DELETE FROM service_instances WHERE id = $1::uuid;
