/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An API key on the first workflow's trigger, sealed as the vault does it: webhooks are measured with authentication.
 */

import { randomBytes, randomUUID } from 'node:crypto';

import { seal } from '../../integration/lib/keys.js';
import { psql } from './instance.js';

export function addApiKey(instance) {
  const { project_id: project, trigger_id: trigger } = instance.manifest.workflows[0];
  const id = randomUUID(), key = randomBytes(32).toString('hex');
  const sealed = seal('webhook_auth_methods', 'api_key', id, key, project).toString('hex');

  psql(`INSERT INTO webhook_auth_methods (id, project_id, name, auth_type, api_key)
    VALUES ('${id}', '${project}', 'bench', 'api', '\\x${sealed}')`);
  psql(`INSERT INTO trigger_webhook_auth_methods (project_id, trigger_id, webhook_auth_method_id)
    VALUES ('${project}', '${trigger}', '${id}')`);
  return key;
}
