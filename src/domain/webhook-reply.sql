-- SPDX-License-Identifier: Apache-2.0
--
-- Answers for callers that wait.

-- name: webhook_reply_ask
-- params: project_id run_id dataclip_id
SELECT (SELECT q.webhook_response FROM run_queue q
         WHERE q.run_id = $2::uuid AND q.project_id = $1::uuid) AS response,
       (SELECT b.body FROM dataclip_bodies b
         WHERE b.dataclip_id = $3::uuid AND b.project_id = $1::uuid
           AND run_has_dataclip($1::uuid, $2::uuid, $3::uuid)
         ORDER BY b.inserted_at LIMIT 1) AS body;
