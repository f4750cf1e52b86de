// SPDX-License-Identifier: BSD-2-Clause
// held_node.js HOST PORT HELD: as held_asyncio.py, by node.
'use strict';

const net = require('node:net');

const [host, port, heldHost] = process.argv.slice(2);
let isHeld = true;
const held = net.connect({ host: heldHost, port });
held.on('error', () => { isHeld = false; });
held.on('connect', () => { isHeld = false; });

function echo(number) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port }, () => socket.write(`${number}\n`));
    socket.on('error', reject);
    socket.on('data', (data) => {
      resolve(data.toString() === `${number}\n`);
      socket.end();
    });
  });
}

function echoAll() {
  Promise.all(Array.from({ length: 20 }, (_, number) => echo(number))).then((answers) => {
    console.log(answers.filter(Boolean).length, isHeld ? 'while held' : 'after');
    held.destroy();
  });
}

// By then the name has been looked up and the connection begun.
setTimeout(echoAll, 200);
