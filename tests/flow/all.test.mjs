// SPDX-License-Identifier: Apache-2.0
// All stories over one private system, in an order in which the calm ones come first.
import { after } from 'node:test'
import { System } from '../harness/system.mjs'

const only = process.env.MINQING_TEST_ONLY?.split(',')
process.env.MINQING_QUERY_REJECTIONS_AN_HOUR ??= '100000' // bad_messages asks more nonsense than a county in an hour
const system = System.start()
after(() => system.stop())
const names = ['report', 'bad_input', 'bad_json', 'bad_messages', 'bad_mqtt', 'review', 'stage', 'schema', 'accounts', 'joining', 'answers', 'query', 'cli',
  'webhook', 'scenarios', 'lifecycle', 'deadlines', 'refusals', 'mobilisation', 'limits', 'walk', 'load', 'operations', 'watchdog', 'logs', 'tls']
for (const name of names) {
  if (!only || only.includes(name)) (await import(`./${name}.mjs`)).stories(system)
}
