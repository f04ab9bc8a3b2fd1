// SPDX-License-Identifier: Apache-2.0
// The measurements in their order; tests/bench/run calls it.
import { parseArgs } from 'node:util'
import { bench } from './bench.mjs'

const { values } = parseArgs({
  options: {
    out: { type: 'string' }, quick: { type: 'boolean', default: false }, only: { type: 'string' },
    'ten-million': { type: 'boolean', default: false }, stored: { type: 'string' }, open: { type: 'string' }, keep: { type: 'boolean', default: false },
  },
})
process.exitCode = await bench({
  out: values.out, quick: values.quick, only: values.only?.split(','), tenMillion: values['ten-million'],
  stored: values.stored?.split(',').map(Number), open: values.open?.split(',').map(Number), keep: values.keep,
})
