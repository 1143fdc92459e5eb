-- SPDX-License-Identifier: Apache-2.0
--
-- Guesses, counted before they are looked at, so that many at once are no way around.

-- name: attempt_count
-- params: subject allowed seconds
WITH counted AS (
  INSERT INTO attempts AS a (subject, n, ends_at)
  VALUES (sha256(convert_to(lower($1::text), 'UTF8')), 1, now() + make_interval(secs => $3::bigint))
  ON CONFLICT (subject) DO UPDATE
     SET n = CASE WHEN a.ends_at > now() THEN a.n + 1 ELSE 1 END,
         ends_at = CASE WHEN a.ends_at > now() THEN a.ends_at ELSE excluded.ends_at END
   WHERE a.ends_at <= now() OR a.n < $2::bigint
  RETURNING n)
SELECT CASE WHEN EXISTS (SELECT FROM counted) THEN 0
            ELSE coalesce((SELECT greatest(1, ceil(extract(epoch FROM a.ends_at - now())))::bigint
                             FROM attempts a WHERE a.subject = sha256(convert_to(lower($1::text), 'UTF8'))), 1)
       END AS wait_seconds;

-- name: attempt_forget
-- params: subject
DELETE FROM attempts WHERE subject = sha256(convert_to(lower($1::text), 'UTF8'));

-- name: attempt_take_back
-- params: subject
UPDATE attempts SET n = n - 1 WHERE subject = sha256(convert_to(lower($1::text), 'UTF8')) AND n > 0;
