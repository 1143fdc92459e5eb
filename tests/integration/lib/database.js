// SPDX-License-Identifier: Apache-2.0
//
// A database of one's own, migrated, on the server that with-postgres has started. A template is migrated once per server.

import fs from 'node:fs';
import path from 'node:path';
import pg from 'pg';

const root = path.resolve(new URL('.', import.meta.url).pathname, '../../..');
const server = Object.fromEntries(
  (process.env.FULGUR_TEST_DATABASE ?? '').split(/\s+/).filter(Boolean).map((pair) => pair.split('=')));

// Times stay texts: JavaScript's dates know no microseconds. Counts are numbers.
pg.types.setTypeParser(1184, (text) => text);
pg.types.setTypeParser(20, Number);

if (!server.host) {
  console.error('run me with tests/integration/with-postgres');
  process.exit(1);
}

const options = (database) => ({
  host: server.host, port: Number(server.port ?? 5432), user: server.user ?? 'postgres', database,
});

async function connect(database) {
  const client = new pg.Client({ ...options(database), options: '-c TimeZone=UTC' });
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function makeTemplate(client) {
  const { rows } = await client.query("SELECT FROM pg_database WHERE datname = 'migrated'");
  if (rows.length > 0) return;

  await client.query('CREATE DATABASE migrating');
  const migrating = await connect('migrating');
  const directory = path.join(root, 'migrations');
  for (const file of fs.readdirSync(directory).filter((name) => name.endsWith('.sql')).sort())
    await migrating.query(fs.readFileSync(path.join(directory, file), 'utf8'));
  await migrating.end();
  await client.query('ALTER DATABASE migrating RENAME TO migrated');
}

let count = 0;

/** Without `template`: empty. */
async function createDatabase(template) {
  const admin = await connect(server.dbname ?? 'postgres');
  const name = `test_${process.pid}_${++count}`;

  if (template) {
    // Test files run side by side.
    await admin.query("SELECT pg_advisory_lock(hashtext('fulgur.test.template'))");
    await makeTemplate(admin);
  }
  await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template ?? 'template0'}`);
  await admin.end();

  const client = await connect(name);
  return {
    name,
    url: `postgresql://${server.user ?? 'postgres'}@/${name}?host=${encodeURIComponent(server.host)}&port=${server.port ?? 5432}`,
    query: async (sql, values) => (await client.query(sql, values)).rows,
    one: async (sql, values) => (await client.query(sql, values)).rows[0],
    connect: () => connect(name),
    close: () => client.end(),
  };
}

/** A database that is there already, with query() and one(). `user`: the server's own unless given. */
export async function connectTo(database, user) {
  const client = new pg.Client({ ...options(database), ...(user && { user }), options: '-c TimeZone=UTC' });
  client.on('error', () => {});
  await client.connect();
  return {
    query: async (sql, values) => (await client.query(sql, values)).rows,
    one: async (sql, values) => (await client.query(sql, values)).rows[0],
    end: () => client.end(),
  };
}

export const newDatabase = () => createDatabase('migrated');
export const newEmptyDatabase = () => createDatabase(null);
