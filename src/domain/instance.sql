-- SPDX-License-Identifier: Apache-2.0

-- name: instance_seen
-- params: id service host
INSERT INTO service_instances AS i (id, service, host) VALUES ($1::uuid, $2::text, $3::text)
ON CONFLICT (id) DO UPDATE SET seen_at = now();

-- name: instance_gone
-- params: id
DELETE FROM service_instances WHERE id = $1::uuid;
