// SPDX-License-Identifier: Apache-2.0
export const name = 'the broker is killed under load'

export async function run(world) {
  const load = world.load({ rate: 60, seconds: world.long ? 60 : 8 })
  for (let n = 0; n < (world.long ? 8 : 2); n++) {
    await load.flows(world.between(40, 100))
    await world.kill('mosquitto')
  }
}
