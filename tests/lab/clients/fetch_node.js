// SPDX-License-Identifier: BSD-2-Clause
// fetch_node.js HOW URL: twenty requests at once by node, with HOW `http.get` or `fetch`; prints how many were
// answered alike, and one page.
'use strict';

const http = require('node:http');

const [how, url] = process.argv.slice(2);

function get() {
  return new Promise((resolve, reject) => {
    http.get(url, (answer) => {
      let text = '';
      answer.on('data', (data) => { text += data; });
      answer.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

const request = how === 'fetch' ? async () => (await fetch(url)).text() : get;

Promise.all(Array.from({ length: 20 }, request)).then((pages) => {
  console.log(pages.filter((page) => page === pages[0]).length);
  process.stdout.write(pages[0]);
});
