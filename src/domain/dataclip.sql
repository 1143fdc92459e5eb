-- SPDX-License-Identifier: Apache-2.0

-- name: dataclip_take_input
-- params: project_id run_id
SELECT type, body, request FROM run_input($1::uuid, $2::uuid);
