import t from 'tap'
import { expireAudit } from '../../../src/central-hub/follow/housekeeping.ts'
import { addAuditEntry, listAudit } from '../../../src/central-hub/store/team/audit.ts'
import { record, testStore } from '../store/open-store.ts'

const dayMs = 86_400_000

t.test('who did what is kept for AUDIT_RETENTION, also while the clock is ahead', async (t) => {
  const { db, take } = await testStore(t)
  const now = Date.now()
  const agesDays = [0, 1, 29, 31, 400, ...Array<number>(1_500).fill(500)]
  for (const _age of agesDays)
    await addAuditEntry(db, {
      actor: { kind: 'token', id: null, name: null },
      operation: 'patchLead',
      refused: false,
      subject: null,
      fields: [],
      address: '',
      request_id: ''
    })
  for (const [at, age] of agesDays.entries())
    await db
      .updateTable('audit')
      .set({ at: now - age * dayMs })
      .where('id', '=', at + 1)
      .execute()
  const left = async (): Promise<number> => (await listAudit(db, {}, 2_000)).items.length

  await expireAudit(db, 30 * dayMs)
  t.equal(await left(), agesDays.length, 'nothing says yet that the clock is right')
  await take(
    record('1', { timestamp: Math.floor(now / 1_000) }, 'message', {
      captured_at: new Date(now).toISOString()
    })
  )
  await expireAudit(db, 0)
  t.equal(await left(), agesDays.length, 'for good')
  t.intercept(Date, 'now', { value: () => now + 3_650 * dayMs })
  await expireAudit(db, 450 * dayMs)
  t.equal(await left(), 5, 'more than one statement deletes')
  await expireAudit(db, 30 * dayMs)
  t.equal(await left(), 3)
})
