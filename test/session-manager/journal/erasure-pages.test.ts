import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { NewRecord } from '../../../src/session-manager/journal/journal.ts'
import { newRecord } from './new-records.ts'
import { erase, open } from './erasing-rig.ts'

/** Nothing of what was erased is left on pages that SQLite uses no more. */

t.test(
  'pages that were split and joined by what came and went before keep no copy of what is erased',
  async (t) => {
    const { journal, directory } = open(t)
    // keys in no order, and rows of many sizes: without rewriting the file, some round of these
    // leaves a copy behind
    let seed = 5
    const random = (below: number): number =>
      (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below
    const gone = new Set<number>()
    const come = (n: number): NewRecord => {
      const chat = random(40)
      gone.delete(chat)
      const id = `CHAT${chat}_${random(1e9)}_${n}`
      return newRecord(id, {
        id,
        chat_id: `chat${chat}`,
        body: `${id} `.repeat(random(1 + random(150))),
        ...(random(3) === 0 ? { media: { state: 'pending' } } : {})
      })
    }
    for (let round = 0; round < 40; round += 1) {
      for (let group = 0; group < 10; group += 1)
        journal.append(
          Array.from({ length: 20 }, (_, n) => come(n)),
          'live'
        )
      const chat = random(40)
      erase(journal, [`chat${chat}`])
      gone.add(chat)
      const bytes = readdirSync(directory)
        .map((file) => readFileSync(join(directory, file)).toString('latin1'))
        .join('')
      t.same(
        [...gone].filter((each) => bytes.includes(`CHAT${each}_`)),
        [],
        `round ${round}`
      )
    }
    t.ok(gone.size > 0)
  }
)
