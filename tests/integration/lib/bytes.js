// SPDX-License-Identifier: Apache-2.0
//
// Bytes no library would send, over plain sockets, and what comes back.

import crypto from 'node:crypto';
import net from 'node:net';

/** Sends, and gives all that comes until the other side closes. `ends`: we close our half. Never rejects. */
export const exchange = (address, bytes, { ends = false } = {}) =>
  new Promise((resolve) => {
    const parts = [];
    const socket = net.connect(address, () => (ends ? socket.end(bytes) : socket.write(bytes)));
    socket.on('data', (data) => parts.push(data));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(parts).toString('latin1')));
  });

/** The replies in what came back: { status, body } each. A reply to HEAD would be misread. */
export function readReplies(text) {
  const replies = [];
  while (text.startsWith('HTTP/1.1 ')) {
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) break;
    const head = text.slice(0, end);
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
    replies.push({ status: Number(head.split(' ')[1]), head, body: text.slice(end + 4, end + 4 + length) });
    text = text.slice(end + 4 + length);
  }
  return replies;
}

/** Connections that stay open; once all of them are, and have said what they say first. */
export async function openMany(address, n, bytes, { reads = true } = {}) {
  const sockets = [];
  await Promise.all(
    Array.from({ length: n }, () =>
      new Promise((resolve, reject) => {
        const socket = net.connect(address, () => socket.write(bytes, () => resolve()));
        socket.on('error', reject);
        if (reads) socket.resume();
        else socket.pause();
        sockets.push(socket);
      })));
  for (const socket of sockets) socket.removeAllListeners('error').on('error', () => {});
  return sockets;
}

/** A client's frame. `mask` false leaves it as no client may. */
export function frame(opcode, payload = '', { fin = true, rsv = 0, mask = true, length } = {}) {
  const data = Buffer.from(payload);
  const size = length ?? BigInt(data.length);
  const head = size < 126n ? Buffer.alloc(2) : size < 65536n ? Buffer.alloc(4) : Buffer.alloc(10);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = mask ? 0x80 : 0;
  if (head.length === 2) head[1] |= Number(size);
  else if (head.length === 4) {
    head[1] |= 126;
    head.writeUInt16BE(Number(size), 2);
  } else {
    head[1] |= 127;
    head.writeBigUInt64BE(size, 2);
  }
  if (!mask) return Buffer.concat([head, data]);
  const key = crypto.randomBytes(4);
  const masked = Buffer.allocUnsafe(data.length);
  for (let i = 0; i < data.length; i++) masked[i] = data[i] ^ key[i & 3];
  return Buffer.concat([head, key, masked]);
}

/**
 * A WebSocket by hand: `frames` is what the server has sent, { opcode, data } each; `gone` its close code when the connection
 * has ended, 1005 without one, 1006 without a close. It answers nothing but that.
 */
export function openSocket(address, target) {
  return new Promise((resolve, reject) => {
    let rest = Buffer.alloc(0);
    let open = false;
    const socket = net.connect(address, () =>
      socket.write(
        `GET ${target} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n` +
          `sec-websocket-key: ${crypto.randomBytes(16).toString('base64')}\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n`));
    socket.frames = [];
    socket.gone = new Promise((done) =>
      socket.on('close', () => {
        const close = socket.frames.find(({ opcode }) => opcode === 8);
        done(!close ? 1006 : close.data.length < 2 ? 1005 : close.data.readUInt16BE(0));
      }));
    socket.on('error', (error) => !open && reject(error));
    socket.on('data', (data) => {
      rest = Buffer.concat([rest, data]);
      if (!open) {
        const end = rest.indexOf('\r\n\r\n');
        if (end < 0) return;
        socket.head = rest.subarray(0, end).toString();
        if (!socket.head.startsWith('HTTP/1.1 101')) {
          socket.destroy();
          reject(new Error(socket.head));
          return;
        }
        rest = rest.subarray(end + 4);
        open = true;
        resolve(socket);
      }
      for (;;) {
        if (rest.length < 2) return;
        const short = rest[1] & 127;
        const at = short === 126 ? 4 : short === 127 ? 10 : 2;
        if (rest.length < at) return;
        const size = short === 126 ? rest.readUInt16BE(2) : short === 127 ? Number(rest.readBigUInt64BE(2)) : short;
        if (rest.length < at + size) return;
        socket.frames.push({ opcode: rest[0] & 15, data: rest.subarray(at, at + size) });
        rest = rest.subarray(at + size);
        if (socket.frames.at(-1).opcode === 8) socket.end(frame(8, socket.frames.at(-1).data));
      }
    });
  });
}
