/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Timestamps: microseconds since the epoch as a text of 16 digits, as every event carries them.
 *
 * The wall clock is read once and the monotonic clock added: events of one process stay in order
 * when the wall clock is set meanwhile.
 */

const origin = BigInt(Date.now()) * 1000n;
const started = process.hrtime.bigint();

export function timestamp(offsetMilliseconds = 0) {
  const elapsed = (process.hrtime.bigint() - started) / 1000n;

  return String(origin + elapsed + BigInt(offsetMilliseconds) * 1000n);
}

export function fromNanoseconds(text) {
  return text.slice(0, -3);
}
