// SPDX-License-Identifier: BSD-2-Clause
// The client of README.md for node's libuv.
'use strict';

const net = require('node:net');

const [host, port] = process.argv.slice(2);
const sockets = [];
let connected = 0;
let answered = 0;
let right = 0;

function fail(error) {
  // Where a name has several addresses, node reports all their errors together.
  console.log((error.errors ?? [error])[0].code);
  process.exit(0);
}

function sendAll() {
  sockets.forEach((socket, number) => socket.write(`${number}\n`));
}

for (let number = 0; number < 20; number++) {
  const socket = net.connect({ host, port });
  let text = '';
  socket.on('error', fail);
  socket.on('connect', () => {
    if (++connected === 20) sendAll();
  });
  socket.on('data', (data) => {
    text += data;
    if (!text.endsWith('\n')) return;
    right += text === `${number}\n`;
    socket.end();
    if (++answered === 20) console.log(right);
  });
  sockets.push(socket);
}
