// SPDX-License-Identifier: BSD-2-Clause
// look_up_node.js HOW NAME: prints what node's dns.HOW() finds: `lookup` asks libc, the others c-ares.
'use strict';

const dns = require('node:dns');

const [how, name] = process.argv.slice(2);

dns.promises[how](name).then((answer) => console.log(JSON.stringify(answer)));
