/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tokens: the one the worker shows to the server, and the check of those the server issues.
 *
 * Each direction knows exactly one algorithm, so the header of a received token decides nothing.
 */

import { createHmac, createPublicKey, verify } from 'node:crypto';

const CLOCK_TOLERANCE_SECONDS = 5;

export class TokenError extends Error {}

/* The key is the secret's text as it stands, although generators print base64. */
export function workerToken(secret, workerId, now = Date.now()) {
  const head = encode({ alg: 'HS256' });
  const body = encode({ worker_id: workerId, iat: Math.floor(now / 1000), iss: 'urn:openfn:worker' });
  const signature = createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url');

  return `${head}.${body}.${signature}`;
}

export function readPublicKey(base64) {
  try {
    return createPublicKey(Buffer.from(base64, 'base64').toString());
  } catch {
    throw new TokenError('The public key of the server must be the base64 text of a PEM public key.');
  }
}

export function checkRunToken(token, key, now = Date.now()) {
  const [head, body, signature, ...rest] = String(token).split('.');
  if (!signature || rest.length || decode(head).alg !== 'RS256')
    throw new TokenError('not an RS256 token');

  if (!verify('RSA-SHA256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url')))
    throw new TokenError('the signature does not belong to the public key');

  checkClaims(decode(body), now / 1000);
}

function checkClaims({ iss, nbf, exp }, now) {
  if (iss !== 'Lightning')
    throw new TokenError('not issued by the server');
  if (nbf !== undefined && !(nbf <= now + CLOCK_TOLERANCE_SECONDS))
    throw new TokenError('not valid yet: compare the clocks');
  if (exp !== undefined && !(exp > now - CLOCK_TOLERANCE_SECONDS))
    throw new TokenError('expired');
}

function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part) {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString()) ?? {};
  } catch {
    throw new TokenError('not a token');
  }
}
