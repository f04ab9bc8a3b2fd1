// SPDX-License-Identifier: Apache-2.0
// Puts the figures of a run into docs/performance.md, between its two marks.
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { markdownOf } from './tables.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const [figures = path.join(root, 'var/bench/latest.json'), page = path.join(root, 'docs/performance.md')] = process.argv.slice(2)
const BEGIN = '<!-- figures: tests/bench/table writes from here -->', END = '<!-- figures: to here -->'

const text = readFileSync(page, 'utf8')
const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)]
if (from < 0 || to < from) {
  console.error(`tests/bench/table: ${page} has no line "${BEGIN}" with "${END}" behind it`)
  process.exit(6)
}
writeFileSync(page, `${text.slice(0, from + BEGIN.length)}\n\n${markdownOf(JSON.parse(readFileSync(figures, 'utf8')))}\n${text.slice(to)}`)
