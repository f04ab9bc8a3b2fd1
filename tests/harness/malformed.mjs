// SPDX-License-Identifier: Apache-2.0
// The collection of JSON texts, good and bad, that the C scan is held against: tests/unit/test_json_scan.c says what its lines mean.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { root } from './system.mjs'

/** Appends \xNN and plain text as bytes. */
function bytes(text) {
  return Buffer.concat(text.split(/(\\x[0-9a-f]{2})/).map(part => /^\\x[0-9a-f]{2}$/.test(part) ? Buffer.from([parseInt(part.slice(2), 16)])
    : Buffer.from(part)))
}

function repeated(how, times, text) {
  return Buffer.concat(Array.from({ length: times }, (_, i) => bytes(how === '#' ? text.replaceAll('%', String(i)) : text)))
}

function expand(text) {
  return Buffer.concat(text.split(/(\\[*#]\d+<[^>]*>)/).map(part => {
    const found = /^\\([*#])(\d+)<([^>]*)>$/.exec(part)
    return found ? repeated(found[1], Number(found[2]), found[3]) : bytes(part)
  }))
}

/** @returns {{good: boolean, rule: string, shows: string, path: string, bytes: Buffer}[]} */
export function malformed() {
  return readFileSync(path.join(root, 'tests/unit/malformed.tsv'), 'utf8').split('\n').filter(Boolean).map(line => {
    const [verdict, rule, shows, at, text] = line.split('\t')
    return { good: verdict === 'good', rule, shows, path: expand(at).toString(), bytes: expand(text) }
  })
}

/** Arrays and objects inside each other of a well-formed text. */
export function depth(text) {
  let deepest = 0, open = 0
  for (const [token] of text.matchAll(/"(?:\\.|[^"\\])*"|[[\]{}]/g)) {
    if (/^[[{]$/.test(token)) deepest = Math.max(deepest, ++open)
    else if (/^[\]}]$/.test(token)) open--
  }
  return deepest
}
