// SPDX-License-Identifier: Apache-2.0
// Walks a JSON Schema beside a message that has every member, and makes for each constraint messages that break it and messages that only
// just do not. Which is which an independent validator says; a mutation that misses its aim is a fault of this file.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import Ajv from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { root } from './system.mjs'

/**
 * @typedef {object} Mutation
 * @property {string} rule JSON Pointer of the constraint in the schema
 * @property {string} path JSON Pointer of the place in the message
 * @property {string} what what was done there
 * @property {string} text the message
 * @property {boolean} valid as the validator judges it
 */

const folder = path.join(root, 'schemas/messages')
const ajv = new Ajv({ allErrors: true, strict: false })
addFormats(ajv)
for (const file of readdirSync(folder)) ajv.addSchema(JSON.parse(readFileSync(path.join(folder, file))), file.replace('.schema.json', ''))

export const schemaOf = name => JSON.parse(readFileSync(path.join(folder, `${name}.schema.json`)))

/** Numbers that JSON.stringify would write in another way: stand for themselves in the text. */
const raw = text => `<raw ${text}>`
const write = message => JSON.stringify(message).replace(/"<raw ([^>]*)>"/g, '$1')

const ofType = { string: 'words', number: 7.5, integer: 7, boolean: true, null: null, array: [], object: {} }
const isOf = (type, name) => type === name || (type === 'number' && name === 'integer') || (Array.isArray(type) && type.some(t => isOf(t, name)))

/** Texts of each format: [good, bad]. */
const formats = {
  uuid: [
    ['0190A0B0-0000-7000-8000-00000000ABCD', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '00000000-0000-0000-0000-000000000001'],
    ['', '0190a0b0-0000-7000-8000-00000000000', '0190a0b0-0000-7000-8000-0000000000001', '0190a0b0000070008000000000000001', '{0190a0b0-0000-7000-8000-000000000001}',
      'urn:uuid:0190a0b0-0000-7000-8000-000000000001', '0190a0b0-0000-7000-8000-00000000000g', '00000000-0000-0000-0000-000000000000', ' 0190a0b0-0000-7000-8000-000000000001',
      '0190a0b0-0000-7000-8000-000000000001\n', '0190a0b0_0000_7000_8000_000000000001', '0190a0b0-0000-7000-8000-00000000000１'],
  ],
  'date-time': [
    ['2026-11-23T02:10:00Z', '2026-11-23t02:10:00z', '2026-11-23T02:10:00.123456789+08:00', '2024-02-29T00:00:00+08:00', '2000-02-29T23:59:59-15:59', '1970-01-01T00:00:00+15:59',
      '9999-12-31T23:59:59.999999999-15:59', '2026-11-23T02:10:00-00:00', '2026-01-31T00:00:00.0Z'],
    ['', '2026-11-23', '02:10:00Z', '2026-11-23T02:10:00', '2026-11-23 02:10:00+08:00', '2026-11-23T02:10+08:00', '2026-11-23T02:10:00+0800', '2026-11-23T02:10:00+8:00',
      '2026-11-23T24:00:00Z', '2026-11-23T02:60:00Z', '2026-11-23T02:10:60Z', '2016-12-31T23:59:60Z', '2026-13-01T00:00:00Z', '2026-00-01T00:00:00Z', '2026-11-00T00:00:00Z',
      '2026-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2026-04-31T00:00:00Z', '2026-02-30T00:00:00Z', '1969-12-31T23:59:59Z', '2026-11-23T02:10:00.Z',
      '2026-11-23T02:10:00.1234567890Z', '2026-11-23T02:10:00+16:00', '2026-11-23T02:10:00+08:60', '2026-11-23T02:10:00Z ', ' 2026-11-23T02:10:00Z', '10000-01-01T00:00:00Z',
      '2026-11-23T02:10:00,5Z', '２０２６-11-23T02:10:00Z', 'infinity', 'now', '1795000000'],
  ],
}

/** Texts of each pattern: how one of n characters is made, and [good, bad]. */
const patterns = {
  '\\S': { fill: n => '烟'.repeat(n), good: [' 烟 ', '\u200b', '.'], bad: ['', ' ', '\t\r\n', '\u3000', '\u00a0\u2003\u2028\u2029\ufeff', '\u1680\u202f\u205f\u000b\u000c'] },
  '^([0-9]{12}|[0-9]{15})$': { fill: n => '1'.repeat(n), good: [], bad: ['', '44158110520', '4415811052071', '44158110520700', '44158110520a', '４４１５８１１０５２０７', '441581105207\n', ' 441581105207'] },
  '^[a-z][a-z0-9_]*\\.[a-z][a-z0-9_]*$': { fill: n => `a.${'b'.repeat(Math.max(n - 2, 0))}`.slice(0, n), good: ['a.b', 'fire_safety.x9_'], bad: ['', 'fire_safety', 'fire_safety.', '.smoke', 'Fire_safety.smoke', 'fire_safety.smoke.more', 'fire-safety.smoke', 'fire_safety.9', '9.a', '_a.b', 'fire_safety.烟', 'a.b\n', 'fire_safety. smoke'] },
  '^[a-z][a-z0-9_]*$': { fill: n => 'a'.repeat(n), good: ['a', 'a9_'], bad: ['', 'A', '9a', '_a', 'a-b', 'a b', 'a.b', '消防', 'a\n', 'a/b', 'a+'] },
  '^[0-9]*$': { fill: n => '4'.repeat(n), good: [], bad: ['44158a', '４４１５８１', '441581 ', '+441581', '441581\n', '-4415'] },
  '^[a-z0-9-]{3,32}$': { fill: n => 'a'.repeat(n), good: ['a-9', '---'], bad: ['', 'ab', 'Abc', 'a_b', 'a b', 'a/b', 'a+b', '民兵队', 'abc\n'] },
  '^[0-9a-f]{64}$': { fill: n => '0'.repeat(n), good: ['0123456789abcdef'.repeat(4)], bad: ['', '0'.repeat(63), '0'.repeat(65), 'A'.repeat(64), 'g'.repeat(64), '０'.repeat(64), `${'0'.repeat(64)}\n`, `0x${'0'.repeat(62)}`] },
}

/** Characters of one, two, three and four bytes of UTF-8; the last are two units of UTF-16, and all of them one code point. */
const characters = ['a', 'é', '烟', '😀', '"', '\\', '\u0001']

/** What each keyword makes of the value at its place: [what, value], or [what, value, below] with the path below the place. */
const keywords = {
  type: ({ schema }) => Object.entries(ofType).filter(([name]) => !isOf(schema.type, name)).map(([name, value]) => [`is of type ${name}`, value])
    .concat(isOf(schema.type, 'integer') && !isOf(schema.type, 'number') ? [['is not whole', 1.5], ['is only just not whole', raw('1.0000000000000002')]] : []),
  const: ({ schema }) => [schema.const, raw(`${schema.const}.0`), schema.const + 1, schema.const - 1, -schema.const, String(schema.const), raw(`${schema.const}.5`), 2 ** 53, null]
    .map(value => [`is ${value}`, value]),
  enum: ({ schema }) => schema.enum.flatMap(word => (word === null ? [null] : [word, `${word} `, word.toUpperCase(), word.slice(0, -1), `${word}s`])).concat('', null, 0, true).map(value => [`is the word “${value}”`, value]),
  minimum: ({ schema, step }) => [schema.minimum, schema.minimum - step, schema.minimum + step, -(2 ** 53), raw('-1e300')].map(value => [`is ${value}`, value]),
  maximum: ({ schema, step }) => [schema.maximum, schema.maximum + step, schema.maximum - step, 2 ** 53, raw('1e300')].map(value => [`is ${value}`, value])
    .concat(step === 1 && schema.maximum < 1e6 ? [['is whole and written with a point', raw(`${schema.maximum}.0`)], ['is whole and written with an exponent', raw(`${schema.maximum}e0`)]] : []),
  minLength: ({ schema, fill }) => [schema.minLength, schema.minLength - 1].filter(n => n >= 0).flatMap(n => (fill ? [fill(n)] : characters.map(c => c.repeat(n)))
    .map(value => [`has ${n} characters`, value])),
  maxLength: ({ schema, fill }) => [schema.maxLength, schema.maxLength + 1, schema.maxLength * 2].flatMap(n => (fill && !fill(1).startsWith('烟') ? [fill(n)] : characters.map(c => c.repeat(n)))
    .map(value => [`has ${n} characters such as ${JSON.stringify(value.slice(0, 2))}`, value])),
  pattern: ({ schema }) => (schema.format ? [] : known(patterns, schema.pattern)).flatMap(p => [...p.good, ...p.bad]).map(value => [`is ${JSON.stringify(value)}`, value]),
  format: ({ schema }) => known(formats, schema.format).flat(2).map(value => [`is ${JSON.stringify(value)}`, value]),
  maxItems: ({ schema, value }) => [schema.maxItems, schema.maxItems + 1].map(n => [`has ${n} elements`, Array(n).fill(value[0])]).concat([['has none', []]]),
}

function known(table, key) {
  assert.ok(table[key], `no texts are known for ${key}: add some`)
  return [table[key]]
}

const at = (pointer, name) => `${pointer}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`

function follow(schema, node, pointer) {
  if (!node.$ref) return [node, pointer]
  const target = node.$ref.replace('#', '')
  return [target.split('/').slice(1).reduce((found, step) => found[step], schema), target]
}

/** A copy of the message in which what stands at `steps` is `change` of it; undefined takes it away. */
function changed(message, steps, change) {
  if (steps.length === 0) return change(message)
  const copy = Array.isArray(message) ? [...message] : { ...message }
  const [first, ...rest] = steps
  copy[first] = changed(copy[first], rest, change)
  return copy
}

function* ofObject(schema, node, rule, value) {
  for (const name of Object.keys(node.properties ?? {})) {
    const required = node.required?.includes(name)
    yield { rule: required ? at(rule, 'required') : at(at(rule, 'properties'), name), what: `lacks ${name}`, below: [name], change: ({ ...rest }) => (delete rest[name], rest) }
  }
  yield { rule: at(rule, 'properties'), what: 'has an unknown member', change: v => ({ ...v, unknown_to_all: { a: [1, { b: null }] } }) }
  yield { rule: at(rule, 'properties'), what: 'has a member that differs in case', change: v => ({ ...v, Id: 7, TEXT: [] }) }
  yield { rule: at(rule, 'properties'), what: 'has a hundred unknown members', change: v => ({ ...v, ...Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`m${i}`, i])) }) }
}

function* walk(schema, given, given_rule, steps, value) {
  const [node, rule] = follow(schema, given, given_rule)
  const step = isOf(node.type, 'integer') && node.type !== 'number' ? 1 : 0.001
  const context = { schema: node, step, value, fill: patterns[node.pattern]?.fill }
  for (const [keyword, make] of Object.entries(keywords)) {
    if (!(keyword in node)) continue
    for (const [what, replacement] of make(context)) yield { rule: at(rule, keyword), steps, what, change: () => replacement }
  }
  if (node.then && ajv.validate(node.if, value)) yield* walk(schema, { type: 'object', ...node.then }, at(rule, 'then'), steps, value)
  if (isOf(node.type, 'object')) {
    for (const { below = [], ...one } of ofObject(schema, node, rule, value)) yield { ...one, steps, below }
    for (const [name, property] of Object.entries(node.properties ?? {})) {
      if (value[name] !== undefined) yield* walk(schema, property, at(at(rule, 'properties'), name), [...steps, name], value[name])
    }
  }
  if (isOf(node.type, 'array') && node.items) yield* walk(schema, node.items, at(rule, 'items'), [...steps, 0], value[0])
}

/**
 * All mutations of a message that meets the schema (of an array schema: of one element).
 * @param {string} name of the schema
 * @param {object} message
 * @returns {Mutation[]}
 */
export function mutations(name, message) {
  const schema = schemaOf(name)
  const element = schema.type === 'array'
  const whole = ajv.getSchema(name)
  const validate = element ? one => whole([one]) : whole
  assert.ok(validate(message), `${name}: ${ajv.errorsText(whole.errors)}`)
  const made = new Map() // by text: what two constraints make alike is one message
  const verdicts = new Map() // by rule
  for (const { rule, steps, below = [], what, change } of walk(schema, element ? schema.items : schema, element ? '/items' : '', [], message)) {
    const text = write(changed(message, steps, change))
    const one = made.get(text) ?? { rule, path: [...steps, ...below].reduce(at, ''), what, text, valid: validate(JSON.parse(text)) }
    made.set(text, one)
    verdicts.set(rule, (verdicts.get(rule) ?? new Set()).add(one.valid))
  }
  // each constraint is broken, and met at its edge where its own texts can do that
  for (const [rule, found] of verdicts) {
    const breaks = !/\/properties(\/[^/]+)?$/.test(rule)
    assert.ok(found.has(false) || !breaks, `${name}: nothing breaks ${rule}`)
    assert.ok(found.has(true) || !breaks || /\/(type|required|minLength|pattern)$/.test(rule), `${name}: nothing meets ${rule}`)
  }
  return [...made.values()]
}
