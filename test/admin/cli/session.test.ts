import t from 'tap'
import { sessionInWords } from '../../../src/admin/cli/session.ts'
import type { Status } from '../../../src/client/index.ts'

const ready = {
  status: 'READY',
  since: new Date().toISOString(),
  me: { phone: '+5215512345678' }
} as Status

t.test('a session that is READY names what it does not capture', async (t) => {
  t.match(sessionInWords(ready), /^\+5215512345678, since .*, no message yet$/)

  const reason = 'the journal cannot be written: the disk is full'
  const limited = 'votes are not captured'
  t.match(
    sessionInWords({ ...ready, reason, limited }),
    /, but the journal cannot be written: the disk is full, but votes are not captured$/
  )
})
