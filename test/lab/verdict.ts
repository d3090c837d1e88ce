import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { Client } from '../../src/client/index.ts'
import type { Message } from '../../src/contract/lead.ts'

/** What became of every message, by its id. */

export interface Count {
  expected: number
  held: number
  lost: number
  twice: number
  /** That nobody wrote. */
  strange: number
  /** Some of what is not as it should be, to look for in the logs. */
  such_as: string[]
}

/** Of a sort. */
export const samples = 5

/**
 * @param held the ids of what is there, each as often as it is
 * @param named what is said of one that is amiss
 */
export const count = (
  sent: ReadonlySet<string>,
  held: readonly string[],
  named = (id: string): string => id
): Count => {
  const seen = new Set<string>()
  const result: Count = {
    expected: sent.size,
    held: held.length,
    lost: 0,
    twice: 0,
    strange: 0,
    such_as: []
  }
  const amiss = (what: 'lost' | 'twice' | 'strange', id: string): void => {
    result[what] += 1
    if (result[what] <= samples) result.such_as.push(`${what} ${named(id)}`)
  }
  for (const id of held) {
    if (!sent.has(id)) amiss('strange', id)
    else if (seen.has(id)) amiss('twice', id)
    seen.add(id)
  }
  for (const id of sent) if (!seen.has(id)) amiss('lost', id)
  return result
}

/** What the hub holds, by its export: oldest first. */
export const readAll = async (client: Client): Promise<string[]> => {
  const res = await client.exportMessagesJsonl()
  const keys: string[] = []
  for await (const line of createInterface({
    input: Readable.fromWeb(res.body as Parameters<typeof Readable.fromWeb>[0])
  })) {
    const { account, id } = JSON.parse(line) as Message
    keys.push(`${account} ${id}`)
  }
  return keys.reverse()
}
