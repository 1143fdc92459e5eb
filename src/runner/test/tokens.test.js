/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tokens: the same bytes as the official worker's, and every way a run token can be wrong.
 */

import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';

import { checkRunToken, readPublicKey, TokenError, workerToken } from '../tokens.js';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = publicKey.export({ type: 'spki', format: 'pem' });
const NOW = 1795441500;
const CLAIMS = { iss: 'Lightning', id: 'x', sub: 'run:x', nbf: NOW - 10, exp: NOW + 10 };

function token(claims, { alg = 'RS256', key = privateKey } = {}) {
  const text = [{ alg, typ: 'JWT' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = alg === 'HS256' ? createHmac('sha256', PEM).update(text).digest() : sign('RSA-SHA256', Buffer.from(text), key);

  return `${text}.${signature.toString('base64url')}`;
}

test('worker token', () => {
  const secret = '7CyBZGxcY7uiNbXFANo6ih/jIhDv32n8/8briHgDh9Q=';
  const expected =
    'eyJhbGciOiJIUzI1NiJ9.eyJ3b3JrZXJfaWQiOiJwaW5rLXJhZGlvcy1zZWFyY2giLCJpYXQiOjE3OTU0NDExNjgsImlzcyI6InVybjpvcGVuZm46d29ya2VyIn0.wDo9isX3oiF4tWJhfMPTjk2DOip9YlzdKJ0I5lwoOJA';

  assert.equal(workerToken(secret, 'pink-radios-search', 1795441168999), expected);
});

for (const padding of ['', '=='])
  test(`public key, base64 padded with '${padding}'`, () => {
    const text = Buffer.from(PEM).toString('base64').replace(/=+$/, '') + padding;
    checkRunToken(token(CLAIMS), readPublicKey(text), NOW * 1000);
  });

const WRONG = [
  ['another key', token(CLAIMS, { key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey }), /signature/],
  ['the public key as a shared secret', token(CLAIMS, { alg: 'HS256' }), /not an RS256 token/],
  ['another issuer', token({ ...CLAIMS, iss: 'Thunder' }), /not issued/],
  ['expired', token({ ...CLAIMS, exp: NOW - 6 }), /expired/],
  ['from the future', token({ ...CLAIMS, nbf: NOW + 6 }), /not valid yet/],
  ['no token', 'x.y.z', /not a token/],
  ['nothing', undefined, /not an RS256 token/],
];

for (const [name, text, message] of WRONG)
  test(`refuses ${name}`, () => {
    assert.throws(
      () => checkRunToken(text, publicKey, NOW * 1000),
      (error) => error instanceof TokenError && message.test(error.message),
    );
  });

test('allows for clocks that differ by seconds', () => {
  checkRunToken(token({ ...CLAIMS, exp: NOW - 4 }), publicKey, NOW * 1000);
  checkRunToken(token({ ...CLAIMS, nbf: NOW + 4 }), publicKey, NOW * 1000);
});

test('a public key that is none', () => {
  assert.throws(() => readPublicKey('bm9uc2Vuc2U='), TokenError);
});
