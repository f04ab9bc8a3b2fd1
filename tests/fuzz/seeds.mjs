// SPDX-License-Identifier: Apache-2.0
// Writes seeds that follow from other files into FOLDER: the collection of JSON texts, a message of each schema, every topic.
//   node tests/fuzz/seeds.mjs FOLDER
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { malformed } from '../harness/malformed.mjs'
import { root } from '../harness/system.mjs'

const [folder] = process.argv.slice(2)
const put = (target, name, bytes) => writeFileSync(path.join(folder, target, name), bytes)

malformed().filter(line => line.bytes.length <= 2048).forEach((line, i) => put('json', `${line.good ? 'good' : 'bad'}-${i}`, line.bytes))

/** Some message that a schema allows, with every member. */
function example(schema, node) {
  if (node.$ref && !node.$ref.startsWith('#')) return {} // another message, which has a seed of its own
  if (node.$ref) return example(schema, node.$ref.split('/').slice(1).reduce((found, step) => found[step], schema))
  if (node.anyOf) return example(schema, node.anyOf[0])
  if ('const' in node) return node.const
  if (node.enum) return node.enum[0]
  const type = [node.type].flat()[0]
  if (type === 'object') return Object.fromEntries(Object.entries(node.properties ?? {}).map(([name, property]) => [name, example(schema, property)]))
  if (type === 'array') return node.items ? [example(schema, node.items)] : []
  if (type === 'integer' || type === 'number') return Math.max(node.minimum ?? 1, Math.min(node.maximum ?? 1, 1))
  if (type === 'boolean') return true
  if (node.format === 'uuid') return '0190a0b0-0000-7000-8000-000000000001'
  if (node.format === 'date-time') return '2026-11-23T02:10:00.5+08:00'
  const samples = ['fire_safety.smoke', 'fire', '441581105207', '441581', 'ab'.repeat(32), '山上有烟', 'x'.repeat(node.minLength ?? 1)]
  return samples.find(text => (!node.pattern || new RegExp(node.pattern).test(text)) && text.length >= (node.minLength ?? 0) && text.length <= (node.maxLength ?? 1e9)) ?? ''
}

for (const file of readdirSync(path.join(root, 'schemas/messages'))) {
  const name = file.replace('.schema.json', '')
  const schema = JSON.parse(readFileSync(path.join(root, 'schemas/messages', file)))
  const message = example(schema, schema.type === 'array' ? schema.items : schema)
  put('message', name, `${name}\n${JSON.stringify(message)}`)
  const required = schema.type === 'array' ? [] : schema.required ?? []
  if (required.length) put('message', `${name}-least`, `${name}\n${JSON.stringify(Object.fromEntries(required.map(key => [key, message[key]])))}`)
}

const topics = readFileSync(path.join(root, 'common/topic.h'), 'utf8').matchAll(/"(minqing\/[^"]+)"/g)
for (const [i, [, pattern]] of [...topics].entries()) {
  put('topic', `whole-${i}`, ` ${pattern.replaceAll('{county}', '441581').replaceAll('{town}', '441581105').replace(/\{[a-z]+\}/g, 'bomei-001')}`)
  put('topic', `parts-${i}`, `${String.fromCharCode(i)}441581\n441581105\nbomei-001`)
}

// what the small model is trained on, whose file the target changes
const kinds = [['fire_safety', 'hill_fire', 4], ['livelihood_relief', 'lonely_elder', 2], ['none', '-', 1]]
const words = ['山上冒烟 林子烧起来 火势很大 浓烟滚滚 着火了 消防快来', '老人独居 没人照顾 阿婆吃饭困难 孤寡无依 五保户生病 子女不在身边', '你好 天气不错 收到谢谢 测试一下 大家早安 吃饭了吗'].map(line => line.split(' '))
const lines = kinds.flatMap(([domain, kind, severity], d) => words[d].flatMap(one => words[d].map(two => [domain, kind, severity, '-', `${one}，${one === two ? '' : two}`].join('\t'))))
writeFileSync(path.join(folder, 'corpus.tsv'), `${['domain\tkind\tseverity\talso\ttext', ...lines].join('\n')}\n`)
writeFileSync(path.join(folder, 'kinds.tsv'), 'code\tseverity\nfire_safety.hill_fire\t4\nlivelihood_relief.lonely_elder\t2\n')
words.flat().slice(0, 6).forEach((text, i) => put('model', `text-${i}`, `\0${text}，电话13912345678`))
put('model', 'header', Buffer.from([1, 0x40, 0, 0, 1, 0xff]))
put('model', 'body', Buffer.from([1, 0x80, 0, 0, 2, 0x7f, 0xc0, 0, 0, 0, 0]))
