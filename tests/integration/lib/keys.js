// SPDX-License-Identifier: Apache-2.0
//
// Keys and tokens of the tests. The worker secret is the one of the recorded conversations (worker channel, appendix B), so that
// the tokens in them are good here too.

import crypto from 'node:crypto';
import sodium from 'libsodium-wrappers';

await sodium.ready;

export const workerSecret = '7CyBZGxcY7uiNbXFANo6ih/jIhDv32n8/8briHgDh9Q=';
export const recordedWorkerToken =
  'eyJhbGciOiJIUzI1NiJ9.eyJ3b3JrZXJfaWQiOiJwaW5rLXJhZGlvcy1zZWFyY2giLCJpYXQiOjE3OTU0NDExNjgsImlzcyI6InVybjpvcGVuZm46d29ya2VyIn0.' +
  'wDo9isX3oiF4tWJhfMPTjk2DOip9YlzdKJ0I5lwoOJA';

export const primaryKey = crypto.randomBytes(32);
const run = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
export const runPublicKey = run.publicKey;
const runPem = run.privateKey.export({ type: 'pkcs1', format: 'pem' });

// What every daemon of ours may want to know.
export const environment = {
  PRIMARY_ENCRYPTION_KEY: primaryKey.toString('base64'),
  WORKER_SECRET: workerSecret,
  WORKER_RUNS_PRIVATE_KEY: Buffer.from(runPem).toString('base64'),
  SECRET_KEY_BASE: crypto.randomBytes(64).toString('base64'),
};

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export function workerToken(claims = {}, secret = workerSecret) {
  const text =
    part({ alg: 'HS256' }) + '.' + part({ worker_id: 'test-worker', iat: now(), iss: 'urn:openfn:worker', ...claims });
  return text + '.' + crypto.createHmac('sha256', secret).update(text).digest('base64url');
}

export const now = () => Math.floor(Date.now() / 1000);

export function runToken(id, claims = {}, key = run.privateKey) {
  const text =
    part({ alg: 'RS256', typ: 'JWT' }) + '.' +
    part({ iss: 'Lightning', id, sub: `run:${id}`, nbf: now(), exp: now() + 300, ...claims });
  return text + '.' + crypto.sign('RSA-SHA256', Buffer.from(text), key).toString('base64url');
}

export function readToken(token) {
  const [header, claims, signature] = token.split('.');
  const good = crypto.verify('RSA-SHA256', Buffer.from(header + '.' + claims), runPublicKey, Buffer.from(signature, 'base64url'));
  if (!good) throw new Error('the token is not signed with our key');
  return JSON.parse(Buffer.from(claims, 'base64url'));
}

// A secret at rest, as src/crypto/vault.c seals it.
export function seal(table, column, row, plain, project = '00000000-0000-0000-0000-000000000000', key = primaryKey) {
  const uuid = (text) => Buffer.from(text.replaceAll('-', ''), 'hex');
  const id = Buffer.from(sodium.crypto_generichash(16, key)).subarray(0, 8);
  const nonce = crypto.randomBytes(24);
  const place = Buffer.concat([Buffer.from([1]), Buffer.from(`${table}\0${column}\0`), uuid(row), uuid(project)]);
  const sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(Buffer.from(plain), place, null, nonce, key);
  return Buffer.concat([Buffer.from([1]), id, nonce, Buffer.from(sealed)]);
}
