// SPDX-License-Identifier: Apache-2.0
//
// Values that must not turn up elsewhere: planted once, then looked for in whatever a story has left behind, in every writing
// that a program may have put them into.

import crypto from 'node:crypto';

/** A value nobody else has, good in JSON, URLs and headers without an escape. */
export const makeCanary = (name) => `${name}${crypto.randomBytes(12).toString('hex')}`;

/** Base64 of bytes in the middle of others: for each place where they may begin, what does not depend on their neighbours. */
function base64Inside(bytes) {
  const texts = [];
  for (let offset = 0; offset < 3; offset++) {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64').replace(/=+$/, '');
    const first = Math.ceil((offset * 8) / 6);
    const last = Math.floor(((offset + bytes.length) * 8) / 6);
    texts.push(text.slice(first, last));
  }
  return texts;
}

function writings(bytes) {
  const base64 = base64Inside(bytes);
  const hex = bytes.toString('hex');
  return [bytes.toString('latin1'), hex, hex.toUpperCase(), ...base64, ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))];
}

export class Canaries {
  #rows = new Map();

  /** Bytes or text. */
  add(name, value) {
    const bytes = Buffer.from(value);
    if (bytes.length < 12) throw new Error(`${name} is too short to be told from chance`);
    this.#rows.set(name, [...(this.#rows.get(name) ?? []), ...new Set(writings(bytes))]);
    return value;
  }

  /** Names of what stands in the text, save those that may. */
  found(text, allowed = []) {
    const haystack = Buffer.isBuffer(text) ? text.toString('latin1') : text;
    return [...this.#rows].filter(([name, forms]) => !allowed.includes(name) && forms.some((form) => haystack.includes(form))).map(([name]) => name);
  }

  get names() {
    return [...this.#rows.keys()];
  }
}
